/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/cmdline/rewrite/new_nic.h"

#include <fnmatch.h>
#include <string.h>

#include "launcher/cmdline/parse/nic.h"

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
	if (nic->role == ROLE_NIC_DEVICE)
		return proper_name(&plan->machine, item_type(nic));
	return proper_name(&plan->machine, properties_get(&nic->properties, "model"));
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

/* The name that the old NIC knew its netdev by, or that of another netdev which goes. */
static const char *choose_netdev_id(struct arena *arena, const struct inventory *inventory)
{
	const struct item *nic = inventory->nic;
	const char *id = NULL;

	if (nic && nic->role == ROLE_NIC)
		id = item_id(nic);
	else if (nic)
		id = properties_get(&nic->properties, "netdev");
	for (size_t i = 0; i < inventory->count && !(id && *id); i++)
		id = item_netdev_id(&inventory->items[i]);
	if (!id || !*id)
		id = NETDEV_ID;
	for (unsigned i = 0; is_in_config(&inventory->config, id); i++)
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

/* Does the new NIC get this property of the old one? It may be renamed for that. */
static bool keeps(const struct plan *plan, struct property *property)
{
	bool known = translate(plan->inventory.nic, plan->driver, property);

	/* The board's own NIC takes a MAC, and a model where it has a choice. */
	if (plan->on_board)
		return (known && name_in(property->key, "mac")) || name_in(property->key, "model");
	return known && nic_keeps(property->key, plan->old_driver ? plan->old_driver : plan->driver,
				  plan->driver);
}

static void carry_over(struct plan *plan)
{
	const struct item *nic = plan->inventory.nic;

	for (size_t i = 0; nic && i < nic->properties.count; i++) {
		struct property property = nic->properties.list[i];

		if (keeps(plan, &property)) {
			properties_append(plan->arena, &plan->device, property);
			changes_add(&plan->changes, false,
				    "carried over %s=%s: the guest's NIC keeps it", property.key,
				    property.value);
		} else if (!plan->on_board && nic->role == ROLE_NIC_DEVICE &&
			   !name_in(property.key, "driver|netdev")) {
			changes_add(&plan->changes, false, "left out %s=%s: not for %s",
				    property.key, property.value, plan->driver);
		}
	}
}

/* Is a netdev of that name declared on the command line? */
static bool is_on_line(const struct inventory *inventory, const char *netdev)
{
	for (size_t i = 0; netdev && i < inventory->count; i++) {
		const char *id = item_netdev_id(&inventory->items[i]);

		if (id && !strcmp(id, netdev))
			return true;
	}
	return false;
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

	for (size_t i = 0; i < plan->inventory.config.count; i++) {
		const struct section *section = &plan->inventory.config.sections[i];
		const char *netdev = properties_get(&section->properties, "netdev");
		const char *id = properties_get(&section->properties, "id");
		bool is_device = !strcmp(section->group, "device");

		if (is_device ? !nic_is_device(&section->properties)
			      : !name_in(section->group, "netdev|net|nic"))
			continue;
		if (is_device && !found && is_on_line(&plan->inventory, netdev)) {
			found = netdev;
			changes_add(&plan->changes, true,
				    "%s declares a NIC on netdev %s: it is put on passt",
				    section->file, netdev);
			continue;
		}
		changes_add(&plan->changes, true,
			    "%s declares a network device ([%s \"%s\"]), which stays as it is: "
			    "remove it from that file",
			    section->file, section->group, id ? id : "");
	}
	return found;
}

/* Does a -net nic stay in front of one that is replaced? QEMU makes that of -nic before them. */
static bool has_net_nic_in_front(const struct inventory *inventory)
{
	const struct item *nic = inventory->nic;

	for (const struct item *item = inventory->items; nic && item < nic; item++) {
		if (item->role == ROLE_NET_NIC && nic->role == ROLE_NET_NIC)
			return true;
	}
	return false;
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
	if (config_netdev)
		return;
	plan->driver = choose_driver(plan, model);
	plan->on_board = !plan->driver;
	plan->net_nic = plan->on_board && has_net_nic_in_front(inventory);
	if (plan->on_board)
		plan->device.json = false;
	else
		properties_add(plan->arena, &plan->device, "driver", plan->driver);
	carry_over(plan);
}
