/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The way of the descriptor, program by program, made out of the events of a run. */
#ifndef QRAP_JOURNEY_H
#define QRAP_JOURNEY_H

#include <stdbool.h>
#include <stddef.h>

#include "launcher/base/memory.h"
#include "shim/common/log.h"

/* How the descriptor came to its user; the exit status of --report. */
enum verdict {
	VERDICT_INTACT = 0,
	VERDICT_MENDED = 1,
	VERDICT_LOST = 2,
	VERDICT_UNKNOWN = 3, /* well where it was seen last, and no program was seen to take it */
	/* Of a descriptor that is watched only; --report counts them as lost. */
	VERDICT_REPLACED, /* something else is on its number */
	VERDICT_MARKED,   /* it was closed on exec, since somebody wanted that */
	VERDICT_HELD,     /* somebody has it still when the command has ended */
};

/* What they are called. */
extern const char *const verdict_names[];

/**
 * struct blame - Who did away with the descriptor
 * @culprit:	The event that says so, or NULL: nobody was seen
 * @culprit_hop: ... and whose it was
 * @before:	Nobody was seen: last hop where the descriptor was well, or NULL
 * @after:	... and the first where it was not
 * @hung_up:	It was passt that ended the connection
 */
struct blame {
	const struct log_event *culprit;
	const struct hop *culprit_hop;
	const struct hop *before;
	const struct hop *after;
	bool hung_up;
};

/**
 * struct fate - How the descriptor has fared so far
 * @well:	The connection is on its number
 * @mended:	It was lost, and put back
 * @well_in:	Last hop that had it at its start, or got it back, or NULL
 * @blame:	Of the last loss
 */
struct fate {
	bool well;
	bool mended;
	const struct hop *well_in;
	struct blame blame;
};

/**
 * struct hop - One program in one process
 * @start:	Its event program; NULL for the launcher, and for a fork
 * @program:	Path of the program
 * @pid:	Process
 * @from:	The hop that it came from, or NULL for the first
 * @events:	Its other events
 * @count:	How many
 * @taken:	It has taken the descriptor for its own ...
 * @in_use:	... and uses it: what happens to it from now on is its own affair
 * @lost:	It was seen to lose the connection
 * @has_children: Children that it had by then have copies that are not touched by what it does
 * @is_told:	All that it said of itself at its start is here
 * @arrived:	The descriptor's fate at its start
 * @fate:	Of the descriptor, up to the last event here; goes on from @from
 * @passed_on:	The same up to the last event before @has_children
 * @next:	Another hop in the same list of processes
 */
struct hop {
	const struct log_event *start;
	const char *program;
	int64_t pid;
	const struct hop *from;
	const struct log_event **events;
	size_t count;
	bool taken;
	bool in_use;
	bool lost;
	bool has_children;
	bool is_told;
	struct fate arrived;
	struct fate fate;
	struct fate passed_on;
	struct hop *next;
};

/* Lists that hops are in by their process, for the remainder of its number. */
#define PROCESS_LISTS 1024

/**
 * struct journey - What became of the descriptor in a run
 * @arena:	Where all of it is kept
 * @run:	The run, as it is named in the log, or NULL if there is none
 * @time_us:	When it began, in microseconds since 1970
 * @fd:		The descriptor's number
 * @socket:	Path of passt's socket, "" for a private one, or NULL
 * @failure:	Event that says that qrap failed, or the program that it became; or NULL
 * @events:	All events of the run, of whatever descriptor
 * @event_count: How many
 * @watched:	Event that says which descriptor this is, where it is watched only; or NULL
 * @outcome:	... and the one that says what became of it; or NULL
 * @hops:	All programs that were seen, in the order of the log
 * @count:	How many
 * @processes:	The same by their process, the last one first
 * @qemu:	Path of the QEMU that was to run, or NULL
 * @user:	The one that took the descriptor; else where the way was seen last
 * @verdict:	How it went on the way there
 * @blame:	Where that is VERDICT_MENDED or VERDICT_LOST
 */
struct journey {
	struct arena *arena;
	const char *run;
	int64_t time_us;
	int64_t fd;
	const char *socket;
	const struct log_event *failure;
	const struct log_event **events;
	size_t event_count;
	const struct log_event *watched;
	const struct log_event *outcome;
	struct hop **hops;
	size_t count;
	struct hop *processes[PROCESS_LISTS];
	const char *qemu;
	const struct hop *user;
	enum verdict verdict;
	struct blame blame;
};

/* The journey goes on with this event, which lives as long as it. */
void journey_add(struct journey *journey, const struct log_event *event);

/* Of a run in which several are watched, the journey of descriptor @fd; both share the arena. */
void journey_of(const struct journey *all, int64_t fd, struct journey *journey);

/* It is at its end: fills @user, @verdict and @blame. */
void journey_judge(struct journey *journey);

/*
 * The same for a descriptor that is watched: it has to arrive in the first program called @until;
 * with NULL, or where there is none, in the last one of the command's own process. Return: false
 * where there is none of that name
 */
bool journey_judge_watched(struct journey *journey, const char *until);

/* The journeys of all descriptors of a run, judged: one, unless it was a run of --watch. */
size_t journey_split(struct journey *run, struct journey **list);

/* The last program of a process, or NULL. */
struct hop *journey_last_hop(const struct journey *journey, int64_t pid);

/* A program and its process, in words. */
const char *journey_name_hop(const struct journey *journey, const struct hop *hop);

/* Who lost it, in words: where there is somebody to blame. */
const char *journey_name_culprit(const struct journey *journey);

/* Is there a loss, and so somebody to blame? */
bool journey_is_to_blame(const struct journey *journey);

/* Did the descriptor get lost in @hop, on its way to its user? */
bool journey_lost_in(const struct journey *journey, const struct hop *hop);

/* Is it the QEMU that was to run, with the shim at work? */
bool journey_is_qemu(const struct journey *journey, const struct hop *hop);

/* Did this event do away with the descriptor, and was it put back at once or not? */
bool journey_is_loss(const struct log_event *event);
bool journey_is_put_back(const struct log_event *event);

#endif /* QRAP_JOURNEY_H */
