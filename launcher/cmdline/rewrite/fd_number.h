/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The descriptor number for the connection in patch mode. */
#ifndef QRAP_FD_NUMBER_H
#define QRAP_FD_NUMBER_H

#include "launcher/cmdline/rewrite/plan.h"

/* The original's number. */
#define FD_NUMBER_USUAL 5

/**
 * fd_number_choose() - Find a descriptor number that nobody else uses
 * @plan:	All that goes from its line is marked
 * @is_open:	Is it open in the caller?
 *
 * Return: 5, as in the original, or the next one that is neither open nor spoken of by an argument
 *	   that stays
 */
int fd_number_choose(const struct plan *plan, bool (*is_open)(int fd));

#endif /* QRAP_FD_NUMBER_H */
