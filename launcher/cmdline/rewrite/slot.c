/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A place on PCI for one more device. */
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
 * @order:	Where it stands on the command line
 * @port:	It has one slot only
 * @taken:	Slots whose function 0 is taken, a bit for each
 */
struct bus {
	const char *name;
	size_t order;
	bool port;
	uint32_t taken;
};

/**
 * struct topology - The buses and who is on them
 * @buses:	The default bus, then those that the devices bring, sorted by name
 * @count:	How many
 * @roaming:	Devices that QEMU finds a slot on the default bus for, at most
 */
struct topology {
	struct bus *buses;
	size_t count;
	size_t roaming;
};

typedef void device_fn(struct topology *topology, const struct properties *device);

/* All devices that stay: the files' come first, as they do for QEMU where -readconfig is first. */
static void for_each_device(const struct inventory *inventory, struct topology *topology,
			    device_fn *visit)
{
	for (size_t i = 0; i < inventory->config.count; i++) {
		const struct section *section = &inventory->config.sections[i];

		if (!strcmp(section->group, "device"))
			visit(topology, &section->properties);
	}
	for (size_t i = 0; i < inventory->count; i++) {
		const struct item *item = &inventory->items[i];

		if (item->role == ROLE_DEVICE && !item->removed)
			visit(topology, &item->properties);
	}
}

static bool is_port(const char *driver)
{
	return !strcmp(driver, "pcie-root-port") || !strcmp(driver, "ioh3420");
}

static bool is_bridge(const char *driver)
{
	return !strcmp(driver, "pci-bridge") || !strcmp(driver, "pcie-pci-bridge") ||
	       !strcmp(driver, "i82801b11-bridge");
}

static void count_bus(struct topology *topology, const struct properties *device)
{
	(void)device;
	topology->count++;
}

/* Slot 0 of a bridge belongs to its hot-plug controller. */
static void add_bus(struct topology *topology, const struct properties *device)
{
	const char *driver = properties_get(device, "driver");
	const char *id = properties_get(device, "id");

	if (!driver || !id || !(is_port(driver) || is_bridge(driver)))
		return;
	topology->buses[topology->count] = (struct bus) { .name = id,
							  .order = topology->count,
							  .port = is_port(driver),
							  .taken = is_bridge(driver) ? 1 : 0 };
	topology->count++;
}

static int compare_names(const void *a, const void *b)
{
	const struct bus *left = a, *right = b;

	return strcmp(left->name, right->name);
}

/* The default bus has several names, one for each kind of machine. */
static struct bus *find_bus(struct topology *topology, const char *name)
{
	const struct bus key = { .name = name };

	if (!name || !strcmp(name, "pci.0") || !strcmp(name, "pcie.0") || !strcmp(name, "pci"))
		return &topology->buses[0];
	return bsearch(&key, topology->buses + 1, topology->count - 1, sizeof(key), compare_names);
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

static void survey(struct arena *arena, const struct inventory *inventory,
		   const struct machine *machine, struct topology *topology)
{
	for_each_device(inventory, topology, count_bus);
	topology->buses = arena_get(arena, (topology->count + 1) * sizeof(*topology->buses));
	topology->buses[0].taken = machine->reserved;
	topology->count = 1;
	for_each_device(inventory, topology, add_bus);
	qsort(topology->buses + 1, topology->count - 1, sizeof(*topology->buses), compare_names);
	for_each_device(inventory, topology, take_slot);
	if (!inventory->no_vga)
		topology->roaming++;
}

/* libvirt's ports are pci.1, pci.2, ...; other people's may be meant for something else. */
static bool is_libvirt_port(const struct bus *bus)
{
	return bus->port && !fnmatch("pci.[0-9]*", bus->name, 0);
}

static bool is_port_or_bridge(const struct bus *bus)
{
	return bus->name;
}

/* The first one on the command line that is wanted and has a free slot, or NULL. */
static const struct bus *first_free(const struct topology *topology,
				    bool (*wanted)(const struct bus *bus))
{
	const struct bus *first = NULL;

	for (size_t i = 1; i < topology->count; i++) {
		const struct bus *bus = &topology->buses[i];

		if (bus->taken != UINT32_MAX && wanted(bus) &&
		    (!first || bus->order < first->order))
			first = bus;
	}
	return first;
}

/* May it be that QEMU finds no slot on its default bus? */
static bool may_be_full(const struct topology *topology)
{
	return topology->roaming + (size_t)__builtin_popcount(topology->buses[0].taken) >= SLOTS;
}

int pci_find_place(struct arena *arena, const struct inventory *inventory,
		   const struct machine *machine, struct place *place)
{
	struct topology topology = { 0 };
	const struct bus *bus;

	*place = (struct place) { 0 };
	survey(arena, inventory, machine, &topology);
	bus = first_free(&topology, is_libvirt_port);
	if (!bus && may_be_full(&topology)) {
		bus = first_free(&topology, is_port_or_bridge);
		if (!bus)
			return topology.buses[0].taken == UINT32_MAX ? -ENOSPC : 0;
	}
	if (!bus)
		return 0;
	place->bus = bus->name;
	place->addr = arena_format(arena, "0x%x", __builtin_ctz(~bus->taken));
	return 0;
}
