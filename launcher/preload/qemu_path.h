/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finding QEMU: as a shell looks commands up, and never qrap itself under another name. */
#ifndef QRAP_QEMU_PATH_H
#define QRAP_QEMU_PATH_H

#include <limits.h>
#include <stdbool.h>

#include "launcher/base/settings.h"

/**
 * struct qemu - The program that will be run
 * @name:	argv[0] for it: the name as it was asked for
 * @path:	File that will be executed
 */
struct qemu {
	const char *name;
	char path[PATH_MAX];
};

/**
 * qemu_find_command() - Look a command up as a shell does
 * @command:	Name (looked for in PATH) or path (anything with a slash)
 * @qemu:	Filled on success
 *
 * Never finds the launcher, or a copy of it, under another name than its own.
 *
 * Return: 0, STATUS_NOT_FOUND or STATUS_CANNOT_RUN, and errno says why; @qemu->path names what
 * cannot be run
 */
int qemu_find_command(const char *command, struct qemu *qemu);

/* Is this a name of QEMU, without or with a directory: qemu, kvm or qemu-something? */
bool qemu_is_name(const char *word);

/* Is this a name by which a guest is started: kvm, qemu-kvm or qemu-system-something? */
bool qemu_is_emulator(const char *word);

/**
 * program_find() - Is the first word a program that is to be run, and not a disk image?
 * @word:	A path, a file of the current directory, or a command of PATH
 * @program:	Filled
 *
 * A program is an ELF file or a script with "#!" that may be executed. PATH counts only where there
 * is no file of that name here.
 *
 * Return: true if it is
 */
bool program_find(const char *word, struct qemu *program);

/* Finds the first of a wrapper's words, NULL-terminated, that names a QEMU which is there. */
bool qemu_find_in_words(char *const *words, struct qemu *qemu);

/**
 * qemu_find() - The command, where the command line names one, else patch mode's QEMU
 * @settings:	Mode, command and --qemu
 * @qemu:	Filled
 *
 * Patch mode's is --qemu, or the first that can be run of kvm, qemu-kvm, qemu-system-ARCH,
 * /usr/libexec/qemu-kvm; @qemu->name is NULL where there is none of them.
 *
 * Return: as qemu_find_command()
 */
int qemu_find(const struct settings *settings, struct qemu *qemu);

#endif /* QRAP_QEMU_PATH_H */
