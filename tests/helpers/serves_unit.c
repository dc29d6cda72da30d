/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Unit tests of who sees that the guest serves: frames put together here, each cut at every byte.
 * Argument: name of the test. Silent and 0 if all is well.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shim/link/serves.h"

#define SYN 0x02
#define RST 0x04
#define ACK 0x10

#define PORT 22

/* A frame that is being put together. */
static uint8_t frame[SERVES_BYTES];
static size_t len;

static void put(const void *bytes, size_t n)
{
	memcpy(frame + len, bytes, n);
	len += n;
}

static void ethernet(unsigned tags, unsigned type)
{
	static const uint8_t addresses[12] = {
		0x02, 0, 0, 0, 0, 1, 0x52, 0x54, 0, 0x12, 0x34, 0x56
	};
	const uint8_t tag[] = { tags > 1 ? 0x88 : 0x81, tags > 1 ? 0xa8 : 0x00, 0, 7 };
	const uint8_t types[] = { (uint8_t)(type >> 8), (uint8_t)type };

	len = 0;
	put(addresses, sizeof(addresses));
	for (; tags; tags--)
		put(tag, sizeof(tag));
	put(types, sizeof(types));
}

static void ipv4(unsigned words, unsigned protocol, unsigned offset)
{
	uint8_t header[60] = { (uint8_t)(0x40 | words) };

	header[6] = (uint8_t)(offset >> 8);
	header[7] = (uint8_t)offset;
	header[9] = (uint8_t)protocol;
	put(header, words * 4);
}

static void ipv6(unsigned next)
{
	uint8_t header[40] = { 0x60 };

	header[6] = (uint8_t)next;
	put(header, sizeof(header));
}

static void extension(unsigned next, unsigned units)
{
	uint8_t header[64] = { (uint8_t)next, (uint8_t)(units - 1) };

	put(header, 8 * units);
}

static void tcp(unsigned flags)
{
	uint8_t header[20] = { 0, PORT, 0x30, 0x39 };

	header[12] = 0x50;
	header[13] = (uint8_t)flags;
	put(header, sizeof(header));
}

/* Whole it says @port; cut it says that only once TCP's header is there, and nothing else before.
 */
static void check(unsigned port)
{
	for (size_t n = 0; n <= len; n++) {
		uint8_t *exact = malloc(n ? n : 1);
		unsigned got;

		memcpy(exact, frame, n);
		got = serves_port(exact, n);
		free(exact);
		if (got == (n == len ? port : 0))
			continue;
		fprintf(stderr, "port %u, wanted %u, in %zu of %zu bytes\n", got, port, n, len);
		exit(1);
	}
}

static void answers(void)
{
	for (unsigned tags = 0; tags <= 2; tags++) {
		ethernet(tags, 0x0800);
		ipv4(5, 6, 0);
		tcp(SYN | ACK);
		check(PORT);
		ethernet(tags, 0x86dd);
		ipv6(6);
		tcp(SYN | ACK);
		check(PORT);
	}
	/* IPv4 with options, and "don't fragment". */
	ethernet(0, 0x0800);
	ipv4(15, 6, 0x4000);
	tcp(SYN | ACK);
	check(PORT);
	ethernet(0, 0x86dd);
	ipv6(0);
	extension(43, 1);
	extension(60, 3);
	extension(6, 2);
	tcp(SYN | ACK);
	check(PORT);
}

static void others(void)
{
	for (unsigned flags = 0; flags < 64; flags++) {
		ethernet(0, 0x0800);
		ipv4(5, 6, 0);
		tcp(flags);
		check((flags & (SYN | ACK | RST)) == (SYN | ACK) ? PORT : 0);
	}
	/* UDP, a later fragment, a header that is none, another version, another type. */
	ethernet(0, 0x0800);
	ipv4(5, 17, 0);
	tcp(SYN | ACK);
	check(0);
	ethernet(0, 0x0800);
	ipv4(5, 6, 1);
	tcp(SYN | ACK);
	check(0);
	ethernet(0, 0x0800);
	ipv4(4, 6, 0);
	tcp(SYN | ACK);
	check(0);
	ethernet(0, 0x86dd);
	ipv4(5, 6, 0);
	ipv4(5, 6, 0);
	tcp(SYN | ACK);
	check(0);
	ethernet(0, 0x0806);
	ipv4(5, 6, 0);
	tcp(SYN | ACK);
	check(0);
	/* In a later fragment of IPv6. */
	ethernet(0, 0x86dd);
	ipv6(44);
	extension(6, 1);
	tcp(SYN | ACK);
	check(0);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "answers"))
		answers();
	else if (argc == 2 && !strcmp(argv[1], "others"))
		others();
	else
		return 2;
	return 0;
}
