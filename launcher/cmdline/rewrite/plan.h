/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is to become of a command line: one after the other fills in its part of this. */
#ifndef QRAP_PLAN_H
#define QRAP_PLAN_H

#include "launcher/base/memory.h"
#include "launcher/cmdline/parse/inventory.h"
#include "launcher/cmdline/parse/machine.h"
#include "launcher/cmdline/rewrite/changes.h"

/**
 * struct plan - What is to become of a command line
 * @arena:	Where all of it is kept
 * @inventory:	What is on the line; its items know whether they are removed (removal.c)
 * @changes:	What is changed, for people
 * @machine:	The machine (new_nic.c, as all down to @netdev_json)
 * @old_driver:	Driver of the NIC that was there; NULL: none, or the machine's own choice
 * @driver:	Driver of the new -device; NULL: -nic connects the board's own NIC, or the NIC is
 *		one that a configuration file declares
 * @on_board:	The new NIC is -nic, or -net nic
 * @net_nic:	... and that, in place of the old one: other -net nic stay in front of it
 * @device:	Value of the new -device, -nic or -net
 * @netdev_id:	id of the netdev: the old one's, if there was one
 * @netdev_json: The netdev is written as JSON
 * @position:	Index of the item that the new -device stands in front of (slot.c)
 */
struct plan {
	struct arena *arena;
	struct inventory inventory;
	struct changes changes;
	struct machine machine;
	const char *old_driver;
	const char *driver;
	bool on_board;
	bool net_nic;
	struct properties device;
	const char *netdev_id;
	bool netdev_json;
	size_t position;
};

#endif /* QRAP_PLAN_H */
