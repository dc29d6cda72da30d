/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command that is going to be run: its words, printed or executed. */
#ifndef QRAP_EXEC_H
#define QRAP_EXEC_H

#include "launcher/preload/qemu_path.h"
#include "shim/common/log.h"

/**
 * command_words() - argv for a program
 * @name:	argv[0]
 * @args:	The rest, NULL-terminated
 *
 * Return: NULL-terminated array that lives as long as the process, or NULL without memory
 */
char **command_words(const char *name, char **args);

/* Prints words on stdout as one line that sh(1) runs as it is. */
void command_print(char *const *words);

/**
 * command_try() - Become the program
 * @qemu:	Program
 * @words:	Its argv
 *
 * A file that is executable but neither a program nor begins with #! is run by sh, as execvp(3)
 * does.
 *
 * Return: only if it failed: errno
 */
int command_try(const struct qemu *qemu, char **words);

/* Says that it failed with that errno: exit status. */
int command_failed(const struct log *log, const struct qemu *qemu, int error);

#endif /* QRAP_EXEC_H */
