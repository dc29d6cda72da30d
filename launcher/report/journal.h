/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading a log file back: the events of its last run. JSON Lines, which may be damaged, cut off or
 * somebody else's; the table that writes them (log_members) reads them.
 */
#ifndef QRAP_JOURNAL_H
#define QRAP_JOURNAL_H

#include <stdio.h>

#include "launcher/report/journey.h"

/* What a line can be. */
enum line {
	LINE_OURS,
	LINE_DAMAGED, /* no JSON, or too long */
	LINE_FOREIGN, /* of another program */
	LINE_VERSION, /* of another version of the log */
	LINE_KINDS
};

/**
 * journal_read() - Read a log file
 * @file:	File, read to its end
 * @run:	Which run of it, or NULL for the last one
 * @journey:	Filled with that run, not judged yet; for arena_free()
 * @lines:	Filled: how many lines of each kind there were
 *
 * The last run is the one that began last: several may write to one file at the same time. Memory
 * is given back when another run begins, but for the names of all of them.
 *
 * Return: 0, or -errno if the file could not be read to its end
 */
int journal_read(FILE *file, const char *run, struct journey *journey, size_t lines[LINE_KINDS]);

#endif /* QRAP_JOURNAL_H */
