/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "launcher/cmdline/rewrite/plan.h"
#include "shim/common/text.h"

/* Bytes of the longest line; a command line of libvirt has hardly a word that is longer. */
#define LINE_SIZE 1024

void plan_note(struct plan *plan, bool notable, const char *format, ...)
{
	struct changes *changes = &plan->changes;
	struct change change = { .notable = notable };
	char line[LINE_SIZE];
	struct text text;
	va_list list;

	text_start(&text, line, sizeof(line));
	va_start(list, format);
	text_vformat(&text, format, list);
	va_end(list);
	if (text.cut)
		memcpy(line + sizeof(line) - sizeof("..."), "...", sizeof("..."));
	text_blank_controls(line, text.len);
	change.line = arena_copy(plan->arena, line, text.len);
	changes->list = arena_grow(plan->arena, changes->list, changes->count, sizeof(change));
	changes->list[changes->count++] = change;
}
