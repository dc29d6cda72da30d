/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What else on the command line refers to the NICs and netdevs that go. */
#ifndef QRAP_REMOVAL_H
#define QRAP_REMOVAL_H

#include "launcher/cmdline/parse/inventory.h"
#include "launcher/cmdline/rewrite/new_nic.h"

/**
 * references_remove() - Mark what refers to something that is gone
 * @arena:	Where reasons are kept
 * @inventory:	The line
 * @replacement: The new NIC, whose netdev and id are still there to be referred to
 *
 * QEMU refuses to start where an object's netdev is missing, or a device that -set speaks of.
 */
void references_remove(struct arena *arena, struct inventory *inventory,
		       const struct replacement *replacement);

#endif /* QRAP_REMOVAL_H */
