/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A set of names, filled first and asked then. */
#include "launcher/cmdline/rewrite/names.h"

#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void names_add(struct arena *arena, struct names *names, const char *name)
{
	if (!name || !*name)
		return;
	names->list = arena_grow(arena, names->list, names->count, sizeof(name));
	names->list[names->count++] = name;
}

void names_sort(struct names *names)
{
	if (names->count)
		qsort(names->list, names->count, sizeof(*names->list), compare);
}

bool names_have(const struct names *names, const char *name)
{
	return name && names->count &&
	       bsearch(&name, names->list, names->count, sizeof(*names->list), compare);
}
