/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a stream of frames stands. QEMU and passt send each frame behind its length, a big-endian
 * number of 4 bytes (QEMU's net/net.c, net_fill_rstate(); passt(1)); the stream may break off at
 * any byte. No system calls, no allocation: bytes in, state out.
 */
#ifndef QRAP_FRAME_H
#define QRAP_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/common/passt.h"

/* Bytes of a length. */
#define FRAME_HEADER 4

/* Payload of the dummy frame: the shortest that every network can carry. */
#define FRAME_DUMMY 60

/**
 * struct frame - Where one direction of a stream stands; all zero is its beginning
 * @any:	Any length goes: what comes from the guest is not ours to judge
 * @have:	Bytes of the next length that have been seen, 0 to 3
 * @head:	Those bytes, as a number
 * @size:	Length of the last frame, of which
 * @left:	bytes are missing
 * @bad:	Length that could not be, after frame_follow() found one; what of it had not
 *		arrived yet counts as 0
 */
struct frame {
	bool any;
	unsigned have;
	uint32_t head;
	uint32_t size;
	uint32_t left;
	uint32_t bad;
};

/* Is the stream between two frames? */
static inline bool frame_is_whole(const struct frame *f)
{
	return !f->have && !f->left;
}

/**
 * frame_follow() - Follow bytes of the stream
 * @f:		Where the stream stands; moved on behind the bytes that may pass
 * @data:	Bytes, which end anywhere
 * @n:		How many
 *
 * Return: how many bytes may pass: @n, or less where a length that cannot be comes next. As soon
 *	   as the first bytes of a length leave no valid one, they count as that.
 */
size_t frame_follow(struct frame *f, const void *data, size_t n);

/**
 * frame_rest() - How many of these bytes belong to the frame in progress?
 * @f:		Where the stream stands; moved on behind them
 * @data:	Bytes, which end anywhere
 * @n:		How many
 *
 * Return: how many; 0 between two frames
 */
size_t frame_rest(struct frame *f, const void *data, size_t n);

/**
 * frame_pad() - Make bytes that bring the stream to the end of a frame
 * @f:		Where the stream stands; moved on behind the bytes made
 * @out:	Where to put them
 * @n:		Space at @out in bytes
 *
 * Between two frames that is a whole dummy frame, which every NIC drops: for the unicast address
 * 02:00:00:00:00:01, of the first EtherType for local experiments (IEEE 802). A length in
 * progress becomes the smallest possible from %FRAME_DUMMY on; a payload in progress gets the
 * dummy's Ethernet header, as far as its own is missing, and zeroes.
 *
 * Return: bytes made: all that are missing, or @n
 */
size_t frame_pad(struct frame *f, void *out, size_t n);

#endif /* QRAP_FRAME_H */
