/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/common/handoff.h"

#include <stddef.h>
#include <string.h>
#include <unistd.h>

/* Another one for each change of struct handoff. */
#define VERSION "06:"

/* All but the log file, whose end is the end of the value. */
#define IMAGE_SIZE offsetof(struct handoff, log_file)

#define WORD_SIZE   sizeof(uint32_t)
#define PREFIX_SIZE (sizeof(VERSION) - 1 + 2 * IMAGE_SIZE + 1 + 2 * WORD_SIZE + 1)

_Static_assert(IMAGE_SIZE % WORD_SIZE == 0, "IMAGE_SIZE");
_Static_assert(PREFIX_SIZE + PATH_MAX <= HANDOFF_SIZE, "HANDOFF_SIZE");

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

/* The check value: FNV-1a over image and log file, word by word. */
static uint32_t check_of(const struct handoff *c)
{
	const char *bytes = (const char *)c;
	size_t left = IMAGE_SIZE + strlen(c->log_file);
	uint32_t check = 2166136261, word;

	for (; left >= WORD_SIZE; left -= WORD_SIZE, bytes += WORD_SIZE) {
		memcpy(&word, bytes, WORD_SIZE);
		check = (check ^ word) * 16777619;
	}
	word = 0;
	memcpy(&word, bytes, left);
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
	memcpy(out + PREFIX_SIZE, c->log_file, len + 1);
	return PREFIX_SIZE + len;
}

/* An image that was made by hand may have its check value, too: nothing is read out of bounds. */
static bool is_sane(const struct handoff *c)
{
	return c->fd > STDERR_FILENO && c->level <= LOG_TRACE &&
	       c->trust.count <= PASST_TRUST_MAX && !c->passt[PASST_PATH_MAX] &&
	       !c->well[HANDOFF_HOP_MAX] && !c->gone[HANDOFF_HOP_MAX];
}

/* Up to the log file, it is as long as ours. */
static bool is_of_version(const char *value)
{
	return strnlen(value, PREFIX_SIZE) == PREFIX_SIZE &&
	       !memcmp(value, VERSION, sizeof(VERSION) - 1);
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
	len = value ? strnlen(value, sizeof(c->log_file)) : 0;
	if (!value || len == sizeof(c->log_file))
		return false;
	memcpy(c->log_file, value, len + 1);
	return check == check_of(c) && is_sane(c);
}

void handoff_update(char *value, const struct handoff *c)
{
	char prefix[PREFIX_SIZE];

	if (!is_of_version(value) || strcmp(value + PREFIX_SIZE, c->log_file) != 0)
		return;
	write_prefix(c, prefix);
	memcpy(value, prefix, PREFIX_SIZE);
}
