/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Can the shim be loaded into that program? Static checks, no process is started. */
#ifndef QRAP_LOADABLE_H
#define QRAP_LOADABLE_H

#include <limits.h>
#include <stdbool.h>

#include "launcher/preload/chain.h"
#include "launcher/preload/elf.h"
#include "launcher/preload/find_shim.h"
#include "launcher/preload/qemu_path.h"

/**
 * struct preload - How the shim gets into a program
 * @shim:	Path of the shim
 * @elf:	What is known of that file
 * @reason:	Why it cannot be loaded, in words, or ""
 * @runtime:	Sanitizer's runtime that the program wants loaded before all else (DT_NEEDED), or ""
 */
struct preload {
	char shim[PATH_MAX];
	struct elf elf;
	char reason[REASON_MAX];
	char runtime[ELF_NAME_MAX];
};

/**
 * preload_find_shim() - Find the shim that belongs to this launcher
 * @preload:	Filled; @reason on failure
 *
 * See shim_find(); for a program of another kind the check puts that one's in its place.
 *
 * Return: true if found
 */
bool preload_find_shim(struct preload *preload);

/**
 * preload_check_chain() - May the shim be preloaded into what exec goes through?
 * @preload:	From preload_find_shim(); @reason is filled where the answer is no
 * @chain:	From chain_find()
 *
 * Checks: path of the shim without blank and colon; each ELF file of the chain for the shim's
 * class, byte order, machine and libc, a dynamic loader that exists, and no privileges gained at
 * exec for this user. The last one must be dynamic, unless it runs a script: the shim is for what
 * that runs. A program that may be run but not read passes.
 *
 * Return: true if it may
 */
bool preload_check_chain(struct preload *preload, const struct chain *chain);

/* The same for a command that is no wrapper: patch mode's QEMU. */
bool preload_check(struct preload *preload, const struct qemu *program);

/* The same for a command of explicit mode, which may be a wrapper, see chain_find() for @args. */
bool preload_check_command(struct preload *preload, const struct qemu *program, char **args);

/**
 * preload_value() - Value for LD_PRELOAD: what is there now, with the shim in it
 * @preload:	@shim is set
 * @current:	Present value, or NULL
 *
 * Nothing of @current is changed. A sanitizer's runtime (libasan, libtsan, ...) that begins it
 * stays first, and @runtime comes first; all else comes behind the shim.
 *
 * Return: the value in memory that lives as long as the process, or NULL without memory
 */
char *preload_value(const struct preload *preload, const char *current);

#endif /* QRAP_LOADABLE_H */
