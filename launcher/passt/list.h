/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --list: the passt sockets of this host, without connecting to any. */
#ifndef QRAP_LIST_H
#define QRAP_LIST_H

#include "launcher/base/settings.h"

/**
 * list_sockets() - Print the sockets that a search would look at, and what is known of them
 * @options:	@socket for one only, @trust, and @json for an array of objects
 *
 * On stdout. A connect would use up a passt --one-off: so the kernel's tables and /proc are asked,
 * and what they do not tell is left out: "-", or null in JSON.
 *
 * Return: exit status: 0 if one is free, 1 if none is, STATUS_FAILED after a message
 */
int list_sockets(const struct settings *options);

#endif /* QRAP_LIST_H */
