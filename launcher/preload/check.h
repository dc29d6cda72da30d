/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --check: can the shim be loaded into that QEMU? */
#ifndef QRAP_CHECK_H
#define QRAP_CHECK_H

#include "launcher/base/settings.h"

/**
 * check() - Look at QEMU, and try it
 * @options:	@command: QEMU as a name or a path, or nothing for patch mode's
 *
 * On stdout: "yes" or "no: REASON", then what was looked at.
 *
 * Return: exit status: 0 yes, 1 no, STATUS_NOT_FOUND no QEMU
 */
int check(const struct settings *options);

#endif /* QRAP_CHECK_H */
