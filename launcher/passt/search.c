/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/passt/search.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "launcher/base/message.h"
#include "launcher/passt/passt_process.h"
#include "shim/common/sys.h"

/* A socket has that long before the next one may overtake it. */
#define REPLY_MS 100

/* Once one was overtaken, or all of them are slow to hang up, the next ones follow that far apart.
 */
#define STEP_MS 2
#define SLOW_MS 300

/* There are no more to try: answers that are that late are still taken. */
#define LATE_MS 500

/* There is just one to hope for, on a machine that is busy. */
#define LONE_MS 3000

/* A silent one is left alone that long before it is tried again. */
#define SILENT_PAUSE_MS 1000

/* Of a host with more sockets not all are looked at: who is in use, then, connecting tells. */
#define LOOK_UP_LIMIT 2000

static void conclude(struct search *search, struct candidate *candidate, enum candidate_state state)
{
	candidate->state = state;
	if (candidate->told == state)
		return;
	candidate->told = state;
	message_trace(search->wanted->log, "Probe of %s failed: %s", candidate->path,
		      state == CANDIDATE_FAILED ? strerror(candidate->error)
						: candidate_state_name(state));
}

static void conclude_error(struct search *search, struct candidate *candidate, int error)
{
	candidate->error = error;
	conclude(search, candidate, candidate_state_of_error(error));
}

static void close_attempt(struct search *search, struct attempt *attempt)
{
	struct attempt *end = search->attempts + search->open;

	if (attempt->fd >= 0)
		close(attempt->fd);
	memmove(attempt, attempt + 1, (size_t)(end - attempt - 1) * sizeof(*attempt));
	search->open--;
}

static void give_up(struct search *search, struct attempt *attempt)
{
	struct candidate *candidate = attempt->candidate;

	candidate->silent_till = sys_now_ms() + SILENT_PAUSE_MS;
	conclude(search, candidate, attempt->listening ? CANDIDATE_VHOST_USER : CANDIDATE_SILENT);
	close_attempt(search, attempt);
}

/**
 * ask() - Send the probe to the one that we are connected to, unless it must not have it
 *
 * Return: 0; 1 for one that may speak vhost-user: if it is a passt it has to speak first; -errno
 */
static int ask(struct search *search, struct candidate *candidate, int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len))
		return -errno;
	/* The file's owner is trusted already. */
	if (peer.uid != candidate->uid && !passt_trusted(search->wanted->trust, peer.uid)) {
		candidate->uid = peer.uid;
		conclude(search, candidate, CANDIDATE_NOT_TRUSTED);
		return -EPERM;
	}
	switch (passt_speaks_vhost_user(candidate, peer.pid)) {
	case VHOST_USER_YES:
		conclude(search, candidate, CANDIDATE_VHOST_USER);
		return -EPERM;
	case VHOST_USER_MAYBE:
		return 1;
	default:
		return passt_ask(fd);
	}
}

/* Is there anything to gain from connecting to this one, as far as is known? */
static bool worth_trying(struct search *search, struct candidate *candidate)
{
	enum candidate_state state = candidate->state;

	if (state == CANDIDATE_OPEN && candidate->in_use)
		state = CANDIDATE_IN_USE;
	else if (state == CANDIDATE_OPEN && sys_now_ms() < candidate->silent_till)
		state = CANDIDATE_SILENT;
	if (state == CANDIDATE_OPEN)
		return true;
	conclude(search, candidate, state);
	return false;
}

/*
 * Looks at the files whose turn it is, and asks the kernel once for their sockets: up to the first
 * that can be tried, which mostly answers, and then at all of the rest. 98 files that are not
 * needed cost a launch a fifth of its time.
 */
static void look_further(struct search *search)
{
	size_t from = search->looked;
	struct candidate *last;

	do {
		last = &search->candidates[search->looked++];
		candidate_look(last, search->wanted->trust);
	} while (search->looked < search->count && (from || last->state != CANDIDATE_OPEN));
	candidates_look_up(search->candidates + from, search->looked - from, LOOK_UP_LIMIT);
}

/* Opens an attempt to the next one that is worth it, which was due at that time. */
static void start_next(struct search *search, int64_t due)
{
	struct candidate *candidate = &search->candidates[search->next];
	int64_t now = sys_now_ms();
	int fd, ret;

	if (search->next == search->looked)
		look_further(search);
	if (!worth_trying(search, candidate)) {
		search->next++;
		return;
	}
	fd = passt_connect(candidate->path);
	if ((fd == -EMFILE || fd == -ENFILE) && search->open) {
		search->places = search->open;
		return;
	}
	search->next++;
	ret = fd < 0 ? fd : ask(search, candidate, fd);
	if (ret < 0) {
		if (candidate->state == CANDIDATE_OPEN)
			conclude_error(search, candidate, -ret);
		if (fd >= 0)
			close(fd);
		return;
	}
	/* Steps do not grow by what poll(2) is late. */
	search->last_start = due > now - STEP_MS ? due : now;
	search->attempts[search->open++] = (struct attempt) {
		.candidate = candidate,
		.fd = fd,
		.since = now,
		.listening = ret,
	};
}

