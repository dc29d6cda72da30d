/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Can the shim be loaded into that program? Static checks, no process is started. */
#ifndef QRAP_LOADABLE_H
#define QRAP_LOADABLE_H

#include <limits.h>
#include <stdbool.h>

#include "launcher/preload/elf.h"
#include "launcher/preload/qemu_path.h"

/**
 * struct preload - How the shim gets into a program
 * @shim:	Path of the shim
 * @reason:	Why it cannot be loaded, in words, or ""
 * @elf:	File of the shim, where preload_find_shim() left it open for the first check
 * @is_open:	It did
 * @runtime:	Sanitizer's runtime that the program wants loaded before all else (DT_NEEDED), or ""
 */
struct preload {
	char shim[PATH_MAX];
	char reason[2 * PATH_MAX + 256];
	struct elf elf;
	bool is_open;
	char runtime[ELF_NAME_MAX];
};

/**
 * preload_find_shim() - Find the shim that belongs to this launcher
 * @preload:	@shim or @reason is filled
 *
 * See shims_find(); for a program of another kind preload_check() puts that one's in its place.
 *
 * Return: true if found
 */
bool preload_find_shim(struct preload *preload);

/**
 * preload_check() - May the shim be preloaded into this program?
 * @preload:	@shim is set; @reason is filled where the answer is no
 * @program:	What qemu_find_command() found, which is forgotten: ELF, or a script whose chain of
 *		interpreters is followed
 *
 * Checks: path of the shim without blank and colon; ELF class, byte order and machine the same as
 * the shim's; dynamic (PT_INTERP, which exists); the same kind of libc, with the symbol versions
 * that the shim needs; no privileges gained at exec (setuid, setgid, file capabilities) for this
 * user. Well under a millisecond. A script whose interpreter is static passes: the shim is for what
 * it runs. So does a program that may be run but not read.
 *
 * Return: true if it may
 */
bool preload_check(struct preload *preload, struct qemu *program);

/**
 * preload_check_command() - The same for a command of explicit mode, which may be a wrapper
 * @preload:	As for preload_check()
 * @program:	As for preload_check()
 * @args:	Its arguments without argv[0], NULL-terminated
 *
 * A static program passes if its arguments name a program that may have the shim: the first one, or
 * any that is called qemu-something, qemu or kvm. A static QEMU, which takes no such arguments,
 * does not.
 *
 * Return: true if the shim may be preloaded
 */
bool preload_check_command(struct preload *preload, struct qemu *program, char **args);

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
