/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Running another program: its descriptors, what it says, its end. */
#ifndef QRAP_CHILD_H
#define QRAP_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "launcher/base/loop.h"

/* In child_plan.fds: /dev/null, and the pipe that child_on_output() reads. */
#define CHILD_NULL   (-1)
#define CHILD_OUTPUT (-2)

/* Of what a program says so much is kept: the first half of it, and the end. */
#define CHILD_SAID_MAX 16384

/**
 * struct child_plan - How to run a program
 * @argv:	Its words; looked for as execvp(3) does, which runs a text without "#!" in a shell
 * @env:	Changes to the environment as putenv(3) takes them, where "NAME" removes a variable;
 *		NULL-terminated, or NULL
 * @fds:	What its descriptors 0, 1, ... are: ours, CHILD_NULL or CHILD_OUTPUT. No other is
 *		open in it.
 * @fd_count:	How many
 * @directory:	Where it starts, if that is still there; NULL: where we are
 * @ends_with_us: SIGKILL when we end
 */
struct child_plan {
	char *const *argv;
	char *const *env;
	const int *fds;
	unsigned fd_count;
	const char *directory;
	bool ends_with_us;
};

/**
 * struct child - A program that runs
 * @pid:	Our child, the leader of a session of its own
 * @end:	For a loop_source: readable when any child of ours has ended
 * @output:	For a loop_source: what it says; -1 from the end of that on
 * @failure:	Where it says that it could not be run
 * @ended:	child_on_end() has seen its end
 * @error:	Once @ended: errno where it could not be run, or 0
 * @status:	Once @ended: its exit status; 127 with @error, 128 and more with @signal
 * @signal:	Once @ended: the signal that ended it, or 0
 * @said_len:	Length of @said
 * @said:	What it said, NUL-terminated
 */
struct child {
	pid_t pid;
	int end;
	int output;
	int failure;
	bool ended;
	int error;
	int status;
	int signal;
	size_t said_len;
	char said[CHILD_SAID_MAX];
};

/**
 * child_start() - Run a program
 * @child:	Filled on success; end it with child_end()
 * @plan:	How
 *
 * From then on this process blocks SIGCHLD. Call it before threads are made.
 *
 * Return: 0, or -errno where there can be no process for it
 */
int child_start(struct child *child, const struct child_plan *plan);

/*
 * Ready callbacks for @output and @end, @arg is the child. The latter waits for all children, those
 * of a subreaper, too (prctl(2)), and ends the loop.
 */
bool child_on_output(struct loop_source *source);
bool child_on_end(struct loop_source *source);

/* Waits for all children that have ended, which may be this one: are there any others? */
bool child_any(struct child *child);

/**
 * child_end() - End a program, and all other children of this process
 * @child:	From child_start(); its descriptors are closed
 * @grace_ms:	SIGKILL comes that long after SIGTERM; 0: at once
 *
 * A subreaper ends what the program has left behind, too.
 */
void child_end(struct child *child, int grace_ms);

/**
 * child_arrange_fds() - Have these descriptors, and no other
 * @fds:	What 0, 1, ... are to be: ours, or CHILD_NULL
 * @count:	How many
 *
 * Return: 0 or -errno
 */
int child_arrange_fds(const int *fds, unsigned count);

/* Closes all descriptors from @first on. */
void close_from(unsigned first);

#endif /* QRAP_CHILD_H */
