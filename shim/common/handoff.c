/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The handoff as text. First part, of fixed width, written over in place:
 *
 *   02:FD:COOKIE:DEV:INO:LOCKER:COOKIE:DEV:INO:LEN:PATH:LEN:WELL:LEN:GONE: (texts are padded)
 *
 * and the rest, which never changes: RUN:LEVEL:FLAGS:QEMU_DEV:QEMU_INO:TRUST:LOG_FILE
 */
#include "shim/common/handoff.h"

#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "shim/common/text.h"

#define VERSION      "02"
#define INT_DIGITS   10
#define HEX_DIGITS   16
#define LEN_DIGITS   3
#define FLAG_PRIVATE 2
#define FLAG_KEEP    4

static void add_hex(struct text *t, uint64_t n)
{
	text_add_hex_padded(t, n, HEX_DIGITS);
	text_add(t, ":");
}

static void add_identity(struct text *t, const struct identity *id)
{
	add_hex(t, id->cookie);
	add_hex(t, id->dev);
	add_hex(t, id->ino);
}

/* A text behind its length, in a field of @width bytes. */
static void add_text(struct text *t, const char *s, size_t width)
{
	size_t len = strnlen(s, width);

	text_add_padded(t, len, LEN_DIGITS);
	text_add(t, ":");
	text_add_n(t, s, len);
	for (; len < width; len++)
		text_add(t, " ");
	text_add(t, ":");
}

static void add_first_part(struct text *t, const struct handoff *c)
{
	text_add(t, VERSION ":");
	text_add_padded(t, (uint64_t)c->fd, INT_DIGITS);
	text_add(t, ":");
	add_identity(t, &c->socket);
	text_add_padded(t, c->store < 0 ? 0 : (uint64_t)c->store, INT_DIGITS);
	text_add(t, ":");
	add_identity(t, &c->store_id);
	add_text(t, c->passt, PASST_PATH_MAX);
	add_text(t, c->well, HANDOFF_HOP_MAX);
	add_text(t, c->gone, HANDOFF_HOP_MAX);
}

static void add_trust(struct text *t, const struct passt_trust *trust)
{
	if (trust->any)
		text_add(t, "any");
	for (unsigned i = 0; i < trust->count && !trust->any; i++) {
		if (i)
			text_add(t, ",");
		text_add_int(t, trust->uids[i]);
	}
	text_add(t, ":");
}

size_t handoff_write(const struct handoff *c, char *out)
{
	struct text t;

	text_start(&t, out, HANDOFF_SIZE);
	add_first_part(&t, c);
	add_hex(&t, c->run);
	text_add_int(&t, c->level);
	text_add(&t, ":");
	text_add_int(&t, (c->private_passt ? FLAG_PRIVATE : 0) | (c->reconnect ? FLAG_KEEP : 0));
	text_add(&t, ":");
	add_hex(&t, c->qemu_dev);
	add_hex(&t, c->qemu_ino);
	add_trust(&t, &c->trust);
	text_add(&t, c->log_file);
	return t.len;
}

/**
 * struct reader - Reads fields one after the other; once one is wrong, all that follow are
 * @p:		Next field
 * @sound:	All so far were as they must be
 */
struct reader {
	const char *p;
	bool sound;
};

/* A number of exactly @digits digits, and its colon. */
static uint64_t take_number(struct reader *r, size_t digits, unsigned base)
{
	uint64_t n = 0;

	r->sound = r->sound && strnlen(r->p, digits + 1) == digits + 1 &&
		   text_number(r->p, digits, base, &n) && r->p[digits] == ':';
	if (!r->sound)
		return 0;
	r->p += digits + 1;
	return n;
}

static void take_identity(struct reader *r, struct identity *id)
{
	id->cookie = take_number(r, HEX_DIGITS, 16);
	id->dev = take_number(r, HEX_DIGITS, 16);
	id->ino = take_number(r, HEX_DIGITS, 16);
}

static int take_int(struct reader *r)
{
	uint64_t n = take_number(r, INT_DIGITS, 10);

	r->sound = r->sound && n <= INT_MAX;
	return r->sound ? (int)n : -1;
}

/* A text of at most @width bytes, as add_text() wrote it; @out has room for one more. */
static void take_text(struct reader *r, char *out, size_t width)
{
	size_t len = take_number(r, LEN_DIGITS, 10);

	r->sound = r->sound && len <= width && strnlen(r->p, width + 1) == width + 1 &&
		   strspn(r->p + len, " ") == width - len && r->p[width] == ':';
	if (!r->sound)
		return;
	memcpy(out, r->p, len);
	out[len] = '\0';
	r->p += width + 1;
}

static void take_trust(struct reader *r, struct passt_trust *trust)
{
	if (r->sound && !strncmp(r->p, "any:", 4)) {
		trust->any = true;
		r->p += 4;
		return;
	}
	while (r->sound && *r->p != ':') {
		size_t digits;
		uint64_t uid;

		r->p += trust->count > 0; /* the comma in front of it */
		digits = strspn(r->p, "0123456789");
		r->sound = trust->count < PASST_TRUST_MAX && text_number(r->p, digits, 10, &uid) &&
			   uid <= UINT32_MAX && (digits == 1 || *r->p != '0') &&
			   (r->p[digits] == ':' || r->p[digits] == ',');
		if (!r->sound)
			return;
		trust->uids[trust->count++] = (uid_t)uid;
		r->p += digits;
	}
	r->p += r->sound;
}

static void take_rest(struct reader *r, struct handoff *c)
{
	unsigned flags;

	c->run = take_number(r, HEX_DIGITS, 16);
	c->level = (enum log_level)take_number(r, 1, 10);
	flags = (unsigned)take_number(r, 1, 10);
	r->sound = r->sound && c->level <= LOG_TRACE &&
		   !(flags & ~(unsigned)(FLAG_PRIVATE | FLAG_KEEP));
	c->private_passt = flags & FLAG_PRIVATE;
	c->reconnect = flags & FLAG_KEEP;
	c->qemu_dev = take_number(r, HEX_DIGITS, 16);
	c->qemu_ino = take_number(r, HEX_DIGITS, 16);
	take_trust(r, &c->trust);
	r->sound = r->sound && strnlen(r->p, sizeof(c->log_file)) < sizeof(c->log_file);
	if (r->sound)
		memcpy(c->log_file, r->p, strlen(r->p) + 1);
}

bool handoff_read(const char *value, struct handoff *c)
{
	struct reader r = { .p = value, .sound = !strncmp(value, VERSION ":", 3) };

	memset(c, 0, offsetof(struct handoff, log_file));
	c->log_file[0] = '\0';
	r.p += r.sound ? 3 : 0;
	c->fd = take_int(&r);
	take_identity(&r, &c->socket);
	c->store = take_int(&r);
	take_identity(&r, &c->store_id);
	take_text(&r, c->passt, PASST_PATH_MAX);
	take_text(&r, c->well, HANDOFF_HOP_MAX);
	take_text(&r, c->gone, HANDOFF_HOP_MAX);
	take_rest(&r, c);
	if (!c->store)
		c->store = -1;
	return r.sound && c->fd > STDERR_FILENO;
}

void handoff_update(char *value, const struct handoff *c)
{
	char first[HANDOFF_SIZE - PATH_MAX];
	struct text t;

	text_start(&t, first, sizeof(first));
	add_first_part(&t, c);
	memcpy(value, first, t.len);
}
