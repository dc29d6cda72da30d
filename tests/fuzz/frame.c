/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The frame tracker against a naive one that keeps every byte it has seen, and against itself: in
 * pieces it is where it is in one go.
 *
 * Input: a byte that says how the stream is split, a byte that says where it ends, and the stream
 * in short, since a frame may be longer than an input should be: see make_stream().
 */
#include <stdlib.h>
#include <string.h>

#include "shim/link/frame.h"

#define STREAM_MAX (3 * (FRAME_HEADER + FRAME_MAX))

/**
 * struct stream - A stream, made of the input
 * @bytes:	Its bytes
 * @len:	How many
 * @size:	Length in the last header
 */
struct stream {
	uint8_t bytes[STREAM_MAX];
	size_t len;
	uint32_t size;
};

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

/* @n bytes more, if there is room: copied, or all the same where there is nothing to copy. */
static void extend(struct stream *stream, const uint8_t *from, size_t n)
{
	if (n > STREAM_MAX - stream->len)
		n = STREAM_MAX - stream->len;
	if (from)
		memcpy(stream->bytes + stream->len, from, n);
	else
		memset(stream->bytes + stream->len, 0xa5, n);
	stream->len += n;
}

static void add_header(struct stream *stream, uint32_t size)
{
	const uint8_t header[FRAME_HEADER] = { (uint8_t)(size >> 24), (uint8_t)(size >> 16),
					       (uint8_t)(size >> 8), (uint8_t)size };

	extend(stream, header, sizeof(header));
	stream->size = size;
}

/*
 * The stream from the input, by its bytes:
 *
 *   00 .. 3f N...	the 1 to 64 bytes that follow, as they are
 *   40 .. 5f HI LO	a header; the last bit of the first byte is the length's bit 16
 *   60 .. 9f		the last header's payload, or up to 63 bytes less
 *   a0 .. bf		as much of it as 1 to 32 times 3 bytes
 *   c0 .. ff		a header for a length near one end of those that can be
 */
static void make_stream(struct stream *stream, const uint8_t *p, const uint8_t *end)
{
	stream->len = stream->size = 0;
	while (p < end) {
		uint8_t c = *p++;
		size_t n = (size_t)(end - p);

		if (c < 0x40) {
			n = n < c + 1u ? n : c + 1u;
			extend(stream, p, n);
			p += n;
		} else if (c < 0x60 && n >= 2) {
			add_header(stream, (c & 1u) << 16 | p[0] * 256u + p[1]);
			p += 2;
		} else if (c >= 0x60 && c < 0xa0) {
			n = c - 0x60u;
			extend(stream, NULL, stream->size > n ? stream->size - n : 0);
		} else if (c >= 0xa0 && c < 0xc0) {
			extend(stream, NULL, 3 * (c - 0x9fu));
		} else if (c >= 0xc0) {
			add_header(stream, (c & 1 ? FRAME_MIN : FRAME_MAX) + (c & 0x3eu) / 2 - 16);
		}
	}
}

/* Some number below @n, the same ones in every run. */
static size_t some(uint32_t *random, size_t n)
{
	*random = *random * 1664525 + 1013904223;
	return (*random >> 8) % n;
}

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

/* @any: no length is one that cannot be. */
static struct naive look(const uint8_t *stream, size_t n, bool any)
{
	struct naive s = { 0, 0 };

	while (n - s.begin >= FRAME_HEADER) {
		const uint8_t *p = stream + s.begin;
		uint32_t size = (uint32_t)p[0] * 16777216 + p[1] * 65536u + p[2] * 256u + p[3];

		if (!any && (size < FRAME_MIN || size > FRAME_MAX)) {
			s.valid = s.begin;
			return s;
		}
		if (n - s.begin - FRAME_HEADER < size) {
			s.valid = n;
			return s;
		}
		s.begin += FRAME_HEADER + size;
	}
	s.valid = any || can_begin(stream + s.begin, n - s.begin) ? n : s.begin;
	return s;
}

