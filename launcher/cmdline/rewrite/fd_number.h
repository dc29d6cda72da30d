/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The descriptor number for the connection in patch mode. */
#ifndef QRAP_FD_NUMBER_H
#define QRAP_FD_NUMBER_H

#include "launcher/cmdline/parse/inventory.h"

/* The original's number. */
#define NUMBER_USUAL 5

/**
 * number_choose() - Find a descriptor number that nobody else uses
 * @arena:	For working memory
 * @inventory:	What stays on the command line
 * @is_open:	Is it open in the caller?
 *
 * Return: 5, as in the original, or the next one that is neither open nor spoken of by an argument
 *	   that stays
 */
int number_choose(struct arena *arena, const struct inventory *inventory, bool (*is_open)(int fd));

#endif /* QRAP_FD_NUMBER_H */
