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

#endif /* QRAP_PROGRAM_H */
