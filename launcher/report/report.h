/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --report: the journey of the descriptor, in text. */
#ifndef QRAP_REPORT_H
#define QRAP_REPORT_H

#include "launcher/base/settings.h"

/**
 * report() - Print the journey in the last run of a log file
 * @options:	@file: the log file
 *
 * On stdout, one line a hop, and last "verdict: intact", "mended", "lost" or "unknown", mended and
 * lost with "culprit: PROGRAM (pid N) CALL" or "culprit: unseen between A and B". Of a run of
 * --watch all that once for each descriptor, and also "replaced", "marked" or "held".
 *
 * Return: exit status: 0 to 3 for these, the worst one, where the last three count as lost;
 * STATUS_FAILED after a message for a file without a run
 */
int report(const struct settings *options);

#endif /* QRAP_REPORT_H */
