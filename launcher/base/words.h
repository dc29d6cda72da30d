/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A command line in one string: split into words as sh(1) splits it, and put together again. */
#ifndef QRAP_WORDS_H
#define QRAP_WORDS_H

#include <stddef.h>
#include <stdio.h>

/**
 * words_split() - Split a command line into words
 * @text:	Command line
 * @more:	So many words have room behind those
 * @argv:	Filled on success: the words, and NULL; free(3) frees them as well
 *
 * Blanks separate; quotes and backslashes are as in POSIX, "Shell Command Language", 2.2. Nothing
 * is expanded, and no character other than these means anything.
 *
 * Return: how many; -EINVAL for a quote that does not end, or a backslash at the end; -ENOMEM
 */
int words_split(const char *text, size_t more, char ***argv);

/* Writes words as one line, without its end, that sh(1) splits into the same ones. */
void words_print(FILE *out, char *const *words);

/* The same line as a text that free(3) frees, or NULL without memory. */
char *words_join(char *const *words);

/* The part of a path behind its last slash. */
const char *path_name(const char *path);

#endif /* QRAP_WORDS_H */
