/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which shim is for a program, and can it be loaded there? No process is started. */
#ifndef QRAP_LOADABLE_H
#define QRAP_LOADABLE_H

#include <limits.h>
#include <stdbool.h>

#include "launcher/preload/chain.h"
#include "launcher/preload/elf.h"

/* A reason in words, which may name two paths. */
#define REASON_MAX (2 * PATH_MAX + 256)

/**
 * struct preload - How the shim gets into a program
 * @chain:	The files that exec goes through for that program
 * @shim:	Path of the shim, or ""
 * @elf:	What is known of that file
 * @reason:	Why it cannot be loaded, in words, or ""
 * @runtime:	Sanitizer's runtime that the program wants loaded before all else (DT_NEEDED), or ""
 */
struct preload {
	struct chain chain;
	char shim[PATH_MAX];
	struct elf elf;
	char reason[REASON_MAX];
	char runtime[ELF_NAME_MAX];
};

/* Writes why the shim cannot be loaded. Return: false, for the caller to return. */
bool preload_refuse(struct preload *preload, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * preload_find() - Find the shim for a program, and look whether it may be loaded there
 * @preload:	Filled; @reason where the answer is no
 * @path:	The program
 * @args:	Its arguments without argv[0] where it may be a wrapper, see chain_find(), or NULL
 *
 * The shim is looked for from the directory of this program: ../lib/qrap, ../lib64/qrap,
 * ../lib/TRIPLET/qrap (Debian's place for libraries of that kind), beside it (build tree); else
 * where `make install` put it. Its version (ELF note "qrap") must be ours, where its class lets us
 * read it.
 *
 * Each ELF file of the chain must bear the shim, and the last one be dynamic, unless it runs a
 * script: the shim is for what that runs. A program that may be run but not read passes.
 *
 * Return: true if it may
 */
bool preload_find(struct preload *preload, const char *path, char *const *args);

/**
 * preload_value() - Value for LD_PRELOAD: what is there now, with the shim in it
 * @preload:	From preload_find()
 * @current:	Present value, or NULL
 *
 * Nothing of @current is changed. A sanitizer's runtime (libasan, libtsan, ...) that begins it
 * stays first, and @runtime comes first; all else comes behind the shim.
 *
 * Return: the value in memory that lives as long as the process, or NULL without memory
 */
char *preload_value(const struct preload *preload, const char *current);

#endif /* QRAP_LOADABLE_H */
