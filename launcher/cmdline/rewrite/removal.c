/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/cmdline/rewrite/removal.h"

#include <stdlib.h>
#include <string.h>

static void mark(struct item *item, bool notable, const char *reason)
{
	item->removed = true;
	item->notable = notable;
	item->reason = reason;
}

/* -set that speaks of the NIC: what it says becomes a part of the NIC. */
static void take_settings(struct arena *arena, struct inventory *inventory)
{
	struct item *nic = inventory->nic;
	const char *id = nic ? item_id(nic) : NULL;

	for (size_t i = 0; id && !nic->properties.json && i < inventory->count; i++) {
		struct item *item = &inventory->items[i];
		const struct property *list = item->properties.list;

		if (item->role != ROLE_SET || !list || strcmp(item_type(item), nic->option.name) ||
		    strcmp(item_id(item), id) || strchr(list[2].key, ','))
			continue;
		properties_append(arena, &nic->properties, list[2]);
		mark(item, false, "it is a part of the new NIC's line now");
	}
}

/* Those that QEMU makes before the guest's NIC, in its order: -nic, -net nic, -device. */
static bool is_in_front(const struct item *item, const struct item *nic)
{
	return item < nic && (nic->role == ROLE_NIC_DEVICE ||
			      (nic->role == ROLE_NET_NIC && item->role == ROLE_NET_NIC));
}

void removal_mark_network(struct plan *plan)
{
	struct inventory *inventory = &plan->inventory;

	for (size_t i = 0; i < inventory->count; i++) {
		struct item *item = &inventory->items[i];

		if (item == inventory->nic)
			mark(item, false, "the guest's NIC is on passt");
		else if (item_is_nic(item) && !is_in_front(item, inventory->nic))
			mark(item, true, "the guest has one NIC, in place of its first");
		else if (item->role == ROLE_NETDEV)
			mark(item, false, "the guest's network is passt");
	}
	take_settings(plan->arena, inventory);
}

/* A set of names: filled first, then sorted, then asked. */
struct names {
	const char **list;
	size_t count;
};

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void add_name(struct arena *arena, struct names *names, const char *name)
{
	if (!name || !*name)
		return;
	names->list = arena_grow(arena, names->list, names->count, sizeof(name));
	names->list[names->count++] = name;
}

static void sort(struct names *names)
{
	if (names->count)
		qsort(names->list, names->count, sizeof(*names->list), compare);
}

static bool has(const struct names *names, const char *name)
{
	return name && names->count &&
	       bsearch(&name, names->list, names->count, sizeof(*names->list), compare);
}

/**
 * struct gone - ids of what is removed
 * @netdevs:	Of -netdev, -net and -nic, but for the one that the new netdev takes over
 * @backends:	... and with that
 * @devices:	Of -device
 * @objects:	Of -object
 */
struct gone {
	struct names netdevs;
	struct names backends;
	struct names devices;
	struct names objects;
};

static void collect(const struct plan *plan, struct gone *gone)
{
	for (size_t i = 0; i < plan->inventory.count; i++) {
		const struct item *item = &plan->inventory.items[i];
		const char *netdev = item_netdev_id(item);

		if (item->role == ROLE_NIC_DEVICE && item->removed)
			add_name(plan->arena, &gone->devices, item_id(item));
		add_name(plan->arena, &gone->backends, netdev);
		if (netdev && strcmp(netdev, plan->netdev_id))
			add_name(plan->arena, &gone->netdevs, netdev);
	}
	sort(&gone->netdevs);
	sort(&gone->backends);
	sort(&gone->devices);
}

/* A filter on a netdev that is gone. */
static void check_object(struct arena *arena, struct item *item, struct gone *gone)
{
	const char *netdev = properties_get(&item->properties, "netdev");

	if (!has(&gone->netdevs, netdev))
		return;
	mark(item, true, arena_format(arena, "its netdev %s is gone", netdev));
	add_name(arena, &gone->objects, item_id(item));
}

/* The new NIC is still half of a failover pair if it has the id and knows of failover. */
static bool has_partner(const struct properties *device, const char *id)
{
	const char *own = properties_get(device, "id");

	return own && !strcmp(own, id) && properties_on(device, "failover");
}

/* A passed-through NIC whose standby is gone, or a switch whose ports are. */
static void check_device(const struct plan *plan, struct item *item, const struct gone *gone)
{
	const char *pair = properties_get(&item->properties, "failover_pair_id");

	if (has(&gone->devices, pair) && !has_partner(&plan->device, pair)) {
		mark(item, true,
		     arena_format(plan->arena, "the NIC %s that it stands in for is gone", pair));
		return;
	}
	if (strcmp(item_type(item), "rocker"))
		return;
	for (size_t i = 0; i < item->properties.count; i++) {
		if (!strncmp(item->properties.list[i].key, "ports", strlen("ports")))
			mark(item, true, "the netdevs of its ports are gone");
	}
}

/* -set GROUP.ID.KEY=VALUE about something that is gone. */
static void check_set(struct item *item, const struct gone *gone)
{
	const char *group = item_type(item), *id = item_id(item);

	if ((!strcmp(group, "device") && has(&gone->devices, id)) ||
	    (!strcmp(group, "object") && has(&gone->objects, id)) ||
	    (name_in(group, "netdev|net|nic") && has(&gone->backends, id)))
		mark(item, false, "what it speaks of is gone");
}

void removal_mark_references(struct plan *plan)
{
	struct inventory *inventory = &plan->inventory;
	struct gone gone = { 0 };

	collect(plan, &gone);
	for (size_t i = 0; i < inventory->count; i++) {
		if (inventory->items[i].role == ROLE_OBJECT)
			check_object(plan->arena, &inventory->items[i], &gone);
		if (inventory->items[i].role == ROLE_DEVICE)
			check_device(plan, &inventory->items[i], &gone);
	}
	sort(&gone.objects);
	for (size_t i = 0; i < inventory->count; i++) {
		if (inventory->items[i].role == ROLE_SET && !inventory->items[i].removed)
			check_set(&inventory->items[i], &gone);
	}
}
