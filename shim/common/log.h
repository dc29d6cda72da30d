/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The log: one event, two forms. For people on stderr, for machines one JSON object a line in the
 * log file, each with a single write of at most PIPE_BUF bytes. Fit for a process that is not
 * ours: no stdio, no malloc, errno kept.
 */
#ifndef QRAP_LOG_H
#define QRAP_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/common/fd_identity.h"

/* What stderr gets: --log. */
enum log_level {
	LOG_QUIET,  /* nothing but the failure that ends the launcher */
	LOG_NORMAL, /* "Connected to PATH", warnings, errors */
	LOG_TRACE,  /* every event, each failed probe */
};

enum log_severity { SEVERITY_INFO, SEVERITY_WARNING, SEVERITY_ERROR };

/* The members of `event`; the names are in the manual, and a test compares the two. */
enum log_kind {
	EVENT_CONNECTED,
	EVENT_HANDED_OVER,
	EVENT_PROGRAM,
	EVENT_CLOSED,
	EVENT_OVERWRITTEN,
	EVENT_CLOEXEC,
	EVENT_SPARE_MOVED,
	EVENT_LOST,
	EVENT_RESTORED,
	EVENT_FOUND_INSTEAD,
	EVENT_CLAIMED,
	EVENT_RELEASED,
	EVENT_FIRST_FRAME,
	EVENT_OWNER_CLOSED,
	EVENT_PRELOAD_SKIPPED,
	EVENT_LINK_DOWN,
	EVENT_LINK_UP,
	EVENT_KINDS
};

/**
 * struct log - Where events of this process go
 * @level:	What stderr gets
 * @shim:	Lines on stderr begin with "qrap[PID]: " instead of "qrap: "
 * @run:	Number of this start, the same in all its processes
 * @file:	Path of the log file, or NULL or "" for none
 * @exe:	Path of this program, for the file
 * @fd:		The file, kept open by log_keep_open(); -1: opened for each event
 * @id:		Identity of the kept file: the number is used only while it is this
 */
struct log {
	enum log_level level;
	bool shim;
	uint64_t run;
	const char *file;
	const char *exe;
	int fd;
	struct identity id;
};

/**
 * struct log_event - Something that happened to the descriptor
 * @kind:	Which event
 * @severity:	Warnings and errors reach stderr at LOG_NORMAL, all else at LOG_TRACE
 * @msg:	One line for people, without prefix and line end
 * @fd:		Descriptor number, or -1 to leave it out; this and the rest go to the file only
 * @socket:	Path of passt's socket, or NULL
 * @call:	Name of the function that did it, or NULL
 * @module:	Who called it: path of program or library, or NULL
 * @offset:	... and where in that file
 * @found:	What was found on the number, or NULL
 * @action:	What was done about it, or NULL
 * @error:	errno that goes with it, or 0 to leave it out
 * @more:	Further members, ready-made JSON without braces ("\"away_ms\":12"), or NULL
 */
struct log_event {
	enum log_kind kind;
	enum log_severity severity;
	const char *msg;
	int fd;
	const char *socket;
	const char *call;
	const char *module;
	uint64_t offset;
	const char *found;
	const char *action;
	int error;
	const char *more;
};

/* Name of an event as it stands in the log. */
const char *log_kind_name(enum log_kind kind);

/**
 * log_event() - Write an event to stderr and to the log file, as far as each wants it
 * @log:	Where to
 * @event:	What
 *
 * The file is opened for each event with O_NOFOLLOW | O_APPEND, mode 0600, and closed again, so
 * that no descriptor of ours can be mistaken for another; unless it is kept open.
 *
 * Return: 0, or -errno if the log file could not be written (stderr's errors are nobody's)
 */
int log_event(const struct log *log, const struct log_event *event);

/* Keeps the log file open from now on, for a program that may lose sight of its path (chroot). */
void log_keep_open(struct log *log);

/* Closes the kept file, if the number is still it. */
void log_close(struct log *log);

/* The line on stderr alone: "qrap[PID]: MSG" or "qrap: MSG", one write. */
void log_line(const struct log *log, enum log_severity severity, const char *msg);

#endif /* QRAP_LOG_H */
