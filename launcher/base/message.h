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

/* Each writes "qrap: ..." and a line end, in one write, if @log's level asks for it. */
void message_error(const struct log *log, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void message_warning(const struct log *log, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void message_trace(const struct log *log, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* A line on stdout, where the user asked for it: without control characters, too. */
void message_answer(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Has all that went to stdout been written? If not, that is an error, and told. */
bool message_all_answered(const struct log *log);

/* The line of its own that scripts wait for, without prefix: "Connected to PATH". */
void message_connected(const struct log *log, const char *path);

#endif /* QRAP_MESSAGE_H */
