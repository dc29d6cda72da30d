/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The NIC and the netdev that take the place of those that were there. */
#include "launcher/cmdline/rewrite/new_nic.h"

#include <fnmatch.h>
#include <string.h>

#include "launcher/cmdline/parse/nic.h"
#include "launcher/cmdline/rewrite/slot.h"

/* id of the netdev where no other can be taken over; the original's. */
#define NETDEV_ID "hostnet0"

/* virtio-net on this machine's bus; the boards that have none of these buses have PCI, if any. */
static const char *virtio_nic(const struct machine *machine)
{
	const char *driver = machine_nic(machine->attachment);

	return driver && nic_is_virtio(driver) ? driver : "virtio-net-pci";
}

/* A driver by its proper name: "virtio" (-nic model=) and "virtio-net" depend on the machine. */
static const char *proper_name(const struct machine *machine, const char *driver)
{
	if (driver && (!strcmp(driver, "virtio") || !strcmp(driver, "virtio-net")))
		return virtio_nic(machine);
	return driver;
}

/* Driver of the NIC that was there; NULL: none, or the machine's own choice. */
static const char *old_driver(const struct inventory *inventory, const struct machine *machine)
{
	const struct item *nic = inventory->nic;

	if (!nic)
		return NULL;
	if (nic->role == ROLE_NIC_DEVICE)
		return proper_name(machine, item_type(nic));
	return proper_name(machine, properties_get(&nic->properties, "model"));
}

/* An unknown machine has the bus that one of its other devices is made for. */
static void learn_from_devices(const struct inventory *inventory, struct machine *machine)
{
	for (size_t i = 0; i < inventory->count && !machine->known; i++) {
		const struct item *item = &inventory->items[i];

		if (item->role != ROLE_DEVICE || fnmatch("virtio-*-*", item_type(item), 0))
			continue;
		machine->attachment = nic_attachment(item_type(item));
		machine->known = true;
	}
}

/* A board whose virtio-mmio devices are all in use still has the NIC that it came with. */
static void count_transports(const struct inventory *inventory, struct machine *machine)
{
	unsigned used = 0;

	for (size_t i = 0; i < inventory->count; i++) {
		const struct item *item = &inventory->items[i];

		used += item->role == ROLE_DEVICE && nic_attachment(item_type(item)) == ATTACH_MMIO;
	}
	if (machine->transports && used >= machine->transports)
		machine->attachment = ATTACH_ONBOARD;
}

static bool has_nodefaults(const struct inventory *inventory)
{
	static const char *const nodefaults[] = { "nodefaults", NULL };

	for (size_t i = 0; i < inventory->count; i++) {
		if (option_is(&inventory->items[i].option, nodefaults))
			return true;
	}
	return false;
}

/*
 * powernv's PCI buses are behind root ports, which are devices like others (hw/ppc/pnv.c): with
 * -nodefaults there is none but what the command line adds, and a NIC on it knows its bus.
 */
static void look_for_bus(const struct inventory *inventory, struct machine *machine)
{
	if (!inventory->machine || fnmatch("powernv*", inventory->machine, 0) ||
	    !has_nodefaults(inventory))
		return;
	for (size_t i = 0; i < inventory->count; i++) {
		const struct item *item = &inventory->items[i];
		const char *type = item->role == ROLE_DEVICE || item->role == ROLE_NIC_DEVICE
					   ? item_type(item)
					   : NULL;

		if (type && (item->role == ROLE_NIC_DEVICE || strstr(type, "root-port")))
			return;
	}
	machine->attachment = ATTACH_ONBOARD;
}

static bool would_have_default_nic(const struct inventory *inventory)
{
	for (size_t i = 0; i < inventory->count; i++) {
		if (inventory->items[i].role == ROLE_NETDEV)
			return false;
	}
	return !has_nodefaults(inventory);
}

/* virtio-net stays as it is on any bus, but nobody else has a channel subsystem. */
static bool is_fine_virtio(const struct machine *machine, const char *driver)
{
	return nic_is_virtio(driver) &&
	       (machine->attachment == ATTACH_CCW || nic_attachment(driver) != ATTACH_CCW);
}

/* Sets driver or on_board. */
static void choose_driver(const struct inventory *inventory, const char *model, const char *old,
			  struct replacement *out)
{
	bool was_device = inventory->nic && inventory->nic->role == ROLE_NIC_DEVICE;
	bool same = model && !strcmp(model, "same");

	if (model && !same)
		out->driver = proper_name(&out->machine, model);
	else if (was_device && (same || is_fine_virtio(&out->machine, old)))
		out->driver = old;
	else if (was_device && out->machine.attachment == ATTACH_ONBOARD)
		out->driver = old;
	else if (!same || (!inventory->nic && !would_have_default_nic(inventory)))
		out->driver = machine_nic(out->machine.attachment);
	out->on_board = !out->driver;
}

