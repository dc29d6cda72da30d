/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the guest's network has to offer: what a removed network option of QEMU and --publish have
 * promised. launcher/cmdline finds it on the command line, launcher/passt makes options of a
 * private passt of it.
 */
#ifndef QRAP_GUEST_NETWORK_H
#define QRAP_GUEST_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

#include "shim/common/text.h"

/**
 * struct forward - A port of the host that leads to the guest
 * @word:	Where it stands, as the user wrote it: for errors
 * @address:	Of the host, without brackets
 * @host_port:	0: a free one, chosen at the start
 * @guest_port:	Of the guest
 * @udp:	UDP, else TCP
 */
struct forward {
	const char *word;
	const char *address;
	uint16_t host_port;
	uint16_t guest_port;
	bool udp;
};

/**
 * struct guest_network - All of it; what is NULL, 0 or false was not asked for
 * @forwards:	Array that lives as long as the process
 * @forward_count: Its length
 * @address:	Of the guest, IPv4
 * @prefix:	Of its network, in bits: 1 to 32; 0: not asked for
 * @gateway:	IPv4; also the host's loopback, as with QEMU's user networking
 * @dns:	IPv4
 * @hostname:	Of the guest
 * @domainname:	Of the guest
 * @search:	DNS search domains, NULL-terminated array, or NULL
 * @no_ipv4:	ipv4=off
 * @no_ipv6:	ipv6=off
 */
struct guest_network {
	struct forward *forwards;
	unsigned int forward_count;
	const char *address;
	unsigned int prefix;
	const char *gateway;
	const char *dns;
	const char *hostname;
	const char *domainname;
	const char *const *search;
	bool no_ipv4;
	bool no_ipv6;
};

/* Adds it as an address that can be typed: "127.0.0.1:2222 -> guest 22", "... -> guest 53/udp". */
void forward_add_text(struct text *text, const struct forward *forward);

#endif /* QRAP_GUEST_NETWORK_H */
