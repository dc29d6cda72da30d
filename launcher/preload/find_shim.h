/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the shim is: one for each kind of program, as a system may have several side by side. */
#ifndef QRAP_FIND_SHIM_H
#define QRAP_FIND_SHIM_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "launcher/preload/elf.h"

/* Could a program and a library be one process: same machine, class and byte order? */
bool shims_same_kind(const struct elf *program, const struct elf *library);

/**
 * shims_find() - Find the shim for a program
 * @program:	The program, or NULL for this one
 * @shim:	Filled with its path on success
 * @elf:	Filled with its file on success, for elf_close()
 * @reason:	Filled with the reason, in words, on failure
 * @size:	Size of @reason in bytes
 *
 * From the directory of this program: ../lib/qrap, ../lib64/qrap, ../lib/TRIPLET/qrap (Debian's
 * place for libraries of that kind), beside it (build tree); else where `make install` put it. Its
 * version (ELF note "qrap") must be ours, where its class lets us read it.
 *
 * Return: true if found
 */
bool shims_find(const struct elf *program, char shim[PATH_MAX], struct elf *elf, char *reason,
		size_t size);

#endif /* QRAP_FIND_SHIM_H */
