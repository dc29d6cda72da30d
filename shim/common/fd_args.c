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

/* Does the name at @at make a descriptor of the number behind it, and a network's if @as_property?
 */
static bool names_fd(const char *word, const char *at, const struct name *name, int fd,
		     bool as_property)
{
	const char *end = at + strlen(name->text);
	size_t gap = strspn(end, SEPARATORS);
	bool is_assigned = memchr(end, '=', gap) || memchr(end, ':', gap);

	if ((name->naming == NAMES_PATH ? gap : !is_assigned) ||
	    !is_number(end + gap, fd, name->naming == NAMES_LIST))
		return false;
	return !as_property || (name->naming == NAMES_PROPERTY && is_property(word, at, end, gap));
}

static bool any_names_fd(const char *word, int fd, bool as_property)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		for (const char *at = word; (at = strstr(at, names[i].text)); at++) {
			if (names_fd(word, at, &names[i], fd, as_property))
				return true;
		}
	}
	return false;
}

bool mentions_descriptor(const char *word, int fd)
{
	return any_names_fd(word, fd, false);
}

bool arg_names_fd(const char *word, int fd)
{
	return any_names_fd(word, fd, true);
}

/* Between the words of a shell's command, and around QEMU's values. */
#define WORD_ENDS " \t\n;|&()\"'`$,="

/* What QEMU itself runs for another network of its own. */
#define HELPER "qemu-bridge-helper"

bool arg_names_qemu(const char *word)
{
	while (*word) {
		size_t len = strcspn(word, WORD_ENDS);
		size_t dir = len;
		const char *name;

		while (dir && word[dir - 1] != '/')
			dir--;
		name = word + dir;
		len -= dir;
		if ((len == 3 && !memcmp(name, "kvm", len)) ||
		    (len == 4 && !memcmp(name, "qemu", len)) ||
		    (len > 5 && !memcmp(name, "qemu-", 5) && strncmp(name, HELPER, len) != 0))
			return true;
		word = name + len;
		word += *word != '\0';
	}
	return false;
}
