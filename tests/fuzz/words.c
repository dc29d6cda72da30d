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
	struct words words, again;
	size_t i;
	int ret;

	memcpy(text, data, size);
	ret = words_split(text, &words);
	insist(!ret || ret == -EINVAL);
	for (i = 0; i < words.count; i++) {
		out = quote(out, words.argv[i]);
		*out++ = i % 2 ? ' ' : '\n';
	}
	*out = '\0';
	insist(!words_split(quoted, &again));
	insist(again.count == words.count);
	for (i = 0; i < words.count; i++)
		insist(!strcmp(words.argv[i], again.argv[i]));
	words_free(&words);
	words_free(&again);
	free(text);
	free(quoted);
	return 0;
}
