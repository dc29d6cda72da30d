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

/* Once one was overtaken, or all are slow to hang up, the next ones follow that far apart. */
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
		      candidate_reason(candidate));
}

static void conclude_error(struct search *search, struct candidate *candidate, int error)
{
	candidate->error = error;
	conclude(search, candidate, candidate_state_of_error(error));
}

static void conclude_silent(struct search *search, const struct attempt *attempt)
{
	struct candidate *candidate = attempt->candidate;

	candidate->silent_till = sys_now_ms() + SILENT_PAUSE_MS;
	conclude(search, candidate, attempt->listening ? CANDIDATE_VHOST_USER : CANDIDATE_SILENT);
}

static void close_attempt(struct search *search, struct attempt *attempt)
{
	struct attempt *last = &search->attempts[--search->open];

	close(attempt->fd);
	/* It was the newest one's turn: the next one need not wait. */
	if (attempt == last)
		search->due = 0;
	memmove(attempt, attempt + 1, (size_t)(last - attempt) * sizeof(*attempt));
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

/*
 * Looks at the socket whose turn it is: is there anything to gain from connecting to it? Those
 * behind it are not looked at yet, since most often it answers.
 */
static bool worth_trying(struct search *search, struct candidate *candidate)
{
	const struct discovery *wanted = search->wanted;

	candidate_look(candidate, wanted->socket, search->next, wanted->trust);
	if (candidate->state == CANDIDATE_OPEN) {
		if (!search->sockets.arena) {
			search->sockets.arena = arena_new();
			sockets_read(&search->sockets, LOOK_UP_LIMIT);
		}
		candidate_look_up(candidate, &search->sockets);
		if (candidate->client)
			candidate->state = CANDIDATE_IN_USE;
		else if (sys_now_ms() < candidate->silent_till)
			candidate->state = CANDIDATE_SILENT;
	}
	if (candidate->state == CANDIDATE_OPEN)
		return true;
	conclude(search, candidate, candidate->state);
	return false;
}

/* Opens an attempt to the next one, if it is worth it, and says when it is the next one's turn. */
static void start_next(struct search *search)
{
	struct candidate *candidate = &search->candidates[search->next];
	int64_t now = sys_now_ms();
	int64_t slow_since;
	int fd, ret;

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
	search->attempts[search->open++] = (struct attempt) {
		.candidate = candidate,
		.fd = fd,
		.since = now,
		.listening = ret,
	};
	slow_since = search->attempts[0].since + REPLY_MS;
	if (slow_since > search->start + SLOW_MS)
		slow_since = search->start + SLOW_MS;
	/* Steps do not grow by what poll(2) is late. */
	search->due = (search->due > now - STEP_MS ? search->due : now) + STEP_MS;
	if (search->due < slow_since)
		search->due = slow_since;
}

bool search_found(const struct search *search, enum candidate_state state)
{
	for (size_t i = 0; i < search->count; i++) {
		if (search->candidates[i].state == state)
			return true;
	}
	return false;
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

/* Waits until that time at most, and sees who has answered or hung up. */
static void wait_for_answers(struct search *search, int64_t until)
{
	struct pollfd pollfds[ATTEMPTS_MAX];
	int64_t left = until - sys_now_ms();
	struct attempt *attempt;
	int ret;

	for (size_t i = 0; i < search->open; i++) {
		pollfds[i].fd = search->attempts[i].answered ? -1 : search->attempts[i].fd;
		pollfds[i].events = POLLIN;
	}
	sys_poll(pollfds, search->open, left > 0 ? (int)left : 0);
	for (size_t i = search->open; i-- > 0;) {
		attempt = &search->attempts[i];
		ret = attempt->answered ? 1 : passt_answered(attempt->fd);
		attempt->answered = ret > 0;
		if (ret < 0) {
			conclude_error(search, attempt->candidate, -ret);
			close_attempt(search, attempt);
		}
	}
}

/* Waited for long enough: a socket that was asked for is used as it is, else it is given up. */
static void expire(struct search *search)
{
	struct attempt *oldest = &search->attempts[0];

	if (search->wanted->socket && !oldest->listening) {
		message_warning(search->wanted->log,
				"%s does not answer; used all the same, as --socket names it",
				search->wanted->socket);
		oldest->answered = true;
		return;
	}
	conclude_silent(search, oldest);
	close_attempt(search, oldest);
}

/* Is there an answer? Else, is an attempt due? Else wait for the next moment. */
static struct attempt *find(struct search *search)
{
	struct attempt *attempts = search->attempts;

	for (;;) {
		bool more = search->next < search->count && search->open < search->places;
		int64_t due = more ? search->due : INT64_MAX;
		int64_t now = sys_now_ms();
		size_t answered = 0;

		while (answered < search->open && !attempts[answered].answered)
			answered++;
		if (answered < search->open) {
			/* The one in front of it has a lower number: in time it would win. */
			due = answered ? attempts[answered - 1].since + REPLY_MS : 0;
			if (due <= now)
				return &attempts[answered];
		} else if (due <= now) {
			start_next(search);
			continue;
		} else if (!search->open) {
			return NULL;
		} else if (give_up_at(search) <= now) {
			expire(search);
			continue;
		} else if (give_up_at(search) < due) {
			due = give_up_at(search);
		}
		wait_for_answers(search, due);
	}
}

int search_once(struct search *search)
{
	struct attempt *found, *attempt;
	int fd = -1;

	search->start = sys_now_ms();
	search->due = 0;
	search->next = 0;
	search->places = ATTEMPTS_MAX;
	search->sockets = (struct sockets) { 0 };

	found = find(search);
	if (found) {
		search->found = found->candidate;
		fd = found->fd;
	}
	/* Those in front of it were silent, those behind it are none of our business. */
	for (attempt = search->attempts; attempt < search->attempts + search->open; attempt++) {
		if (attempt < found)
			conclude_silent(search, attempt);
		if (attempt != found)
			close(attempt->fd);
	}
	search->open = 0;
	if (search->sockets.arena)
		arena_free(search->sockets.arena);
	return fd;
}
