/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files that exec goes through for a command, before it is asked what they are good for. */
#ifndef QRAP_CHAIN_H
#define QRAP_CHAIN_H

#include <limits.h>
#include <stdbool.h>

#include "launcher/preload/elf.h"

/* How many interpreters, one for the other, the kernel goes through (Linux, exec_binprm). */
#define SCRIPT_DEPTH 5

/* A static wrapper, those scripts with an env(1) each, and the program that runs the last one. */
#define CHAIN_MAX (1 + 2 * SCRIPT_DEPTH + 1)

/**
 * struct chain_file - A file of the chain
 * @path:	Its path, or where it was not found the name that was looked for
 * @script:	Whose interpreter, or env(1)'s command, it is; or NULL
 * @error:	Why the chain ends here: ENOEXEC for no program, ELOOP for one interpreter too many,
 *		or another errno; 0 if it does not
 * @is_elf:	It is an ELF file; neither that nor a script is what may be run and not read
 * @elf:	Then: what is known of it
 * @interpreter: Of a script: path of its interpreter, else NULL
 * @command:	Where that is env(1): the command that it looks for in PATH, else NULL
 */
struct chain_file {
	char path[PATH_MAX];
	const struct chain_file *script;
	int error;
	bool is_elf;
	struct elf elf;
	const char *interpreter;
	const char *command;
};

/**
 * struct chain - Files, in the order in which exec comes to them
 * @files:	A script comes before its interpreter, that one before env's command; it has
 *		pointers into itself
 * @count:	How many, at least 1
 */
struct chain {
	struct chain_file files[CHAIN_MAX];
	unsigned count;
};

/**
 * chain_find() - Find the files that exec will go through
 * @chain:	Filled; only the last file can have an error
 * @path:	What is executed
 * @args:	Its arguments without argv[0], NULL-terminated; NULL: it is no wrapper
 *
 * A text without "#!" is a script of /bin/sh, as for execvp(3) and every shell. Behind a static
 * program comes what its arguments tell it to run: the first QEMU among them, else the first one.
 */
void chain_find(struct chain *chain, const char *path, char *const *args);

#endif /* QRAP_CHAIN_H */
