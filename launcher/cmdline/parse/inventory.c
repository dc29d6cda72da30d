/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/cmdline/parse/inventory.h"

#include <stdint.h>
#include <string.h>

#include "launcher/cmdline/parse/nic.h"

/* Read unless -no-user-config (or its older name) says otherwise. */
#define DEFAULT_CONFIG "/etc/qemu/qemu.conf"

/* All that add a device as -device does, in their turn; some are those of older releases. */
static const char device_options[] = "device|balloon|virtfs|virtioconsole|watchdog";

const char *item_type(const struct item *item)
{
	const char *key =
		item->role == ROLE_DEVICE || item->role == ROLE_NIC_DEVICE ? "driver" : "type";
	const char *type = properties_get(&item->properties, key);

	return type ? type : "";
}

const char *item_id(const struct item *item)
{
	return properties_get(&item->properties, "id");
}

const char *item_netdev_id(const struct item *item)
{
	const char *id = item_id(item);

	if (item->role != ROLE_NETDEV && item->role != ROLE_NIC)
		return NULL;
	return id ? id : properties_get(&item->properties, "name");
}

bool item_is_nic(const struct item *item)
{
	return item->role == ROLE_NIC_DEVICE || item->role == ROLE_NIC ||
	       item->role == ROLE_NET_NIC;
}

/* -set GROUP.ID.KEY=VALUE: type GROUP, id ID, and the key; an id has no dot in it. */
static void parse_set(struct arena *arena, const char *value, struct properties *out)
{
	const char *id = strchr(value, '.');
	const char *key = id ? strchr(id + 1, '.') : NULL;
	const char *end = key ? strchr(key + 1, '=') : NULL;

	if (!end)
		return;
	properties_add(arena, out, "type", arena_copy(arena, value, (size_t)(id - value)));
	properties_add(arena, out, "id", arena_copy(arena, id + 1, (size_t)(key - id - 1)));
	properties_add(arena, out, arena_copy(arena, key + 1, (size_t)(end - key - 1)), end + 1);
}

/* The role of a device by its driver, of a network option by its type. */
static enum role find_role(enum role role, const struct item *item)
{
	const char *type = properties_get(&item->properties, "type");

	if (role == ROLE_DEVICE && nic_is_device(&item->properties))
		return ROLE_NIC_DEVICE;
	if (name_in(item->option.name, "net") && name_in(type, "nic"))
		return ROLE_NET_NIC;
	if (role == ROLE_NIC && name_in(type, "none"))
		return ROLE_NETDEV;
	return role;
}

/* Sets role and properties of an item. */
static void classify(struct arena *arena, struct item *item)
{
	/* An option, the key that the first word of its value belongs to, and its role. */
	static const struct {
		const char *name;
		const char *implied;
		enum role role;
	} meanings[] = {
		{ "device", "driver", ROLE_DEVICE },   { "netdev", "type", ROLE_NETDEV },
		{ "net", "type", ROLE_NETDEV },        { "nic", "type", ROLE_NIC },
		{ "object", "qom-type", ROLE_OBJECT }, { "set", NULL, ROLE_SET },
	};
	const struct qemu_option *option = &item->option;

	for (size_t i = 0; option->value && i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		if (strcmp(option->name, meanings[i].name))
			continue;
		if (meanings[i].role == ROLE_SET)
			parse_set(arena, option->value, &item->properties);
		else
			properties_parse(arena, option->value, meanings[i].implied,
					 &item->properties);
		item->role = find_role(meanings[i].role, item);
	}
}

/* The option that is read adds a device. */
static void note_device(struct inventory *out)
{
	if (out->first_device == SIZE_MAX)
		out->first_device = out->count ? out->count - 1 : 0;
}

/* A configuration file, which may choose the machine too. */
static void read_config(struct arena *arena, const char *path, struct inventory *out)
{
	size_t before = out->config.count;

	readconfig_add(arena, path, &out->config);
	for (size_t i = before; i < out->config.count; i++) {
		const struct section *section = &out->config.sections[i];
		const char *type = properties_get(&section->properties, "type");

		if (type && !strcmp(section->group, "machine"))
			out->machine = type;
		if (!strcmp(section->group, "device"))
			note_device(out);
	}
}

/* -machine, -M and the display adapter, and the files that are read in addition. */
static void note_environment(struct arena *arena, const struct qemu_option *option,
			     struct inventory *out)
{
	struct properties properties;
	const char *type;

	if (name_in(option->name, "nodefaults"))
		out->nodefaults = out->no_vga = true;
	if (!option->value)
		return;
	if (name_in(option->name, "vga"))
		out->no_vga = !strcmp(option->value, "none");
	if (name_in(option->name, "readconfig"))
		read_config(arena, option->value, out);
	if (!name_in(option->name, "machine|M"))
		return;
	properties_parse(arena, option->value, "type", &properties);
	type = properties_get(&properties, "type");
	if (type)
		out->machine = type;
}

static void read_default_config(struct arena *arena, char **args, struct inventory *out)
{
	struct qemu_option option;

	while (*args) {
		args = qemu_option_next(args, &option);
		if (name_in(option.name, "no-user-config|nodefconfig"))
			return;
	}
	read_config(arena, DEFAULT_CONFIG, out);
}

/* Is there something else on QEMU's old hub, which -net nic without a netdev is on? */
static bool has_hub(const struct inventory *inventory)
{
	for (size_t i = 0; i < inventory->count; i++) {
		const struct item *item = &inventory->items[i];

		if (item->role == ROLE_NETDEV && name_in(item->option.name, "net") &&
		    !name_in(item_type(item), "none"))
			return true;
	}
	return false;
}

static void find_nic(struct inventory *out)
{
	bool hub = has_hub(out), found = false;

	for (size_t i = 0; i < out->count && !found; i++) {
		struct item *item = &out->items[i];

		if (!item_is_nic(item))
			continue;
		found = item->role == ROLE_NIC || (item->role == ROLE_NET_NIC && hub) ||
			properties_get(&item->properties, "netdev");
		if (found || !out->nic)
			out->nic = item;
	}
}

/* What can be told once all options are there. */
static void find_places(struct inventory *out)
{
	find_nic(out);
	out->default_nic = !out->nodefaults && !out->nic;
	for (size_t i = 0; i < out->count; i++) {
		if (out->items[i].role == ROLE_NETDEV)
			out->default_nic = false;
	}
	out->end = out->count;
	if (out->end && out->items[out->end - 1].option.unfinished)
		out->end--;
	if (out->first_device > out->end)
		out->first_device = out->end;
}

void inventory_take(struct arena *arena, char **args, struct inventory *out)
{
	size_t words = 0;

	*out = (struct inventory) { .first_device = SIZE_MAX };
	while (args[words])
		words++;
	out->items = arena_get(arena, words * sizeof(*out->items));
	read_default_config(arena, args, out);
	while (*args) {
		struct item *item = &out->items[out->count++];

		args = qemu_option_next(args, &item->option);
		classify(arena, item);
		note_environment(arena, &item->option, out);
		if (item->option.value && name_in(item->option.name, device_options))
			note_device(out);
		if (item->role == ROLE_DEVICE && item->properties.json)
			out->json = true;
	}
	find_places(out);
}
