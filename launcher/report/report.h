/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --report: the journey of the descriptor, in text. */
#ifndef QRAP_REPORT_H
#define QRAP_REPORT_H

#include "launcher/base/settings.h"

/* Exit statuses of --report; STATUS_FAILED where nothing can be said. */
enum report_status {
	REPORT_INTACT = 0,
	REPORT_MENDED = 1,
	REPORT_LOST = 2,
};

/**
 * report() - Print the journey in the last run of a log file
 * @options:	@file: the log file
 *
 * On stdout, one line a hop, and last "verdict: intact", "verdict: mended" or "verdict: lost", the
 * latter two with "culprit: PROGRAM (pid N) CALL" or "culprit: unseen between A and B".
 *
 * Return: exit status: enum report_status; STATUS_FAILED after a message for a file without a run,
 *	   and where nothing was seen after the hand-over (--guard off, a static QEMU)
 */
int report(const struct settings *options);

#endif /* QRAP_REPORT_H */
