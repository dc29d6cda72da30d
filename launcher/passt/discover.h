/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finding a passt that is free: DESIGN.md, section 6. */
#ifndef QRAP_DISCOVER_H
#define QRAP_DISCOVER_H

#include <stdbool.h>

#include "shim/common/log.h"
#include "shim/common/passt.h"

/**
 * struct discovery - What to look for
 * @log:	For messages
 * @socket:	The only path to try, or NULL to probe /tmp/passt_1.socket to passt_99.socket
 * @wait_ms:	Keep looking that long, in milliseconds
 * @trust:	Whose passt may be used
 * @meanwhile:	Called at most once, when a passt has been asked and its answer is awaited: some
 *		50 microseconds that would be lost; or NULL
 * @arg:	Its argument
 */
struct discovery {
	const struct log *log;
	const char *socket;
	int wait_ms;
	const struct passt_trust *trust;
	void (*meanwhile)(void *arg);
	void *arg;
};

/**
 * struct connection - A connection to passt
 * @fd:		Connected socket, close-on-exec, blocking, without timeouts; the answer to the
 *		probe is still in its queue
 * @path:	Path of passt's socket
 */
struct connection {
	int fd;
	char path[PASST_PATH_MAX + 1];
};

/**
 * discover() - Connect to a passt that is free
 * @discovery:	What to look for
 * @found:	Filled on success
 *
 * No descriptor other than @found->fd is left open.
 *
 * Return: 0, or -1 after a message that says what was tried and what to do
 */
int discover(const struct discovery *discovery, struct connection *found);

#endif /* QRAP_DISCOVER_H */
