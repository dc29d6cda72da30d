/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who decides the NIC's slot: its place among the other devices, or a bus and an address. */
#ifndef QRAP_SLOT_H
#define QRAP_SLOT_H

#include "launcher/cmdline/rewrite/plan.h"

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

#endif /* QRAP_SLOT_H */
