/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which descriptor numbers the arguments of a program speak of. */
#include "shim/common/fd_args.h"

#include <stddef.h>
#include <string.h>

/*
 * What stands in front of a number that is a descriptor (QEMU.md, section 4). "fd=" is the end of
 * vhostfd= and sockfd= too, "fds=" that of vhostfds=; quotes and blanks are stepped over, so that
 * "fd" : "5" is the same as fd:5.
 */
static const char *const names[] = { "fd", "fds", "addr.str", "str", "/dev/fd/", "self/fd/" };

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

/* Does the text that ends at @end (in @word) end in @name? */
static bool ends_in(const char *word, const char *end, const char *name)
{
	size_t len = strlen(name);

	return (size_t)(end - word) >= len && !memcmp(end - len, name, len);
}

/* What a number is, by what stands before it. */
enum meaning { PLAIN, DESCRIPTOR, IN_LIST };

/**
 * find_meaning() - Does what stands before a number make it a descriptor?
 * @word:	The whole word
 * @number:	Where the number begins in it
 * @before:	Where the number before it ends, or @word if it is the first
 * @last:	What that one was
 *
 * Never looks further back than to @before, so that a word is read once, however long it is.
 *
 * Return: DESCRIPTOR for "fd=", "\"fd\": \"", "/dev/fd/", IN_LIST for each number of "fds=4:5"
 */
static enum meaning find_meaning(const char *word, const char *number, const char *before,
				 enum meaning last)
{
	const char *p = number;
	bool separator = false;

	while (p > before && (is_quote_or_blank(p[-1]) || p[-1] == '=' || p[-1] == ':')) {
		separator |= p[-1] == '=' || p[-1] == ':';
		p--;
	}
	if (p == before)
		return last == IN_LIST ? IN_LIST : PLAIN;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		bool path = names[i][strlen(names[i]) - 1] == '/';

		if (ends_in(word, p, names[i]) && (path ? p == number : separator))
			return strcmp(names[i], "fds") ? DESCRIPTOR : IN_LIST;
	}
	return PLAIN;
}

/**
 * next_number() - Find the next number of a word
 * @p:		Where to look from; moved behind the number
 * @fd:		What is looked for
 * @is_fd:	Is the number @fd?
 *
 * Return: where it begins, or NULL if there is none left
 */
static const char *next_number(const char **p, int fd, bool *is_fd)
{
	const char *number = *p + strcspn(*p, "0123456789");
	long n = 0;

	for (*p = number; **p >= '0' && **p <= '9'; ++*p)
		n = n > fd ? n : n * 10 + (**p - '0');
	*is_fd = n == fd && !is_word(**p);
	return *number ? number : NULL;
}

bool mentions_descriptor(const char *word, int fd)
{
	const char *p = word, *before = word, *number;
	enum meaning meaning = PLAIN;
	bool is_fd;

	while ((number = next_number(&p, fd, &is_fd))) {
		meaning = find_meaning(word, number, before, meaning);
		before = p;
		if (is_fd && meaning != PLAIN)
			return true;
	}
	return false;
}

/* May a property's name begin at @p? */
static bool begins_name(const char *word, const char *p)
{
	return p == word || p[-1] == ',' || p[-1] == '{' || is_quote_or_blank(p[-1]);
}

/**
 * is_property() - Is the number the value of a property that QEMU takes a connection by?
 * @word:	The whole word
 * @number:	Where the number begins in it
 * @before:	Where the number before it ends, or @word if it is the first
 *
 * Return: true for "fd=" and "\"fd\": \"", at the beginning or behind what may stand between two
 *	   properties or words
 */
static bool is_property(const char *word, const char *number, const char *before)
{
	static const char *const properties[] = { "fd", "addr.str", "str" };
	const char *end = number;

	while (end > before && (is_quote_or_blank(end[-1]) || end[-1] == ':'))
		end--;
	if (end > before && end[-1] == '=')
		end--;
	/* JSON has its names in quotes. */
	if (*end != '=' && (!is_quote_or_blank(*end) || !memchr(end, ':', (size_t)(number - end))))
		return false;
	for (size_t i = 0; i < sizeof(properties) / sizeof(properties[0]); i++) {
		if (ends_in(word, end, properties[i]) &&
		    begins_name(word, end - strlen(properties[i])))
			return true;
	}
	return false;
}

bool arg_names_fd(const char *word, int fd)
{
	const char *p = word, *before = word, *number;
	bool is_fd;

	while ((number = next_number(&p, fd, &is_fd))) {
		if (is_fd && is_property(word, number, before))
			return true;
		before = p;
	}
	return false;
}
