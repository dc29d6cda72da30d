/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading a log file back: the events of its last run. JSON Lines, which may be damaged, cut off or
 * somebody else's; the table that writes them (log_members) reads them.
 */
#ifndef QRAP_JOURNAL_H
#define QRAP_JOURNAL_H

#include <stddef.h>
#include <stdio.h>

#include "launcher/base/memory.h"
#include "shim/common/log.h"

/* What a line can be. */
enum line {
	LINE_OURS,
	LINE_DAMAGED, /* no JSON, or too long */
	LINE_FOREIGN, /* of another program */
	LINE_VERSION, /* of another version of the log */
	LINE_KINDS
};

/**
 * struct journal - What a log file has
 * @arena:	Where the events are kept
 * @run:	The last run, as it is named in the file, or NULL if there is none
 * @events:	Its events, in the order of the file; members that the file has not are NULL or 0
 * @count:	How many
 * @lines:	How many lines of each enum line there were
 */
struct journal {
	struct arena *arena;
	const char *run;
	struct log_event *events;
	size_t count;
	size_t lines[LINE_KINDS];
};

/**
 * journal_read() - Read a log file
 * @file:	File, read to its end
 * @journal:	Filled; for journal_free()
 *
 * The last run is the one that began last: several may write to one file at the same time. Memory
 * is used for one run, and the names of the others.
 *
 * Return: 0, or -errno if the file could not be read to its end
 */
int journal_read(FILE *file, struct journal *journal);

void journal_free(struct journal *journal);

#endif /* QRAP_JOURNAL_H */
