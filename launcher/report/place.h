/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where in a program or library a call came from, for people. */
#ifndef QRAP_PLACE_H
#define QRAP_PLACE_H

#include <stdint.h>

#include "launcher/base/memory.h"

/**
 * place_describe() - Describe a return address
 * @arena:	Where the text is kept
 * @module:	Path of program or library
 * @offset:	Offset in its file
 *
 * The file is the one that is there now: the build-id tells whether it still is the one that ran.
 *
 * Return: "MODULE+0xOFFSET, build-id ID", or what of it is missing
 */
char *place_describe(struct arena *arena, const char *module, uint64_t offset);

#endif /* QRAP_PLACE_H */
