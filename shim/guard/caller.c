/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/guard/caller.h"

#include <string.h>

#include "shim/common/sys.h"
#include "shim/common/text.h"

/* The hexadecimal number at *@p, and over the one byte behind it. */
static uint64_t take_hex(const char **p)
{
	size_t digits = strspn(*p, "0123456789abcdef");
	uint64_t n = 0;

	text_number(*p, digits, 16, &n);
	*p += digits + 1;
	return n;
}

/* "START-END PERMISSIONS OFFSET DEVICE INODE PATH": is it a file's, and @address in that range? */
static bool is_line_of(const char *line, uint64_t address, struct caller *caller)
{
	uint64_t start, end;

	caller->module = strchr(line, '/');
	if (!caller->module)
		return false;
	start = take_hex(&line);
	end = take_hex(&line);
	line += strcspn(line, " ") + 1;
	caller->offset = address - start + take_hex(&line);
	return address >= start && address < end;
}

/* Line by line, at the beginning of the buffer; ends at a line that is longer. */
static bool search_lines(int fd, uint64_t address, struct caller *caller)
{
	size_t len = 0;
	ssize_t n;
	char *end;

	while ((n = sys_read(fd, caller->line + len, CALLER_LINE_MAX - len)) > 0) {
		len += (size_t)n;
		while ((end = memchr(caller->line, '\n', len))) {
			*end++ = '\0';
			if (is_line_of(caller->line, address, caller))
				return true;
			len -= (size_t)(end - caller->line);
			memmove(caller->line, end, len);
		}
	}
	return false;
}

bool caller_find(const void *address, struct caller *caller)
{
	int fd = sys_open("/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);
	bool found;

	caller->line[0] = '\0';
	found = search_lines(fd, (uint64_t)(uintptr_t)address, caller);
	sys_close(fd);
	return found;
}
