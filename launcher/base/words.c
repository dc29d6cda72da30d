/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/base/words.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Letters that mean nothing to a shell, wherever they stand. */
#define PLAIN                                                            \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789" \
	"%+,-./:=@_^"

/**
 * quoted() - Take over what a quote or a backslash begins
 * @at:		The quote or backslash
 * @out:	Where the next character goes; moved on
 *
 * Return: the first character behind it, or NULL if it does not end
 */
static const char *quoted(const char *at, char **out)
{
	char quote = *at++;

	if (quote == '\\') {
		if (!*at)
			return NULL;
		if (*at != '\n')
			*(*out)++ = *at;
		return at + 1;
	}
	for (; *at && *at != quote; at++) {
		if (quote == '"' && *at == '\\' && at[1] && strchr("$`\"\\\n", at[1])) {
			at++;
			if (*at == '\n')
				continue;
		}
		*(*out)++ = *at;
	}
	return *at ? at + 1 : NULL;
}

/* Moves the word at *@at to @out, without its quotes: what is behind its NUL, or NULL if a quote is
 * open.
 */
static char *next_word(const char **at, char *out)
{
	while (*at && **at && !strchr(" \t\n", **at)) {
		if (strchr("'\"\\", **at))
			*at = quoted(*at, &out);
		else
			*out++ = *(*at)++;
	}
	return *at ? out + 1 : NULL;
}

/* Steps over what separates words; a backslash takes the end of its line with it. */
static const char *skip_blanks(const char *at)
{
	while (*at) {
		if (strchr(" \t\n", *at))
			at++;
		else if (at[0] == '\\' && at[1] == '\n')
			at += 2;
		else
			break;
	}
	return at;
}

int words_split(const char *text, size_t more, char ***argv)
{
	/* Words have a byte and a blank each, at least. Their text is behind the pointers. */
	size_t len = strlen(text), room = len / 2 + 2 + more;
	char **words = calloc(1, room * sizeof(*words) + len + 1);
	char *out;
	int count = 0;

	if (!words)
		return -ENOMEM;
	out = (char *)(words + room);
	for (text = skip_blanks(text); *text; text = skip_blanks(text)) {
		words[count++] = out;
		out = next_word(&text, out);
		if (!out) {
			free(words);
			return -EINVAL;
		}
	}
	*argv = words;
	return count;
}

/* In single quotes where a shell would see more than letters; a quote itself as '\''. */
static void put_quoted(FILE *out, const char *word)
{
	const char *quote = *word && !word[strspn(word, PLAIN)] ? "" : "'";

	fputs(quote, out);
	for (; *word; word++) {
		if (*word == '\'')
			fputs("'\\''", out);
		else
			putc(*word, out);
	}
	fputs(quote, out);
}

void words_print(FILE *out, char *const *words)
{
	for (; *words; words++) {
		put_quoted(out, *words);
		if (words[1])
			putc(' ', out);
	}
}

char *words_join(char *const *words)
{
	char *line = NULL;
	size_t len;
	FILE *out = open_memstream(&line, &len);

	if (!out)
		return NULL;
	words_print(out, words);
	return fclose(out) ? NULL : line;
}

const char *path_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}
