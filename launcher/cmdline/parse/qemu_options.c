/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QEMU's command line as QEMU reads it. */
#include "launcher/cmdline/parse/qemu_options.h"

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

/* Options with a value, of all releases: only to know what is an option at all. */
static const char *const valued[] = {
	"D",
	"L",
	"M",
	"accel",
	"acpitable",
	"action",
	"add-fd",
	"append",
	"audio",
	"audiodev",
	"balloon",
	"bios",
	"blockdev",
	"boot",
	"bootp",
	"bt",
	"cdrom",
	"chardev",
	"chroot",
	"clock",
	"compat",
	"cpu",
	"d",
	"debugcon",
	"device",
	"dfilter",
	"display",
	"drive",
	"dtb",
	"dump-vmstate",
	"echr",
	"fda",
	"fdb",
	"fsdev",
	"fw_cfg",
	"g",
	"gdb",
	"global",
	"hda",
	"hdb",
	"hdc",
	"hdd",
	"icount",
	"incoming",
	"initrd",
	"iscsi",
	"k",
	"kernel",
	"kvm-shadow-memory",
	"loadvm",
	"m",
	"machine",
	"mem-path",
	"mon",
	"monitor",
	"msg",
	"mtdblock",
	"name",
	"net",
	"netdev",
	"nic",
	"numa",
	"object",
	"option-rom",
	"overcommit",
	"parallel",
	"pcidevice",
	"pflash",
	"pidfile",
	"plugin",
	"prom-env",
	"qmp",
	"qmp-pretty",
	"qtest",
	"qtest-log",
	"readconfig",
	"realtime",
	"redir",
	"rotate",
	"rtc",
	"run-with",
	"runas",
	"sandbox",
	"sd",
	"seed",
	"semihosting-config",
	"serial",
	"set",
	"shim",
	"smb",
	"smbios",
	"smp",
	"soundhw",
	"spice",
	"startdate",
	"tb-size",
	"tftp",
	"tpmdev",
	"trace",
	"usbdevice",
	"uuid",
	"vga",
	"virtfs",
	"virtfs_synth",
	"virtioconsole",
	"vnc",
	"watchdog",
	"watchdog-action",
	"writeconfig",
	"xen-domid",
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

bool cmdline_knows(const char *name)
{
	const struct option option = { .name = name };

	return option_is(&option, valueless) || option_is(&option, valued);
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
