/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fnmatch.h>
#include <string.h>

#include "launcher/cmdline/rewrite/plan.h"

/* id of the netdev where no other can be taken over; the original's. */
#define NETDEV_ID "hostnet0"

/* A driver by its proper name: "virtio" (-nic model=) and "virtio-net" depend on the machine. */
static const char *proper_name(const struct machine *machine, const char *driver)
{
	const char *usual = machine_nic(machine->attachment);

	if (!name_in(driver, "virtio|virtio-net"))
		return driver;
	/* Boards that have none of virtio's buses have PCI, if any. */
	return usual && nic_is_virtio(usual) ? usual : "virtio-net-pci";
}

/* Driver of the NIC that was there; NULL: none, or the machine's own choice. */
static const char *find_old_driver(const struct plan *plan)
{
	const struct item *nic = plan->inventory.nic;

	if (!nic)
		return NULL;
	return proper_name(&plan->machine, nic->role == ROLE_NIC_DEVICE
						   ? item_type(nic)
						   : properties_get(&nic->properties, "model"));
}

/**
 * adapt_to_devices() - See what the devices on the line tell about the machine
 * @machine:	As the table has it
 * @inventory:	The line
 *
 * An unknown machine has the bus that one of its other devices is made for. A board whose
 * virtio-mmio devices are all in use still has the NIC that it came with. powernv's PCI buses are
 * behind root ports, which are devices like others (hw/ppc/pnv.c): with -nodefaults there is none
 * but what the command line adds, and a NIC on it knows its bus.
 */
static void adapt_to_devices(struct machine *machine, const struct inventory *inventory)
{
	bool needs_port = inventory->nodefaults && inventory->machine &&
			  !fnmatch("powernv*", inventory->machine, 0);
	unsigned transports = 0;

	for (size_t i = 0; i < inventory->count; i++) {
		const struct item *item = &inventory->items[i];
		const char *type = item_type(item);

		if (item->role == ROLE_NIC_DEVICE)
			needs_port = false;
		if (item->role != ROLE_DEVICE)
			continue;
		if (strstr(type, "root-port"))
			needs_port = false;
		transports += nic_attachment(type) == ATTACH_MMIO;
		if (!machine->known && !fnmatch("virtio-*-*", type, 0)) {
			machine->attachment = nic_attachment(type);
			machine->known = true;
		}
	}
	if (needs_port || (machine->transports && transports >= machine->transports))
		machine->attachment = ATTACH_ONBOARD;
}

/* virtio-net stays as it is on any bus, but only s390x has a channel subsystem. */
static bool is_fine_virtio(const struct machine *machine, const char *driver)
{
	return nic_is_virtio(driver) &&
	       (machine->attachment == ATTACH_CCW || nic_attachment(driver) != ATTACH_CCW);
}

/* Driver of the new -device; NULL: the board's own NIC. */
static const char *choose_driver(const struct plan *plan, const char *model)
{
	const struct item *nic = plan->inventory.nic;
	bool was_device = nic && nic->role == ROLE_NIC_DEVICE;
	bool same = name_in(model, "same");

	if (model && !same)
		return proper_name(&plan->machine, model);
	if (was_device && (same || is_fine_virtio(&plan->machine, plan->old_driver) ||
			   plan->machine.attachment == ATTACH_ONBOARD))
		return plan->old_driver;
	if (same && (nic || plan->inventory.default_nic))
		return NULL;
	return machine_nic(plan->machine.attachment);
}

/* Is there a netdev of that id that goes from the line, or that stays, on it or in a file? */
static bool has_netdev(const struct inventory *inventory, const char *id, bool goes)
{
	for (size_t i = 0; id && i < inventory->count; i++) {
		const struct item *item = &inventory->items[i];
		const char *other = item->file ? item_id(item) : item_netdev_id(item);

		if (goes == !!item->removed && other && !strcmp(other, id) &&
		    !name_in(item->option.name, "device"))
			return true;
	}
	return false;
}

/* The name that the old NIC knew its netdev by, or that of another netdev which goes. */
static const char *choose_netdev_id(struct arena *arena, const struct inventory *inventory)
{
	const struct item *nic = inventory->nic;
	const char *key = nic && nic->role == ROLE_NIC ? "id" : "netdev";
	const char *id = nic ? properties_get(&nic->properties, key) : NULL;

	for (size_t i = 0; i < inventory->count && !(id && *id); i++)
		id = inventory->items[i].removed ? item_netdev_id(&inventory->items[i]) : NULL;
	if (!id || !*id)
		id = NETDEV_ID;
	for (unsigned i = 0; has_netdev(inventory, id, false); i++)
		id = arena_format(arena, "hostnet%u", i);
	return id;
}

/* Which way the netdev is written: as the one that was there, else as the devices are. */
static bool netdev_is_json(const struct plan *plan)
{
	for (size_t i = 0; i < plan->inventory.count; i++) {
		const struct item *item = &plan->inventory.items[i];

		if (item->role == ROLE_NETDEV && name_in(item->option.name, "netdev"))
			return item->properties.json;
	}
	return plan->device.json;
}

/* Does the new NIC get this property of the old one? It may be renamed for that. */
static bool keeps(const struct plan *plan, struct property *property)
{
	enum role role = plan->inventory.nic->role;

	if (role == ROLE_NET_NIC && !strcmp(property->key, "macaddr"))
		property->key = "mac";
	/* The board's own NIC takes a MAC, and a model where it has a choice. */
	if (!plan->driver)
		return name_in(property->key, "mac|model") &&
		       !properties_get(&plan->device, property->key);
	/* -net nic's address is one on PCI; [DOMAIN:]BUS:SLOT is not known to -device. */
	if (role == ROLE_NET_NIC && !strcmp(property->key, "addr") &&
	    (nic_attachment(plan->driver) != ATTACH_PCI || strchr(property->value, ':')))
		return false;
	if (role != ROLE_NIC_DEVICE &&
	    !name_in(property->key, role == ROLE_NIC ? "mac" : "mac|addr"))
		return false;
	return nic_keeps(property->key, plan->old_driver ? plan->old_driver : plan->driver,
			 plan->driver);
}

