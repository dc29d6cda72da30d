/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table is from starting every machine of QEMU 7.2 with each kind of NIC, and from the sources
 * (hw/ARCH/) for what is not in that release.
 */
#include "launcher/cmdline/parse/machine.h"

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
	{ "*", "s390*", { ATTACH_CCW, true, true, 0, 0 } },
	{ "*", "microvm*", { ATTACH_MMIO, true, false, 0, 0 } },
	{ "*", "isapc", { ATTACH_ISA, true, false, 0, 0 } },
	{ "*", "q35|pc-q35-*", { ATTACH_PCI, true, true, Q35_SLOTS, 0 } },
	{ "*", "pc|pc-*", { ATTACH_PCI, true, true, I440FX_SLOTS, 0 } },
	{ "*", "pseries*", { ATTACH_PCI, true, false, 0, 0 } },
	{ "*", "SS-*|xenpv", { ATTACH_ONBOARD, true, false, 0, 0 } },
	{ "*", "vexpress-*", { ATTACH_MMIO, true, false, 0, 4 } },
	{ "*", "raspi*|akita|borzoi|spitz|terrier|z2", { ATTACH_USB, true, false, 0, 0 } },
	/* QEMU's default machines. */
	{ "i386-microvm|x86_64-microvm", "", { ATTACH_MMIO, true, false, 0, 0 } },
	{ "i386*|x86_64*", "", { ATTACH_PCI, true, true, I440FX_SLOTS, 0 } },
	{ "s390x*", "", { ATTACH_CCW, true, true, 0, 0 } },
	/* Boards, by architecture. */
	{ "aarch64*|arm*", "virt*", { ATTACH_PCI, true, true, VIRT_SLOTS, 0 } },
	{ "aarch64*", "sbsa-ref", { ATTACH_PCI, true, false, 0, 0 } },
	{ "aarch64*|arm*", "xlnx-versal-virt", { ATTACH_MMIO, true, false, 0, 8 } },
	{ "aarch64*|arm*", "versatile*|realview-eb*", { ATTACH_PCI, true, false, 0, 0 } },
	{ "riscv*|or1k*|xtensa*", "virt*", { ATTACH_PCI, true, false, 0, 0 } },
	{ "m68k*", "virt*", { ATTACH_MMIO, true, false, 0, 0 } },
	{ "ppc*", "ref405ep|taihu|virtex-ml507", { ATTACH_ONBOARD, true, false, 0, 0 } },
	{ "mips*", "magnum|pica61|mipssim", { ATTACH_ONBOARD, true, false, 0, 0 } },
	{ "sh4*", "r2d", { ATTACH_PCI, true, false, 0, 0 } },
	/* What an architecture's machines are like. */
	{ "s390x*", "*", { ATTACH_CCW, false, true, 0, 0 } },
	{ "alpha*|hppa*|i386*|loongarch64*|mips*|ppc*|x86_64*",
	  "*",
	  { ATTACH_PCI, false, false, 0, 0 } },
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
