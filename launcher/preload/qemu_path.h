/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finding QEMU and becoming it. */
#ifndef QRAP_QEMU_PATH_H
#define QRAP_QEMU_PATH_H

#include <limits.h>
#include <stdbool.h>

#include "launcher/preload/elf.h"

/**
 * struct qemu - The program that will be run
 * @name:	argv[0] for it: the name as it was asked for
 * @path:	File that will be executed
 * @elf:	That file, open for whoever looks into it next
 * @is_open:	It is: not so for a script, or after qemu_forget()
 */
struct qemu {
	const char *name;
	char path[PATH_MAX];
	struct elf elf;
	bool is_open;
};

/**
 * qemu_find_command() - Look a command up as a shell does
 * @command:	Name (looked for in PATH) or path (anything with a slash)
 * @qemu:	Filled on success; for qemu_forget()
 *
 * Never finds the launcher, or a copy of it, under another name than its own.
 *
 * Return: 0, STATUS_NOT_FOUND or STATUS_CANNOT_RUN; @qemu->path then names what cannot be run, and
 *	   errno says why
 */
int qemu_find_command(const char *command, struct qemu *qemu);

/* Closes its file, if it is open. */
void qemu_forget(struct qemu *qemu);

/* Is this a name of QEMU, without or with a directory: qemu, kvm or qemu-something? */
bool qemu_is_name(const char *word);

/**
 * qemu_find_default() - Patch mode's QEMU: kvm, qemu-kvm, qemu-system-ARCH, /usr/libexec/qemu-kvm
 * @qemu:	Filled on success; for qemu_forget()
 *
 * A name that is there but cannot be run does not end the search.
 *
 * Return: as qemu_find_command()
 */
int qemu_find_default(struct qemu *qemu);

#endif /* QRAP_QEMU_PATH_H */
