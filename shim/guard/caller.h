/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose code an address belongs to: a reader of /proc/self/maps (proc(5)). */
#ifndef QRAP_CALLER_H
#define QRAP_CALLER_H

#include <stdbool.h>
#include <stdint.h>

/* Longest path that is told. It is kept on the stack of whoever calls, which may be small. */
#define CALLER_MODULE_MAX 1023

/**
 * struct caller - A place in a program or library
 * @module:	Path of the file, "" if unknown
 * @offset:	Where in that file, in bytes
 */
struct caller {
	char module[CALLER_MODULE_MAX + 1];
	uint64_t offset;
};

/**
 * caller_find() - Find the file behind an address, from /proc/self/maps
 * @address:	Address in this process
 * @caller:	Filled; empty where nothing is found
 *
 * No dladdr(): it takes the loader's locks.
 *
 * Return: true if found
 */
bool caller_find(const void *address, struct caller *caller);

#endif /* QRAP_CALLER_H */
