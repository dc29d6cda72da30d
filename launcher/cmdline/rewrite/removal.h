/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which options are removed from QEMU's command line, and why. */
#ifndef QRAP_REMOVAL_H
#define QRAP_REMOVAL_H

#include "launcher/cmdline/rewrite/plan.h"

/**
 * removal_mark_network() - Mark the NICs and netdevs
 * @plan:	Its inventory is marked
 *
 * All of them go, but for NICs in front of the guest's that are connected to nothing: a board's
 * own NICs count by their position, and so do slots.
 *
 * -set device.ID.KEY=VALUE would find its device no more: that of the first NIC goes too, and
 * KEY=VALUE becomes one of this NIC's properties.
 */
void removal_mark_network(struct plan *plan);

/**
 * removal_mark_references() - Mark what refers to something that is gone
 * @plan:	Its inventory is marked; netdev and id of its new NIC can still be referred to
 *
 * QEMU refuses to start where an object's netdev is missing, or a device that -set speaks of.
 */
void removal_mark_references(struct plan *plan);

#endif /* QRAP_REMOVAL_H */
