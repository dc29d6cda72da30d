/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose code an address belongs to: a reader of /proc/self/maps (proc(5)). */
#include "caller.h"

#include <string.h>

#include "sys.h"
#include "text.h"

/* Longest line: a path and 73 bytes of fields, with room to spare. */
#define LINE_MAX_BYTES (PATH_MAX + 256)

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

/* "START-END PERMISSIONS OFFSET DEV INODE PATH": does it hold @address? */
static bool line_holds(const char *line, uint64_t address, struct caller *caller)
{
	uint64_t start, end, offset;
	const char *p = line;

	if (!take_hex(&p, &start) || !take_hex(&p, &end) || address < start || address >= end)
		return false;
	p += strcspn(p, " ");
	p += *p == ' ';
	if (!take_hex(&p, &offset))
		return false;
	p = strchr(p, '/');
	if (!p || strlen(p) >= sizeof(caller->module))
		return false;
	memcpy(caller->module, p, strlen(p) + 1);
	caller->offset = address - start + offset;
	return true;
}

/* Goes through the lines of @fd; a line that is cut off by the buffer's end is read again. */
static bool search_lines(int fd, uint64_t address, struct caller *caller)
{
	char buf[LINE_MAX_BYTES];
	size_t len = 0;

	for (;;) {
		ssize_t n = sys_read(fd, buf + len, sizeof(buf) - len);
		char *line = buf, *end;

		if (n <= 0)
			return false;
		len += (size_t)n;
		while ((end = memchr(line, '\n', len - (size_t)(line - buf)))) {
			*end = '\0';
			if (line_holds(line, address, caller))
				return true;
			line = end + 1;
		}
		len -= (size_t)(line - buf);
		memmove(buf, line, len);
	}
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
	return found;
}
