/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The NICs of QEMU by their driver names, and which properties one hands on to another. */
#ifndef QRAP_NIC_H
#define QRAP_NIC_H

#include <stdbool.h>

#include "launcher/cmdline/parse/machine.h"
#include "launcher/cmdline/parse/properties.h"

/* Is it the name of a NIC that a netdev connects, or an alias of one? */
bool nic_is_driver(const char *driver);

/* Is a device with these properties a NIC: by its driver, or as it has a netdev? */
bool nic_is_device(const struct properties *device);

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

#endif /* QRAP_NIC_H */
