/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Does a command line of QEMU start a guest, or does it only ask QEMU something? */
#include "launcher/cmdline/rewrite/rewrite.h"

#include <string.h>

#include "launcher/base/memory.h"
#include "launcher/cmdline/parse/inventory.h"
#include "launcher/cmdline/parse/properties.h"
#include "launcher/cmdline/parse/qemu_options.h"

/* QEMU answers these and ends; dump-vmstate has a value, a file to write the answer to. */
static const char *const questions[] = {
	"h", "help", "version", "audio-help", "dump-vmstate", NULL,
};

/* In the value of these "help" or "?" is a question; in that of others it may be a name. */
static const char *const answering[] = {
	"L",      "M",          "accel",   "action",   "add-fd",  "audio",   "audiodev",
	"boot",   "chardev",    "cpu",     "d",        "device",  "display", "drive",
	"global", "iscsi",      "machine", "net",      "netdev",  "nic",     "numa",
	"object", "overcommit", "rtc",     "smp",      "soundhw", "spice",   "tpmdev",
	"trace",  "vga",        "vnc",     "watchdog", NULL,
};

/* Keys whose value may be the question: -drive format=help, -nic model=help. */
static const char *const asking_keys[] = {
	"accel", "backend", "driver", "format", "model", "qom-type", "type", NULL,
};

static bool is_help(const char *text)
{
	return !strcmp(text, "help") || !strcmp(text, "?");
}

static bool is_any(const char *text, const char *const *names)
{
	for (; *names; names++) {
		if (!strcmp(text, *names))
			return true;
	}
	return false;
}

static bool asks(struct arena *arena, const struct option *option)
{
	struct properties properties;

	if (option_is(option, questions))
		return true;
	if (!option->value || *option->value == '{' || !option_is(option, answering))
		return false;
	properties_parse(arena, option->value, "", &properties);
	for (size_t i = 0; i < properties.count; i++) {
		const struct property *property = &properties.list[i];

		if (property->bare && is_help(*property->key ? property->key : property->value))
			return true;
		if (is_any(property->key, asking_keys) && is_help(property->value))
			return true;
		/* -machine dumpdtb=FILE writes the device tree and ends. */
		if (!strcmp(property->key, "dumpdtb"))
			return true;
	}
	return false;
}

bool netargs_starts_guest(char **args)
{
	struct arena *arena = arena_new();
	struct inventory inventory;
	bool starts = true;

	inventory_take(arena, args, &inventory);
	for (size_t i = 0; i < inventory.count && starts; i++)
		starts = !asks(arena, &inventory.items[i].option);
	if (inventory.machine && !strcmp(inventory.machine, "none"))
		starts = false;
	arena_free(arena);
	return starts;
}
