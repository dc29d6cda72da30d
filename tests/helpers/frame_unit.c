/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Unit tests of the frame tracker: a stream of frames cut at every place, padded at every place.
 * Argument: name of the test. Silent and 0 if all is well.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shim/link/frame.h"

static void fail(const char *what, size_t a, size_t b)
{
	fprintf(stderr, "%s: %zu, %zu\n", what, a, b);
	exit(1);
}

static void put_length(uint8_t *p, uint32_t size)
{
	p[0] = (uint8_t)(size >> 24);
	p[1] = (uint8_t)(size >> 16);
	p[2] = (uint8_t)(size >> 8);
	p[3] = (uint8_t)size;
}

/* Three frames, the shortest first, of bytes that would make impossible lengths. */
static const uint32_t sizes[] = { FRAME_MIN, 60, 15 };

#define STREAM_BYTES (3 * FRAME_HEADER + FRAME_MIN + 60 + 15)

static void make_stream(uint8_t *stream)
{
	size_t i, at = 0;

	for (i = 0; i < 3; i++) {
		put_length(stream + at, sizes[i]);
		memset(stream + at + FRAME_HEADER, 0xee, sizes[i]);
		at += FRAME_HEADER + sizes[i];
	}
}

/* Is byte @at of the stream the first of a frame, or its end? */
static bool is_boundary(size_t at)
{
	size_t i, begin = 0;

	for (i = 0; i < 3; i++) {
		if (at == begin)
			return true;
		begin += FRAME_HEADER + sizes[i];
	}
	return at == begin;
}

static void feed(struct frame *f, const uint8_t *stream, size_t from, size_t to)
{
	size_t used = frame_follow(f, stream + from, to - from);

	if (used != to - from)
		fail("bytes refused", from, to);
	if (frame_is_whole(f) != is_boundary(to))
		fail("wrong about the boundary", from, to);
}

static void all_splits(void)
{
	uint8_t stream[STREAM_BYTES];
	size_t a, b;

	make_stream(stream);
	for (a = 0; a <= STREAM_BYTES; a++) {
		for (b = a; b <= STREAM_BYTES; b++) {
			struct frame f = { 0 };

			feed(&f, stream, 0, a);
			feed(&f, stream, a, b);
			feed(&f, stream, b, STREAM_BYTES);
		}
	}
}

static void bytewise(void)
{
	uint8_t stream[STREAM_BYTES];
	struct frame f = { 0 };
	size_t i;

	make_stream(stream);
	for (i = 0; i < STREAM_BYTES; i++)
		feed(&f, stream, i, i + 1);
}

/* Where the frame that byte @at lies in ends, or @at at a boundary. */
static size_t end_of_frame(size_t at)
{
	while (!is_boundary(at))
		at++;
	return at;
}

/* frame_rest() takes the rest of the frame in progress, however it arrives, and nothing more. */
static void rest(void)
{
	uint8_t stream[STREAM_BYTES];
	size_t a, b, used;

	make_stream(stream);
	for (a = 0; a <= STREAM_BYTES; a++) {
		for (b = a; b <= STREAM_BYTES; b++) {
			struct frame f = { 0 };

			feed(&f, stream, 0, a);
			used = frame_rest(&f, stream + a, b - a);
			used += frame_rest(&f, stream + a + used, STREAM_BYTES - a - used);
			if (a + used != end_of_frame(a) || !frame_is_whole(&f))
				fail("rest", a, used);
		}
	}
}

/* A stream cut at @cut and padded in pieces of @piece bytes. Return: bytes in @out. */
static size_t pad(uint8_t *out, const uint8_t *stream, size_t cut, size_t piece)
{
	struct frame f = { 0 };
	size_t len = cut;

	memcpy(out, stream, cut);
	feed(&f, stream, 0, cut);
	do
		len += frame_pad(&f, out + len, piece);
	while (!frame_is_whole(&f));
	return len;
}

static void check_dummy(const uint8_t *frame)
{
	static const uint8_t begin[] = { 0, 0, 0, FRAME_DUMMY, 2, 0, 0, 0, 0, 1 };

	if (memcmp(frame, begin, sizeof(begin)) || frame[16] != 0x88 || frame[17] != 0xb5)
		fail("not the dummy frame", frame[3], frame[4]);
}

static void check_padded(const uint8_t *stream, size_t cut, size_t piece)
{
	uint8_t out[STREAM_BYTES + FRAME_HEADER + 256];
	size_t len = pad(out, stream, cut, piece);
	struct frame f = { 0 };
	size_t i;

	if (frame_follow(&f, out, len) != len || !frame_is_whole(&f))
		fail("padding that is no frame", cut, piece);
	if (is_boundary(cut)) {
		if (len != cut + FRAME_HEADER + FRAME_DUMMY)
			fail("length of a dummy", cut, len);
		check_dummy(out + cut);
		return;
	}
	if (f.size < FRAME_MIN)
		fail("short frame", cut, f.size);
	/* Behind the Ethernet header of the frame in progress there are but zeroes. */
	for (i = len - f.size + 14 > cut ? len - f.size + 14 : cut; i < len; i++) {
		if (out[i])
			fail("not zero", cut, i);
	}
}

