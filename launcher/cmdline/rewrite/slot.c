/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/cmdline/rewrite/slot.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/cmdline/parse/nic.h"

#define SLOTS 32

/**
 * struct bus - A bus that devices may be plugged into
 * @name:	Its name, or NULL for QEMU's default bus
 * @port:	It has one slot only
 * @taken:	Slots whose function 0 is taken, a bit for each
 */
struct bus {
	const char *name;
	bool port;
	uint32_t taken;
};

/**
 * struct topology - The buses and who is on them
 * @arena:	Where they are kept
 * @buses:	The default bus, then those that devices bring, in order
 * @count:	How many
 * @roaming:	Devices that QEMU finds a slot on the default bus for, at most
 */
struct topology {
	struct arena *arena;
	struct bus *buses;
	size_t count;
	size_t roaming;
};

/* All devices that stay: the files' come first, as they do for QEMU where -readconfig is first. */
static const struct properties **collect_devices(const struct plan *plan)
{
	const struct inventory *inventory = &plan->inventory;
	size_t count = inventory->config.count + inventory->count + 1;
	const struct properties **devices = arena_get(plan->arena, count * sizeof(*devices));

	count = 0;
	for (size_t i = 0; i < inventory->config.count; i++) {
		if (!strcmp(inventory->config.sections[i].group, "device"))
			devices[count++] = &inventory->config.sections[i].properties;
	}
	for (size_t i = 0; i < inventory->count; i++) {
		const struct item *item = &inventory->items[i];

		if ((item->role == ROLE_DEVICE || item->role == ROLE_NIC_DEVICE) && !item->removed)
			devices[count++] = &item->properties;
	}
	return devices;
}

static void add_bus(struct topology *topology, struct bus bus)
{
	topology->buses =
		arena_grow(topology->arena, topology->buses, topology->count, sizeof(bus));
	topology->buses[topology->count++] = bus;
}

