/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finding a passt that is free: searching, and searching again where that makes sense. */
#ifndef QRAP_DISCOVER_H
#define QRAP_DISCOVER_H

#include "launcher/passt/search.h"
#include "shim/common/passt.h"

/**
 * struct connection - A connection to passt
 * @fd:		Connected socket, close-on-exec, blocking, without timeouts; the answer to the
 *		probe is still in its queue
 * @path:	Path of passt's socket, or "" for a private one
 * @control:	Of a private one: socket to its supervisor (shim/common/control.h), close-on-exec;
 *		else -1
 */
struct connection {
	int fd;
	int control;
	char path[PASST_PATH_MAX + 1];
};

/**
 * discover() - Connect to a passt that is free
 * @discovery:	What to look for
 * @search:	Filled: what was seen on the way
 * @found:	Filled on success
 *
 * No descriptor other than @found->fd is left open.
 *
 * Return: 0, or -1, and nothing has been said
 */
int discover(const struct discovery *discovery, struct search *search, struct connection *found);

/**
 * discover_explain() - Say why none was found, as errors, and what to do
 * @search:	From a discover() that failed
 * @no_private:	Why none can be started either, or NULL where none was to be
 */
void discover_explain(const struct search *search, const char *no_private);

/* Names those of a discover() that failed which are not trusted, as a warning: another one is used.
 */
void discover_passed_over(const struct search *search);

#endif /* QRAP_DISCOVER_H */
