/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "launcher/cmdline/rewrite/plan.h"

static void mark(struct item *item, bool notable, const char *reason)
{
	item->removed = reason;
	item->notable = notable;
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

/*
 * On nothing, and made by QEMU before the guest's NIC: those of -nic come first, then those of -net
 * nic, then those of -device, each in their order.
 */
static bool is_in_front(const struct item *item, const struct item *nic)
{
	if (item->connected || (nic->role != ROLE_NIC_DEVICE && nic->role != ROLE_NET_NIC))
		return false;
	if (item->role == ROLE_NET_NIC && nic->role == ROLE_NIC_DEVICE)
		return nic->connected;
	return item->role == nic->role && item < nic;
}

/* What everybody should know of the backends: which stay, and that others than QEMU's own go. */
static void tell(struct plan *plan)
{
	const struct inventory *inventory = &plan->inventory;
	const struct qemu_option *first = NULL;
	unsigned more = 0;

	for (size_t i = 0; i < inventory->count; i++) {
		const struct item *item = &inventory->items[i];

		if (item->role != ROLE_NETDEV && item->role != ROLE_NIC)
			continue;
		if (!item->moves && !(plan->in_place && name_in(item_type(item), "hubport")))
			plan_note(plan, true, "%s %s stays as it is, beside passt",
				  item->option.word, item->option.value);
		if (item->moves && !plan->only_some && first)
			more++;
		else if (item->moves && !plan->only_some)
			first = &item->option;
	}
	if (first)
		plan_note(plan, true, "%s %s%s: passt takes its place", first->word, first->value,
			  more ? arena_format(plan->arena, " (and %u more)", more) : "");
}

void removal_mark_network(struct plan *plan)
{
	struct inventory *inventory = &plan->inventory;

	for (size_t i = 0; i < inventory->count; i++) {
		struct item *item = &inventory->items[i];

		if (item == inventory->nic)
			mark(item, false, "the guest's NIC is on passt");
		else if (item->moves)
			mark(item, false, "the guest's network is passt");
		else if (item->role == ROLE_LEGACY)
			mark(item, false, "it is for user networking");
		else if (item_is_nic(item) && !plan->only_some &&
			 !is_in_front(item, inventory->nic))
			mark(item, true, "the guest has one NIC, in place of its first");
	}
	take_settings(plan->arena, inventory);
	tell(plan);
}

/* All netdevs, that of -nic and -net too, and devices and objects that are marked so far. */
static struct names collect(struct plan *plan)
{
	struct inventory *inventory = &plan->inventory;
	struct names gone = { .arena = plan->arena };

	for (size_t i = 0; i < inventory->count; i++) {
		const struct item *item = &inventory->items[i];
		const char *netdev = item_netdev_id(item);

		if (item->removed)
			names_add(&gone, netdev ? "netdev" : item->option.name,
				  netdev ? netdev : item_id(item));
	}
	names_sort(&gone);
	return gone;
}

/* A filter on a netdev that is gone; the new one has the id of one that was there. */
static void check_object(struct plan *plan, struct item *item, const struct names *gone)
{
	const char *netdev = properties_get(&item->properties, "netdev");

	if (names_have(gone, "netdev", netdev) && strcmp(netdev, plan->netdev_id))
		mark(item, true, arena_format(plan->arena, "its netdev %s is gone", netdev));
}

/* A passed-through NIC whose standby is gone, or a switch whose ports are. */
static void check_device(struct plan *plan, struct item *item, const struct names *gone)
{
	const char *pair = properties_get(&item->properties, "failover_pair_id");
	const char *id = properties_get(&plan->device, "id");
	/* The new NIC is still the other half if it has the id and knows of failover. */
	bool stays = pair && id && !strcmp(id, pair) && properties_on(&plan->device, "failover");

	for (size_t i = 0; i < item->properties.count; i++) {
		const struct property *port = &item->properties.list[i];

		if (name_in(port->key, "ports*") && !strcmp(item_type(item), "rocker") &&
		    (!plan->only_some || names_have(gone, "netdev", port->value)))
			mark(item, true, "the netdevs of its ports are gone");
	}
	if (names_have(gone, "device", pair) && !stays)
		mark(item, true,
		     arena_format(plan->arena, "the NIC %s that it stands in for is gone", pair));
}

void removal_mark_references(struct plan *plan)
{
	struct inventory *inventory = &plan->inventory;
	struct names gone = collect(plan);

	for (size_t i = 0; i < inventory->count; i++) {
		if (inventory->items[i].role == ROLE_OBJECT)
			check_object(plan, &inventory->items[i], &gone);
		if (inventory->items[i].role == ROLE_DEVICE)
			check_device(plan, &inventory->items[i], &gone);
	}
	/* -set GROUP.ID.KEY=VALUE, also about what is gone since. */
	gone = collect(plan);
	for (size_t i = 0; i < inventory->count; i++) {
		struct item *item = &inventory->items[i];
		const char *group = item_type(item);

		if (item->role == ROLE_SET && !item->removed &&
		    names_have(&gone, name_in(group, "net|nic") ? "netdev" : group, item_id(item)))
			mark(item, false, "what it speaks of is gone");
	}
}