/* -set device.ID.KEY=VALUE finds its device no more: it becomes a part of the new one. */
static void move_settings(struct arena *arena, struct inventory *inventory)
{
	struct item *nic = inventory->nic;
	const char *id = nic ? item_id(nic) : NULL;

	for (size_t i = 0; id && !nic->properties.json && i < inventory->count; i++) {
		struct item *item = &inventory->items[i];

		if (item->role != ROLE_SET || item->properties.count < 3 ||
		    strcmp(item_type(item), nic->option.name) || strcmp(item_id(item), id) ||
		    strchr(item->properties.list[2].key, ','))
			continue;
		properties_add(arena, &nic->properties, item->properties.list[2]);
		item->removed = true;
		item->reason = "it is a part of the new NIC's line now";
	}
}

/* Name of the netdev that a removed option declares; older releases say name where id is meant. */
static const char *declared_netdev(const struct item *item)
{
	const char *id;

	if (item->role != ROLE_NETDEV && item->role != ROLE_NIC)
		return NULL;
	id = item_id(item);
	return id ? id : properties_get(&item->properties, "name");
}

/* Does a configuration file declare a netdev with that id? Then ours needs another. */
static bool is_in_config(const struct config *config, const char *id)
{
	for (size_t i = 0; i < config->count; i++) {
		const struct section *section = &config->sections[i];
		const char *other = properties_get(&section->properties, "id");

		if (other && !strcmp(other, id) && strcmp(section->group, "device"))
			return true;
	}
	return false;
}

/* Name that the NIC which was there knows its netdev by. */
static const char *wanted_netdev(const struct inventory *inventory)
{
	const struct item *nic = inventory->nic;
	const char *id = NULL;

	if (nic && nic->role == ROLE_NIC)
		id = item_id(nic);
	else if (nic)
		id = properties_get(&nic->properties, "netdev");
	for (size_t i = 0; i < inventory->count && !(id && *id); i++)
		id = declared_netdev(&inventory->items[i]);
	return id && *id ? id : NETDEV_ID;
}

static const char *choose_netdev_id(struct arena *arena, const struct inventory *inventory)
{
	const char *id = wanted_netdev(inventory);

	for (unsigned i = 0; is_in_config(&inventory->config, id); i++)
		id = arena_format(arena, "hostnet%u", i);
	return id;
}

/* Which way the netdev is written: as the one that was there, else as the devices are. */
static bool netdev_is_json(const struct inventory *inventory, const struct replacement *out)
{
	for (size_t i = 0; i < inventory->count; i++) {
		const struct item *item = &inventory->items[i];

		if (item->role == ROLE_NETDEV && !strcmp(item->option.name, "netdev"))
			return item->properties.json;
	}
	return out->device.json;
}

/* -net nic says some things in other words, and has a few that only it knows. */
static bool translate(const struct item *nic, const char *driver, struct property *property)
{
	if (nic->role == ROLE_NIC_DEVICE)
		return true;
	if (nic->role == ROLE_NET_NIC && !strcmp(property->key, "macaddr"))
		property->key = "mac";
	if (!strcmp(property->key, "mac"))
		return true;
	/* Its address is one on PCI; [DOMAIN:]BUS:SLOT is not known to -device. */
	return nic->role == ROLE_NET_NIC && !strcmp(property->key, "addr") && driver &&
	       nic_attachment(driver) == ATTACH_PCI && !strchr(property->value, ':');
}

static void carry_over(struct arena *arena, const struct inventory *inventory, const char *old,
		       struct replacement *out, struct changes *changes)
{
	const struct item *nic = inventory->nic;
	const char *from = old ? old : out->driver;

	for (size_t i = 0; nic && i < nic->properties.count; i++) {
		struct property property = nic->properties.list[i];

		if (!translate(nic, out->driver, &property))
			continue;
		if (nic_keeps(property.key, from, out->driver)) {
			properties_add(arena, &out->device, property);
			changes_add(changes, false, "carried over %s=%s: the guest's NIC keeps it",
				    property.key, property.value);
		} else if (nic->role == ROLE_NIC_DEVICE && strcmp(property.key, "driver") &&
			   strcmp(property.key, "netdev")) {
			changes_add(changes, false, "left out %s=%s: not for %s", property.key,
				    property.value, out->driver);
		}
	}
}

/* The board's own NIC takes a MAC, and a model where it has a choice. */
static void carry_over_on_board(struct arena *arena, const struct inventory *inventory,
				struct replacement *out, struct changes *changes)
{
	const struct item *nic = inventory->nic;

