/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names on a command line, which may have many: looked up in a sorted list. */
#ifndef QRAP_NAMES_H
#define QRAP_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "launcher/base/memory.h"

/**
 * struct names - A set of names
 * @arena:	Where they are kept
 * @list:	Each as GROUP.ID
 * @count:	How many
 */
struct names {
	struct arena *arena;
	const char **list;
	size_t count;
};

/* Adds a name; NULL and "" are none. */
void names_add(struct names *names, const char *group, const char *id);

/* To be called when all are added, before names_have(). */
void names_sort(struct names *names);

bool names_have(const struct names *names, const char *group, const char *id);

#endif /* QRAP_NAMES_H */