static void carry_over(struct plan *plan)
{
	const struct item *nic = plan->inventory.nic;

	for (size_t i = 0; nic && i < nic->properties.count; i++) {
		struct property property = nic->properties.list[i];

		if (keeps(plan, &property)) {
			plan_note(plan, false, "carried over %s=%s: the guest's NIC keeps it",
				  property.key, property.value);
			if (name_in(plan->option, "-net") && name_in(property.key, "mac"))
				property.key = "macaddr";
			properties_append(plan->arena, &plan->device, property);
		} else if (plan->driver && nic->role == ROLE_NIC_DEVICE &&
			   !name_in(property.key, "driver|netdev")) {
			plan_note(plan, false, "left out %s=%s: not for %s", property.key,
				  property.value, plan->driver);
		}
	}
}

/**
 * find_config_nic() - Look for a NIC in configuration files
 * @plan:	Its changes get a line for each network device that a file declares
 *
 * What a file declares stays. A NIC whose netdev is on the command line is the guest's NIC.
 *
 * Return: the netdev of such a NIC, or NULL
 */
static const char *find_config_nic(struct plan *plan)
{
	const char *found = NULL;

	for (size_t i = 0; i < plan->inventory.count; i++) {
		const struct item *item = &plan->inventory.items[i];
		const char *netdev = properties_get(&item->properties, "netdev");
		const char *id = item_id(item), *group = item->option.name;

		if (item->role != ROLE_DECLARED)
			continue;
		if (!found && name_in(group, "device") &&
		    has_netdev(&plan->inventory, netdev, true)) {
			found = netdev;
			plan_note(plan, true, "%s declares a NIC on netdev %s: it is put on passt",
				  item->file, netdev);
			continue;
		}
		plan_note(plan, true,
			  "%s declares a network device ([%s \"%s\"]), which stays as it is: "
			  "remove it from that file",
			  item->file, group, id ? id : "");
	}
	return found;
}

/**
 * goes_by_position() - Is the guest's NIC one of -nic or -net nic, with others that stay?
 * @plan:	What goes is marked
 * @after:	Others that QEMU makes after it; else those that it makes before
 *
 * QEMU makes those of -nic before those of -net nic, each in their order.
 */
static bool goes_by_position(const struct plan *plan, bool after)
{
	const struct inventory *inventory = &plan->inventory;
	const struct item *nic = inventory->nic;

	if (!nic || nic->role == ROLE_NIC_DEVICE)
		return false;
	for (size_t i = 0; i < inventory->count; i++) {
		const struct item *item = &inventory->items[i];
		bool is_after = item->role == nic->role ? item > nic : item->role == ROLE_NET_NIC;

		if (!item->removed && is_after == after &&
		    (item->role == ROLE_NIC || item->role == ROLE_NET_NIC))
			return true;
	}
	return false;
}

/* The new NIC of -nic or -net, with its model where that is one of ours. */
static void choose_own_nic(struct plan *plan, const char *model)
{
	const struct item *nic = plan->inventory.nic;
	bool is_net = nic && nic->role == ROLE_NET_NIC;

	plan->driver = NULL;
	plan->device.json = false;
	plan->option = is_net && (model || goes_by_position(plan, false)) ? "-net" : "-nic";
	if (name_in(plan->option, "-net")) {
		properties_add(plan->arena, &plan->device, "type", "nic");
		properties_add(plan->arena, &plan->device, "netdev", plan->netdev_id);
	} else if (nic && nic->role == ROLE_NIC) {
		plan->in_place = nic;
	}
	/* s390x knows its own by the short name only. */
	if (name_in(model, "virtio-net-ccw"))
		model = "virtio";
	if (model)
		properties_add(plan->arena, &plan->device, "model", model);
}

/* A guest without the driver of its new NIC has no network, and should know why. */
static void tell_model(struct plan *plan, const char *driver)
{
	const char *old = plan->old_driver ? plan->old_driver : plan->machine.own_nic;

	if (plan->inventory.nic && old && !nic_is_virtio(old) && nic_is_virtio(driver))
		plan_note(plan, true,
			  "the guest's NIC, %s, becomes %s: if it has no driver for that, --model "
			  "same keeps the NIC",
			  old, driver);
}

void new_nic_choose(struct plan *plan, const char *qemu, const char *model)
{
	const struct inventory *inventory = &plan->inventory;
	const struct item *nic = inventory->nic;
	const char *config_netdev = find_config_nic(plan);

	plan->machine = machine_find(qemu, inventory->machine);
	adapt_to_devices(&plan->machine, inventory);
	plan->old_driver = find_old_driver(plan);
	plan->netdev_id = config_netdev ? config_netdev : choose_netdev_id(plan->arena, inventory);
	plan->device.json =
		nic && nic->role == ROLE_NIC_DEVICE ? nic->properties.json : inventory->json;
	plan->netdev_json = netdev_is_json(plan);
	if (config_netdev || plan->in_place)
		return;
	plan->driver = choose_driver(plan, model);
	if (!model)
		tell_model(plan, plan->driver);
	if (plan->driver && !(plan->machine.nic_first && goes_by_position(plan, true))) {
		plan->option = "-device";
		properties_add(plan->arena, &plan->device, "driver", plan->driver);
	} else {
		choose_own_nic(plan, plan->driver);
	}
	carry_over(plan);
}
