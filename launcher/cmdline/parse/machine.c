/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which NIC a machine of QEMU can have. The table is from starting every machine of QEMU 7.2 with
 * each kind of NIC, and from the sources (hw/ARCH/) for what is not in that release.
 */
#include "launcher/cmdline/parse/machine.h"

#include <fnmatch.h>
#include <stddef.h>
#include <string.h>

/* Host bridge and LPC; host bridge and PIIX3. */
#define Q35_SLOTS    UINT32_C(0x80000001)
#define I440FX_SLOTS UINT32_C(0x00000003)

/**
 * struct rule - What holds for some machines
 * @arch:	Architecture as in qemu-system-ARCH, a pattern of fnmatch(3)
 * @type:	Machine, a pattern too; "" is QEMU's default machine
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
	{ "*", "s390*", { ATTACH_CCW, true, true, 0, 0 } },
	{ "*", "microvm*", { ATTACH_MMIO, true, false, 0, 0 } },
	{ "*", "isapc", { ATTACH_ISA, true, false, 0, 0 } },
	{ "*", "xenpv", { ATTACH_ONBOARD, true, false, 0, 0 } },
	{ "*", "q35", { ATTACH_PCI, true, true, Q35_SLOTS, 0 } },
	{ "*", "pc-q35-*", { ATTACH_PCI, true, true, Q35_SLOTS, 0 } },
	{ "*", "pc", { ATTACH_PCI, true, true, I440FX_SLOTS, 0 } },
	{ "*", "pc-*", { ATTACH_PCI, true, true, I440FX_SLOTS, 0 } },
	{ "*", "pseries*", { ATTACH_PCI, true, false, 0, 0 } },
	{ "*", "SS-*", { ATTACH_ONBOARD, true, false, 0, 0 } },
	{ "*", "vexpress-*", { ATTACH_MMIO, true, false, 0, 4 } },
	{ "*", "raspi*", { ATTACH_USB, true, false, 0, 0 } },
	{ "*", "akita", { ATTACH_USB, true, false, 0, 0 } },
	{ "*", "borzoi", { ATTACH_USB, true, false, 0, 0 } },
	{ "*", "spitz", { ATTACH_USB, true, false, 0, 0 } },
	{ "*", "terrier", { ATTACH_USB, true, false, 0, 0 } },
	{ "*", "z2", { ATTACH_USB, true, false, 0, 0 } },
	/* QEMU's default machines. */
	{ "*-microvm", "", { ATTACH_MMIO, true, false, 0, 0 } },
	{ "i386*", "", { ATTACH_PCI, true, true, I440FX_SLOTS, 0 } },
	{ "x86_64*", "", { ATTACH_PCI, true, true, I440FX_SLOTS, 0 } },
	{ "s390x*", "", { ATTACH_CCW, true, true, 0, 0 } },
	/* Boards, by architecture. */
	{ "aarch64*", "virt*", { ATTACH_PCI, true, true, 0, 0 } },
	{ "aarch64*", "sbsa-ref", { ATTACH_PCI, true, false, 0, 0 } },
	{ "a*", "xlnx-versal-virt", { ATTACH_MMIO, true, false, 0, 8 } },
	{ "a*", "versatile*", { ATTACH_PCI, true, false, 0, 0 } },
	{ "a*", "realview-eb*", { ATTACH_PCI, true, false, 0, 0 } },
	{ "arm*", "virt*", { ATTACH_PCI, true, true, 0, 0 } },
	{ "riscv*", "virt*", { ATTACH_PCI, true, false, 0, 0 } },
	{ "or1k*", "virt*", { ATTACH_PCI, true, false, 0, 0 } },
	{ "xtensa*", "virt*", { ATTACH_PCI, true, false, 0, 0 } },
	{ "m68k*", "virt*", { ATTACH_MMIO, true, false, 0, 0 } },
	{ "ppc*", "ref405ep", { ATTACH_ONBOARD, true, false, 0, 0 } },
	{ "ppc*", "taihu", { ATTACH_ONBOARD, true, false, 0, 0 } },
	{ "ppc*", "virtex-ml507", { ATTACH_ONBOARD, true, false, 0, 0 } },
	{ "mips*", "magnum", { ATTACH_ONBOARD, true, false, 0, 0 } },
	{ "mips*", "pica61", { ATTACH_ONBOARD, true, false, 0, 0 } },
	{ "mips*", "mipssim", { ATTACH_ONBOARD, true, false, 0, 0 } },
	{ "sh4*", "r2d", { ATTACH_PCI, true, false, 0, 0 } },
	/* What an architecture's machines are like. */
	{ "alpha*", "*", { ATTACH_PCI, false, false, 0, 0 } },
	{ "hppa*", "*", { ATTACH_PCI, false, false, 0, 0 } },
	{ "i386*", "*", { ATTACH_PCI, false, false, 0, 0 } },
	{ "loongarch64*", "*", { ATTACH_PCI, false, false, 0, 0 } },
	{ "mips*", "*", { ATTACH_PCI, false, false, 0, 0 } },
	{ "ppc*", "*", { ATTACH_PCI, false, false, 0, 0 } },
	{ "s390x*", "*", { ATTACH_CCW, false, true, 0, 0 } },
	{ "x86_64*", "*", { ATTACH_PCI, false, false, 0, 0 } },
	{ "*", "*", { ATTACH_ONBOARD, false, false, 0, 0 } },
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

	while (fnmatch(rule->arch, arch, 0) || fnmatch(rule->type, type ? type : "", 0))
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
