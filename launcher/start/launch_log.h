/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the log says about the launcher's part: events connected, preload-skipped, handed-over. */
#ifndef QRAP_LAUNCH_LOG_H
#define QRAP_LAUNCH_LOG_H

#include "launcher/start/handover.h"

/**
 * events_begin() - This start gets its number, and its events the path of this program
 * @log:	@run is set, and with a log file @exe, to what lives as long as the process
 */
void events_begin(struct log *log);

/* There is a connection: also "Connected to PATH". A log file that cannot be written is a warning.
 */
void events_connected(const struct settings *options, const struct connection *connection);

/* @qemu runs without the shim, for the reason in @preload. */
void events_preload_skipped(const struct log *log, const struct qemu *qemu,
			    const struct preload *preload);

/* The connection is on its number, and the command is about to run. */
void events_handed_over(const struct handover *handover);

#endif /* QRAP_LAUNCH_LOG_H */
