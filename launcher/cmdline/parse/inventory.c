/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is on QEMU's command line, as far as a NIC has to do with it. */
#include "launcher/cmdline/parse/inventory.h"

#include <string.h>

#include "launcher/cmdline/parse/nic.h"

/* Read unless -no-user-config (or its older name) says otherwise. */
#define DEFAULT_CONFIG "/etc/qemu/qemu.conf"

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

bool item_is_nic(const struct item *item)
{
	return item->role == ROLE_NIC_DEVICE || item->role == ROLE_NIC ||
	       item->role == ROLE_NET_NIC;
}

bool properties_are_nic(const struct properties *device)
{
	const char *driver = properties_get(device, "driver");

	return (driver && nic_is_driver(driver)) || properties_get(device, "netdev");
}

/**
 * struct meaning - What an option is
 * @name:	The option
 * @implied:	Key of the first word of its value
 * @role:	Its role
 */
struct meaning {
	const char *name;
	const char *implied;
	enum role role;
};

static const struct meaning *find_meaning(const char *name)
{
	static const struct meaning meanings[] = {
		{ "device", "driver", ROLE_DEVICE },   { "netdev", "type", ROLE_NETDEV },
		{ "net", "type", ROLE_NETDEV },        { "nic", "type", ROLE_NIC },
		{ "object", "qom-type", ROLE_OBJECT }, { "set", NULL, ROLE_SET },
	};

	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		if (!strcmp(name, meanings[i].name))
			return &meanings[i];
	}
	return NULL;
}

/* GROUP.ID.KEY=VALUE: type GROUP, id ID, and the key; an id has no dot in front of the last key. */
static void parse_set(struct arena *arena, const char *value, struct properties *out)
{
	size_t group = strcspn(value, "."), id, key;
	struct property parts[3];

	*out = (struct properties) { 0 };
	if (!value[group])
		return;
	id = strcspn(value + group + 1, ".");
	if (!value[group + 1 + id])
		return;
	key = strcspn(value + group + 1 + id + 1, "=");
	if (!value[group + 1 + id + 1 + key])
		return;
	parts[0] = (struct property) { .key = "type", .value = arena_copy(arena, value, group) };
	value += group + 1;
	parts[1] = (struct property) { .key = "id", .value = arena_copy(arena, value, id) };
	value += id + 1;
	parts[2] = (struct property) { .key = arena_copy(arena, value, key),
				       .value = value + key + 1 };
	for (size_t i = 0; i < 3; i++)
		properties_add(arena, out, parts[i]);
}

/* The role of an option whose value is taken apart. */
static enum role find_role(enum role role, const struct item *item)
{
	const char *type = properties_get(&item->properties, "type");

	if (role == ROLE_DEVICE && properties_are_nic(&item->properties))
		return ROLE_NIC_DEVICE;
	if (role == ROLE_NETDEV && !strcmp(item->option.name, "net") && type &&
	    !strcmp(type, "nic"))
		return ROLE_NET_NIC;
	if (role == ROLE_NIC && type && !strcmp(type, "none"))
		return ROLE_NETDEV;
	return role;
}

static void classify(struct arena *arena, struct item *item)
{
	const struct option *option = &item->option;
	const struct meaning *meaning = option->value ? find_meaning(option->name) : NULL;

	if (!meaning)
		return;
	if (meaning->role == ROLE_SET)
		parse_set(arena, option->value, &item->properties);
	else
		properties_parse(arena, option->value, meaning->implied, &item->properties);
	item->role = find_role(meaning->role, item);
	item->removed = item_is_nic(item) || item->role == ROLE_NETDEV;
}

/* A file of -readconfig, which may choose the machine too. */
static void read_config(struct arena *arena, const char *path, struct inventory *out)
{
	size_t before = out->config.count;

	config_read(arena, path, &out->config);
	for (size_t i = before; i < out->config.count; i++) {
		const struct section *section = &out->config.sections[i];
		const char *type = properties_get(&section->properties, "type");

		if (type && !strcmp(section->group, "machine"))
			out->machine = type;
	}
}

/* -machine, -M and the display adapter, and the files that are read in addition. */
static void note_environment(struct arena *arena, const struct option *option,
			     struct inventory *out)
{
	static const char *const machine[] = { "machine", "M", NULL };
	static const char *const readconfig[] = { "readconfig", NULL };
	static const char *const nodefaults[] = { "nodefaults", NULL };
	static const char *const vga[] = { "vga", NULL };
	struct properties properties;
	const char *type;

	if (option_is(option, nodefaults))
		out->no_vga = true;
	if (!option->value)
		return;
	if (option_is(option, vga))
		out->no_vga = !strcmp(option->value, "none");
	if (option_is(option, readconfig))
		read_config(arena, option->value, out);
	if (!option_is(option, machine))
		return;
	properties_parse(arena, option->value, "type", &properties);
	type = properties_get(&properties, "type");
	if (type)
		out->machine = type;
}

static void read_default_config(struct arena *arena, const struct cmdline *line,
				struct inventory *out)
{
	static const char *const none[] = { "no-user-config", "nodefconfig", NULL };

	for (size_t i = 0; i < line->count; i++) {
		if (option_is(&line->options[i], none))
			return;
	}
	read_config(arena, DEFAULT_CONFIG, out);
}

void inventory_take(struct arena *arena, char **args, struct inventory *out)
{
	struct cmdline line;

	cmdline_parse(arena, args, &line);
	*out = (struct inventory) { .count = line.count, .end = line.count };
	out->items = arena_get(arena, line.count * sizeof(*out->items));
	out->first_device = line.count;
	read_default_config(arena, &line, out);
	for (size_t i = 0; i < line.count; i++) {
		struct item *item = &out->items[i];

		item->option = line.options[i];
		classify(arena, item);
		note_environment(arena, &item->option, out);
		if (item->option.unfinished)
			out->end = i;
		if (item_is_nic(item) && !out->nic)
			out->nic = item;
		if (item->role == ROLE_DEVICE && item->properties.json)
			out->json = true;
		if ((item->role == ROLE_DEVICE || item->role == ROLE_NIC_DEVICE) &&
		    i < out->first_device)
			out->first_device = i;
	}
	if (out->first_device > out->end)
		out->first_device = out->end;
}
