/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --report --json: the journey of the descriptor, for programs. */
#ifndef QRAP_REPORT_JSON_H
#define QRAP_REPORT_JSON_H

#include "launcher/report/journal.h"

/* The run as one object on one line of stdout; what is not known is left out. */
void report_json(const struct journey *list, size_t count, const size_t lines[LINE_KINDS]);

#endif /* QRAP_REPORT_JSON_H */
