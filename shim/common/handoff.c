/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/common/handoff.h"

#include <stddef.h>
#include <string.h>
#include <unistd.h>

/* Another one for each change of struct handoff. */
#define VERSION "05:"

/* All but the log file, whose end is the end of the value. */
#define IMAGE_SIZE offsetof(struct handoff, log_file)

#define CHECK_SIZE  sizeof(uint32_t)
#define PREFIX_SIZE (sizeof(VERSION) - 1 + 2 * IMAGE_SIZE + 1 + 2 * CHECK_SIZE + 1)

_Static_assert(PREFIX_SIZE + PATH_MAX <= HANDOFF_SIZE, "HANDOFF_SIZE");

static const char digits[] = "0123456789abcdef";

/* Two digits for each byte, and a colon. Return: what is behind them. */
static char *put_hex(char *out, const void *from, size_t size)
{
	const unsigned char *bytes = from;

	for (size_t i = 0; i < size; i++) {
		*out++ = digits[bytes[i] >> 4];
		*out++ = digits[bytes[i] & 0xf];
	}
	*out++ = ':';
	return out;
}

/* What put_hex() wrote. Return: what is behind it, or NULL if it is something else. */
static const char *take_hex(const char *in, void *to, size_t size)
{
	/* A digit's value and 1, or 0: every program on the way reads a thousand of them. */
	static const unsigned char values[256] = {
		['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,
		['6'] = 7,  ['7'] = 8,  ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12,
		['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
	};
	unsigned char *bytes = to;

	for (size_t i = 0; i < size; i++, in += 2) {
		unsigned high = values[(unsigned char)in[0]];
		unsigned low = high ? values[(unsigned char)in[1]] : 0;

		if (!low)
			return NULL;
		bytes[i] = (unsigned char)((high - 1) << 4 | (low - 1));
	}
	return *in == ':' ? in + 1 : NULL;
}

/* The check value: FNV-1a, over image and log file. */
static uint32_t check_of(const struct handoff *c)
{
	const unsigned char *bytes = (const unsigned char *)c;
	size_t size = IMAGE_SIZE + strlen(c->log_file);
	uint32_t check = 2166136261;

	for (size_t i = 0; i < size; i++)
		check = (check ^ bytes[i]) * 16777619;
	return check;
}

static void write_prefix(const struct handoff *c, char *out)
{
	uint32_t check = check_of(c);

	memcpy(out, VERSION, sizeof(VERSION) - 1);
	out = put_hex(out + sizeof(VERSION) - 1, c, IMAGE_SIZE);
	put_hex(out, &check, sizeof(check));
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

bool handoff_read(const char *value, struct handoff *c)
{
	uint32_t check = 0;
	size_t len;

	memset(c, 0, IMAGE_SIZE);
	c->log_file[0] = '\0';
	if (strncmp(value, VERSION, sizeof(VERSION) - 1))
		return false;
	value = take_hex(value + sizeof(VERSION) - 1, c, IMAGE_SIZE);
	if (value)
		value = take_hex(value, &check, sizeof(check));
	len = value ? strnlen(value, sizeof(c->log_file)) : 0;
	if (!value || len == sizeof(c->log_file))
		return false;
	memcpy(c->log_file, value, len + 1);
	return check == check_of(c) && is_sane(c);
}

void handoff_update(char *value, const struct handoff *c)
{
	char prefix[PREFIX_SIZE];

	if (strnlen(value, PREFIX_SIZE) < PREFIX_SIZE ||
	    strncmp(value, VERSION, sizeof(VERSION) - 1) ||
	    strcmp(value + PREFIX_SIZE, c->log_file) != 0)
		return;
	write_prefix(c, prefix);
	memcpy(value, prefix, PREFIX_SIZE);
}