/* The stream in pieces, some of them small. Return: bytes that passed. */
static size_t follow(struct frame *f, const uint8_t *stream, size_t n, uint32_t random)
{
	static const size_t most[] = { 1, 3, 7, 64, 1500, 65536, FRAME_MAX, STREAM_MAX };
	size_t at = 0;

	while (at < n) {
		size_t take = 1 + some(&random, most[some(&random, 8)]);
		size_t used;

		if (take > n - at)
			take = n - at;
		used = frame_follow(f, stream + at, take);
		insist(used <= take);
		at += used;
		if (used < take)
			return at;
	}
	return at;
}

static void check_same(const struct frame *a, const struct frame *b)
{
	insist(a->have == b->have && a->head == b->head);
	insist(a->left == b->left && a->any == b->any);
	insist(!a->left || a->size == b->size);
}

/*
 * Padded to the end of a frame, the stream is one of whole frames: the @n bytes that there were,
 * and the same padding in pieces and in one go.
 */
static void check_padding(struct frame f, const struct stream *stream, size_t n, uint32_t random)
{
	static uint8_t out[STREAM_MAX + 2 * (FRAME_HEADER + FRAME_MAX)];
	static uint8_t again[2 * (FRAME_HEADER + FRAME_MAX)];
	struct frame copy = f;
	struct naive s;
	size_t len = n;

	memcpy(out, stream->bytes, n);
	do
		len += frame_pad(&f, out + len, 1 + some(&random, FRAME_MAX));
	while (!frame_is_whole(&f));
	s = look(out, len, false);
	insist(s.valid == len && s.begin == len);
	insist(len > n);
	insist(frame_pad(&copy, again, len - n) == len - n);
	insist(!memcmp(out + n, again, len - n));
	check_same(&f, &copy);
}

/* The rest of the frame in progress is what the naive one says. */
static void check_rest(struct frame f, const struct stream *stream, size_t at)
{
	bool whole = frame_is_whole(&f);
	size_t used = frame_rest(&f, stream->bytes + at, stream->len - at);
	struct naive s = look(stream->bytes, at + used, f.any);

	insist(at + used <= stream->len);
	insist(s.valid <= at + used);
	if (whole)
		insist(!used);
	if (frame_is_whole(&f))
		insist(s.begin == at + used);
}

/* What the guest sends: all passes, and frames are told apart all the same. */
static void check_any(const struct stream *stream, size_t n, uint32_t random)
{
	struct frame whole = { .any = true }, f = { .any = true };

	insist(frame_follow(&whole, stream->bytes, n) == n);
	insist(follow(&f, stream->bytes, n, random) == n);
	check_same(&whole, &f);
	insist(frame_is_whole(&f) == (look(stream->bytes, n, true).begin == n));
	check_rest(f, stream, n);
}

/* What comes from passt. */
static void check_strict(const struct stream *stream, size_t n, uint32_t random)
{
	struct frame whole = { 0 }, f = { 0 };
	struct naive s = look(stream->bytes, n, false);
	size_t passed = follow(&f, stream->bytes, n, random);
	size_t at_once = frame_follow(&whole, stream->bytes, n);

	if (s.valid == n) {
		insist(passed == n && at_once == n);
		check_same(&whole, &f);
	} else {
		/* Of a length that cannot be at most 3 bytes pass, while it still could be. */
		insist(passed < s.begin + FRAME_HEADER && passed >= s.begin);
		insist(at_once == s.begin && frame_is_whole(&whole));
		insist(f.bad < FRAME_MIN || f.bad > FRAME_MAX);
		insist(whole.bad < FRAME_MIN || whole.bad > FRAME_MAX);
	}
	insist(frame_is_whole(&f) == (passed == look(stream->bytes, passed, false).begin));
	check_padding(f, stream, passed, random);
	if (passed == n)
		check_rest(f, stream, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct stream stream;
	size_t n;

	if (size < 2)
		return 0;
	make_stream(&stream, data + 2, data + size);
	n = stream.len - stream.len * data[1] / 1024;
	check_strict(&stream, n, data[0]);
	check_any(&stream, n, data[0]);
	return 0;
}
