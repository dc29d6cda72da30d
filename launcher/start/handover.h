/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Leaving the connection, the spare and the handoff to the programs that follow, and what the log
 * says about that: events connected, preload-skipped, handed-over.
 */
#ifndef QRAP_HANDOVER_H
#define QRAP_HANDOVER_H

#include "launcher/base/settings.h"
#include "launcher/passt/discover.h"
#include "launcher/preload/loadable.h"
#include "launcher/preload/qemu_path.h"
#include "shim/common/handoff.h"

/**
 * struct handover - What is handed over to whom
 * @options:	This run
 * @connection:	To passt
 * @fd:		Number that QEMU expects it on
 * @qemu:	Who gets it
 * @preload:	The shim, or NULL where it is not loaded
 * @store:	Number of the store, or -1; of hand_over()
 * @variable:	LD_PRELOAD as it was, or NULL; of hand_over()
 */
struct handover {
	const struct settings *options;
	struct connection *connection;
	int fd;
	const struct qemu *qemu;
	struct preload *preload;
	int store;
	const char *variable;
};

/**
 * events_begin() - This start gets its number, and its events the path of this program
 * @log:	@run is set, and with a log file @exe, to what lives as long as the process
 */
void events_begin(struct log *log);

/* qrap ends with that status of its own: the first error says why. */
void events_failed(const struct log *log, int status);

/* The command runs without the shim, for the reason in @preload. */
void events_preload_skipped(const struct handover *handover, const struct preload *preload);

/**
 * hand_over() - Put the connection on its number, and all else where the shim finds it
 * @handover:	What and to whom
 *
 * The connection is left blocking, without close-on-exec; with a shim there is a spare in a
 * store, and QRAP_SHIM and LD_PRELOAD are set. A store that cannot be made is a warning.
 *
 * Return: 0, or -1 after a message
 */
int hand_over(struct handover *handover);

/**
 * hand_over_variables() - Set QRAP_SHIM and LD_PRELOAD
 * @handover:	@options and @preload, which must be there; @variable is filled
 * @handoff:	What the first one is to say; its log file is filled
 *
 * Return: 0, or -1 after a message
 */
int hand_over_variables(struct handover *handover, struct handoff *handoff);

/* Both are as they were. */
void hand_over_no_variables(const struct handover *handover);

/* Takes back from a command that could not be run all that is the shim's. */
void hand_over_unguarded(struct handover *handover);

#endif /* QRAP_HANDOVER_H */
