/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "launcher/cmdline/rewrite/plan.h"

static bool is_restricted(const struct item *item)
{
	return value_is_on(properties_get(&item->properties, "restrict"));
}

/* User networking that passt can stand in for: it cannot restrict what a guest reaches. */
static bool can_move(const struct item *item)
{
	return item_is_user(item) && !is_restricted(item);
}

/* QEMU's hub that a -net option is on, which has others on it; before QEMU 3 there were several. */
static const char *hub_of(const struct item *item)
{
	const char *hub = properties_get(&item->properties, "vlan");

	if (properties_get(&item->properties, "netdev") ||
	    (item->role != ROLE_NETDEV && !item_is_nic(item)))
		return NULL;
	return hub || !name_in(item->option.name, "net") ? hub : "0";
}

/* Notes which NICs are on something, and names what can move, and the hubs that this is on. */
static void survey(struct plan *plan, struct names *movable)
{
	struct inventory *inventory = &plan->inventory;
	struct names hubs = { .arena = plan->arena };

	for (size_t i = 0; i < inventory->count; i++) {
		const struct item *item = &inventory->items[i];

		if (item->role == ROLE_NETDEV)
			names_add(&hubs, "hub", hub_of(item));
		if (item->role == ROLE_NETDEV && can_move(item)) {
			names_add(movable, "netdev", item_netdev_id(item));
			names_add(movable, "hub", hub_of(item));
		}
	}
	names_sort(&hubs);
	names_sort(movable);
	for (size_t i = 0; i < inventory->count; i++) {
		struct item *item = &inventory->items[i];

		item->connected =
			item_is_nic(item) &&
			(item->role == ROLE_NIC || properties_get(&item->properties, "netdev") ||
			 names_have(&hubs, "hub", hub_of(item)));
	}
}

/* The user netdev of this name, which stays under its name where a hub or a file speaks of it. */
static void take_netdev(struct plan *plan, const char *id, bool in_place)
{
	struct inventory *inventory = &plan->inventory;
	struct item *item = inventory->items;

	while (!can_move(item) || !item_netdev_id(item) || strcmp(item_netdev_id(item), id))
		item++;
	item->moves = true;
	if (in_place)
		plan->in_place = item;
}

/*
 * All user networking on a hub is one network for the guest. If there is a NIC on it and nothing
 * else, that NIC comes to passt; else the hub does, with all that is on it.
 */
static void take_hub(struct plan *plan, struct item *nic)
{
	struct inventory *inventory = &plan->inventory;
	const char *hub = hub_of(nic);
	bool alone = true;

	for (size_t i = 0; i < inventory->count; i++) {
		struct item *item = &inventory->items[i];

		if (item == nic || !hub_of(item) || strcmp(hub_of(item), hub))
			continue;
		item->moves = can_move(item);
		alone &= item->moves;
		if (item->moves && !plan->in_place)
			plan->in_place = item;
	}
	if (alone) {
		plan->in_place = NULL;
		inventory->nic = nic;
	}
}

/* Takes the first NIC that is on user networking, by itself or by a hub. */
static bool take_nic(struct plan *plan, const struct names *movable)
{
	struct inventory *inventory = &plan->inventory;

	for (size_t i = 0; i < inventory->count; i++) {
		struct item *item = &inventory->items[i];
		const char *netdev = properties_get(&item->properties, "netdev");

		if (!item_is_nic(item))
			continue;
		if (item->role == ROLE_NIC && can_move(item)) {
			item->moves = true;
		} else if (names_have(movable, "netdev", netdev)) {
			take_netdev(plan, netdev, false);
		} else if (names_have(movable, "hub", hub_of(item))) {
			take_hub(plan, item);
			return true;
		} else {
			continue;
		}
		inventory->nic = item;
		return true;
	}
	return false;
}

/* Takes user networking that no NIC on the line is on: a hub's, that of a NIC in a file, or any. */
static bool take_backend(struct plan *plan, const struct names *movable)
{
	struct inventory *inventory = &plan->inventory;
	struct item *any = NULL, *nic = NULL;

	for (size_t i = 0; i < inventory->count; i++) {
		struct item *item = &inventory->items[i];
		const char *netdev = properties_get(&item->properties, "netdev");

		if ((item->role == ROLE_DECLARED || name_in(item_type(item), "hubport")) &&
		    names_have(movable, "netdev", netdev)) {
			take_netdev(plan, netdev, true);
			return true;
		}
		if (!any && item->role == ROLE_NETDEV && can_move(item))
			any = item;
		if (!nic && item_is_nic(item) && !item->connected)
			nic = item;
	}
	if (!any)
		return false;
	any->moves = true;
	inventory->nic = nic;
	return true;
}

/* Takes all networks, which come to be one: the guest's NIC is the first that is connected. */
static void take_all(struct inventory *inventory)
{
	for (size_t i = 0; i < inventory->count; i++) {
		struct item *item = &inventory->items[i];

		item->moves = item->role == ROLE_NETDEV || item->role == ROLE_NIC;
		if (item_is_nic(item) &&
		    (!inventory->nic || (item->connected && !inventory->nic->connected)))
			inventory->nic = item;
	}
}

/* Why the line is to stay as it is: the guest is to have no network, or one that leads nowhere. */
static const char *find_reason(struct plan *plan)
{
	const struct inventory *inventory = &plan->inventory;
	const struct item *none = NULL, *restricted = NULL;
	bool has_nic = false, has_other = false;

	for (size_t i = 0; i < inventory->count; i++) {
		const struct item *item = &inventory->items[i];

		has_nic |= item_is_nic(item) || item->role == ROLE_DECLARED;
		has_other |= can_move(item);
		if (item->role == ROLE_NONE)
			none = item;
		/* -set speaks of whatever has that id. */
		if (is_restricted(item) &&
		    (item->role == ROLE_SET || (item_is_user(item) && !restricted)))
			restricted = item;
		if (restricted && restricted->role == ROLE_SET)
			break;
	}
	if (none && !has_nic)
		return arena_format(plan->arena, "%s none: the guest is to have no network",
				    none->option.word);
	if (restricted && (!has_other || restricted->role == ROLE_SET))
		return arena_format(
			plan->arena,
			"restrict=on of %s %s: the guest is to reach nothing, and passt "
			"cannot see to that",
			restricted->option.word, restricted->option.value);
	return NULL;
}

void moves_choose(struct plan *plan)
{
	struct names movable = { .arena = plan->arena };

	plan->stays = find_reason(plan);
	if (plan->stays)
		return;
	survey(plan, &movable);
	plan->only_some = take_nic(plan, &movable) || take_backend(plan, &movable);
	if (!plan->only_some)
		take_all(&plan->inventory);
}
