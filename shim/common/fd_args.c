/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/common/fd_args.h"

#include <stddef.h>
#include <string.h>

/* What a number is, by what stands before it. */
enum meaning {
	MEANS_NOTHING,
	MEANS_LISTED,     /* a descriptor in a list: "fds=4:5" */
	MEANS_DESCRIPTOR, /* a descriptor */
	MEANS_NETWORK,    /* a descriptor that QEMU takes a network's connection from */
};

/*
 * What stands in front of a number that is a descriptor. "fd" is the end of vhostfd and sockfd,
 * too, "fds" that of vhostfds; only as a whole name they are a network's.
 */
static const struct {
	const char *name;
	enum meaning meaning;
} names[] = {
	{ "addr.str", MEANS_NETWORK },    { "str", MEANS_NETWORK },
	{ "fd", MEANS_NETWORK },          { "fds", MEANS_LISTED },
	{ "/dev/fd/", MEANS_DESCRIPTOR }, { "self/fd/", MEANS_DESCRIPTOR },
};

/* Is @c part of a name or a number? */
static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

static bool is_quote_or_blank(char c)
{
	return c == '"' || c == '\'' || c == '\\' || c == ' ' || c == '\t' || c == '\n';
}

/* May a property's name begin at @p? */
static bool begins_name(const char *word, const char *p)
{
	return p == word || p[-1] == ',' || p[-1] == '{' || is_quote_or_blank(p[-1]);
}

/* Is what stands between name and number as QEMU has it? "=", or in JSON a quote and a colon. */
static bool is_assignment(const char *end, const char *number)
{
	if (memchr(end + 1, '=', (size_t)(number - end) - 1))
		return false;
	return *end == '=' || (is_quote_or_blank(*end) && memchr(end, ':', (size_t)(number - end)));
}

/**
 * find_meaning() - What does that which stands before a number make of it?
 * @word:	The whole word
 * @number:	Where the number begins in it
 * @before:	Where the number before it ends, or @word if it is the first
 * @last:	What that one was
 *
 * Quotes and blanks are stepped over, so that "fd" : "5" is the same as fd:5. Never looks further
 * back than to @before, so that a word is read once, however long it is.
 */
static enum meaning find_meaning(const char *word, const char *number, const char *before,
				 enum meaning last)
{
	const char *end = number;
	bool separated = false;

	while (end > before && (is_quote_or_blank(end[-1]) || end[-1] == '=' || end[-1] == ':')) {
		separated |= end[-1] == '=' || end[-1] == ':';
		end--;
	}
	if (end == before)
		return last == MEANS_LISTED ? MEANS_LISTED : MEANS_NOTHING;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t len = strlen(names[i].name);
		bool is_path = names[i].meaning == MEANS_DESCRIPTOR;

		if ((size_t)(end - word) < len || memcmp(end - len, names[i].name, len) != 0 ||
		    (is_path ? end != number : !separated))
			continue;
		if (names[i].meaning != MEANS_NETWORK ||
		    (begins_name(word, end - len) && is_assignment(end, number)))
			return names[i].meaning;
		return MEANS_DESCRIPTOR;
	}
	return MEANS_NOTHING;
}

/* The most that any place of the word makes of this number. */
static enum meaning meaning_of(const char *word, int fd)
{
	enum meaning meaning = MEANS_NOTHING, most = MEANS_NOTHING;
	const char *before = word, *number = word;

	while (*(number += strcspn(number, "0123456789"))) {
		const char *end = number;
		long n = 0;

		for (; *end >= '0' && *end <= '9'; end++)
			n = n > fd ? n : n * 10 + (*end - '0');
		meaning = find_meaning(word, number, before, meaning);
		if (n == fd && !is_word(*end) && meaning > most)
			most = meaning;
		before = number = end;
	}
	return most;
}

bool mentions_descriptor(const char *word, int fd)
{
	return meaning_of(word, fd) != MEANS_NOTHING;
}

bool arg_names_fd(const char *word, int fd)
{
	return meaning_of(word, fd) == MEANS_NETWORK;
}

/* Between the words of a shell's command, and around QEMU's values. */
#define SEPARATORS " \t\n;|&()\"'`$,="

bool arg_names_qemu(const char *word)
{
	while (*word) {
		size_t len = strcspn(word, SEPARATORS);
		size_t dir = len;
		const char *name;

		while (dir && word[dir - 1] != '/')
			dir--;
		name = word + dir;
		len -= dir;
		if ((len == 3 && !memcmp(name, "kvm", len)) ||
		    (len == 4 && !memcmp(name, "qemu", len)) ||
		    (len > 5 && !memcmp(name, "qemu-", 5)))
			return true;
		word = name + len;
		word += *word != '\0';
	}
	return false;
}
