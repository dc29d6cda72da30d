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

/* The words that stay. */
static char **collect_words(const struct plan *plan)
{
	size_t count = 0;
	char **words = arena_get(plan->arena, (2 * plan->inventory.count + 1) * sizeof(*words));

	for (size_t i = 0; i < plan->inventory.count; i++) {
		const struct item *item = &plan->inventory.items[i];

		if (item->removed || item->file)
			continue;
		words[count++] = item->option.word;
		if (item->option.value)
			words[count++] = item->option.value;
	}
	return words;
}

static bool is_spoken_of(char **words, int fd)
{
	while (*words && !mentions_descriptor(*words, fd))
		words++;
	return *words;
}

int fd_number_choose(const struct plan *plan, bool (*is_open)(int fd))
{
	unsigned char *seen = arena_get(plan->arena, LIMIT);
	char **words = collect_words(plan);
	int looks = 0;

	for (char **word = words; *word; word++)
		note_numbers(*word, seen);
	for (int fd = FD_NUMBER_USUAL; fd < LIMIT; fd++) {
		if (is_open(fd))
			continue;
		if (!seen[fd] || (looks++ < CLOSE_LOOKS && !is_spoken_of(words, fd)))
			return fd;
	}
	return FD_NUMBER_USUAL;
}
