/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The NIC and the netdev that take the place of those that were there. */
#ifndef QRAP_NEW_NIC_H
#define QRAP_NEW_NIC_H

#include "launcher/cmdline/rewrite/plan.h"

/**
 * new_nic_choose() - Decide on driver, properties and netdev id
 * @plan:	Its inventory is read; gets machine, drivers, device, netdev, and in its changes
 *what is carried over from the old NIC, and what not
 * @qemu:	Name of QEMU
 * @model:	NIC asked for, "same", or NULL
 */
void new_nic_choose(struct plan *plan, const char *qemu, const char *model);

#endif /* QRAP_NEW_NIC_H */
