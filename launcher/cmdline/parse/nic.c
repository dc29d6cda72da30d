/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The NICs of QEMU by their driver names, and which properties one hands on to another. */
#include "launcher/cmdline/parse/nic.h"

#include <fnmatch.h>
#include <stddef.h>
#include <string.h>

/* @names are patterns, none of which begins with a wildcard: most are told by one look. */
static bool is_any(const char *name, const char *const *names)
{
	for (; *names; names++) {
		if (**names == *name && !fnmatch(*names, name, 0))
			return true;
	}
	return false;
}

bool nic_is_driver(const char *driver)
{
	static const char *const nics[] = {
		"e1000",   "e1000-8254???",  "e1000e",   "igb",        "i8255*",  "i82562",
		"i82801",  "ne2k_isa",       "ne2k_pci", "pcnet",      "rtl8139", "tulip",
		"usb-net", "vmxnet3",        "pvrdma",   "spapr-vlan", "sungem",  "sunhme",
		"eTSEC",   "xen-net-device", NULL,
	};

	return nic_is_virtio(driver) || is_any(driver, nics);
}

bool nic_is_virtio(const char *driver)
{
	static const char *const nics[] = {
		"virtio-net",
		"virtio-net-pci",
		"virtio-net-pci-transitional",
		"virtio-net-pci-non-transitional",
		"virtio-net-device",
		"virtio-net-ccw",
		NULL,
	};

	return is_any(driver, nics);
}

enum attachment nic_attachment(const char *driver)
{
	static const struct {
		const char *driver;
		enum attachment attachment;
	} others[] = {
		{ "*-ccw", ATTACH_CCW },
		{ "virtio-*-device", ATTACH_MMIO },
		{ "ne2k_isa", ATTACH_ISA },
		{ "usb-*", ATTACH_USB },
		{ "spapr-vlan", ATTACH_ONBOARD },
		{ "eTSEC", ATTACH_ONBOARD },
		{ "xen-net-device", ATTACH_ONBOARD },
	};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (!fnmatch(others[i].driver, driver, 0))
			return others[i].attachment;
	}
	return ATTACH_PCI;
}

/* The same NIC, or both virtio-net: what the one was told means the same to the other. */
static bool same_family(const char *from, const char *to)
{
	return !strcmp(from, to) || (nic_is_virtio(from) && nic_is_virtio(to));
}

bool nic_keeps(const char *key, const char *from, const char *to)
{
	/* Ours to write; vlan was another way to say netdev, until QEMU 3.0. */
	static const char *const never[] = { "driver", "netdev", "vlan", NULL };
	static const char *const always[] = { "mac", "id", "bootindex", NULL };
	static const char *const bus[] = {
		"bus",
		"addr",
		"multifunction",
		"romfile",
		"romsize",
		"rombar",
		"acpi-index",
		"x-pcie-lnksta-dllla",
		"x-pcie-extcap-init",
		NULL,
	};
	static const char *const virtio[] = { "host_mtu", "failover", NULL };
	bool same_bus = nic_attachment(from) == nic_attachment(to);

	if (is_any(key, never) || (nic_is_virtio(to) && !strcmp(key, "x-txburst")))
		return false;
	if (same_family(from, to) && same_bus)
		return true;
	if (is_any(key, always) || (nic_is_virtio(to) && is_any(key, virtio)))
		return true;
	return same_bus && is_any(key, bus);
}
