/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A passt for this VM alone, on a socket pair: --passt. */
#ifndef QRAP_PRIVATE_H
#define QRAP_PRIVATE_H

#include "launcher/passt/discover.h"
#include "shim/common/log.h"

/* Longest reason, passt's last words in it; what is longer is cut. */
#define PRIVATE_REASON_MAX 2048

/**
 * private_passt_words() - The command line of a private passt, with --fd
 * @command:	Split as sh(1) splits words
 * @reason:	PRIVATE_REASON_MAX bytes, filled on failure
 *
 * Return: the words, NULL-terminated, which free(3) frees all at once; or NULL
 */
char **private_passt_words(const char *command, char *reason);

/**
 * private_passt_start() - Start a passt and connect to it
 * @log:	For messages
 * @command:	Its command line, split as sh(1) splits words; --fd is added
 * @connection:	Filled on success: as discover() does it, with "" for the path
 * @reason:	PRIVATE_REASON_MAX bytes, filled on failure: why, with passt's own last words
 *
 * There is no socket file. passt holds its end of the pair and nothing else of ours, is nobody's
 * child when this returns, and ends when the other end is closed. It is ready: it has answered, or
 * at least gone into the background. With -f in @command it stays in the foreground, and what it
 * says from then on is lost.
 *
 * Call it before the connection is handed over and before threads are made.
 *
 * Return: 0, or -1, and nothing has been said
 */
int private_passt_start(const struct log *log, const char *command, struct connection *connection,
			char *reason);

#endif /* QRAP_PRIVATE_H */
