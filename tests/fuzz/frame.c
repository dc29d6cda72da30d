/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The frame tracker against a naive one that keeps every byte it has seen. Input: a byte that says
 * how the stream is split, a byte that says where it ends, and the stream.
 */
#include <stdlib.h>
#include <string.h>

#include "../../shim/frame.h"

#define STREAM_MAX 4096

static void insist(bool truth)
{
	if (!truth)
		abort();
}

/**
 * struct naive - What is to be seen in a stream, looked up from its beginning
 * @valid:	Bytes in front of the first length that cannot be
 * @begin:	Where the frame in progress begins
 */
struct naive {
	size_t valid;
	size_t begin;
};

/* What all lengths that can be begin with: by number of bytes, and these as a number. */
static bool beginnings[FRAME_HEADER][(FRAME_MAX >> 8) + 1];

static void list_beginnings(void)
{
	uint32_t size;

	beginnings[0][0] = true;
	for (size = FRAME_MIN; size <= FRAME_MAX; size++) {
		beginnings[1][size >> 24] = true;
		beginnings[2][size >> 16] = true;
		beginnings[3][size >> 8] = true;
	}
}

static bool can_begin(const uint8_t *p, size_t n)
{
	uint32_t number = 0;
	size_t i;

	if (!beginnings[0][0])
		list_beginnings();
	for (i = 0; i < n; i++)
		number = number * 256 + p[i];
	return number <= FRAME_MAX >> 8 && beginnings[n][number];
}

static struct naive look(const uint8_t *stream, size_t n)
{
	struct naive s = { 0, 0 };

	while (n - s.begin >= FRAME_HEADER) {
		const uint8_t *p = stream + s.begin;
		uint32_t size = (uint32_t)p[0] * 16777216 + p[1] * 65536u + p[2] * 256u + p[3];

		if (size < FRAME_MIN || size > FRAME_MAX) {
			s.valid = s.begin;
			return s;
		}
		if (n - s.begin < FRAME_HEADER + size) {
			s.valid = n;
			return s;
		}
		s.begin += FRAME_HEADER + size;
	}
	s.valid = can_begin(stream + s.begin, n - s.begin) ? n : s.begin;
	return s;
}

/* The stream in pieces. Return: bytes that passed. */
static size_t follow(struct frame *f, const uint8_t *stream, size_t n, size_t piece)
{
	size_t at = 0;

	while (at < n) {
		size_t take = piece < n - at ? piece : n - at;
		size_t used = frame_follow(f, stream + at, take);

		insist(used <= take);
		at += used;
		if (used < take)
			return at;
	}
	return at;
}

/* Padded to the end of a frame, the stream is one of whole frames, and the first @n bytes stay. */
static void check_padding(struct frame f, const uint8_t *stream, size_t n, size_t piece)
{
	static uint8_t out[STREAM_MAX + 2 * FRAME_HEADER + 2 * FRAME_MAX];
	struct naive s;
	size_t len = n;

	memcpy(out, stream, n);
	do
		len += frame_pad(&f, out + len, piece);
	while (!frame_is_whole(&f));
	s = look(out, len);
	insist(s.valid == len && s.begin == len);
	insist(len > n);
}

/* The rest of the frame in progress is what the naive one says. */
static void check_rest(struct frame f, const uint8_t *stream, size_t at, size_t n)
{
	bool whole = frame_is_whole(&f);
	size_t used = frame_rest(&f, stream + at, n - at);
	struct naive s = look(stream, at + used);

	insist(at + used <= n);
	insist(s.valid <= at + used);
	if (whole)
		insist(!used);
	if (frame_is_whole(&f))
		insist(s.begin == at + used);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct frame f = { 0 };
	const uint8_t *stream = data + 2;
	size_t piece, passed, n;
	struct naive s;

	if (size < 2 || size - 2 > STREAM_MAX)
		return 0;
	piece = data[0] % 64 ? data[0] : STREAM_MAX;
	n = (size - 2) * data[1] / 255;
	s = look(stream, n);
	passed = follow(&f, stream, n, piece);
	if (s.valid == n) {
		insist(passed == n);
	} else {
		/* Of a length that cannot be at most 3 bytes pass, while it still could be. */
		insist(passed < s.begin + FRAME_HEADER);
		insist(passed >= s.begin);
	}
	insist(frame_is_whole(&f) == (passed == look(stream, passed).begin));
	check_padding(f, stream, passed, piece * 251);
	if (passed == n)
		check_rest(f, stream, n, size - 2);
	return 0;
}
