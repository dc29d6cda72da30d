/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/cmdline/rewrite/rewrite.h"

#include "launcher/cmdline/parse/inventory.h"
#include "launcher/cmdline/parse/nic.h"
#include "launcher/cmdline/rewrite/fd_number.h"
#include "launcher/cmdline/rewrite/new_nic.h"
#include "launcher/cmdline/rewrite/plan.h"
#include "launcher/cmdline/rewrite/removal.h"
#include "launcher/cmdline/rewrite/slot.h"

/* Puts an option and its value at @out; the place behind them. */
static char **put_option(struct plan *plan, char **out, const char *option, char *value)
{
	*out++ = arena_format(plan->arena, "%s", option);
	*out++ = value;
	return out;
}

/* The new -device, in its place among the others. */
static char **put_device(struct plan *plan, char **out)
{
	struct properties *device = &plan->device;
	char *value;

	properties_add(plan->arena, device, "netdev", plan->netdev_id);
	/* As the original does it. */
	if (nic_is_virtio(plan->driver))
		properties_append(
			plan->arena, device,
			(struct property) { .key = "x-txburst", .value = "4096", .literal = true });
	value = properties_format(plan->arena, device);
	changes_add(&plan->changes, false, "added -device %s: the guest's NIC", value);
	return put_option(plan, out, "-device", value);
}

/* The board's own NIC, in its place among others: as put_device(), in the words of -net nic. */
static char **put_net_nic(struct plan *plan, char **out)
{
	struct properties properties = { 0 };
	char *value;

	properties_add(plan->arena, &properties, "type", "nic");
	properties_add(plan->arena, &properties, "netdev", plan->netdev_id);
	for (size_t i = 0; i < plan->device.count; i++) {
		struct property property = plan->device.list[i];

		if (name_in(property.key, "mac"))
			property.key = "macaddr";
		properties_append(plan->arena, &properties, property);
	}
	value = properties_format(plan->arena, &properties);
	changes_add(&plan->changes, false, "added -net %s: the guest's NIC", value);
	return put_option(plan, out, "-net", value);
}

/* The connection: -netdev, or -nic where it comes with the board's own NIC. */
static char **put_connection(struct plan *plan, char **out, int fd)
{
	bool nic = plan->on_board && !plan->net_nic;
	const char *option = nic ? "-nic" : "-netdev";
	struct properties properties = { .json = plan->netdev_json && !nic };
	char *value;

	properties_add(plan->arena, &properties, "type", "socket");
	properties_add(plan->arena, &properties, "fd", arena_format(plan->arena, "%d", fd));
	properties_add(plan->arena, &properties, "id", plan->netdev_id);
	for (size_t i = 0; nic && i < plan->device.count; i++)
		properties_append(plan->arena, &properties, plan->device.list[i]);
	value = properties_format(plan->arena, &properties);
	changes_add(&plan->changes, false, "added %s %s: passt, on descriptor %d", option, value,
		    fd);
	return put_option(plan, out, option, value);
}

static char **put_item(struct plan *plan, char **out, const struct item *item)
{
	if (item->removed) {
		changes_add(&plan->changes, item->notable, "removed %s %s: %s", item->option.word,
			    item->option.value, item->reason);
		return out;
	}
	*out++ = item->option.word;
	if (item->option.value)
		*out++ = item->option.value;
	return out;
}

static char **put_together(struct plan *plan, int fd)
{
	const struct inventory *inventory = &plan->inventory;
	char **args = arena_get(plan->arena, (2 * inventory->count + 5) * sizeof(*args));
	char **out = args;

	for (size_t i = 0; i <= inventory->count; i++) {
		if (i == plan->position && plan->driver)
			out = put_device(plan, out);
		if (i == plan->position && plan->net_nic)
			out = put_net_nic(plan, out);
		if (i == inventory->end)
			out = put_connection(plan, out, fd);
		if (i < inventory->count)
			out = put_item(plan, out, &inventory->items[i]);
	}
	return args;
}

int rewrite_command_line(const struct rewrite_request *request, struct rewrite_result *result)
{
	struct arena *arena = arena_new();
	struct plan plan = { .arena = arena, .changes.arena = arena };
	int ret;

	inventory_take(arena, request->args, &plan.inventory);
	removal_mark_network(&plan);
	new_nic_choose(&plan, request->qemu, request->model);
	removal_mark_references(&plan);
	ret = slot_choose(&plan);
	if (ret) {
		arena_free(arena);
		return ret;
	}
	result->fd = fd_number_choose(&plan, request->is_open);
	if (result->fd != FD_NUMBER_USUAL)
		changes_add(&plan.changes, false, "descriptor %d instead of %d: %d is in use",
			    result->fd, FD_NUMBER_USUAL, FD_NUMBER_USUAL);
	result->args = put_together(&plan, result->fd);
	result->changes = plan.changes;
	result->memory = arena;
	return 0;
}

void rewrite_free(struct rewrite_result *result)
{
	arena_free(result->memory);
	*result = (struct rewrite_result) { 0 };
}
