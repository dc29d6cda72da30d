/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What QEMU writes, relayed to where it would have gone, by a process that does nothing else. QEMU
 * sets O_NONBLOCK on what it gets, which would cut short what others write there; and nobody but
 * this process waits for whoever reads it.
 */
#ifndef QRAP_CONSOLE_H
#define QRAP_CONSOLE_H

#include <stddef.h>
#include <sys/types.h>

/* Longest last line that is kept. */
#define CONSOLE_LAST_MAX 200

/**
 * struct console - One relay
 * @from:	Pipe that QEMU writes into, read here
 * @to:		Where that goes
 * @text:	What to look for, or NULL
 * @found:	Gets a byte when the text has come
 * @last:	The last line, in memory that the caller shares: CONSOLE_LAST_MAX + 1 bytes; or NULL
 */
struct console {
	int from;
	int to;
	const char *text;
	int found;
	char *last;
};

/**
 * console_start() - Start a relay
 * @console:	What to relay; its descriptors stay the caller's
 *
 * The process ends when nobody can write into the pipe any more, and all of it has gone out. It
 * ignores what its caller ignores.
 *
 * Return: its pid, or -errno
 */
pid_t console_start(const struct console *console);

#endif /* QRAP_CONSOLE_H */
