/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One search through the sockets that may be a passt's. */
#ifndef QRAP_SEARCH_H
#define QRAP_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "launcher/passt/candidate.h"
#include "shim/common/log.h"

/* So many connections are open at once, at most. */
#define ATTEMPTS_MAX 50

/**
 * struct discovery - What to look for
 * @log:	For messages
 * @socket:	The only path to try, or NULL to probe /tmp/passt_1.socket to passt_99.socket
 * @wait_ms:	Keep looking that long, in milliseconds
 * @busy_ms:	... where all that are there are in use: the client of one may just be closing
 * @trust:	Whose passt may be used
 */
struct discovery {
	const struct log *log;
	const char *socket;
	int wait_ms;
	int busy_ms;
	const struct passt_trust *trust;
};

/**
 * struct attempt - A connection that waits for its answer
 * @candidate:	Whom we are connected to
 * @fd:		The connection
 * @since:	Since when, in milliseconds of sys_now_ms()
 * @listening:	It was not asked, as it may speak vhost-user: it has to speak first
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
 * struct search - What is looked for, and what is known
 * @wanted:	What is looked for
 * @count:	How many sockets there are to try: 1 for --socket, else CANDIDATES_MAX
 * @found:	The one that was connected to, in the end
 * @start:	When the search under way began
 * @due:	When the next one may be tried: in the past where none is waited for
 * @next:	Index of the next one to try
 * @open:	How many of @attempts are in use
 * @places:	How many may be: fewer than ATTEMPTS_MAX where there are no more descriptors
 * @attempts:	Open connections, in the order of @candidates
 * @sockets:	What the kernel knows, once it was asked
 * @candidates:	What is known of the sockets, in order
 */
struct search {
	const struct discovery *wanted;
	size_t count;
	struct candidate *found;
	int64_t start;
	int64_t due;
	size_t next;
	size_t open;
	size_t places;
	struct attempt attempts[ATTEMPTS_MAX];
	struct sockets sockets;
	struct candidate candidates[CANDIDATES_MAX];
};

/**
 * search_once() - Look at all candidates anew, and connect to the first one that answers
 * @search:	@wanted and @count are set, the rest zero or from the last time; filled
 *
 * They are tried in order, one at a time as long as they answer: a connection that is closed again
 * may have been the only one that a passt --one-off takes. One that is slow is overtaken. The
 * lowest-numbered one that answers within 100 ms is used, or else whichever answers.
 *
 * All connections but the one that is returned are closed. With --socket, a passt that stays mute
 * is returned too, after a warning. As long as there are enough descriptors it takes about 1 s at
 * most, and 3 s where there is but one that might still answer.
 *
 * Return: connected descriptor, non-blocking, and @search->found is set; or -1
 */
int search_once(struct search *search);

/* Is one of the candidates in that state, as far as the last search saw? */
bool search_found(const struct search *search, enum candidate_state state);

#endif /* QRAP_SEARCH_H */
