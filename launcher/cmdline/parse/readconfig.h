/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A configuration file of QEMU (-readconfig), as qemu_config_foreach() reads it. */
#ifndef QRAP_READCONFIG_H
#define QRAP_READCONFIG_H

#include <stddef.h>

#include "launcher/cmdline/parse/properties.h"

/**
 * struct section - What stands below one [GROUP "ID"]
 * @group:	"device", "netdev", "machine", ...
 * @properties:	key = "value", and the id as the first of them
 * @file:	Path of the file, for messages
 */
struct section {
	const char *group;
	struct properties properties;
	const char *file;
};

/* Sections of all files that were read, in order. */
struct config {
	struct section *sections;
	size_t count;
};

/**
 * readconfig_add() - Add the sections of a file
 * @arena:	Where they are kept
 * @path:	The file; if it is none, or cannot be read, nothing is added: QEMU will say so
 * @config:	Where they are added
 *
 * Only regular files are read, since what comes out of a pipe would be missing for QEMU.
 */
void readconfig_add(struct arena *arena, const char *path, struct config *config);

#endif /* QRAP_READCONFIG_H */
