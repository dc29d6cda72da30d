/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/cmdline/rewrite/changes.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Bytes of the longest line; a command line of libvirt has hardly a word that is longer. */
#define LINE_SIZE 1024

static void make_printable(char *line)
{
	for (; *line; line++) {
		if ((unsigned char)*line < ' ' || *line == 0x7f)
			*line = '?';
	}
}

void changes_add(struct changes *changes, bool notable, const char *format, ...)
{
	struct change change = { .notable = notable };
	char line[LINE_SIZE];
	va_list list;
	int len;

	va_start(list, format);
	len = vsnprintf(line, sizeof(line), format, list);
	va_end(list);
	if (len < 0)
		return;
	if ((size_t)len >= sizeof(line))
		memcpy(line + sizeof(line) - sizeof("..."), "...", sizeof("..."));
	make_printable(line);
	change.line = arena_copy(changes->arena, line, strlen(line));
	changes->list = arena_grow(changes->arena, changes->list, changes->count, sizeof(change));
	changes->list[changes->count++] = change;
}
