/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --report: the journey of the descriptor, in text. */
#ifndef QRAP_REPORT_H
#define QRAP_REPORT_H

#include "launcher/base/settings.h"

/**
 * report() - Print the journey in the last run of a log file
 * @options:	@file: the log file
 *
 * On stdout, one line a hop, and last "verdict: intact", "verdict: mended" or "verdict: lost", the
 * latter two with "culprit: PROGRAM (pid N) CALL" or "culprit: unseen between A and B".
 *
 * Return: exit status: 0, 1 and 2 for these; STATUS_FAILED after a message for a file without a
 *run, and where nothing was seen after the hand-over (--guard off, a static QEMU)
 */
int report(const struct settings *options);

#endif /* QRAP_REPORT_H */
