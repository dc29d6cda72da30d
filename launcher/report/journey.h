/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The way of the descriptor, program by program, made out of the events of a run. */
#ifndef QRAP_JOURNEY_H
#define QRAP_JOURNEY_H

#include <stdbool.h>

#include "launcher/report/journal.h"

/**
 * struct hop - One program in one process
 * @begin:	The event that it begins with
 * @program:	Path of the program
 * @pid:	Process
 * @is_fork:	A child that goes on as the program before it, or execs another one later
 * @from:	The hop that it came from, or NULL for the first
 * @events:	Its events; @begin is one of them only in a fork
 * @count:	How many
 */
struct hop {
	const struct log_event *begin;
	const char *program;
	int64_t pid;
	bool is_fork;
	const struct hop *from;
	const struct log_event **events;
	size_t count;
};

enum verdict {
	VERDICT_INTACT,
	VERDICT_MENDED,
	VERDICT_LOST,
	VERDICT_UNKNOWN, /* no program was seen after the hand-over, and none could be */
};

/**
 * struct journey - What became of the descriptor
 * @hops:	All programs that were seen, in the order of the log
 * @count:	How many
 * @user:	The one that took the descriptor, or was last to be able to; NULL: none was seen
 * @verdict:	How it went on the way there
 * @culprit:	The event that did away with it, or NULL
 * @culprit_hop: ... and whose it was
 * @before:	Neither intact nor @culprit: last hop where the descriptor was well, or NULL
 * @after:	... and the first where it was not; NULL: in @missing
 * @missing:	Path of the QEMU that was to run, and was never seen, or NULL
 * @hung_up:	It was passt that ended the connection
 */
struct journey {
	struct hop **hops;
	size_t count;
	const struct hop *user;
	enum verdict verdict;
	const struct log_event *culprit;
	const struct hop *culprit_hop;
	const struct hop *before;
	const struct hop *after;
	const char *missing;
	bool hung_up;
};

/* Makes the journey out of a journal that has a run; it lives as long as the journal. */
void journey_find(const struct journal *journal, struct journey *journey);

/* Is @hop on the way of the descriptor to its user, or a branch? */
bool journey_leads_through(const struct journey *journey, const struct hop *hop);

/* Did this event do away with the descriptor, and was it put back at once or not? */
bool journey_is_loss(const struct log_event *event);
bool journey_is_put_back(const struct log_event *event);

#endif /* QRAP_JOURNEY_H */
