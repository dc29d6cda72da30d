/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What QEMU and a command change on files that others share with them: the terminal's settings, and
 * O_NONBLOCK, which QEMU sets on its standard output.
 */
#ifndef QRAP_TERMINAL_H
#define QRAP_TERMINAL_H

#include <stdbool.h>
#include <termios.h>

/**
 * struct terminal - Standard input, output and error as they were
 * @flags:	Of the open file: F_GETFL of fcntl(2), or -1
 * @is_terminal: @settings are those of a terminal
 * @settings:	Its settings
 */
struct terminal {
	int flags[3];
	bool is_terminal[3];
	struct termios settings[3];
};

void terminal_save(struct terminal *terminal);

/* Puts back what differs. The caller ignores SIGTTOU. */
void terminal_restore(const struct terminal *terminal);

#endif /* QRAP_TERMINAL_H */
