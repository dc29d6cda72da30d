/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Patch mode: replace the network devices on QEMU's command line by one that is on our passt. */
#include "launcher/cmdline/rewrite/rewrite.h"

#include <string.h>

#include "launcher/base/memory.h"
#include "launcher/cmdline/parse/inventory.h"
#include "launcher/cmdline/parse/nic.h"
#include "launcher/cmdline/rewrite/changes.h"
#include "launcher/cmdline/rewrite/fd_number.h"
#include "launcher/cmdline/rewrite/new_nic.h"
#include "launcher/cmdline/rewrite/removal.h"

/**
 * struct output - The new line under construction
 * @words:	Words so far, with room for all that can come
 * @count:	How many
 */
struct output {
	char **words;
	size_t count;
};

static void add_option(struct output *output, const char *name, char *value)
{
	static char device[] = "-device", netdev[] = "-netdev", nic[] = "-nic";

	output->words[output->count++] = !strcmp(name, "device")   ? device
					 : !strcmp(name, "netdev") ? netdev
								   : nic;
	output->words[output->count++] = value;
}

static const char *removal_reason(const struct inventory *inventory, const struct item *item)
{
	if (item->reason)
		return item->reason;
	if (!item_is_nic(item))
		return "the guest's network is passt";
	return item == inventory->nic ? "the guest's NIC is on passt"
				      : "the guest has one NIC, in place of its first";
}

static void note_removal(struct changes *changes, const struct inventory *inventory,
			 const struct item *item)
{
	bool other_nic = item_is_nic(item) && item != inventory->nic;

	changes_add(changes, item->notable || other_nic, "removed %s %s: %s", item->option.word,
		    item->option.value, removal_reason(inventory, item));
}

/* The new -device, in its place among the others. */
static void add_device(struct arena *arena, const struct replacement *replacement,
		       struct output *output, struct changes *changes)
{
	char *value = properties_format(arena, &replacement->device);

	add_option(output, "device", value);
	changes_add(changes, false, "added -device %s: the guest's NIC", value);
}

/* The connection: -netdev, or -nic where it comes with the board's own NIC. */
static void add_connection(struct arena *arena, const struct replacement *replacement, int fd,
			   struct output *output, struct changes *changes)
{
	const char *name = replacement->on_board ? "nic" : "netdev";
	struct properties properties = { .json = replacement->netdev_json &&
						 !replacement->on_board };
	char *value;

	properties_add(arena, &properties, (struct property) { .key = "type", .value = "socket" });
	properties_add(arena, &properties,
		       (struct property) { .key = "fd", .value = arena_format(arena, "%d", fd) });
	properties_add(arena, &properties,
		       (struct property) { .key = "id", .value = replacement->netdev_id });
	for (size_t i = 0; replacement->on_board && i < replacement->device.count; i++)
		properties_add(arena, &properties, replacement->device.list[i]);
	value = properties_format(arena, &properties);
	add_option(output, name, value);
	changes_add(changes, false, "added -%s %s: passt, on descriptor %d", name, value, fd);
}

static void add_item(struct output *output, const struct item *item)
{
	output->words[output->count++] = item->option.word;
	if (item->option.value)
		output->words[output->count++] = item->option.value;
}

static char **put_together(struct arena *arena, const struct inventory *inventory,
			   const struct replacement *replacement, int fd, struct changes *changes)
{
	struct output output = { .words = arena_get(arena, (2 * inventory->count + 5) *
								   sizeof(*output.words)) };

	for (size_t i = 0; i <= inventory->count; i++) {
		if (i == replacement->position && replacement->driver)
			add_device(arena, replacement, &output, changes);
		if (i == inventory->end)
			add_connection(arena, replacement, fd, &output, changes);
		if (i == inventory->count)
			break;
		if (inventory->items[i].removed)
			note_removal(changes, inventory, &inventory->items[i]);
		else
			add_item(&output, &inventory->items[i]);
	}
	return output.words;
}

/* The new NIC's netdev, and what the original adds to virtio-net. */
static void connect_device(struct arena *arena, struct replacement *replacement)
{
	if (!replacement->driver)
		return;
	properties_add(arena, &replacement->device,
		       (struct property) { .key = "netdev", .value = replacement->netdev_id });
	if (nic_is_virtio(replacement->driver))
		properties_add(
			arena, &replacement->device,
			(struct property) { .key = "x-txburst", .value = "4096", .literal = true });
}

int netargs_rewrite(const struct netargs_request *request, struct netargs_result *result)
{
	struct arena *arena = arena_new();
	struct changes changes = { .arena = arena };
	struct replacement replacement;
	struct inventory inventory;
	int ret;

	inventory_take(arena, request->args, &inventory);
	replacement_plan(arena, &inventory, request->qemu, request->model, &replacement, &changes);
	references_remove(arena, &inventory, &replacement);
	ret = replacement_place(arena, &inventory, &replacement);
	if (ret) {
		arena_free(arena);
		return ret;
	}
	connect_device(arena, &replacement);
	result->fd = number_choose(arena, &inventory, request->is_open);
	if (result->fd != NUMBER_USUAL)
		changes_add(&changes, false, "descriptor %d instead of %d: %d is in use",
			    result->fd, NUMBER_USUAL, NUMBER_USUAL);
	result->args = put_together(arena, &inventory, &replacement, result->fd, &changes);
	result->changes = changes.list;
	result->count = changes.count;
	result->memory = arena;
	return 0;
}

void netargs_free(struct netargs_result *result)
{
	arena_free(result->memory);
	*result = (struct netargs_result) { 0 };
}