	for (size_t i = 0; nic && i < nic->properties.count; i++) {
		struct property property = nic->properties.list[i];
		bool is_mac = translate(nic, NULL, &property) && !strcmp(property.key, "mac");

		if (!is_mac && strcmp(property.key, "model"))
			continue;
		properties_add(arena, &out->device, property);
		changes_add(changes, false, "carried over %s=%s: the guest's NIC keeps it",
			    property.key, property.value);
	}
}

/* Where on the line: the order of devices decides who gets which slot. */
static size_t choose_position(const struct inventory *inventory, const char *old,
			      const struct replacement *out)
{
	const struct item *nic = inventory->nic;
	bool same_bus = !old || (out->driver && nic_attachment(old) == nic_attachment(out->driver));

	if (!nic || !same_bus || out->on_board)
		return inventory->end;
	if (nic->role == ROLE_NIC_DEVICE)
		return (size_t)(nic - inventory->items);
	if (out->machine.nic_first || properties_get(&out->device, "addr"))
		return inventory->first_device;
	return inventory->end;
}

/* A NIC of a configuration file whose netdev is, or was, on the command line. */
static bool adopts(const struct inventory *inventory, const char *netdev)
{
	for (size_t i = 0; netdev && i < inventory->count; i++) {
		const char *id = declared_netdev(&inventory->items[i]);

		if (id && !strcmp(id, netdev))
			return true;
	}
	return false;
}

/* NICs that a file declares stay; one that waits for a netdev of ours is the guest's NIC. */
static const char *look_at_config(const struct inventory *inventory, struct changes *changes)
{
	const char *adopted = NULL;

	for (size_t i = 0; i < inventory->config.count; i++) {
		const struct section *section = &inventory->config.sections[i];
		const char *netdev = properties_get(&section->properties, "netdev");
		const char *id = properties_get(&section->properties, "id");
		bool is_device = !strcmp(section->group, "device");

		if (is_device ? !properties_are_nic(&section->properties)
			      : strcmp(section->group, "netdev") && strcmp(section->group, "net") &&
					strcmp(section->group, "nic"))
			continue;
		if (is_device && !adopted && adopts(inventory, netdev)) {
			adopted = netdev;
			changes_add(changes, true,
				    "%s declares a NIC on netdev %s: it is put on passt",
				    section->file, netdev);
			continue;
		}
		changes_add(changes, true,
			    "%s declares a network device ([%s \"%s\"]), which stays as it is: "
			    "remove it from that file",
			    section->file, section->group, id ? id : "");
	}
	return adopted;
}

void replacement_plan(struct arena *arena, struct inventory *inventory, const char *qemu,
		      const char *model, struct replacement *out, struct changes *changes)
{
	const char *adopted = look_at_config(inventory, changes);
	const char *old;

	*out = (struct replacement) { .machine = machine_find(qemu, inventory->machine) };
	learn_from_devices(inventory, &out->machine);
	count_transports(inventory, &out->machine);
	look_for_bus(inventory, &out->machine);
	move_settings(arena, inventory);
	old = old_driver(inventory, &out->machine);
	out->netdev_id = adopted ? adopted : choose_netdev_id(arena, inventory);
	out->position = inventory->end;
	out->device.json = inventory->json;
	if (inventory->nic && inventory->nic->role == ROLE_NIC_DEVICE)
		out->device.json = inventory->nic->properties.json;
	out->netdev_json = netdev_is_json(inventory, out);
	if (adopted)
		return;
	choose_driver(inventory, model, old, out);
	if (out->on_board) {
		out->device.json = false;
		carry_over_on_board(arena, inventory, out, changes);
		return;
	}
	properties_add(arena, &out->device,
		       (struct property) { .key = "driver", .value = out->driver });
	carry_over(arena, inventory, old, out, changes);
	out->position = choose_position(inventory, old, out);
}

int replacement_place(struct arena *arena, const struct inventory *inventory,
		      struct replacement *replacement)
{
	struct place place;
	int ret;

	if (!replacement->driver || replacement->position != inventory->end ||
	    nic_attachment(replacement->driver) != ATTACH_PCI ||
	    replacement->machine.attachment != ATTACH_PCI ||
	    properties_get(&replacement->device, "addr"))
		return 0;
	ret = pci_find_place(arena, inventory, &replacement->machine, &place);
	if (ret)
		return ret;
	if (place.bus)
		properties_add(arena, &replacement->device,
			       (struct property) { .key = "bus", .value = place.bus });
	if (place.addr)
		properties_add(arena, &replacement->device,
			       (struct property) { .key = "addr", .value = place.addr });
	return 0;
}
