/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QEMU's command line as QEMU reads it: options with and without a value, and disk images. */
#ifndef QRAP_QEMU_OPTIONS_H
#define QRAP_QEMU_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "launcher/base/memory.h"

/**
 * struct option - An option with its value, or a disk image
 * @name:	Name without its dashes; NULL: a disk image
 * @word:	The word itself
 * @value:	The word behind it; NULL for an option that takes none, or whose value is missing
 * @unfinished:	The last word, whose value is missing: QEMU will say so
 */
struct option {
	const char *name;
	char *word;
	char *value;
	bool unfinished;
};

struct cmdline {
	struct option *options;
	size_t count;
};

/**
 * cmdline_parse() - Tell options from values
 * @arena:	Where the result is kept
 * @args:	QEMU's arguments without argv[0], NULL-terminated
 * @out:	Filled
 *
 * As lookup_opt() in QEMU's softmmu/vl.c does it: one or two dashes, the exact name, and whatever
 * stands behind an option that takes a value is its value. The options without a value are those
 * of all releases joined; an unknown one takes a value, as nearly all do.
 */
void cmdline_parse(struct arena *arena, char **args, struct cmdline *out);

/* Is that the name of an option of any QEMU, as far as we know? Without its dashes. */
bool cmdline_knows(const char *name);

/* Is it one of these options? @names ends with NULL. */
bool option_is(const struct option *option, const char *const *names);

#endif /* QRAP_QEMU_OPTIONS_H */
