/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/base/words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int words_add(struct words *words, const char *word)
{
	char **argv = realloc(words->argv, (words->count + 2) * sizeof(*argv));

	if (!argv)
		return -ENOMEM;
	words->argv = argv;
	argv[words->count + 1] = NULL;
	argv[words->count] = strdup(word);
	if (!argv[words->count])
		return -ENOMEM;
	words->count++;
	return 0;
}

void words_free(struct words *words)
{
	size_t i;

	for (i = 0; i < words->count; i++)
		free(words->argv[i]);
	free(words->argv);
	*words = (struct words) { 0 };
}

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

/* Copies the word at @at to @out, without its quotes: what follows it, or NULL if a quote is open.
 */
static const char *next_word(const char *at, char *out)
{
	while (at && *at && !strchr(" \t\n", *at)) {
		if (strchr("'\"\\", *at))
			at = quoted(at, &out);
		else
			*out++ = *at++;
	}
	*out = '\0';
	return at;
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

int words_split(const char *text, struct words *words)
{
	char *word = malloc(strlen(text) + 1);
	const char *at = skip_blanks(text);
	int ret = word ? 0 : -ENOMEM;

	*words = (struct words) { 0 };
	while (!ret && *at) {
		at = next_word(at, word);
		if (!at) {
			ret = -EINVAL;
			break;
		}
		ret = words_add(words, word);
		at = skip_blanks(at);
	}
	free(word);
	if (ret)
		words_free(words);
	return ret;
}

const char *path_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}
