/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The handoff: what is written reads the same, what is read would have been written so, and can be
 * updated in place; one byte that is another is found out.
 *
 * Input: the variable's value, if it begins with a digit. Else what a handoff is made of, byte by
 * byte, and then damage to its text: triples of where, two bytes, and what.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "shim/common/handoff.h"

static void insist(bool truth)
{
	if (!truth)
		abort();
}

static void check_sane(const struct handoff *c)
{
	insist((c->fd > 2 || c->watch_count) && c->watch_count <= WATCH_MAX);
	insist(c->level <= LOG_TRACE && c->trust.count <= PASST_TRUST_MAX);
	insist(strlen(c->passt) <= PASST_PATH_MAX && strlen(c->log_file) < PATH_MAX);
	insist(strlen(c->well) <= HANDOFF_HOP_MAX && strlen(c->gone) <= HANDOFF_HOP_MAX);
}

/* Whatever the image becomes, the log file and the length stay. */
static void check_update(char *text, const struct handoff *before)
{
	static struct handoff c, after;
	static char other[HANDOFF_SIZE];
	size_t len = strlen(text);

	c = *before;
	c.store = c.store == 7 ? -1 : 7;
	c.store_id.ino = ~c.store_id.ino;
	memset(c.passt, 'p', before->run % (PASST_PATH_MAX + 1));
	c.passt[before->run % (PASST_PATH_MAX + 1)] = '\0';
	strcpy(c.well, before->gone);
	strcpy(c.gone, before->well);
	handoff_update(text, &c);
	insist(strlen(text) == len && handoff_read(text, &after));
	insist(!memcmp(&c, &after, offsetof(struct handoff, log_file)));
	insist(!strcmp(c.log_file, after.log_file));
	/* One with another log file is somebody else's. */
	c.log_file[0] ^= c.log_file[0] ? 1 : 'l';
	c.log_file[1] = '\0';
	strcpy(other, text);
	handoff_update(text, &c);
	insist(!strcmp(other, text));
}

/* Any text. */
static void check(char *text)
{
	static struct handoff c;
	static char out[HANDOFF_SIZE];
	size_t len;

	if (!handoff_read(text, &c))
		return;
	check_sane(&c);
	len = handoff_write(&c, out);
	insist(len == strlen(out) && len < HANDOFF_SIZE);
	insist(!strcmp(out, text));
	check_update(text, &c);
}

/**
 * struct bytes - The input, as something to take from; it ends in zeroes
 * @p:		Next byte
 * @left:	How many there are
 */
struct bytes {
	const unsigned char *p;
	size_t left;
};

static unsigned take_byte(struct bytes *b)
{
	if (!b->left)
		return 0;
	b->left--;
	return *b->p++;
}

/* A number of few bits or many. */
static uint64_t take_number(struct bytes *b)
{
	unsigned shape = take_byte(b);
	uint64_t n = 0;

	for (unsigned i = 0; i < shape % 9; i++)
		n = n << 8 | take_byte(b);
	return shape & 0x80 ? ~n : n;
}

/* A text of at most @max bytes; a long one is some bytes over and over. */
static void take_text(struct bytes *b, char *out, size_t max)
{
	size_t len = take_byte(b), pattern = len % 16;
	char some[16];

	for (size_t i = 0; i < pattern; i++)
		some[i] = (char)(take_byte(b) | 1);
	len = len == 0xff ? max : len * len / 16;
	if (len > max)
		len = max;
	for (size_t i = 0; i < len; i++)
		out[i] = pattern ? some[i % pattern] : ':';
	out[len] = '\0';
}

static void take_handoff(struct bytes *b, struct handoff *c)
{
	unsigned flags = take_byte(b);

	memset(c, 0, sizeof(*c));
	c->reconnect = flags & 4;
	c->trust.any = flags & 8;
	c->level = (enum log_level)((flags >> 4) % (LOG_TRACE + 1));
	c->fd = 3 + (int)(take_number(b) % (INT_MAX - 2));
	c->store = (int)(take_number(b) % ((unsigned)INT_MAX + 1));
	c->socket.cookie = take_number(b);
	c->socket.dev = take_number(b);
	c->socket.ino = take_number(b);
	c->store_id.cookie = take_number(b);
	c->store_id.dev = take_number(b);
	c->store_id.ino = take_number(b);
	c->run = take_number(b);
	c->qemu.dev = take_number(b);
	c->qemu.ino = take_number(b);
	take_text(b, c->passt, PASST_PATH_MAX);
	take_text(b, c->well, HANDOFF_HOP_MAX);
	take_text(b, c->gone, HANDOFF_HOP_MAX);
	take_text(b, c->log_file, PATH_MAX - 1);
	c->trust.count = c->trust.any ? 0 : take_byte(b) % (PASST_TRUST_MAX + 1);
	for (unsigned i = 0; i < c->trust.count; i++)
		c->trust.uids[i] = (uid_t)take_number(b);
	c->watch_count = (uint8_t)(take_byte(b) % (WATCH_MAX + 1));
	for (unsigned i = 0; i < c->watch_count; i++) {
		c->watch[i].fd = (int)(take_number(b) % ((unsigned)INT_MAX + 1));
		c->watch[i].id.ino = take_number(b);
	}
}

/* Written, read again, and then damaged. */
static void check_made(struct bytes *b)
{
	static struct handoff made, again;
	static char text[HANDOFF_SIZE], sound[HANDOFF_SIZE];
	size_t len, damages;

	take_handoff(b, &made);
	len = handoff_write(&made, text);
	insist(len == strlen(text) && len < HANDOFF_SIZE);
	insist(handoff_read(text, &again));
	insist(!memcmp(&made, &again, offsetof(struct handoff, log_file)));
	insist(!strcmp(made.log_file, again.log_file));
	insist(!memcmp(made.watch, again.watch, made.watch_count * sizeof(made.watch[0])));
	if (!b->left)
		check_update(text, &made);
	strcpy(sound, text);
	for (damages = 0; b->left; damages++) {
		size_t where = take_byte(b) << 8;

		where |= take_byte(b);
		text[where % len] = (char)(take_byte(b) | 1);
	}
	insist(damages != 1 || !handoff_read(text, &again) || !strcmp(text, sound));
	check(text);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct bytes bytes = { data, size };
	char *text;

	if (!size || *data < '0' || *data > '9') {
		check_made(&bytes);
		return 0;
	}
	text = malloc(size + 1);
	insist(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	check(text);
	free(text);
	return 0;
}
