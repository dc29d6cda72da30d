/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/cmdline/parse/qemu_options.h"

#include <string.h>

/*
 * Options without a value, of all releases (qemu-options.hx). The releases agree: no name takes a
 * value in one of them and none in another.
 */
static const char valueless[] =
	"S|alt-grab|async-teardown|audio-help|ctrl-grab|curses|daemonize|enable-fips|enable-hax|"
	"enable-kvm|enable-sync-profile|full-screen|h|help|jitdump|localtime|mem-prealloc|"
	"no-acpi|no-fd-bootchk|no-frame|no-hpet|no-kvm|no-kvm-irqchip|no-kvm-pit|"
	"no-kvm-pit-reinjection|no-quit|no-reboot|no-shutdown|no-user-config|nodefaults|"
	"nodefconfig|nographic|old-param|only-migratable|perfmap|portrait|preconfig|rtc-td-hack|"
	"s|sdl|semihosting|show-cursor|singlestep|snapshot|tdf|usb|version|win2k-hack|xen-attach|"
	"xen-domid-restrict";

/* Options with a value, of all releases: only to know what is an option at all. */
static const char valued[] =
	"D|L|M|accel|acpitable|action|add-fd|append|audio|audiodev|balloon|bios|blockdev|boot|"
	"bootp|bt|cdrom|chardev|chroot|clock|compat|cpu|d|debugcon|device|dfilter|display|drive|"
	"dtb|dump-vmstate|echr|fda|fdb|fsdev|fw_cfg|g|gdb|global|hda|hdb|hdc|hdd|icount|incoming|"
	"initrd|iscsi|k|kernel|kvm-shadow-memory|loadvm|m|machine|mem-path|mon|monitor|msg|"
	"mtdblock|name|net|netdev|nic|numa|object|option-rom|overcommit|parallel|pcidevice|"
	"pflash|pidfile|plugin|prom-env|qmp|qmp-pretty|qtest|qtest-log|readconfig|realtime|redir|"
	"rotate|rtc|run-with|runas|sandbox|sd|seed|semihosting-config|serial|set|shim|smb|smbios|"
	"smp|soundhw|spice|startdate|tb-size|tftp|tpmdev|trace|usbdevice|uuid|vga|virtfs|"
	"virtfs_synth|virtioconsole|vnc|watchdog|watchdog-action|writeconfig|xen-domid";

static bool matches(const char *name, const char *pattern, size_t len)
{
	if (len && pattern[len - 1] == '*')
		return !strncmp(name, pattern, len - 1);
	return !strncmp(name, pattern, len) && !name[len];
}

bool name_in(const char *name, const char *names)
{
	while (name) {
		size_t len = strcspn(names, "|");

		if (matches(name, names, len))
			return true;
		if (!names[len])
			return false;
		names += len + 1;
	}
	return false;
}

bool qemu_option_is_known(const char *name)
{
	return name_in(name, valueless) || name_in(name, valued);
}

char **qemu_option_next(char **args, struct qemu_option *option)
{
	*option = (struct qemu_option) { .word = *args++ };
	if (*option->word != '-')
		return args;
	option->name = option->word + (option->word[1] == '-' ? 2 : 1);
	if (name_in(option->name, valueless))
		return args;
	option->value = *args;
	option->unfinished = !*args;
	return option->unfinished ? args : args + 1;
}
