/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One search through the sockets that may be a passt's. */
#ifndef QRAP_SEARCH_H
#define QRAP_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "launcher/passt/candidate.h"
#include "launcher/passt/discover.h"

/* So many connections are open at once, at most. */
#define ATTEMPTS_MAX 32

/**
 * struct attempt - A connection that waits for its answer
 * @candidate:	Whom we are connected to
 * @fd:		The connection
 * @since:	Since when, in milliseconds of sys_now_ms()
 * @listening:	It was not asked, as it may speak vhost-user
 * @answered:	The answer is there
 */
struct attempt {
	struct candidate *candidate;
	int fd;
	int64_t since;
	bool listening;
	bool answered;
};

/**
 * struct search - What was looked for, and what is known
 * @wanted:	What is looked for
 * @until:	Time at which to end, in milliseconds of sys_now_ms(), or 0
 * @count:	How many sockets there are to try: candidates_count()
 * @named:	How many of them have a path by now: all, unless a search has succeeded
 * @found:	The one that was connected to, in the end
 * @start:	When the search under way began
 * @next:	Index of the next one to try
 * @attempts:	Open connections, in the order of @candidates
 * @open:	How many
 * @next_start:	Time at which the next one may be tried although there are open ones
 * @places:	How many may be open at once
 * @overtaken:	One was silent for too long, or all of them were slow: the next ones follow in steps
 * @tried:	A connection was made, or not made, to one of them
 * @looked:	How many of @candidates have been looked at
 * @meanwhile_done: @wanted->meanwhile was called
 * @all_known:	All of them have been, and the kernel's table of sockets was seen in full
 * @said:	For each: the state that was traced last
 * @silent_till: For each: not to be tried again before that time
 * @candidates:	Sockets to try, in order
 *
 * What every search uses is in front, on one page with the first of the sockets.
 */
struct search {
	const struct discovery *wanted;
	int64_t until;
	size_t count;
	size_t named;
	struct candidate *found;
	int64_t start;
	size_t next;
	struct attempt attempts[ATTEMPTS_MAX];
	size_t open;
	int64_t next_start;
	size_t places;
	bool overtaken;
	bool tried;
	size_t looked;
	bool meanwhile_done;
	bool all_known;
	enum candidate_state said[CANDIDATES_MAX];
	int64_t silent_till[CANDIDATES_MAX];
	struct candidate candidates[CANDIDATES_MAX];
};

/**
 * search_begin() - Prepare a search
 * @search:	Filled; its arrays are filled as far as the search gets
 * @wanted:	What to look for
 *
 * Return: false for a path that is too long
 */
bool search_begin(struct search *search, const struct discovery *wanted);

/**
 * search_once() - Look at all candidates anew, and connect to the first one that answers
 * @search:	What to look for; filled with what was seen
 *
 * "First" is the lowest-numbered one that answers within 100 ms, or after 440 ms, when that would
 * take too long, any. All connections but the one that is returned are closed. With --socket, a
 * passt that stays mute is returned too, after a warning. Else it takes 1 s at most, as long as
 * there are descriptors for as many as are to be asked at once.
 *
 * Return: connected descriptor, non-blocking, and @search->found is set; or -1
 */
int search_once(struct search *search);

/* Is one of the candidates in that state, as far as the last search saw? */
bool search_found(const struct search *search, enum candidate_state state);

#endif /* QRAP_SEARCH_H */
