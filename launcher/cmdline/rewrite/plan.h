/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is to become of a command line: one after the other fills in its part of this. */
#ifndef QRAP_PLAN_H
#define QRAP_PLAN_H

#include "launcher/base/memory.h"
#include "launcher/cmdline/parse/inventory.h"
#include "launcher/cmdline/parse/machine.h"
#include "launcher/cmdline/rewrite/rewrite.h"

/* The original's number. */
#define FD_NUMBER_USUAL 5

/**
 * struct plan - What is to become of a command line
 * @arena:	Where all of it is kept
 * @inventory:	What is on the line; its items know whether they are removed (removal.c)
 * @changes:	What is changed, for people
 * @stays:	Why nothing moves; NULL: something does (moves.c, as down to @in_place)
 * @only_some:	User networking moves, and all that is not on it stays; else all networks go
 * @in_place:	The backend that passt replaces where it stands, for a hub or a file that stays, or
 *		the -nic that the new one replaces; NULL: the connection goes to the end
 * @machine:	The machine (new_nic.c, as all down to @netdev_json)
 * @old_driver:	Driver of the NIC that was there; NULL: none, or the machine's own choice
 * @option:	The new NIC's: "-device"; "-nic" or "-net" for the board's own, and where other such
 *		NICs stay, which go by position; NULL: the guest keeps the NIC that it has
 * @driver:	Driver of the new -device, else NULL
 * @device:	Value of @option
 * @netdev_id:	id of the netdev: the old one's, if there was one
 * @netdev_json: The netdev is written as JSON
 * @position:	Index of the item that the new -device or -net stands in front of (slot.c)
 */
struct plan {
	struct arena *arena;
	struct inventory inventory;
	struct changes changes;
	const char *stays;
	bool only_some;
	const struct item *in_place;
	struct machine machine;
	const char *old_driver;
	const char *option;
	const char *driver;
	struct properties device;
	const char *netdev_id;
	bool netdev_json;
	size_t position;
};

/**
 * struct names - Names on a line, which may have many: looked up in a sorted list (names.c)
 * @arena:	Where they are kept
 * @list:	Each as GROUP.ID
 * @count:	How many
 */
struct names {
	struct arena *arena;
	const char **list;
	size_t count;
};

/* Adds a name; NULL and "" are none. */
void names_add(struct names *names, const char *group, const char *id);

/* To be called when all are added, before names_have(). */
void names_sort(struct names *names);

bool names_have(const struct names *names, const char *group, const char *id);

/* Adds a change; what cannot be printed in it is shown as "?", and it is cut where it gets long. */
void plan_note(struct plan *plan, bool notable, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * moves_choose() - Decide what moves to passt
 * @plan:	Gets stays, only_some, in_place and in its inventory the guest's NIC; backends are
 *		marked
 *
 * The first NIC that is on user networking, with what it is on; where there is none on the line,
 *user networking that a hub or a file speaks of, or any. Without user networking all that there is.
 */
void moves_choose(struct plan *plan);

/**
 * removal_mark_network() - Mark the NICs and netdevs that go
 * @plan:	moves_choose() has decided; its inventory is marked
 *
 * Where all networks go, NICs stay that are connected to nothing and that QEMU makes before the
 * guest's: a board's own NICs count by their position, and so do slots.
 *
 * -set device.ID.KEY=VALUE would find its device no more: that of the guest's NIC goes too, and
 * KEY=VALUE becomes one of this NIC's properties.
 */
void removal_mark_network(struct plan *plan);

/**
 * new_nic_choose() - Decide on driver, properties and netdev id
 * @plan:	Its inventory is read; gets machine, drivers, device, netdev, and in its changes
 *		what is carried over from the old NIC, and what not
 * @qemu:	Name of QEMU
 * @model:	NIC asked for, "same", or NULL
 */
void new_nic_choose(struct plan *plan, const char *qemu, const char *model);

/**
 * removal_mark_references() - Mark what refers to something that is gone
 * @plan:	Its inventory is marked; netdev and id of its new NIC can still be referred to
 *
 * QEMU refuses to start where an object's netdev is missing, or a device that -set speaks of.
 */
void removal_mark_references(struct plan *plan);

/**
 * slot_choose() - Choose where the new NIC goes
 * @plan:	All that goes from its line is marked; gets position, and bus and address if needed
 *
 * QEMU gives out slots in the order of devices. So a NIC on the bus of the one that it replaces
 * takes that one's place on the line, and where QEMU would have added a NIC by itself, before any
 * -device, the new one stands before them. A PCI NIC without such a place, and without an address,
 * gets the first free port on a machine that is laid out as libvirt does it (pcie-root-port with
 * ids pci.N); else QEMU chooses, unless all slots of its default bus are taken: then a free place
 * on any port or bridge.
 *
 * Takes time in proportion to devices times PCI bridges.
 *
 * Return: 0, or -ENOSPC if there is none
 */
int slot_choose(struct plan *plan);

/**
 * fd_number_choose() - Find a descriptor number that nobody else uses
 * @plan:	All that goes from its line is marked
 * @args:	The line as it was
 * @is_open:	Is it open in the caller?
 *
 * Return: 5, as in the original, or the next one that is neither open nor spoken of by an argument
 *	   that stays; 5 too where none is free
 */
int fd_number_choose(const struct plan *plan, char **args, bool (*is_open)(int fd));

#endif /* QRAP_PLAN_H */
