/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/cmdline/parse/nic.h"

#include <fnmatch.h>
#include <stddef.h>
#include <string.h>

#include "launcher/cmdline/parse/qemu_options.h"

bool nic_is_driver(const char *driver)
{
	return nic_is_virtio(driver) ||
	       name_in(driver, "e1000|e1000-82540em|e1000-82544gc|e1000-82545em|e1000e|igb|"
			       "i82550|i82551|i82557a|i82557b|i82557c|i82558a|i82558b|i82559a|"
			       "i82559b|i82559c|i82559er|i82562|i82801|ne2k_isa|ne2k_pci|pcnet|"
			       "rtl8139|tulip|usb-net|vmxnet3|pvrdma|spapr-vlan|sungem|sunhme|"
			       "eTSEC|xen-net-device");
}

bool nic_is_device(const struct properties *device)
{
	const char *driver = properties_get(device, "driver");

	return (driver && nic_is_driver(driver)) || properties_get(device, "netdev");
}

bool nic_is_virtio(const char *driver)
{
	return name_in(driver, "virtio-net|virtio-net-pci|virtio-net-pci-transitional|"
			       "virtio-net-pci-non-transitional|virtio-net-device|virtio-net-ccw");
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

bool nic_keeps(const char *key, const char *from, const char *to)
{
	bool both_virtio = nic_is_virtio(from) && nic_is_virtio(to);
	bool same_bus = nic_attachment(from) == nic_attachment(to);

	/* The rewriter writes these itself; vlan was another way to say netdev, until QEMU 3.0. */
	if (name_in(key, "driver|netdev|vlan") || (nic_is_virtio(to) && name_in(key, "x-txburst")))
		return false;
	if (same_bus && (both_virtio || !strcmp(from, to)))
		return true;
	if (name_in(key, "mac|id|bootindex") ||
	    (nic_is_virtio(to) && name_in(key, "host_mtu|failover")))
		return true;
	return same_bus && name_in(key, "bus|addr|multifunction|romfile|romsize|rombar|acpi-index|"
					"x-pcie-lnksta-dllla|x-pcie-extcap-init");
}