/* Slot 0 of a bridge belongs to its hot-plug controller. */
static void note_bus(struct topology *topology, const struct properties *device)
{
	const char *driver = properties_get(device, "driver");
	const char *id = properties_get(device, "id");

	if (id && name_in(driver, "pcie-root-port|ioh3420"))
		add_bus(topology, (struct bus) { .name = id, .port = true });
	if (id && name_in(driver, "pci-bridge|pcie-pci-bridge|i82801b11-bridge"))
		add_bus(topology, (struct bus) { .name = id, .taken = 1 });
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

/**
 * read_address() - The slot that an address speaks of
 * @addr:	"SLOT" or "SLOT.FUNCTION", in hexadecimal (QEMU's pci-devfn property)
 * @function:	Filled
 *
 * Return: the slot, or -1 for what is no address
 */
static int read_address(const char *addr, unsigned long *function)
{
	char *end;
	unsigned long slot = strtoul(addr, &end, 16);

	*function = *end == '.' ? strtoul(end + 1, &end, 16) : 0;
	return end == addr || *end || slot >= SLOTS ? -1 : (int)slot;
}

static void take_slot(struct topology *topology, const struct properties *device)
{
	const char *driver = properties_get(device, "driver");
	const char *addr = properties_get(device, "addr");
	struct bus *bus = find_bus(topology, properties_get(device, "bus"));
	unsigned long function = 0;
	int slot = addr ? read_address(addr, &function) : -1;

	if (!bus || !driver)
		return;
	if (bus->port)
		bus->taken = UINT32_MAX;
	else if (slot >= 0 && !function)
		bus->taken |= UINT32_C(1) << slot;
	else if (!addr && bus == topology->buses && nic_attachment(driver) == ATTACH_PCI)
		topology->roaming++;
}

/* libvirt's ports are pci.1, pci.2, ...; other people's may be meant for something else. */
static bool is_libvirt_port(const struct bus *bus)
{
	return bus->port && !fnmatch("pci.[0-9]*", bus->name, 0);
}

static const struct bus *first_free(const struct topology *topology, bool libvirt_only)
{
	for (size_t i = 1; i < topology->count; i++) {
		const struct bus *bus = &topology->buses[i];

		if (bus->taken != UINT32_MAX && (!libvirt_only || is_libvirt_port(bus)))
			return bus;
	}
	return NULL;
}

/* May it be that QEMU finds no slot on its default bus? */
static bool may_be_full(const struct topology *topology)
{
	return topology->roaming + (size_t)__builtin_popcount(topology->buses[0].taken) >= SLOTS;
}

static void survey(const struct plan *plan, struct topology *topology)
{
	const struct properties **devices = collect_devices(plan);

	add_bus(topology, (struct bus) { .taken = plan->machine.reserved });
	for (const struct properties **device = devices; *device; device++)
		note_bus(topology, *device);
	for (const struct properties **device = devices; *device; device++)
		take_slot(topology, *device);
	for (size_t i = 0; i < plan->inventory.count; i++) {
		const struct item *item = &plan->inventory.items[i];

		topology->roaming += item->role == ROLE_NET_NIC && !item->removed;
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
	uint32_t claimed = topology->buses[0].taken & ~plan->machine.reserved;
	uint32_t free = ~plan->machine.reserved;
	uint32_t first = free & -free;

	free &= ~first;
	if (!plan->inventory.no_vga)
		first |= free & -free;
	return plan->machine.nic_first && plan->machine.attachment == ATTACH_PCI &&
	       nic_attachment(plan->driver) == ATTACH_PCI && !(claimed & first) &&
	       !may_be_full(topology) && !first_free(topology, true);
}

/* Where on the line: the order of devices decides who gets which slot. */
static size_t choose_position(const struct plan *plan, const struct topology *topology)
{
	const struct inventory *inventory = &plan->inventory;
	const struct item *nic = inventory->nic;
	size_t position;

	if (plan->net_nic)
		return (size_t)(nic - inventory->items);
	if (!plan->driver ||
	    (plan->old_driver && nic_attachment(plan->old_driver) != nic_attachment(plan->driver)))
		return inventory->end;
	if (!nic)
		return inventory->default_nic && gets_default_slot(plan, topology)
			       ? inventory->first_device
			       : inventory->end;
	if (nic->role == ROLE_NIC_DEVICE)
		return (size_t)(nic - inventory->items);
	if (!plan->machine.nic_first && !properties_get(&plan->device, "addr"))
		return inventory->end;
	/* Not in front of a -net nic that stays, or the two would change places. */
	for (position = (size_t)(nic - inventory->items); position > inventory->first_device;
	     position--) {
		if (item_is_nic(&inventory->items[position - 1]) &&
		    !inventory->items[position - 1].removed)
			break;
	}
	return position > inventory->first_device ? position : inventory->first_device;
}

/* A place where QEMU would not look, or would find none. */
static int add_address(struct plan *plan, const struct topology *topology)
{
	const struct bus *bus = first_free(topology, true);

	if (!bus && may_be_full(topology)) {
		bus = first_free(topology, false);
		if (!bus && topology->buses[0].taken == UINT32_MAX)
			return -ENOSPC;
	}
	if (!bus)
		return 0;
	properties_add(plan->arena, &plan->device, "bus", bus->name);
	properties_add(plan->arena, &plan->device, "addr",
		       arena_format(plan->arena, "0x%x", __builtin_ctz(~bus->taken)));
	return 0;
}

int slot_choose(struct plan *plan)
{
	struct topology topology = { .arena = plan->arena, .roaming = !plan->inventory.no_vga };

	survey(plan, &topology);
	plan->position = choose_position(plan, &topology);
	if (!plan->driver || plan->position != plan->inventory.end ||
	    nic_attachment(plan->driver) != ATTACH_PCI || plan->machine.attachment != ATTACH_PCI ||
	    properties_get(&plan->device, "addr"))
		return 0;
	return add_address(plan, &topology);
}
