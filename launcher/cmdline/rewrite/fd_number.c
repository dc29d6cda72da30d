/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "launcher/cmdline/rewrite/plan.h"
#include "shim/common/fd_args.h"

/* Numbers above are not looked for, and no command line speaks of that many descriptors. */
#define LIMIT 65536

/* A number that stands in words in some way may be a descriptor: so many are looked at closely. */
#define CLOSE_LOOKS 32

/* Notes all decimal numbers in a word, whatever they mean. */
static void note_numbers(char *word, unsigned char *seen)
{
	for (char *at = word; *(at += strcspn(at, "0123456789"));) {
		unsigned long n = strtoul(at, &at, 10);

		if (n < LIMIT)
			seen[n] = 1;
	}
}

/* Does a word that stays name this number? */
static bool is_spoken_of(const struct inventory *inventory, int fd)
{
	for (size_t i = 0; i < inventory->count; i++) {
		const struct item *item = &inventory->items[i];
		const char *value = item->option.value;

		if (!item->removed && !item->file &&
		    (mentions_descriptor(item->option.word, fd) ||
		     (value && mentions_descriptor(value, fd))))
			return true;
	}
	return false;
}

int fd_number_choose(const struct plan *plan, char **args, bool (*is_open)(int fd))
{
	unsigned char *seen = arena_get(plan->arena, LIMIT);
	int looks = 0;

	while (*args)
		note_numbers(*args++, seen);
	for (int fd = FD_NUMBER_USUAL; fd < LIMIT; fd++) {
		if (is_open(fd))
			continue;
		if (!seen[fd] || (looks++ < CLOSE_LOOKS && !is_spoken_of(&plan->inventory, fd)))
			return fd;
	}
	return FD_NUMBER_USUAL;
}
