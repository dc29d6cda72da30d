/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hostfwd= and -redir: a port of the host that leads to the guest. */
#ifndef QRAP_HOSTFWD_H
#define QRAP_HOSTFWD_H

#include <stdbool.h>

#include "launcher/base/guest_network.h"
#include "launcher/base/memory.h"

/**
 * hostfwd_parse() - Read a forward as QEMU does (its net/slirp.c, slirp_hostfwd())
 * @arena:	Where addresses are kept
 * @text:	[tcp|udp]:[HOST]:[PORT]-[GUEST]:PORT, or of -redir [tcp|udp]:PORT:[GUEST]:PORT
 * @redir:	It is that of -redir
 * @out:	Filled but for its word; an empty HOST is 0.0.0.0
 * @guest:	GUEST, or NULL where that is the guest's first address
 *
 * Return: NULL, or what is wrong with it
 */
const char *hostfwd_parse(struct arena *arena, const char *text, bool redir, struct forward *out,
			  const char **guest);

/* An IPv4 address as inet_aton(3) reads it, in its usual form; NULL if it is none. */
const char *ipv4_normalize(struct arena *arena, const char *text);

#endif /* QRAP_HOSTFWD_H */
