/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Children of the launcher, of whom QEMU, the same process, is never to hear. */
#ifndef QRAP_SIGCHLD_H
#define QRAP_SIGCHLD_H

#include <stdbool.h>

/* Does a SIGCHLD wait, blocked by whoever started us? Asked before the child. */
bool sigchld_waits(void);

/* Takes back that of a child which was waited for: a blocked one would wait for QEMU. */
void sigchld_take_back(void);

#endif /* QRAP_SIGCHLD_H */
