/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose code an address belongs to: a reader of /proc/self/maps (proc(5)). */
#ifndef QRAP_CALLER_H
#define QRAP_CALLER_H

#include <stdbool.h>
#include <stdint.h>

/* Longest line that is read. It is kept on the stack of whoever calls, which may be small. */
#define CALLER_LINE_MAX 1024

/**
 * struct caller - A place in a program or library
 * @line:	The line of the file that says so
 * @module:	Path of the file, in @line
 * @offset:	Where in that file, in bytes
 */
struct caller {
	char line[CALLER_LINE_MAX];
	const char *module;
	uint64_t offset;
};

/**
 * caller_find() - Find the file behind an address
 * @address:	Address in this process
 * @caller:	Filled
 *
 * No dladdr(): it takes the loader's locks.
 *
 * Return: true if found
 */
bool caller_find(const void *address, struct caller *caller);

#endif /* QRAP_CALLER_H */
