/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/cmdline/parse/starts_guest.h"

#include "launcher/base/memory.h"
#include "launcher/cmdline/parse/inventory.h"
#include "launcher/cmdline/parse/properties.h"
#include "launcher/cmdline/parse/qemu_options.h"

/* QEMU answers these and ends; dump-vmstate has a value, a file to write the answer to. */
static const char questions[] = "h|help|version|audio-help|dump-vmstate";

/* In the value of these "help" or "?" is a question; in that of others it may be a name. */
static const char answering[] =
	"L|M|accel|action|add-fd|audio|audiodev|boot|chardev|cpu|d|device|display|drive|global|"
	"iscsi|machine|net|netdev|nic|numa|object|overcommit|rtc|smp|soundhw|spice|tpmdev|trace|"
	"vga|vnc|watchdog";

/* Keys whose value may be the question: -drive format=help, -nic model=help. */
static const char asking_keys[] = "accel|backend|driver|format|model|qom-type|type";

static bool is_question(struct arena *arena, const struct qemu_option *option)
{
	static const char help[] = "help|?";
	struct properties properties;

	if (name_in(option->name, questions))
		return true;
	if (!option->value || *option->value == '{' || !name_in(option->name, answering))
		return false;
	properties_parse(arena, option->value, "", &properties);
	for (size_t i = 0; i < properties.count; i++) {
		const struct property *property = &properties.list[i];

		if (property->bare &&
		    name_in(*property->key ? property->key : property->value, help))
			return true;
		if (name_in(property->key, asking_keys) && name_in(property->value, help))
			return true;
		/* -machine dumpdtb=FILE writes the device tree and ends. */
		if (name_in(property->key, "dumpdtb"))
			return true;
	}
	return false;
}

bool starts_guest(char **args)
{
	struct arena *arena = arena_new();
	struct inventory inventory;
	bool starts;

	inventory_take(arena, args, &inventory);
	starts = !name_in(inventory.machine, "none");
	for (size_t i = 0; i < inventory.count && starts; i++)
		starts = !is_question(arena, &inventory.items[i].option);
	arena_free(arena);
	return starts;
}
