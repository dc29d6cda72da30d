/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Does a frame of the guest say that one of its services is there? No system calls, no allocation:
 * bytes in, a port out.
 */
#ifndef QRAP_SERVES_H
#define QRAP_SERVES_H

#include <stddef.h>
#include <stdint.h>

/*
 * So much of a frame is looked at, at most: Ethernet's header with two VLAN tags, IPv6's, some
 * extension headers, TCP's.
 */
#define SERVES_BYTES 256

/**
 * serves_port() - Read a frame that the guest sends
 * @frame:	Its first bytes, from the Ethernet header on
 * @n:		How many there are
 *
 * A service answers a connection with SYN and ACK (RFC 9293, 3.5), and nobody else in the guest
 * does. VLAN tags (IEEE 802.1Q) and IPv6 extension headers (RFC 8200, 4) are stepped over.
 *
 * Return: the TCP port of the guest that has answered, or 0
 */
uint16_t serves_port(const uint8_t *frame, size_t n);

#endif /* QRAP_SERVES_H */
