/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A set of names, filled first and asked then. */
#ifndef QRAP_NAMES_H
#define QRAP_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "launcher/base/memory.h"

struct names {
	const char **list;
	size_t count;
};

/* Adds a name; NULL and "" are none. The set keeps the pointer. */
void names_add(struct arena *arena, struct names *names, const char *name);

/* Once all are in: sorts them, so that names_have() costs O(log n). */
void names_sort(struct names *names);

bool names_have(const struct names *names, const char *name);

#endif /* QRAP_NAMES_H */
