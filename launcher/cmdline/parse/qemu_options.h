/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QEMU's command line as QEMU reads it (lookup_opt() in its softmmu/vl.c): one or two dashes and
 * the exact name; whatever stands behind an option that takes a value is its value; a word without
 * a dash is a disk image.
 */
#ifndef QRAP_QEMU_OPTIONS_H
#define QRAP_QEMU_OPTIONS_H

#include <stdbool.h>

/**
 * struct qemu_option - An option with its value, or a disk image
 * @name:	Name without its dashes; NULL: a disk image
 * @word:	The word itself
 * @value:	The word behind it; NULL for an option that takes none, or whose value is missing
 * @unfinished:	The last word, whose value is missing: QEMU will say so
 */
struct qemu_option {
	const char *name;
	char *word;
	char *value;
	bool unfinished;
};

/**
 * qemu_option_next() - Read one option
 * @args:	QEMU's arguments from this option on, NULL-terminated, with at least one word
 * @option:	Filled
 *
 * The options without a value are those of all releases joined; an unknown one takes a value, as
 * nearly all do.
 *
 * Return: the arguments behind it
 */
char **qemu_option_next(char **args, struct qemu_option *option);

/* Does any release of QEMU, as far as is known here, have an option of this name (no dashes)? */
bool qemu_option_is_known(const char *name);

/* Is @name one of @names, which have "|" between them? "x*" is all that begin so; NULL is none. */
bool name_in(const char *name, const char *names);

#endif /* QRAP_QEMU_OPTIONS_H */
