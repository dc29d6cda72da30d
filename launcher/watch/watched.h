/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The descriptors that --watch is about: which, and what they are. */
#ifndef QRAP_WATCHED_H
#define QRAP_WATCHED_H

#include <sys/stat.h>

#include "launcher/base/memory.h"
#include "shim/common/handoff.h"
#include "shim/common/log.h"

/**
 * struct watched - A descriptor, as it is before the command runs
 * @fd:		Its number
 * @id:		What tells it from others
 * @access:	S_IRUSR, S_IWUSR: what it was opened for; 0 where there is no /proc
 * @kind:	What it is, in a word: file, pipe, socket, eventfd, ...
 * @name:	Which one, in words: path, addresses
 */
struct watched {
	int fd;
	struct identity id;
	mode_t access;
	const char *kind;
	const char *name;
};

/**
 * watched_read() - Read what --watch is given
 * @log:	For messages
 * @text:	Numbers, ranges, stdio, listen, all, separated by commas
 * @arena:	Where texts are kept
 * @list:	Filled
 *
 * Return: how many, or -1 after a message
 */
int watched_read(const struct log *log, const char *text, struct arena *arena,
		 struct watched list[WATCH_MAX]);

/* Fills all but @fd. */
void watched_describe(struct watched *watched, struct arena *arena);

#endif /* QRAP_WATCHED_H */
