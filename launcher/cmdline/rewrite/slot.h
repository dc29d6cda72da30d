/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A place on PCI for one more device. */
#ifndef QRAP_SLOT_H
#define QRAP_SLOT_H

#include "launcher/cmdline/parse/inventory.h"
#include "launcher/cmdline/parse/machine.h"

/**
 * struct place - Where a device goes
 * @bus:	Its bus, or NULL: QEMU chooses
 * @addr:	Its address there, or NULL: QEMU chooses
 */
struct place {
	const char *bus;
	const char *addr;
};

/**
 * pci_find_place() - Find a place for a NIC that has none of its own
 * @arena:	Where the result is kept
 * @inventory:	What stays on the command line
 * @machine:	The machine
 * @place:	Filled
 *
 * On a machine laid out as libvirt does it (pcie-root-port with ids pci.N) the first port that is
 * free; else QEMU chooses, unless all slots of its default bus are taken: then a free place on any
 * port or bridge.
 *
 * Return: 0, or -ENOSPC if there is none
 */
int pci_find_place(struct arena *arena, const struct inventory *inventory,
		   const struct machine *machine, struct place *place);

#endif /* QRAP_SLOT_H */
