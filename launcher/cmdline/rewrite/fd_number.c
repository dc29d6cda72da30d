/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The descriptor number for the connection in patch mode. */
#include "launcher/cmdline/rewrite/fd_number.h"

#include <ctype.h>
#include <string.h>

#include "shim/common/fd_args.h"

/* Numbers above are not looked for, and no command line speaks of that many descriptors. */
#define LIMIT 65536

/* A number that words mention in some way may be a descriptor: so many are looked at closely. */
#define CLOSE_LOOKS 32

/* Notes all decimal numbers in a word, whatever they mean. */
static void note_numbers(const char *word, unsigned char *seen)
{
	while (*word) {
		unsigned n = 0;

		if (!isdigit((unsigned char)*word)) {
			word++;
			continue;
		}
		for (; isdigit((unsigned char)*word); word++)
			n = n < LIMIT ? n * 10 + (unsigned)(*word - '0') : LIMIT;
		if (n < LIMIT)
			seen[n] = 1;
	}
}

static bool is_mentioned(const struct inventory *inventory, int fd)
{
	for (size_t i = 0; i < inventory->count; i++) {
		const struct item *item = &inventory->items[i];

		if (item->removed)
			continue;
		if (mentions_descriptor(item->option.word, fd))
			return true;
		if (item->option.value && mentions_descriptor(item->option.value, fd))
			return true;
	}
	return false;
}

int number_choose(struct arena *arena, const struct inventory *inventory, bool (*is_open)(int fd))
{
	unsigned char *seen = arena_get(arena, LIMIT);
	int looks = 0;

	for (size_t i = 0; i < inventory->count; i++) {
		const struct item *item = &inventory->items[i];

		if (item->removed)
			continue;
		note_numbers(item->option.word, seen);
		if (item->option.value)
			note_numbers(item->option.value, seen);
	}
	for (int fd = NUMBER_USUAL; fd < LIMIT; fd++) {
		if (is_open(fd))
			continue;
		if (!seen[fd])
			return fd;
		if (looks++ < CLOSE_LOOKS && !is_mentioned(inventory, fd))
			return fd;
	}
	return NUMBER_USUAL;
}
