/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Command lines split into words: words_split() against what splitting undoes. Any text splits or
 * is refused; each word, put into single quotes, splits into itself.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/base/words.h"

static void insist(bool truth)
{
	if (!truth)
		abort();
}

/* Puts a word into single quotes; its own ones become '\''. */
static char *quote(char *out, const char *word)
{
	*out++ = '\'';
	for (; *word; word++) {
		if (*word == '\'') {
			memcpy(out, "'\\''", 4);
			out += 4;
		} else {
			*out++ = *word;
		}
	}
	*out++ = '\'';
	return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = calloc(1, size + 1), *quoted = malloc(7 * size + 1), *out = quoted;
	char **words = NULL, **again = NULL;
	int count;

	memcpy(text, data, size);
	count = words_split(text, 0, &words);
	insist(count >= 0 || count == -EINVAL);
	for (int i = 0; i < count; i++) {
		out = quote(out, words[i]);
		*out++ = i % 2 ? ' ' : '\n';
	}
	*out = '\0';
	insist(words_split(quoted, 0, &again) == (count < 0 ? 0 : count));
	for (int i = 0; i < count; i++)
		insist(!strcmp(words[i], again[i]));
	insist(count < 0 || !words[count]);
	free(words);
	free(again);
	free(text);
	free(quoted);
	return 0;
}
