/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The first line of a script. */
#ifndef QRAP_SCRIPT_H
#define QRAP_SCRIPT_H

#include <stdbool.h>

/* What the kernel reads of a script to find its interpreter, with the NUL (Linux, BINPRM_BUF_SIZE).
 */
#define SCRIPT_LINE_MAX 256

/* Longest command that script_target() finds, with its NUL. */
#define SCRIPT_WORD_MAX 1024

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

/**
 * script_target() - Which program does a shell script exec?
 * @path:	File
 * @target:	Filled with a command, a name or a path
 *
 * The first line that begins with "exec" and names one, also by a variable that the script sets to
 * an absolute path. A guess, for people: no shell is run.
 *
 * Return: true if there is one
 */
bool script_target(const char *path, char target[SCRIPT_WORD_MAX]);

#endif /* QRAP_SCRIPT_H */
