/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/cmdline/rewrite/plan.h"

#define SLOTS 32
#define FULL  UINT32_MAX
/* A root port has no slot but 0. */
#define PORT (FULL - 1)

/**
 * struct bus - A bus that devices may be plugged into
 * @name:	Its name, or NULL for QEMU's default bus
 * @taken:	Slots that are taken, a bit for each
 */
struct bus {
	const char *name;
	uint32_t taken;
};

/**
 * struct topology - The buses and who is on them
 * @buses:	The default bus, then those that devices bring, in order
 * @count:	How many
 * @roaming:	Devices that QEMU finds a slot on the default bus for, at most
 */
struct topology {
	struct bus *buses;
	size_t count;
	size_t roaming;
};

/* Slot 0 of a bridge belongs to its hot-plug controller, where it has one. */
static void note_bus(struct topology *topology, const struct properties *device)
{
	const char *driver = properties_get(device, "driver");
	const char *id = properties_get(device, "id");

	if (id && name_in(driver, "pcie-root-port|ioh3420"))
		topology->buses[topology->count++] = (struct bus) { id, PORT };
	if (id && name_in(driver, "pci-bridge|pcie-pci-bridge|i82801b11-bridge"))
		topology->buses[topology->count++] = (struct bus) { id, 1 };
}

/* The default bus has several names, one for each kind of machine. */
static struct bus *find_bus(struct topology *topology, const char *name)
{
	if (!name || name_in(name, "pci.0|pcie.0|pci"))
		return &topology->buses[0];
	for (size_t i = 1; i < topology->count; i++) {
		if (!strcmp(topology->buses[i].name, name))
			return &topology->buses[i];
	}
	return NULL;
}

/* Slot of "SLOT" or "SLOT.FUNCTION", in hexadecimal (QEMU's pci-devfn property), as a bit. */
static uint32_t read_address(const char *addr)
{
	char *end;
	unsigned long slot = strtoul(addr, &end, 16);

	return end == addr || (*end && *end != '.') || slot >= SLOTS ? 0 : UINT32_C(1) << slot;
}

static void take_slot(struct topology *topology, const struct properties *device)
{
	const char *driver = properties_get(device, "driver");
	const char *addr = properties_get(device, "addr");
	struct bus *bus = find_bus(topology, properties_get(device, "bus"));

	if (!bus || !driver)
		return;
	if (addr)
		bus->taken |= read_address(addr);
	else if (bus != topology->buses)
		bus->taken |= bus->taken + 1;
	else
		topology->roaming += nic_attachment(driver) == ATTACH_PCI;
}

/*
 * A bus with a free slot, apart from the default one. libvirt's ports are pci.1, pci.2, ...; other
 * people's may be meant for something else.
 */
static const struct bus *first_free(const struct topology *topology, bool libvirt_only)
{
	for (size_t i = 1; i < topology->count; i++) {
		const struct bus *bus = &topology->buses[i];
		bool libvirt = bus->taken == PORT && !fnmatch("pci.[0-9]*", bus->name, 0);

		if (bus->taken != FULL && (!libvirt_only || libvirt))
			return bus;
	}
	return NULL;
}

/* May it be that QEMU finds no slot on its default bus? */
static bool may_be_full(const struct topology *topology)
{
	return topology->roaming + (size_t)__builtin_popcount(topology->buses[0].taken) >= SLOTS;
}

/* All devices that stay, on the line and in files: first the buses that they bring. */
static void survey(const struct plan *plan, struct topology *topology)
{
	const struct inventory *inventory = &plan->inventory;

	topology->buses = arena_get(plan->arena, (inventory->count + 1) * sizeof(struct bus));
	topology->buses[topology->count++].taken = plan->machine.reserved;
	for (size_t i = 0; i < inventory->count; i++) {
		const struct item *item = &inventory->items[i];

		if (name_in(item->option.name, "device") && !item->removed)
			note_bus(topology, &item->properties);
	}
	for (size_t i = 0; i < inventory->count; i++) {
		const struct item *item = &inventory->items[i];

		if (name_in(item->option.name, "device") && !item->removed)
			take_slot(topology, &item->properties);
		topology->roaming +=
			(item->role == ROLE_NIC || item->role == ROLE_NET_NIC) && !item->removed;
	}
}

/**
 * gets_default_slot() - Can the new NIC have the slot of the NIC that QEMU would add by itself?
 * @plan:	No option of its line has to do with a network
 * @topology:	What is on the line
 *
 * QEMU makes that one before any -device: it gets the first slot that is free, or the second where
 * there is a display adapter. Not if a device wants one of these, which without a NIC it has got
 * so far, nor where all are needed.
 */
static bool gets_default_slot(const struct plan *plan, const struct topology *topology)
{
	uint32_t reserved = plan->machine.reserved;
	uint32_t first = reserved | (reserved + 1);

	if (!plan->inventory.no_vga)
		first |= first + 1;
	return plan->machine.nic_first && (topology->buses[0].taken & first) == reserved &&
	       !may_be_full(topology) && !first_free(topology, true);
}

/* Where on the line: the order of devices decides who gets which slot. */
static size_t choose_position(const struct plan *plan, const struct topology *topology, bool on_pci)
{
	const struct inventory *inventory = &plan->inventory;
	const struct item *nic = inventory->nic;
	bool same_bus = plan->driver && (!plan->old_driver || nic_attachment(plan->old_driver) ==
								      nic_attachment(plan->driver));
	/* QEMU makes those of -nic and -net nic, and its own, before any -device. */
	bool first = nic ? plan->machine.nic_first || properties_get(&plan->device, "addr")
			 : inventory->default_nic && on_pci && gets_default_slot(plan, topology);

	if (name_in(plan->option, "-net") || (same_bus && nic && nic->role == ROLE_NIC_DEVICE))
		return (size_t)(nic - inventory->items);
	return same_bus && first ? inventory->first_device : inventory->end;
}

/* A place where QEMU would not look, or would find none. */
static int add_address(struct plan *plan, const struct topology *topology)
{
	const struct bus *bus = first_free(topology, true);

	if (!bus && may_be_full(topology))
		bus = first_free(topology, false);
	if (!bus)
		return topology->buses[0].taken == FULL ? -ENOSPC : 0;
	properties_add(plan->arena, &plan->device, "bus", bus->name);
	properties_add(plan->arena, &plan->device, "addr",
		       arena_format(plan->arena, "0x%x", __builtin_ctz(~bus->taken)));
	return 0;
}

int slot_choose(struct plan *plan)
{
	struct topology topology = { .roaming = !plan->inventory.no_vga };
	bool on_pci = plan->driver && nic_attachment(plan->driver) == ATTACH_PCI &&
		      plan->machine.attachment == ATTACH_PCI;

	survey(plan, &topology);
	plan->position = choose_position(plan, &topology, on_pci);
	if (!on_pci || plan->position != plan->inventory.end ||
	    properties_get(&plan->device, "addr"))
		return 0;
	return add_address(plan, &topology);
}
