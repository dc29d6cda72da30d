/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A command line in one string, split into words as sh(1) splits it. */
#ifndef QRAP_WORDS_H
#define QRAP_WORDS_H

#include <stddef.h>

/**
 * struct words - Words of a command line
 * @argv:	The words, NULL-terminated; free with words_free()
 * @count:	How many
 */
struct words {
	char **argv;
	size_t count;
};

/**
 * words_split() - Split a command line into words
 * @text:	Command line
 * @words:	Filled on success
 *
 * Blanks separate; quotes and backslashes are as in POSIX, "Shell Command Language", 2.2. Nothing
 * is expanded, and no character other than these means anything.
 *
 * Return: 0; -EINVAL for a quote that does not end, or a backslash at the end; -ENOMEM
 */
int words_split(const char *text, struct words *words);

/**
 * words_add() - Put one more word at the end
 * @words:	Where to
 * @word:	Text, which is copied
 *
 * Return: 0 or -ENOMEM
 */
int words_add(struct words *words, const char *word);

void words_free(struct words *words);

/* The part of a path behind its last slash. */
const char *path_name(const char *path);

#endif /* QRAP_WORDS_H */
