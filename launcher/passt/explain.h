/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why no passt was found, in a few lines for people. */
#ifndef QRAP_EXPLAIN_H
#define QRAP_EXPLAIN_H

#include <stddef.h>

#include "launcher/passt/candidate.h"
#include "shim/common/log.h"

/* Says why none of the default sockets could be used, and what to do: at most 6 lines. */
void explain_all(const struct log *log, const struct candidate *candidates, size_t count);

/* Says why the one socket that the user named could not be used, and what to do: one line. */
void explain_one(const struct log *log, const struct candidate *candidate);

/* Warns, in one line, of sockets that were passed over since their owner is not trusted. */
void explain_passed_over(const struct log *log, const struct candidate *candidates, size_t count);

#endif /* QRAP_EXPLAIN_H */
