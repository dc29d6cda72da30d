/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/link/serves.h"

#include <stdbool.h>

/* Ethernet: two addresses, then a type; a VLAN tag is a type and a number, before that. */
#define TYPE_AT   12
#define TYPE_IPV4 0x0800
#define TYPE_IPV6 0x86dd
#define TYPE_VLAN 0x8100
#define TYPE_QINQ 0x88a8
#define TAG_BYTES 4

#define IPV4_MIN  20
#define IPV6_SIZE 40
#define TCP_MIN   20

#define PROTOCOL_TCP 6

/* Of an IPv6 extension header: hop-by-hop, routing and destination options. */
#define EXTENSION_HOP     0
#define EXTENSION_ROUTING 43
#define EXTENSION_OPTIONS 60

#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

static unsigned pair(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static uint16_t tcp_port(const uint8_t *p, size_t n)
{
	const unsigned wanted = TCP_SYN | TCP_ACK;

	if (n < TCP_MIN || (p[13] & (wanted | TCP_RST)) != wanted)
		return 0;
	return (uint16_t)pair(p);
}

static uint16_t ipv4_port(const uint8_t *p, size_t n)
{
	size_t header;

	if (n < IPV4_MIN || p[0] >> 4 != 4)
		return 0;
	header = 4 * (p[0] & 15u);
	/* Of a packet in fragments only the first has TCP's header: without an offset. */
	if (header < IPV4_MIN || header > n || p[9] != PROTOCOL_TCP || pair(p + 6) & 0x1fff)
		return 0;
	return tcp_port(p + header, n - header);
}

static bool is_extension(unsigned protocol)
{
	return protocol == EXTENSION_HOP || protocol == EXTENSION_ROUTING ||
	       protocol == EXTENSION_OPTIONS;
}

static uint16_t ipv6_port(const uint8_t *p, size_t n)
{
	size_t at = IPV6_SIZE;
	unsigned protocol;

	if (n < IPV6_SIZE || p[0] >> 4 != 6)
		return 0;
	/* Each is 8 bytes at least. */
	for (protocol = p[6]; is_extension(protocol) && at + 8 <= n;) {
		protocol = p[at];
		at += 8 * (p[at + 1] + 1u);
	}
	return protocol == PROTOCOL_TCP && at < n ? tcp_port(p + at, n - at) : 0;
}

uint16_t serves_port(const uint8_t *frame, size_t n)
{
	size_t at = TYPE_AT;
	unsigned type = 0;

	while (at + 2 <= n) {
		type = pair(frame + at);
		if (type != TYPE_VLAN && type != TYPE_QINQ)
			break;
		at += TAG_BYTES;
	}
	at += 2;
	if (at >= n)
		return 0;
	if (type == TYPE_IPV4)
		return ipv4_port(frame + at, n - at);
	return type == TYPE_IPV6 ? ipv6_port(frame + at, n - at) : 0;
}
