/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the launcher tells people, on stderr; stdout stays the command's. */
#ifndef QRAP_MESSAGE_H
#define QRAP_MESSAGE_H

#include "shim/common/log.h"

/* Exit statuses of our own; any other is QEMU's (env(1) and nohup(1) use the same). */
enum status {
	STATUS_FAILED = 125,     /* qrap itself failed */
	STATUS_CANNOT_RUN = 126, /* QEMU was found but could not be run */
	STATUS_NOT_FOUND = 127,  /* no QEMU */
};

/**
 * message() - A line on stderr, in one write, so that those of several processes stay whole
 * @log:	Says what stderr gets
 * @least:	Level from which on this is wanted
 * @format:	The line without its end; control characters in it are made harmless
 *
 * Return: -1, for a caller whose own answer that is
 */
int message(const struct log *log, enum log_level least, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The first line of message_error() in this process, without its prefix; "" if there was none. */
const char *message_first_error(void);

/* "qrap: ...". --log quiet, too, wants to know why nothing runs. */
#define message_error(log, ...)   message(log, LOG_QUIET, "qrap: " __VA_ARGS__)
#define message_warning(log, ...) message(log, LOG_NORMAL, "qrap: " __VA_ARGS__)
#define message_trace(log, ...)   message(log, LOG_TRACE, "qrap: " __VA_ARGS__)

/* A line on stdout, where the user asked for it: without control characters, too. */
void message_answer(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Has all that went to stdout been written? If not, that is an error, and told. */
bool message_all_answered(const struct log *log);

#endif /* QRAP_MESSAGE_H */
