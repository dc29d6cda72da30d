/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The NIC and the netdev that take the place of those that were there. */
#ifndef QRAP_NEW_NIC_H
#define QRAP_NEW_NIC_H

#include "launcher/cmdline/parse/inventory.h"
#include "launcher/cmdline/parse/machine.h"
#include "launcher/cmdline/rewrite/changes.h"

/**
 * struct replacement - What is put on the command line
 * @machine:	The machine
 * @netdev_id:	id of the netdev: the old one's, if there was one
 * @driver:	Driver of the new -device; NULL: -nic connects the board's own NIC, or the NIC is
 *one that a configuration file declares
 * @on_board:	It is -nic
 * @device:	Value of -device or -nic
 * @device_json: Written as JSON
 * @netdev_json: ... and the netdev
 * @position:	Index of the item that the new -device stands in front of
 */
struct replacement {
	struct machine machine;
	const char *netdev_id;
	const char *driver;
	bool on_board;
	struct properties device;
	bool netdev_json;
	size_t position;
};

/**
 * replacement_plan() - Decide on driver, identity and netdev id
 * @arena:	Where the result is kept
 * @inventory:	The line; what -set says of the old NIC is moved into it
 * @qemu:	Name of QEMU
 * @model:	NIC asked for, "same", or NULL
 * @out:	Filled
 * @changes:	Gets what is carried over, and what not
 */
void replacement_plan(struct arena *arena, struct inventory *inventory, const char *qemu,
		      const char *model, struct replacement *out, struct changes *changes);

/* Finds a place for it where it has none; 0 or -ENOSPC. All that goes must be marked by now. */
int replacement_place(struct arena *arena, const struct inventory *inventory,
		      struct replacement *replacement);

#endif /* QRAP_NEW_NIC_H */
