/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/cmdline/rewrite/rewrite.h"

#include <errno.h>
#include <string.h>

#include "launcher/cmdline/parse/promises.h"
#include "launcher/cmdline/rewrite/plan.h"

/* Puts an option with this value at @out; the place behind them. */
static char **put_new(struct plan *plan, char **out, const char *option,
		      const struct properties *properties, const char *what)
{
	*out++ = arena_copy(plan->arena, option, strlen(option));
	*out = properties_format(plan->arena, properties);
	plan_note(plan, false, "added %s %s: %s", option, *out, what);
	return out + 1;
}

/* The new NIC, in its place among the others. */
static char **put_nic(struct plan *plan, char **out)
{
	const struct property txburst = { .key = "x-txburst", .value = "4096", .literal = true };

	if (plan->driver)
		properties_add(plan->arena, &plan->device, "netdev", plan->netdev_id);
	/* As the original does it. */
	if (nic_is_virtio(plan->driver))
		properties_append(plan->arena, &plan->device, txburst);
	return put_new(plan, out, plan->option, &plan->device, "the guest's NIC");
}

/* The connection: -netdev; -nic where it comes with the board's own NIC; -net on a hub that stays.
 */
static char **put_connection(struct plan *plan, char **out, int fd)
{
	const struct item *backend = plan->in_place;
	bool nic = name_in(plan->option, "-nic");
	bool net = !nic && backend && name_in(backend->option.name, "net");
	const char *id = net ? item_netdev_id(backend) : plan->netdev_id;
	const char *hub = net ? properties_get(&backend->properties, "vlan") : NULL;
	struct properties properties = { .json = plan->netdev_json && !nic && !net };

	properties_add(plan->arena, &properties, "type", "socket");
	properties_add(plan->arena, &properties, "fd", arena_format(plan->arena, "%d", fd));
	if (id)
		properties_add(plan->arena, &properties, "id", id);
	if (hub)
		properties_add(plan->arena, &properties, "vlan", hub);
	for (size_t i = 0; nic && i < plan->device.count; i++)
		properties_append(plan->arena, &properties, plan->device.list[i]);
	return put_new(plan, out,
		       nic   ? "-nic"
		       : net ? "-net"
			     : "-netdev",
		       &properties, arena_format(plan->arena, "passt, on descriptor %d", fd));
}

static char **put_item(struct plan *plan, char **out, const struct item *item)
{
	const struct qemu_option *option = &item->option;

	if (item->removed) {
		plan_note(plan, item->notable, "removed %s %s: %s", option->word, option->value,
			  item->removed);
	} else if (!item->file) {
		*out++ = option->word;
		if (option->value)
			*out++ = option->value;
	}
	return out;
}

static char **put_together(struct plan *plan, int fd)
{
	const struct inventory *inventory = &plan->inventory;
	char **args = arena_get(plan->arena, (2 * inventory->count + 5) * sizeof(*args));
	char **out = args;
	size_t end = plan->in_place ? (size_t)(plan->in_place - inventory->items) : inventory->end;

	for (size_t i = 0; i <= inventory->count; i++) {
		if (i == plan->position && name_in(plan->option, "-device|-net"))
			out = put_nic(plan, out);
		if (i == end)
			out = put_connection(plan, out, fd);
		if (i < inventory->count)
			out = put_item(plan, out, &inventory->items[i]);
	}
	return args;
}

/* What those options promised that go. */
static int take_promises(struct plan *plan, struct rewrite_result *result)
{
	const struct inventory *inventory = &plan->inventory;
	struct promises promises = { .arena = plan->arena, .hub_stays = plan->in_place };

	for (size_t i = 0; i < inventory->count; i++) {
		const struct item *item = &inventory->items[i];

		bool is_set = item->role == ROLE_SET && name_in(item_type(item), "net|netdev|nic");

		if (item->removed && (item_is_user(item) || item->role == ROLE_LEGACY || is_set))
			promises_add(&promises, item);
	}
	promises_finish(&promises);
	if (promises.lost.text)
		plan_note(plan, true, "lost with user networking, since passt has none: %s",
			  promises.lost.text);
	if (promises.elsewhere.text)
		plan_note(plan, true,
			  "%s: not the guest's first address; passt forwards to the one that the "
			  "guest uses",
			  promises.elsewhere.text);
	result->network = promises.network;
	result->promised = promises.kept.text;
	result->error = promises.error;
	return result->error ? -EINVAL : 0;
}

/* Works out all that is to become of the line. */
static int make_plan(struct plan *plan, const struct rewrite_request *request,
		     struct rewrite_result *result)
{
	removal_mark_network(plan);
	new_nic_choose(plan, request->qemu, request->model);
	removal_mark_references(plan);
	if (take_promises(plan, result))
		return -EINVAL;
	return slot_choose(plan);
}

int rewrite_command_line(const struct rewrite_request *request, struct rewrite_result *result)
{
	struct plan plan = { .arena = arena_new() };
	int ret;

	*result = (struct rewrite_result) { .args = request->args, .fd = -1, .memory = plan.arena };
	inventory_take(plan.arena, request->args, &plan.inventory);
	moves_choose(&plan);
	result->stays = plan.stays;
	if (plan.stays)
		return 0;
	ret = make_plan(&plan, request, result);
	if (ret)
		return ret;
	result->fd = fd_number_choose(&plan, request->args, request->is_open);
	if (result->fd != FD_NUMBER_USUAL)
		plan_note(&plan, false, "descriptor %d instead of %d: %d is in use", result->fd,
			  FD_NUMBER_USUAL, FD_NUMBER_USUAL);
	result->args = put_together(&plan, result->fd);
	result->changes = plan.changes;
	return 0;
}

void rewrite_free(struct rewrite_result *result)
{
	arena_free(result->memory);
	*result = (struct rewrite_result) { 0 };
}
