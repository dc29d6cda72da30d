/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which NIC a machine of QEMU can have, and which properties one NIC hands on to another. */
#ifndef QRAP_MACHINE_H
#define QRAP_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

/* How a NIC is connected to its machine. */
enum attachment {
	ATTACH_PCI,     /* virtio-net-pci */
	ATTACH_CCW,     /* virtio-net-ccw: s390x */
	ATTACH_MMIO,    /* virtio-net-device: microvm, boards with virtio-mmio */
	ATTACH_ISA,     /* ne2k_isa: a PC without PCI */
	ATTACH_USB,     /* usb-net: boards that have nothing else */
	ATTACH_ONBOARD, /* the board's own NIC: -nic connects it */
};

/**
 * struct machine - What is known of a machine
 * @attachment:	How its NIC is connected
 * @known:	The machine is in the table; else it is a guess by QEMU's name
 * @nic_first:	The NIC of -nic and -net nic is on the bus of @attachment too, and gets its place
 *		there before any -device
 * @reserved:	Slots of its default PCI bus that the chipset has, a bit for each
 * @transports:	How many virtio-mmio devices it can have; 0 where it has no NIC of its own besides
 * @own_nic:	The NIC that -nic without a model is; NULL: one that needs no word, or not known
 */
struct machine {
	enum attachment attachment;
	bool known;
	bool nic_first;
	uint32_t reserved;
	unsigned transports;
	const char *own_nic;
};

/**
 * machine_find() - Look a machine up
 * @qemu:	Name or path of QEMU ("/usr/bin/qemu-system-s390x", "kvm")
 * @type:	Machine as -machine has it ("q35", "pc-i440fx-7.2"), or NULL for QEMU's default
 *
 * Return: what is known of it
 */
struct machine machine_find(const char *qemu, const char *type);

/* Driver of -device for a NIC that is connected this way; NULL for ATTACH_ONBOARD. */
const char *machine_nic(enum attachment attachment);

/* Is it the name of a NIC that a netdev connects, or an alias of one? */
bool nic_is_driver(const char *driver);

/* Is it virtio-net, on whatever bus? */
bool nic_is_virtio(const char *driver);

/* The bus that a device of this driver is on, as far as the name tells: else PCI. */
enum attachment nic_attachment(const char *driver);

/**
 * nic_keeps() - Does a new NIC get this property of the one that it replaces?
 * @key:	The property
 * @from:	Driver of the old one
 * @to:		Driver of the new one
 *
 * Between two of one family everything; else what makes up the guest's view of a NIC and is known
 * to all drivers on that bus.
 *
 * Return: true if it does
 */
bool nic_keeps(const char *key, const char *from, const char *to);

#endif /* QRAP_MACHINE_H */
