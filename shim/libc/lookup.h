/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Functions by their names, as dlsym(RTLD_NEXT) finds them, without it: until glibc 2.34 it is in
 * a library of its own, which every program on the way would have to map; and where it finds
 * nothing it allocates memory.
 */
#ifndef QRAP_LOOKUP_H
#define QRAP_LOOKUP_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct wanted - A function that is looked for
 * @name:	Its name
 * @function:	Where it is, or 0 if there is none
 * @gnu_hash:	Hash of its name for DT_GNU_HASH
 * @sysv_hash:	Hash of its name for DT_HASH
 */
struct wanted {
	const char *name;
	uintptr_t function;
	uint32_t gnu_hash;
	uint32_t sysv_hash;
};

/**
 * lookup_behind() - Find functions in the objects that were loaded behind our own
 * @wanted:	@name is set; the rest is filled
 * @count:	How many
 *
 * Each one is taken from the first object that defines it, in its default version. Objects are
 * taken as ld.so has them in memory: they are as trustworthy as their code.
 */
void lookup_behind(struct wanted *wanted, size_t count);

#endif /* QRAP_LOOKUP_H */
