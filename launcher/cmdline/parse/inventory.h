/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is on QEMU's command line, as far as a NIC has to do with it. */
#ifndef QRAP_INVENTORY_H
#define QRAP_INVENTORY_H

#include <stdbool.h>
#include <stddef.h>

#include "launcher/base/memory.h"
#include "launcher/cmdline/parse/properties.h"
#include "launcher/cmdline/parse/qemu_options.h"

enum role {
	ROLE_OTHER,      /* nothing that matters here */
	ROLE_NIC_DEVICE, /* -device that is a NIC */
	ROLE_NIC,        /* -nic: NIC and netdev in one */
	ROLE_NET_NIC,    /* -net nic: a NIC on QEMU's old hub */
	ROLE_NETDEV,     /* -netdev, and -net with a backend */
	ROLE_NONE,       /* -nic none, -net none: no NIC of QEMU's own */
	ROLE_LEGACY,     /* -redir, -tftp, ...: user networking before QEMU 3.0 */
	ROLE_DECLARED,   /* a NIC or netdev of a configuration file */
	ROLE_DEVICE,     /* -device that is no NIC */
	ROLE_OBJECT,     /* -object */
	ROLE_SET,        /* -set */
	ROLE_MACHINE,    /* -machine, -M */
};

/**
 * struct item - An option, or a section of a configuration file, and what it means
 * @option:	The option; a section has no words, and its name is the group
 * @file:	Path of the configuration file that the section is in; NULL for an option
 * @role:	What it is
 * @properties:	Its value, taken apart, where the role has one; -set: type GROUP, id, and the key
 * @connected:	A NIC that is connected to something (rewrite/moves.c finds out)
 * @moves:	A backend that passt replaces (rewrite/moves.c decides)
 * @removed:	Why it goes, in words (rewrite/removal.c decides); NULL: it stays
 * @notable:	... which everybody should know
 */
struct item {
	struct qemu_option option;
	const char *file;
	enum role role;
	struct properties properties;
	bool connected;
	bool moves;
	const char *removed;
	bool notable;
};

/**
 * struct inventory - The whole line
 * @items:	Options in order; the sections of a file stand in front of the option that names it
 * @count:	How many
 * @machine:	Machine asked for, or NULL
 * @nodefaults:	-nodefaults is there
 * @no_vga:	No display adapter but those among the devices
 * @json:	Some device that stays is written in JSON
 * @nic:	The guest's NIC, which comes to passt (rewrite/moves.c); or NULL
 * @default_nic: QEMU would add a NIC of its own: no option has to do with a network
 * @first_device: Index of the first item that adds a device, or @end
 * @end:	Where more options can be put: before a last one whose value is missing
 */
struct inventory {
	struct item *items;
	size_t count;
	const char *machine;
	bool nodefaults;
	bool no_vga;
	bool json;
	struct item *nic;
	bool default_nic;
	size_t first_device;
	size_t end;
};

/* Takes stock of QEMU's arguments (without argv[0], NULL-terminated); nothing is removed yet. */
void inventory_take(struct arena *arena, char **args, struct inventory *out);

/**
 * inventory_add_file() - Add the sections of a configuration file
 * @arena:	Where they are kept
 * @path:	The file; if it is none, or cannot be read, nothing is added: QEMU will say so
 * @out:	Where they are added, each without a role
 *
 * Only regular files are read, since what comes out of a pipe would be missing for QEMU.
 */
void inventory_add_file(struct arena *arena, const char *path, struct inventory *out);

/* Adds an item to the end. */
void inventory_add(struct arena *arena, struct inventory *out, const struct item *item);

/* Driver of a -device, type of a -netdev, -net or -nic, GROUP of a -set; "" if it has none. */
const char *item_type(const struct item *item);

/* id of a device, netdev or object, or NULL. */
const char *item_id(const struct item *item);

/* id of the netdev that the item declares, or NULL; older releases say name where id is meant. */
const char *item_netdev_id(const struct item *item);

/* Is it one of the three ways to ask for a NIC? */
bool item_is_nic(const struct item *item);

/* Is it QEMU's user networking? That is what -nic without a type is, too. */
bool item_is_user(const struct item *item);

#endif /* QRAP_INVENTORY_H */
