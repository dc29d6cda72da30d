/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The first line of a script. */
#ifndef QRAP_SCRIPT_H
#define QRAP_SCRIPT_H

#include <stdbool.h>

/* What the kernel reads of a script to find its interpreter, with the NUL (Linux, BINPRM_BUF_SIZE).
 */
#define SCRIPT_LINE_MAX 256

/* How many interpreters, one for the other, the kernel goes through (Linux, exec_binprm). */
#define SCRIPT_DEPTH 5

/**
 * struct script - Who runs a script
 * @interpreter: Path of its interpreter
 * @command:	Where that is env(1): the command that it looks for in PATH; else ""
 */
struct script {
	char interpreter[SCRIPT_LINE_MAX];
	char command[SCRIPT_LINE_MAX];
};

/**
 * script_read() - Read the first line of a script
 * @path:	File
 * @script:	Filled if it is a script
 *
 * A text without "#!" is one, too: for /bin/sh, as for execvp(3) and every shell.
 *
 * Return: true if it is a script
 */
bool script_read(const char *path, struct script *script);

#endif /* QRAP_SCRIPT_H */
