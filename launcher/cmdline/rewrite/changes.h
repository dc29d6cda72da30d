/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of changes to a command line, for people. */
#ifndef QRAP_CHANGES_H
#define QRAP_CHANGES_H

#include "launcher/base/memory.h"
#include "launcher/cmdline/rewrite/rewrite.h"

/**
 * struct changes - The list
 * @arena:	Where it is kept
 * @list:	Changes in order
 * @count:	How many
 */
struct changes {
	struct arena *arena;
	struct netargs_change *list;
	size_t count;
};

/* Adds one line; what cannot be printed in it is shown as "?", and it is cut where it gets long. */
void changes_add(struct changes *changes, bool notable, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif /* QRAP_CHANGES_H */
