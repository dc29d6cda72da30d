/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What else on the command line refers to the NICs and netdevs that go. */
#include "launcher/cmdline/rewrite/removal.h"

#include <string.h>

#include "launcher/cmdline/rewrite/names.h"

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

static void collect(struct arena *arena, const struct inventory *inventory,
		    const struct replacement *replacement, struct gone *gone)
{
	for (size_t i = 0; i < inventory->count; i++) {
		const struct item *item = &inventory->items[i];
		const char *id = item_id(item);

		if (item->role == ROLE_NIC_DEVICE)
			names_add(arena, &gone->devices, id);
		if (item->role != ROLE_NETDEV && item->role != ROLE_NIC)
			continue;
		if (!id)
			id = properties_get(&item->properties, "name");
		names_add(arena, &gone->backends, id);
		if (id && strcmp(id, replacement->netdev_id))
			names_add(arena, &gone->netdevs, id);
	}
	names_sort(&gone->netdevs);
	names_sort(&gone->backends);
	names_sort(&gone->devices);
}

/* A filter on a netdev that is gone. */
static bool check_object(struct arena *arena, struct item *item, const struct gone *gone)
{
	const char *netdev = properties_get(&item->properties, "netdev");

	if (item->role != ROLE_OBJECT || !names_have(&gone->netdevs, netdev))
		return false;
	item->reason = arena_format(arena, "its netdev %s is gone", netdev);
	return true;
}

/* The new NIC is still half of a failover pair if it has the id and knows of failover. */
static bool has_partner(const struct replacement *replacement, const char *id)
{
	const char *own = properties_get(&replacement->device, "id");

	return own && !strcmp(own, id) && properties_on(&replacement->device, "failover");
}

/* A passed-through NIC whose standby is gone, or a switch whose ports are. */
static bool check_device(struct arena *arena, struct item *item, const struct gone *gone,
			 const struct replacement *replacement)
{
	const char *pair = properties_get(&item->properties, "failover_pair_id");

	if (item->role != ROLE_DEVICE)
		return false;
	if (names_have(&gone->devices, pair) && !has_partner(replacement, pair)) {
		item->reason =
			arena_format(arena, "the NIC %s that it stands in for is gone", pair);
		return true;
	}
	if (strcmp(item_type(item), "rocker"))
		return false;
	for (size_t i = 0; i < item->properties.count; i++) {
		if (strncmp(item->properties.list[i].key, "ports", 5))
			continue;
		item->reason = "the netdevs of its ports are gone";
		return true;
	}
	return false;
}

/* -set GROUP.ID.KEY=VALUE about something that is gone. */
static bool check_set(const struct item *item, const struct gone *gone)
{
	const char *group = item_type(item), *id = item_id(item);

	if (item->role != ROLE_SET)
		return false;
	if (!strcmp(group, "device"))
		return names_have(&gone->devices, id);
	if (!strcmp(group, "object"))
		return names_have(&gone->objects, id);
	return (!strcmp(group, "netdev") || !strcmp(group, "net") || !strcmp(group, "nic")) &&
	       names_have(&gone->backends, id);
}

static void mark(struct item *item)
{
	item->removed = true;
	item->notable = true;
}

void references_remove(struct arena *arena, struct inventory *inventory,
		       const struct replacement *replacement)
{
	struct gone gone = { 0 };

	collect(arena, inventory, replacement, &gone);
	for (size_t i = 0; i < inventory->count; i++) {
		struct item *item = &inventory->items[i];

		if (check_object(arena, item, &gone)) {
			mark(item);
			names_add(arena, &gone.objects, item_id(item));
		}
		if (check_device(arena, item, &gone, replacement))
			mark(item);
	}
	names_sort(&gone.objects);
	for (size_t i = 0; i < inventory->count; i++) {
		struct item *item = &inventory->items[i];

		if (item->removed || !check_set(item, &gone))
			continue;
		item->removed = true;
		item->reason = "what it speaks of is gone";
	}
}
