/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A trial exec: does the shim really get into that program? */
#ifndef QRAP_TRIAL_H
#define QRAP_TRIAL_H

#include <stdbool.h>

#include "launcher/preload/loadable.h"

/* How long the shim has to answer, in milliseconds. */
#define TRIAL_MS 5000

/**
 * trial_run() - Start a program with the shim, which answers and ends it (see shim/answer.h)
 * @preload:	@shim and @runtime are set; @reason is filled where the answer is no
 * @path:	Executable; a program that does not load the shim is run with "-version"
 *
 * Takes at most TRIAL_MS; what the program started in its process group is ended.
 *
 * Return: true if the shim answered
 */
bool trial_run(struct preload *preload, const char *path);

#endif /* QRAP_TRIAL_H */
