/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table is from starting every machine of QEMU 7.2 with each kind of NIC, and from the sources
 * (hw/ARCH/) for what is not in that release.
 */
#include "launcher/cmdline/parse/machine.h"

#include <fnmatch.h>
#include <stddef.h>
#include <string.h>

#include "launcher/cmdline/parse/qemu_options.h"

/* Host bridge and LPC; host bridge and PIIX3; host bridge. */
#define Q35_SLOTS    UINT32_C(0x80000001)
#define I440FX_SLOTS UINT32_C(0x00000003)
#define VIRT_SLOTS   UINT32_C(0x00000001)

/**
 * struct rule - What holds for some machines
 * @arch:	Architectures as in qemu-system-ARCH, for name_in()
 * @type:	Machines, too; "" is QEMU's default machine
 * @machine:	What holds for them
 */
struct rule {
	const char *arch;
	const char *type;
	struct machine machine;
};

/* The first that fits counts. */
static const struct rule rules[] = {
	/* Names that tell of themselves what machine it is. */
	{ "*", "s390*", { ATTACH_CCW, true, true, 0, 0, NULL } },
	{ "*", "microvm*", { ATTACH_MMIO, true, false, 0, 0, NULL } },
	{ "*", "isapc", { ATTACH_ISA, true, false, 0, 0, NULL } },
	{ "*", "q35|pc-q35-*", { ATTACH_PCI, true, true, Q35_SLOTS, 0, "e1000e" } },
	{ "*", "pc|pc-*", { ATTACH_PCI, true, true, I440FX_SLOTS, 0, "e1000" } },
	{ "*", "pseries*", { ATTACH_PCI, true, false, 0, 0, "spapr-vlan" } },
	{ "*", "SS-*|xenpv", { ATTACH_ONBOARD, true, false, 0, 0, NULL } },
	{ "*", "vexpress-*", { ATTACH_MMIO, true, false, 0, 4, NULL } },
	{ "*", "raspi*|akita|borzoi|spitz|terrier|z2", { ATTACH_USB, true, false, 0, 0, NULL } },
	/* QEMU's default machines. */
	{ "i386-microvm|x86_64-microvm", "", { ATTACH_MMIO, true, false, 0, 0, NULL } },
	{ "i386*|x86_64*", "", { ATTACH_PCI, true, true, I440FX_SLOTS, 0, "e1000" } },
	{ "s390x*", "", { ATTACH_CCW, true, true, 0, 0, NULL } },
	/* Boards, by architecture. */
	{ "aarch64*|arm*", "virt*", { ATTACH_PCI, true, true, VIRT_SLOTS, 0, NULL } },
	{ "aarch64*", "sbsa-ref", { ATTACH_PCI, true, false, 0, 0, NULL } },
	{ "aarch64*|arm*", "xlnx-versal-virt", { ATTACH_MMIO, true, false, 0, 8, NULL } },
	{ "aarch64*|arm*", "versatile*|realview-eb*", { ATTACH_PCI, true, false, 0, 0, NULL } },
	{ "riscv*|or1k*|xtensa*", "virt*", { ATTACH_PCI, true, false, 0, 0, NULL } },
	{ "m68k*", "virt*", { ATTACH_MMIO, true, false, 0, 0, NULL } },
	{ "ppc*", "ref405ep|taihu|virtex-ml507", { ATTACH_ONBOARD, true, false, 0, 0, NULL } },
	{ "mips*", "magnum|pica61|mipssim", { ATTACH_ONBOARD, true, false, 0, 0, NULL } },
	{ "sh4*", "r2d", { ATTACH_PCI, true, false, 0, 0, NULL } },
	/* What an architecture's machines are like. */
	{ "s390x*", "*", { ATTACH_CCW, false, true, 0, 0, NULL } },
	{ "alpha*|hppa*|i386*|loongarch64*|mips*|ppc*|x86_64*",
	  "*",
	  { ATTACH_PCI, false, false, 0, 0, NULL } },
	{ "*", "*", { ATTACH_ONBOARD, false, false, 0, 0, NULL } },
};

/* Names without an architecture (kvm, qemu-kvm, a wrapper's) stand for the host's. */
#if defined(__x86_64__) || defined(__i386__)
#define HOST_ARCH "x86_64"
#elif defined(__aarch64__)
#define HOST_ARCH "aarch64"
#elif defined(__arm__)
#define HOST_ARCH "arm"
#elif defined(__s390x__)
#define HOST_ARCH "s390x"
#elif defined(__powerpc__)
#define HOST_ARCH "ppc64"
#elif defined(__riscv)
#define HOST_ARCH "riscv64"
#elif defined(__loongarch__)
#define HOST_ARCH "loongarch64"
#elif defined(__mips__)
#define HOST_ARCH "mips"
#else
#define HOST_ARCH ""
#endif

static const char *find_arch(const char *qemu)
{
	static const char prefix[] = "qemu-system-";
	const char *name = strrchr(qemu, '/');

	name = strstr(name ? name + 1 : qemu, prefix);
	return name ? name + strlen(prefix) : HOST_ARCH;
}

struct machine machine_find(const char *qemu, const char *type)
{
	const char *arch = find_arch(qemu);
	const struct rule *rule = rules;

	while (!name_in(arch, rule->arch) || !name_in(type ? type : "", rule->type))
		rule++;
	return rule->machine;
}

const char *machine_nic(enum attachment attachment)
{
	static const char *const nics[] = {
		[ATTACH_PCI] = "virtio-net-pci",
		[ATTACH_CCW] = "virtio-net-ccw",
		[ATTACH_MMIO] = "virtio-net-device",
		[ATTACH_ISA] = "ne2k_isa",
		[ATTACH_USB] = "usb-net",
		[ATTACH_ONBOARD] = NULL,
	};

	return nics[attachment];
}

bool nic_is_driver(const char *driver)
{
	return nic_is_virtio(driver) ||
	       name_in(driver, "e1000|e1000-82540em|e1000-82544gc|e1000-82545em|e1000e|igb|"
			       "i82550|i82551|i82557a|i82557b|i82557c|i82558a|i82558b|i82559a|"
			       "i82559b|i82559c|i82559er|i82562|i82801|ne2k_isa|ne2k_pci|pcnet|"
			       "rtl8139|tulip|usb-net|vmxnet3|pvrdma|spapr-vlan|sungem|sunhme|"
			       "eTSEC|xen-net-device");
}

bool nic_is_virtio(const char *driver)
{
	return name_in(driver, "virtio-net|virtio-net-pci|virtio-net-pci-transitional|"
			       "virtio-net-pci-non-transitional|virtio-net-device|virtio-net-ccw");
}

enum attachment nic_attachment(const char *driver)
{
	if (!fnmatch("*-ccw", driver, 0))
		return ATTACH_CCW;
	if (!fnmatch("virtio-*-device", driver, 0))
		return ATTACH_MMIO;
	if (name_in(driver, "ne2k_isa"))
		return ATTACH_ISA;
	if (name_in(driver, "usb-*"))
		return ATTACH_USB;
	return name_in(driver, "spapr-vlan|eTSEC|xen-net-device") ? ATTACH_ONBOARD : ATTACH_PCI;
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
