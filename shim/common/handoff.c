/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/common/handoff.h"

#include <stddef.h>
#include <string.h>
#include <unistd.h>

/* Another one for each change of struct handoff. */
#define VERSION "07:"

/* All but the log file, whose end is the end of the value. */
#define IMAGE_SIZE offsetof(struct handoff, log_file)

#define WORD_SIZE   sizeof(uint32_t)
#define PREFIX_SIZE (sizeof(VERSION) - 1 + 2 * IMAGE_SIZE + 1 + 2 * WORD_SIZE + 1)

_Static_assert(IMAGE_SIZE % WORD_SIZE == 0, "IMAGE_SIZE");
_Static_assert(PREFIX_SIZE + 2 * sizeof(((struct handoff *)0)->watch) + PATH_MAX <= HANDOFF_SIZE,
	       "HANDOFF_SIZE");

#define ALL_A UINT64_C(0x4141414141414141)

/*
 * Letters from A to P, eight for each four bytes, and a colon. Every program on the way reads and
 * writes a thousand of them: by words that costs a fifth. Return: what is behind them.
 */
static char *put_letters(char *out, const void *from, size_t size)
{
	for (const char *word = from; word < (const char *)from + size; word += WORD_SIZE) {
		uint32_t bits;
		uint64_t n;

		memcpy(&bits, word, WORD_SIZE);
		n = bits;
		n = (n | n << 16) & UINT64_C(0x0000ffff0000ffff);
		n = (n | n << 8) & UINT64_C(0x00ff00ff00ff00ff);
		n = (n | n << 4) & UINT64_C(0x0f0f0f0f0f0f0f0f);
		n += ALL_A;
		memcpy(out, &n, sizeof(n));
		out += sizeof(n);
	}
	*out++ = ':';
	return out;
}

/* What put_letters() wrote, as long as that. Return: what is behind it, NULL if it is something
 * else. */
static const char *take_letters(const char *in, void *to, size_t size)
{
	uint64_t all = 0;

	for (char *word = to; word < (char *)to + size; word += WORD_SIZE) {
		uint32_t bits;
		uint64_t n;

		memcpy(&n, in, sizeof(n));
		in += sizeof(n);
		n -= ALL_A;
		all |= n;
		n = (n | n >> 4) & UINT64_C(0x00ff00ff00ff00ff);
		n = (n | n >> 8) & UINT64_C(0x0000ffff0000ffff);
		bits = (uint32_t)(n | n >> 16);
		memcpy(word, &bits, WORD_SIZE);
	}
	return !(all & UINT64_C(0xf0f0f0f0f0f0f0f0)) && *in == ':' ? in + 1 : NULL;
}

static size_t set_size(const struct handoff *c)
{
	return c->watch_count * sizeof(c->watch[0]);
}

/* How long the set is as text, with its colon. */
static size_t set_length(const struct handoff *c)
{
	return c->watch_count ? 2 * set_size(c) + 1 : 0;
}

/* FNV-1a, word by word; what is left over at the end is not looked at. */
static uint32_t mix(uint32_t check, const void *from, size_t size)
{
	uint32_t word;

	for (const char *bytes = from; size >= WORD_SIZE; size -= WORD_SIZE, bytes += WORD_SIZE) {
		memcpy(&word, bytes, WORD_SIZE);
		check = (check ^ word) * 16777619;
	}
	return check;
}

/* The check value, of all three. */
static uint32_t check_of(const struct handoff *c)
{
	size_t len = strlen(c->log_file), over = len % WORD_SIZE;
	uint32_t check = mix(2166136261, c, IMAGE_SIZE), word = 0;

	check = mix(check, c->watch, set_size(c));
	check = mix(check, c->log_file, len);
	memcpy(&word, c->log_file + len - over, over);
	return (check ^ word) * 16777619;
}

static void write_prefix(const struct handoff *c, char *out)
{
	uint32_t check = check_of(c);

	memcpy(out, VERSION, sizeof(VERSION) - 1);
	out = put_letters(out + sizeof(VERSION) - 1, c, IMAGE_SIZE);
	put_letters(out, &check, sizeof(check));
}

size_t handoff_write(const struct handoff *c, char *out)
{
	size_t len = strlen(c->log_file);

	write_prefix(c, out);
	if (c->watch_count)
		put_letters(out + PREFIX_SIZE, c->watch, set_size(c));
	memcpy(out + PREFIX_SIZE + set_length(c), c->log_file, len + 1);
	return PREFIX_SIZE + set_length(c) + len;
}

/* An image that was made by hand may have its check value, too: nothing is read out of bounds. */
static bool is_sane(const struct handoff *c)
{
	return (c->fd > STDERR_FILENO || c->watch_count) && c->watch_count <= WATCH_MAX &&
	       c->level <= LOG_TRACE && c->trust.count <= PASST_TRUST_MAX &&
	       !c->passt[PASST_PATH_MAX] && !c->well[HANDOFF_HOP_MAX] && !c->gone[HANDOFF_HOP_MAX];
}

/* Up to the log file, it is as long as ours. */
static bool is_of_version(const char *value)
{
	return strnlen(value, PREFIX_SIZE) == PREFIX_SIZE &&
	       !memcmp(value, VERSION, sizeof(VERSION) - 1);
}

/* The set. Return: what is behind it, or NULL where it is something else. */
static const char *take_set(const char *value, struct handoff *c)
{
	size_t len = set_length(c);

	if (!len)
		return value;
	return strnlen(value, len) == len ? take_letters(value, c->watch, set_size(c)) : NULL;
}

bool handoff_read(const char *value, struct handoff *c)
{
	uint32_t check = 0;
	size_t len;

	memset(c, 0, IMAGE_SIZE);
	c->log_file[0] = '\0';
	if (!is_of_version(value))
		return false;
	value = take_letters(value + sizeof(VERSION) - 1, c, IMAGE_SIZE);
	if (value)
		value = take_letters(value, &check, sizeof(check));
	value = value && is_sane(c) ? take_set(value, c) : NULL;
	len = value ? strnlen(value, sizeof(c->log_file)) : 0;
	if (!value || len == sizeof(c->log_file))
		return false;
	memcpy(c->log_file, value, len + 1);
	return check == check_of(c);
}

void handoff_update(char *value, const struct handoff *c)
{
	char prefix[PREFIX_SIZE];

	if (!is_of_version(value) || strnlen(value + PREFIX_SIZE, set_length(c)) < set_length(c) ||
	    strcmp(value + PREFIX_SIZE + set_length(c), c->log_file) != 0)
		return;
	write_prefix(c, prefix);
	memcpy(value, prefix, PREFIX_SIZE);
}
