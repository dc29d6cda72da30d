/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program that starts QEMU: what it calls by QEMU's names is us. */
#ifndef QRAP_PROGRAM_H
#define QRAP_PROGRAM_H

#include "launcher/base/settings.h"

/**
 * run_program() - Become the program, with our links by QEMU's names first in its PATH
 * @options:	Its words are @command; our options are in the environment already
 *
 * Return: exit status where it cannot be run, or after --dry-run
 */
int run_program(const struct settings *options);

/**
 * program_has_connection() - Has this QEMU, called through a link, its connection already?
 * @options:	Its words are @command
 *
 * A kvm that is a script calls qemu-system-x86_64, and both may be links to us: the second time the
 * connection is there, as the handoff or, without the shim, QRAP_FD tells, and is on the line.
 *
 * Return: true if it has
 */
bool program_has_connection(const struct settings *options);

#endif /* QRAP_PROGRAM_H */
