/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/common/fd_args.h"

#include <stddef.h>
#include <string.h>

#include "shim/common/text.h"

#define QUOTES_AND_BLANKS "\"'\\ \t\n"

/* What may stand between a name and its number, so that "fd" : "5" is the same as fd:5. */
#define SEPARATORS QUOTES_AND_BLANKS "=:"

/* How a name makes a descriptor of the number behind it. */
enum naming {
	NAMES_PROPERTY, /* QEMU takes a network's connection from it, if the name is a whole one */
	NAMES_LIST,     /* of each number in a list: "fds=4:5" */
	NAMES_PATH,     /* without anything in between */
};

/* "fd" is the end of vhostfd and sockfd, too, and "fds" that of vhostfds. */
static const struct name {
	const char *text;
	enum naming naming;
} names[] = {
	{ "addr.str", NAMES_PROPERTY }, { "str", NAMES_PROPERTY },  { "fd", NAMES_PROPERTY },
	{ "fds", NAMES_LIST },          { "/dev/fd/", NAMES_PATH }, { "self/fd/", NAMES_PATH },
};

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* Is the number at @p this one, or one of the list that begins there? */
static bool is_number(const char *p, int fd, bool is_list)
{
	for (;;) {
		size_t len = strspn(p, "0123456789");
		uint64_t n;

		if (!len)
			return false;
		if (text_number(p, len, 10, &n) && n == (uint64_t)fd && !is_letter(p[len]))
			return true;
		p += len;
		len = strspn(p, SEPARATORS);
		if (!is_list || !len)
			return false;
		p += len;
	}
}

/* Is it a whole name with its value as QEMU has it: "=", or in JSON a quote and a colon? */
static bool is_property(const char *word, const char *name, const char *end, size_t gap)
{
	if (name > word && !strchr(",{" QUOTES_AND_BLANKS, name[-1]))
		return false;
	if (memchr(end + 1, '=', gap - 1))
		return false;
	return *end == '=' || (*end != ':' && memchr(end, ':', gap));
}

/* Does this name stand before the number, and for a network's connection as a property? */
static bool has_name(const char *word, const struct name *name, int fd, bool as_property)
{
	const char *at = word, *end;

	for (; (at = strstr(at, name->text)); at = end) {
		size_t gap;
		bool is_assigned;

		end = at + strlen(name->text);
		gap = strspn(end, SEPARATORS);
		is_assigned = memchr(end, '=', gap) || memchr(end, ':', gap);
		if ((name->naming == NAMES_PATH ? !gap : is_assigned) &&
		    is_number(end + gap, fd, name->naming == NAMES_LIST) &&
		    (!as_property || is_property(word, at, end, gap)))
			return true;
	}
	return false;
}

static bool has_any_name(const char *word, int fd, bool as_property)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if ((!as_property || names[i].naming == NAMES_PROPERTY) &&
		    has_name(word, &names[i], fd, as_property))
			return true;
	}
	return false;
}

bool mentions_descriptor(const char *word, int fd)
{
	return has_any_name(word, fd, false);
}

bool arg_names_fd(const char *word, int fd)
{
	return has_any_name(word, fd, true);
}
