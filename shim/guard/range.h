/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls that close or mark a whole range of numbers: it is done in parts, around the watched
 * numbers that stay. Each function stands for the wrapped one of the same name, takes its arguments
 * and returns as it does; @where is the address that it was called from.
 */
#ifndef QRAP_RANGE_H
#define QRAP_RANGE_H

#include <spawn.h>

int range_close_range(unsigned first, unsigned last, int flags, const void *where);
void range_closefrom(int first, const void *where);

/* What posix_spawn() is to do in the child, without ever calling us there. */
int range_addclosefrom(posix_spawn_file_actions_t *actions, int first, const void *where);

#endif /* QRAP_RANGE_H */
