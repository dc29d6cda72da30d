/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "launcher/cmdline/rewrite/plan.h"

void names_add(struct names *names, const char *group, const char *id)
{
	if (!id || !*id)
		return;
	names->list = arena_grow(names->arena, names->list, names->count, sizeof(*names->list));
	names->list[names->count++] = arena_format(names->arena, "%s.%s", group, id);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void names_sort(struct names *names)
{
	if (names->count)
		qsort(names->list, names->count, sizeof(*names->list), compare);
}

bool names_have(const struct names *names, const char *group, const char *id)
{
	const char *name = id ? arena_format(names->arena, "%s.%s", group, id) : NULL;

	return name && names->count &&
	       bsearch(&name, names->list, names->count, sizeof(name), compare);
}
