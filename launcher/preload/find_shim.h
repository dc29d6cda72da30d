/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the shim is: one for each kind of program, as a system may have several side by side. */
#ifndef QRAP_FIND_SHIM_H
#define QRAP_FIND_SHIM_H

#include <limits.h>
#include <stdbool.h>

#include "launcher/preload/elf.h"

/* A reason in words, which may name two paths. */
#define REASON_MAX (2 * PATH_MAX + 256)

/* Writes why the shim cannot be loaded. Return: false, for the caller to return. */
bool unfit(char reason[REASON_MAX], const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Name of an ELF file's machine, for people. */
const char *machine_name(uint16_t machine);

/**
 * shim_find() - Find the shim for a kind of program
 * @program:	The program
 * @path:	Filled with the shim's path on success
 * @shim:	Filled with what is known of it on success
 * @reason:	Filled on failure
 *
 * From the directory of this program: ../lib/qrap, ../lib64/qrap, ../lib/TRIPLET/qrap (Debian's
 * place for libraries of that kind), beside it (build tree); else where `make install` put it. Its
 * version (ELF note "qrap") must be ours, where its class lets us read it.
 *
 * Return: true if found
 */
bool shim_find(const struct elf *program, char path[PATH_MAX], struct elf *shim,
	       char reason[REASON_MAX]);

#endif /* QRAP_FIND_SHIM_H */