static void padding(void)
{
	uint8_t stream[STREAM_BYTES];
	size_t cut, piece;

	make_stream(stream);
	for (cut = 0; cut <= STREAM_BYTES; cut++) {
		for (piece = 1; piece <= 80; piece++)
			check_padded(stream, cut, piece);
	}
}

/* A frame of no known content, cut in its Ethernet header, gets the dummy's there. */
static void padded_address(void)
{
	static const uint8_t begin[] = { 0, 0, 0, 60 };
	uint8_t out[FRAME_HEADER + FRAME_DUMMY];
	struct frame f = { 0 };

	memcpy(out, begin, sizeof(begin));
	frame_follow(&f, begin, sizeof(begin));
	if (frame_pad(&f, out + FRAME_HEADER, FRAME_DUMMY) != FRAME_DUMMY)
		fail("padding", f.left, f.size);
	check_dummy(out);
}

/* A length cut after 00 01 can only be a large one. */
static void padded_length(void)
{
	static const uint8_t begin[] = { 0, 1 };
	static uint8_t out[FRAME_MAX];
	struct frame f = { 0 };
	size_t made;

	frame_follow(&f, begin, sizeof(begin));
	made = frame_pad(&f, out, sizeof(out));
	if (f.size != 65536 || made != 2 + 65536 || out[0] || out[1])
		fail("padding of a length", f.size, made);
}

static bool is_taken(uint32_t size, size_t split)
{
	uint8_t stream[FRAME_HEADER + 1] = { 0 };
	struct frame f = { 0 };
	size_t used;

	put_length(stream, size);
	used = frame_follow(&f, stream, split);
	if (used == split)
		used += frame_follow(&f, stream + split, sizeof(stream) - split);
	if (used == sizeof(stream))
		return true;
	if (used > split)
		fail("part of a bad length passed", size, split);
	if (f.bad > size || (split == 0 && f.bad != size))
		fail("names another length", size, f.bad);
	return false;
}

static void lengths(void)
{
	static const struct {
		uint32_t size;
		bool good;
	} tests[] = {
		{ 0, false },          { 1, false },          { 5, false },
		{ 13, false },         { 14, true },          { 42, true },
		{ 255, true },         { 256, true },         { 65535, true },
		{ 65536, true },       { 69631, true },       { 69632, true },
		{ 69633, false },      { 0x00011100, false }, { 0x00020000, false },
		{ 0x01000000, false }, { 0x7fffffff, false }, { 0xffffffff, false },
	};
	size_t i, split;

	for (i = 0; i < sizeof(tests) / sizeof(*tests); i++) {
		for (split = 0; split <= FRAME_HEADER; split++) {
			if (is_taken(tests[i].size, split) != tests[i].good)
				fail("length", tests[i].size, split);
		}
	}
}

/* Bytes in front of a bad length pass, whatever it is split into. */
static void bad_behind_good(void)
{
	uint8_t stream[STREAM_BYTES + FRAME_HEADER];
	size_t split, used;

	make_stream(stream);
	memset(stream + STREAM_BYTES, 0xff, FRAME_HEADER);
	for (split = 0; split <= STREAM_BYTES; split++) {
		struct frame f = { 0 };

		feed(&f, stream, 0, split);
		used = frame_follow(&f, stream + split, sizeof(stream) - split);
		if (split + used != STREAM_BYTES || f.bad != UINT32_MAX || !frame_is_whole(&f))
			fail("bad behind good", split, used);
	}
}

/* The guest's frames are not judged, not even one without any byte or of 4 GiB. */
static void any_length(void)
{
	static const uint8_t stream[] = { 0, 0, 0, 0, 0, 0, 0, 1, 7, 0xff, 0xff, 0xff, 0xff, 1 };
	size_t split;

	for (split = 0; split <= sizeof(stream); split++) {
		struct frame f = { .any = true };

		if (frame_follow(&f, stream, split) != split ||
		    frame_follow(&f, stream + split, sizeof(stream) - split) !=
			    sizeof(stream) - split ||
		    f.left != UINT32_MAX - 1)
			fail("any length", split, f.left);
	}
}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	{ "all-splits", all_splits },
	{ "bytewise", bytewise },
	{ "rest", rest },
	{ "padding", padding },
	{ "padded-address", padded_address },
	{ "padded-length", padded_length },
	{ "lengths", lengths },
	{ "bad-behind-good", bad_behind_good },
	{ "any-length", any_length },
};

int main(int argc, char **argv)
{
	size_t i;

	for (i = 0; argc == 2 && i < sizeof(tests) / sizeof(*tests); i++) {
		if (!strcmp(argv[1], tests[i].name)) {
			tests[i].run();
			return 0;
		}
	}
	fprintf(stderr, "which test?\n");
	return 2;
}
