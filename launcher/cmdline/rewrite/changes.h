/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of changes to a command line, for people. */
#ifndef QRAP_CHANGES_H
#define QRAP_CHANGES_H

#include <stdbool.h>
#include <stddef.h>

#include "launcher/base/memory.h"

/**
 * struct change - One change
 * @line:	"removed -net user: ...", "added ...", "carried over mac=...: ...", with its reason
 * @notable:	Said as a warning on every run, not only by --dry-run: a second NIC was removed, ...
 */
struct change {
	char *line;
	bool notable;
};

/**
 * struct changes - All changes, in order
 * @arena:	Where they are kept
 * @list:	Changes
 * @count:	How many
 */
struct changes {
	struct arena *arena;
	struct change *list;
	size_t count;
};

/* Adds one line; what cannot be printed in it is shown as "?", and it is cut where it gets long. */
void changes_add(struct changes *changes, bool notable, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif /* QRAP_CHANGES_H */
