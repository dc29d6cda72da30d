/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QEMU's command line as QEMU reads it. */
#include "cmdline.h"

#include <string.h>

/*
 * Options without a value, of all releases (qemu-options.hx). The releases agree: no name takes a
 * value in one of them and none in another.
 */
static const char *const valueless[] = {
	"S",
	"alt-grab",
	"async-teardown",
	"audio-help",
	"ctrl-grab",
	"curses",
	"daemonize",
	"enable-fips",
	"enable-hax",
	"enable-kvm",
	"enable-sync-profile",
	"full-screen",
	"h",
	"help",
	"jitdump",
	"localtime",
	"mem-prealloc",
	"no-acpi",
	"no-fd-bootchk",
	"no-frame",
	"no-hpet",
	"no-kvm",
	"no-kvm-irqchip",
	"no-kvm-pit",
	"no-kvm-pit-reinjection",
	"no-quit",
	"no-reboot",
	"no-shutdown",
	"no-user-config",
	"nodefaults",
	"nodefconfig",
	"nographic",
	"old-param",
	"only-migratable",
	"perfmap",
	"portrait",
	"preconfig",
	"rtc-td-hack",
	"s",
	"sdl",
	"semihosting",
	"show-cursor",
	"singlestep",
	"snapshot",
	"tdf",
	"usb",
	"version",
	"win2k-hack",
	"xen-attach",
	"xen-domid-restrict",
	NULL,
};

bool option_is(const struct option *option, const char *const *names)
{
	if (!option->name)
		return false;
	for (; *names; names++) {
		if (!strcmp(option->name, *names))
			return true;
	}
	return false;
}

void cmdline_parse(struct arena *arena, char **args, struct cmdline *out)
{
	*out = (struct cmdline) { 0 };
	while (*args) {
		struct option option = { .word = *args++ };

		if (*option.word == '-') {
			option.name = option.word + (option.word[1] == '-' ? 2 : 1);
			if (!option_is(&option, valueless)) {
				option.value = *args;
				option.unfinished = !*args;
				args += *args != NULL;
			}
		}
		out->options = arena_grow(arena, out->options, out->count, sizeof(option));
		out->options[out->count++] = option;
	}
}
