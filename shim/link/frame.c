/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/link/frame.h"

static const uint8_t dummy_header[] = {
	0x02, 0x00, 0x00, 0x00, 0x00, 0x01, /* to */
	0x02, 0x00, 0x00, 0x00, 0x00, 0x02, /* from */
	0x88, 0xb5,
};

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static uint32_t number(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Is there a valid length that begins with the @have bytes in @head? @lowest: least that does. */
static bool can_be(uint32_t head, unsigned have, uint32_t *lowest)
{
	unsigned missing = 8 * (FRAME_HEADER - have);
	uint32_t unknown = (uint32_t)((UINT64_C(1) << missing) - 1);

	*lowest = (uint32_t)((uint64_t)head << missing);
	return *lowest <= FRAME_MAX && (*lowest | unknown) >= FRAME_MIN;
}

/*
 * A length that arrives in pieces. Return: bytes of it among these, or 0 where it cannot be: then
 * none of them has been counted.
 */
static size_t follow_header(struct frame *f, const uint8_t *p, size_t n)
{
	size_t take = smaller(n, FRAME_HEADER - f->have);
	unsigned have = f->have + (unsigned)take;
	uint32_t head = f->head, lowest;
	size_t i;

	for (i = 0; i < take; i++)
		head = head << 8 | p[i];
	if (!can_be(head, have, &lowest) && !f->any) {
		f->bad = lowest;
		return 0;
	}
	f->have = have;
	f->head = head;
	if (have == FRAME_HEADER) {
		f->size = f->left = head;
		f->have = f->head = 0;
	}
	return take;
}

size_t frame_follow(struct frame *f, const void *data, size_t n)
{
	const uint8_t *p = data;
	uint64_t next = f->left; /* where the next length begins */

	if (f->have && n) {
		next = follow_header(f, p, n);
		if (!next || f->have)
			return next;
		next += f->left;
	}
	/* The loop that every frame from passt goes through. */
	while (next + FRAME_HEADER <= n) {
		uint32_t size = number(p + next);

		if (size - FRAME_MIN > FRAME_MAX - FRAME_MIN && !f->any) {
			f->bad = size;
			f->left = 0;
			return next;
		}
		f->size = size;
		next += FRAME_HEADER + (uint64_t)size;
	}
	if (next >= n) {
		f->left = (uint32_t)(next - n);
		return n;
	}
	f->left = 0;
	return next + follow_header(f, p + next, n - next);
}

size_t frame_rest(struct frame *f, const void *data, size_t n)
{
	size_t used = 0, take;

	if (f->have && n)
		used = follow_header(f, data, n);
	take = smaller(n - used, f->left);
	f->left -= (uint32_t)take;
	return used + take;
}

/* The next byte of the frame in progress, or of a dummy; of a length: towards the smallest. */
static uint8_t padding_byte(struct frame *f)
{
	uint32_t size, at;
	uint8_t byte;

	if (f->left) {
		at = f->size - f->left--;
		return at < sizeof(dummy_header) ? dummy_header[at] : 0;
	}
	can_be(f->head, f->have, &size);
	if (size < FRAME_DUMMY)
		size = FRAME_DUMMY;
	byte = (uint8_t)(size >> (24 - 8 * f->have));
	follow_header(f, &byte, 1);
	return byte;
}

size_t frame_pad(struct frame *f, void *out, size_t n)
{
	uint8_t *p = out;
	size_t made = 0;

	while (made < n && (!made || !frame_is_whole(f)))
		p[made++] = padding_byte(f);
	return made;
}