bool search_found(const struct search *search, enum candidate_state state)
{
	size_t i;

	for (i = 0; i < search->count; i++) {
		if (search->candidates[i].state == state)
			return true;
	}
	return false;
}

/* When the next one may be tried: a time that is past, one to come, or never. */
static int64_t next_due(const struct search *search)
{
	int64_t slow_since, step;

	if (search->next == search->count || search->open == search->places)
		return INT64_MAX;
	if (!search->open)
		return 0;
	slow_since = search->attempts[0].since + REPLY_MS;
	if (slow_since > search->start + SLOW_MS)
		slow_since = search->start + SLOW_MS;
	step = search->last_start + STEP_MS;
	if (step < slow_since)
		step = slow_since;
	return step < search->last_start + REPLY_MS ? step : search->last_start + REPLY_MS;
}

/* Until when the oldest attempt is waited for, if nobody else answers. */
static int64_t give_up_at(const struct search *search)
{
	const struct discovery *wanted = search->wanted;
	int64_t since = search->attempts[0].since;

	if (wanted->socket)
		return since + (wanted->wait_ms > LATE_MS ? wanted->wait_ms : LATE_MS);
	/* No more places: it has to make room for those that were not tried yet. */
	if (search->next < search->count && search->open == search->places)
		return since + REPLY_MS;
	if (search->next < search->count || search->open > 1 || wanted->wait_ms ||
	    search_found(search, CANDIDATE_SILENT) || search_found(search, CANDIDATE_IN_USE))
		return since + LATE_MS;
	return since + LONE_MS;
}

static void wait_for_answers(struct search *search, int64_t until)
{
	struct pollfd pollfds[ATTEMPTS_MAX];
	int64_t left = until - sys_now_ms();
	size_t i;

	for (i = 0; i < search->open; i++) {
		pollfds[i].fd = search->attempts[i].answered ? -1 : search->attempts[i].fd;
		pollfds[i].events = POLLIN;
	}
	sys_poll(pollfds, search->open, left > 0 ? (int)left : 0);
}

/* Looks for answers and for those who have hung up. */
static void collect_answers(struct search *search)
{
	struct attempt *attempt;
	size_t i = 0;
	int ret;

	while (i < search->open) {
		attempt = &search->attempts[i];
		ret = attempt->answered ? 1 : passt_answered(attempt->fd);
		if (ret < 0) {
			conclude_error(search, attempt->candidate, -ret);
			/* It was the newest one's turn: the next one need not wait. */
			if (i == search->open - 1)
				search->last_start = sys_now_ms() - REPLY_MS;
			close_attempt(search, attempt);
			continue;
		}
		attempt->answered = ret;
		i++;
	}
}

static struct attempt *first_answered(struct search *search)
{
	size_t i;

	for (i = 0; i < search->open; i++) {
		if (search->attempts[i].answered)
			return &search->attempts[i];
	}
	return NULL;
}

/* Those in front of it have a lower number: until when their answer would count more. */
static int64_t wins_at(const struct search *search, const struct attempt *answered)
{
	return answered == search->attempts ? 0 : answered[-1].since + REPLY_MS;
}

/* Waited for long enough: a socket that was asked for is used as it is, else it is given up. */
static struct attempt *expire(struct search *search)
{
	struct attempt *oldest = &search->attempts[0];

	if (!search->wanted->socket || oldest->listening) {
		give_up(search, oldest);
		return NULL;
	}
	message_warning(search->wanted->log,
			"%s does not answer; used all the same, as --socket names it",
			search->wanted->socket);
	return oldest;
}

/* Is there an answer? Else, is an attempt due? Else wait for the next moment. */
static struct attempt *find(struct search *search)
{
	struct attempt *found = NULL;

	while (!found) {
		struct attempt *answered = first_answered(search);
		int64_t due = answered ? wins_at(search, answered) : next_due(search);
		int64_t now = sys_now_ms();

		if (due <= now && answered)
			return answered;
		if (due <= now) {
			start_next(search, due);
			continue;
		}
		if (!search->open)
			return NULL;
		if (!answered && give_up_at(search) <= now) {
			found = expire(search);
			continue;
		}
		if (!answered && give_up_at(search) < due)
			due = give_up_at(search);
		wait_for_answers(search, due);
		collect_answers(search);
	}
	return found;
}

bool search_begin(struct search *search, const struct discovery *wanted)
{
	memset(search, 0, sizeof(*search));
	search->wanted = wanted;
	search->count = candidates_name(search->candidates, wanted->socket);
	return search->count;
}

int search_once(struct search *search)
{
	struct attempt *found;
	int fd = -1;

	search->start = sys_now_ms();
	search->next = search->looked = 0;
	search->places = ATTEMPTS_MAX;

	found = find(search);
	if (found) {
		search->found = found->candidate;
		fd = found->fd;
		found->fd = -1;
	}
	/* Those in front of it were silent, those behind it are none of our business. */
	while (search->open && search->attempts[0].fd >= 0)
		give_up(search, &search->attempts[0]);
	while (search->open)
		close_attempt(search, &search->attempts[search->open - 1]);
	return fd;
}
