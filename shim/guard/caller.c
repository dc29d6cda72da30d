/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/guard/caller.h"

#include <string.h>

#include "shim/common/sys.h"
#include "shim/common/text.h"

/* The fields before the path: "START-END PERMISSIONS OFFSET DEVICE INODE", and with blanks. */
#define FIELDS_MAX 128
#define READ_BYTES 512

/**
 * struct line - A line, byte by byte
 * @fields:	All up to the path
 * @len:	Bytes of it, what does not fit left out
 * @path_len:	Bytes of the path, likewise
 */
struct line {
	char fields[FIELDS_MAX];
	size_t len;
	size_t path_len;
};

/* The hexadecimal number at *@p, and over the one byte behind it. */
static bool take_hex(const char **p, uint64_t *out)
{
	size_t digits = strspn(*p, "0123456789abcdef");

	if (!text_number(*p, digits, 16, out))
		return false;
	*p += digits;
	*p += **p != '\0';
	return true;
}

/* Is @address in the range of this line? Then its offset in the file is known. */
static bool fields_hold(const char *fields, uint64_t address, struct caller *caller)
{
	uint64_t start, end, offset;
	const char *p = fields;

	if (!take_hex(&p, &start) || !take_hex(&p, &end) || address < start || address >= end)
		return false;
	p += strcspn(p, " ");
	p += *p == ' ';
	if (!take_hex(&p, &offset))
		return false;
	caller->offset = address - start + offset;
	return true;
}

/* The next byte. Return: true at the end of the line that was looked for. */
static bool take_byte(struct line *line, char c, uint64_t address, struct caller *caller)
{
	bool in_path = line->path_len || c == '/';

	if (c == '\n') {
		line->fields[line->len] = '\0';
		caller->module[line->path_len] = '\0';
		if (line->path_len && line->path_len < CALLER_MODULE_MAX &&
		    fields_hold(line->fields, address, caller))
			return true;
		line->len = line->path_len = 0;
	} else if (in_path && line->path_len < CALLER_MODULE_MAX) {
		caller->module[line->path_len++] = c;
	} else if (!in_path && line->len < FIELDS_MAX - 1) {
		line->fields[line->len++] = c;
	}
	return false;
}

static bool search_lines(int fd, uint64_t address, struct caller *caller)
{
	struct line line = { .len = 0 };
	char buf[READ_BYTES];
	ssize_t n;

	while ((n = sys_read(fd, buf, sizeof(buf))) > 0) {
		for (ssize_t i = 0; i < n; i++) {
			if (take_byte(&line, buf[i], address, caller))
				return true;
		}
	}
	return false;
}

bool caller_find(const void *address, struct caller *caller)
{
	int fd = sys_open("/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);
	bool found;

	caller->module[0] = '\0';
	caller->offset = 0;
	if (fd < 0)
		return false;
	found = search_lines(fd, (uint64_t)(uintptr_t)address, caller);
	sys_close(fd);
	if (!found)
		caller->module[0] = '\0';
	return found;
}
