/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading a log file back: the events of its last run. */
#ifndef QRAP_JOURNAL_H
#define QRAP_JOURNAL_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "launcher/base/memory.h"
#include "shim/common/log.h"

/**
 * struct record - One event, as shim/log.c wrote it
 * @version:	Of the log
 * @kind:	Which event; EVENT_KINDS for one that is not known here
 * @seconds:	When, in whole seconds since 1970
 * @pid:	Process
 * @ppid:	Its parent, or 0 where the log does not say
 * @fd:		Descriptor number, or -1
 * @error:	errno, or 0
 * @offset:	Of the caller in @module
 *
 * The rest are members of the event, NULL where it has none.
 */
struct record {
	long version;
	enum log_kind kind;
	int64_t seconds;
	long pid;
	long ppid;
	long fd;
	long error;
	uint64_t offset;
	const char *run;
	const char *event;
	const char *exe;
	const char *socket;
	const char *call;
	const char *module;
	const char *found;
	const char *action;
	const char *command;
	const char *qemu;
	const char *msg;
};

/**
 * struct journal - What a log file has
 * @arena:	Where the records are kept
 * @run:	The last run, as it is named in the file, or NULL if there is none
 * @records:	Its records, in the order of the file
 * @count:	How many
 * @damaged:	Lines that are no JSON, or too long
 * @foreign:	Lines of another program
 * @versions:	Lines of another version of the log
 */
struct journal {
	struct arena *arena;
	const char *run;
	struct record *records;
	size_t count;
	size_t damaged;
	size_t foreign;
	size_t versions;
};

/**
 * journal_read() - Read a log file
 * @file:	File, read to its end
 * @journal:	Filled; for journal_free()
 *
 * The last run is the one that began last: several may write to one file at the same time. Memory
 * is used for one run only, and for each line at most 64 KiB.
 *
 * Return: 0, or -errno if the file could not be read to its end
 */
int journal_read(FILE *file, struct journal *journal);

void journal_free(struct journal *journal);

#endif /* QRAP_JOURNAL_H */
