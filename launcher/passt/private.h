/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A passt for one VM alone, on a socket pair: how it is started, and whether it serves. */
#ifndef QRAP_PRIVATE_H
#define QRAP_PRIVATE_H

#include "launcher/base/child.h"
#include "launcher/passt/passt_words.h"

/* Where a start stands. */
enum private_state {
	PRIVATE_NONE,     /* there is none, or its end is known */
	PRIVATE_STARTING, /* it has not read yet what was sent to it */
	PRIVATE_READY,    /* it serves */
};

/**
 * struct private_passt - One that is started, again and again
 * @request:	What is wanted
 * @kept:	Where all of that is kept
 * @directory:	Where it is started, or NULL
 * @state:	Of the last start
 * @child:	The process that was started: it may go into the background
 * @fd:		Our end of the connection while it is starting, else -1
 * @reading:	For a loop_source: readable when passt has read from the connection, or closed it
 * @has_read:	private_on_reading() has seen the first
 * @has_closed:	... or the second
 * @deadline:	When it is given up, in milliseconds of sys_now_ms()
 * @lacks:	What it did not know: bits of enum passt_lack
 * @chosen:	For each forward: the port was chosen here
 * @tries:	Starts since one was asked for
 * @was_ready:	It served once: ports that were chosen stay
 * @arena:	What is kept for one start
 * @words:	Its command line
 * @trouble:	Why it does not serve, or a warning; kept in @arena; or NULL
 * @taken:	@trouble is about a port
 */
struct private_passt {
	struct passt_request request;
	struct arena *kept;
	char *directory;
	enum private_state state;
	struct child child;
	int fd;
	int reading;
	bool has_read;
	bool has_closed;
	int64_t deadline;
	unsigned lacks;
	bool *chosen;
	unsigned tries;
	bool was_ready;
	struct arena *arena;
	char **words;
	const char *trouble;
	bool taken;
};

/*
 * Nothing is started yet. The request is copied: its texts may be on the command line of this
 * process, which ps(1) is to show something else for.
 */
void private_init(struct private_passt *passt, const struct passt_request *request);

/**
 * private_start() - Start it
 * @passt:	The one before, if any, has ended
 *
 * Return: its end of the connection is open, and @fd is ours: true; or false and @trouble
 */
bool private_start(struct private_passt *passt);

/* Ready callbacks for @reading, and for the child: @arg is the struct private_passt. */
bool private_on_reading(struct loop_source *source);

/**
 * private_look() - What has become of a start?
 * @passt:	PRIVATE_STARTING
 *
 * Return: the new state, which is @state as well. PRIVATE_NONE: failed, @trouble says why.
 * PRIVATE_READY: with a warning in @trouble, or NULL. In both cases @fd is closed.
 */
enum private_state private_look(struct private_passt *passt);

/* What it has said so far, without its complaints that there is no system log. */
char *private_said(const struct private_passt *passt);

/*
 * It failed for a reason that the next try does without: an option that it does not know, a port
 * that was chosen and taken meanwhile.
 */
bool private_may_retry(struct private_passt *passt);

/*
 * Ends it and whatever it has started. Return: how it had ended before, in its own words, if it had
 * served; NULL for one that still ran, or has gone into the background.
 */
const char *private_end(struct private_passt *passt);

#endif /* QRAP_PRIVATE_H */
