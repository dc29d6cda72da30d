/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/cmdline/parse/inventory.h"

#include <string.h>

#include "launcher/cmdline/parse/machine.h"

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

bool item_is_user(const struct item *item)
{
	const char *type = item_type(item);

	if (item->role == ROLE_NIC && !*type)
		return true;
	return (item->role == ROLE_NETDEV || item->role == ROLE_NIC) && !strcmp(type, "user");
}

void inventory_add(struct arena *arena, struct inventory *out, const struct item *item)
{
	out->items = arena_grow(arena, out->items, out->count, sizeof(*item));
	out->items[out->count++] = *item;
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

/* Is a device with these properties a NIC: by its driver, or as it has a netdev? */
static bool is_nic(const struct properties *device)
{
	return nic_is_driver(properties_get(device, "driver")) || properties_get(device, "netdev");
}

/* The role of a device by its driver, of a network option by its type. */
static enum role find_role(enum role role, const struct item *item)
{
	const char *type = properties_get(&item->properties, "type");

	if (role == ROLE_DEVICE && is_nic(&item->properties))
		return ROLE_NIC_DEVICE;
	if (name_in(item->option.name, "net") && name_in(type, "nic"))
		return ROLE_NET_NIC;
	if (name_in(item->option.name, "net|nic") && name_in(type, "none"))
		return ROLE_NONE;
	return role;
}

/* Sets role and properties of an option. */
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
		{ "object", "qom-type", ROLE_OBJECT }, { "machine", "type", ROLE_MACHINE },
		{ "M", "type", ROLE_MACHINE },         { "set", NULL, ROLE_SET },
		{ "redir", NULL, ROLE_LEGACY },        { "tftp", NULL, ROLE_LEGACY },
		{ "bootp", NULL, ROLE_LEGACY },        { "smb", NULL, ROLE_LEGACY },
	};
	const struct qemu_option *option = &item->option;

	for (size_t i = 0; option->value && i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		if (strcmp(option->name, meanings[i].name))
			continue;
		if (meanings[i].role == ROLE_SET)
			parse_set(arena, option->value, &item->properties);
		else if (meanings[i].implied)
			properties_parse(arena, option->value, meanings[i].implied,
					 &item->properties);
		item->role = find_role(meanings[i].role, item);
	}
}

/* What a file says stays: only the machine and networks matter, and where devices are. */
static void read_config(struct arena *arena, const char *path, struct inventory *out)
{
	size_t i = out->count;

	inventory_add_file(arena, path, out);
	for (; i < out->count; i++) {
		struct item *section = &out->items[i];
		const char *group = section->option.name;

		if (name_in(group, "machine"))
			section->role = ROLE_MACHINE;
		if (name_in(group, "netdev|net|nic") ||
		    (name_in(group, "device") && is_nic(&section->properties)))
			section->role = ROLE_DECLARED;
	}
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

/* What an item tells about the whole line. */
static void note_item(struct inventory *out, size_t index)
{
	const struct item *item = &out->items[index];
	const char *name = item->option.name, *value = item->option.value;

	if (name_in(name, "nodefaults"))
		out->nodefaults = out->no_vga = true;
	if (out->nodefaults || item_is_nic(item) || item->role == ROLE_NETDEV ||
	    item->role == ROLE_NONE)
		out->default_nic = false;
	if (name_in(name, "vga") && value)
		out->no_vga = !strcmp(value, "none");
	if (item->role == ROLE_MACHINE && *item_type(item))
		out->machine = item_type(item);
	if (item->role == ROLE_DEVICE && item->properties.json)
		out->json = true;
	if (index < out->first_device && (value || item->file) && name_in(name, device_options))
		out->first_device = index;
}

void inventory_take(struct arena *arena, char **args, struct inventory *out)
{
	*out = (struct inventory) { 0 };
	read_default_config(arena, args, out);
	while (*args) {
		struct item item = { 0 };

		args = qemu_option_next(args, &item.option);
		if (name_in(item.option.name, "readconfig") && item.option.value)
			read_config(arena, item.option.value, out);
		classify(arena, &item);
		inventory_add(arena, out, &item);
	}
	out->end = out->count;
	if (out->end && out->items[out->end - 1].option.unfinished)
		out->end--;
	out->first_device = out->end;
	out->default_nic = true;
	for (size_t i = 0; i < out->count; i++)
		note_item(out, i);
}
