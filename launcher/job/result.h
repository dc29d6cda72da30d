/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What became of a job: --result, one JSON object. */
#ifndef QRAP_RESULT_H
#define QRAP_RESULT_H

#include <stdint.h>

#include "launcher/base/guest_network.h"
#include "launcher/base/settings.h"

/**
 * struct result - The outcome
 * @status:	Of qrap
 * @reason:	"command", "qemu", "qemu-ended", "timeout", "signal", "failed"
 * @ready_ms:	From the start until the guest was ready; -1: it was not
 * @run_ms:	That long the command has run; -1: it has not
 * @command_status: Its status, 128+N for a signal; -1: none, or it was ended
 * @qemu_status: QEMU's, where it ended by itself; else -1
 * @network:	Forwards, or NULL: there are none
 */
struct result {
	int status;
	const char *reason;
	int64_t ready_ms;
	int64_t run_ms;
	int command_status;
	int qemu_status;
	const struct guest_network *network;
};

/* Can --result be written? 0, or -1 after a message. */
int result_check(const struct log *log, const char *file);

/* Writes the file, whole, by a rename; a failure is told. Nothing where none is wanted. */
void result_write(const struct settings *settings, const struct result *result);

/* The same where qrap ends with a status of its own before there is a job. */
void result_write_failed(const struct settings *settings, int status);

#endif /* QRAP_RESULT_H */
