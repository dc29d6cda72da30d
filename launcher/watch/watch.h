/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --watch: a command is run, and it is told what became of the descriptors that it was given. */
#ifndef QRAP_WATCH_H
#define QRAP_WATCH_H

#include "launcher/base/settings.h"

/* Return: the command's exit status, 128 and more for a signal; --error-exitcode's; or our own. */
int watch(const struct settings *options);

#endif /* QRAP_WATCH_H */
