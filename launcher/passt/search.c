/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One search for a passt that is free, in a time that is bounded for all sockets together: one
 * after the other as long as they answer, side by side as soon as one of them is silent.
 */
#include "launcher/passt/search.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "launcher/base/message.h"
#include "launcher/passt/server.h"
#include "shim/common/sys.h"

/* A socket has that long before the next one may overtake it. */
#define ANSWER_MS 100

/* Once one was overtaken the next ones are tried that far apart. */
#define STEP_MS 3

/*
 * A search that has taken that long is past many silent ones: now an answer is not held back any
 * more for lower-numbered ones. (97 in turn, 32 at a time, 100 ms each: that alone is 400 ms.)
 */
#define HURRY_MS 440

/* Nobody else left to try: this late an answer is still taken. */
#define LATE_MS 500

/* The end of a search, whatever there is left to try or to wait for. */
#define SEARCH_MS 1000

/* A silent one is left alone that long before it is tried again. */
#define SILENT_PAUSE_MS 1000

/*
 * The first look at the kernel's table of sockets ends after that many, so that thousands of other
 * sockets cost nothing where the first passt is free.
 */
#define LOOK_UP_LIMIT 400

static void conclude(struct search *search, struct candidate *candidate, enum candidate_state state)
{
	size_t i = (size_t)(candidate - search->candidates);

	candidate->state = state;
	if (search->said[i] == state)
		return;
	search->said[i] = state;
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

	search->silent_till[candidate - search->candidates] = sys_now_ms() + SILENT_PAUSE_MS;
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
	switch (server_speaks_vhost_user(candidate, peer.pid)) {
	case VHOST_USER_YES:
		conclude(search, candidate, CANDIDATE_VHOST_USER);
		return -EPERM;
	case VHOST_USER_MAYBE:
		return 1;
	default:
		return passt_ask(fd);
	}
}

/* Opens an attempt: true if there is one more to wait for. */
static bool start(struct search *search, struct candidate *candidate)
{
	int fd, ret;

	search->tried = true;
	fd = passt_connect(candidate->path);
	if ((fd == -EMFILE || fd == -ENFILE) && search->open) {
		search->places = search->open;
		search->next--;
		return false;
	}
	if (fd < 0) {
		conclude_error(search, candidate, -fd);
		return false;
	}
	ret = ask(search, candidate, fd);
	if (ret < 0) {
		if (candidate->state == CANDIDATE_OPEN)
			conclude_error(search, candidate, -ret);
		close(fd);
		return false;
	}
	search->attempts[search->open++] = (struct attempt) {
		.candidate = candidate,
		.fd = fd,
		.since = sys_now_ms(),
		.listening = ret,
	};
	return true;
}

/* Is there anything to gain from connecting to this one, as far as is known? */
static bool worth_trying(struct search *search, struct candidate *candidate)
{
	size_t i = (size_t)(candidate - search->candidates);
	enum candidate_state state = candidate->state;

	/* By path only, it may be another mount namespace's: connecting tells. */
	if (state == CANDIDATE_OPEN && candidate->in_use && !candidate->by_path)
		state = CANDIDATE_IN_USE;
	else if (state == CANDIDATE_OPEN && sys_now_ms() < search->silent_till[i])
		state = CANDIDATE_SILENT;
	if (state == CANDIDATE_OPEN)
		return true;
	conclude(search, candidate, state);
	return false;
}

static bool any_answered(const struct search *search)
{
	size_t i;

	for (i = 0; i < search->open; i++) {
		if (search->attempts[i].answered)
			return true;
	}
	return false;
}

bool search_found(const struct search *search, enum candidate_state state)
{
	size_t i;

	for (i = 0; i < search->named; i++) {
		if (search->candidates[i].state == state)
			return true;
	}
	return false;
}

/* When may the next one be tried? With all places taken, when the oldest one has had its time. */
static int64_t next_start(const struct search *search)
{
	int64_t oldest;

	if (!search->open)
		return 0;
	oldest = search->attempts[0].since + ATTEMPTS_MAX * STEP_MS;
	if (search->open >= search->places && search->next_start < oldest)
		return oldest;
	return search->next_start;
}

/* Tries the next one. */
static void start_next(struct search *search, int64_t now)
{
	struct candidate *candidate = &search->candidates[search->next++];

	if (!worth_trying(search, candidate))
		return;
	/* Many that hang up, each in its time, take as long as many that are silent. */
	if (!search->overtaken && (search->open || now - search->start >= HURRY_MS)) {
		search->overtaken = true;
		search->next_start = now;
	}
	if (search->open >= search->places)
		give_up(search, &search->attempts[0]);
	if (start(search, candidate))
		search->next_start =
			search->overtaken ? search->next_start + STEP_MS : now + ANSWER_MS;
}

/* Sets the paths up to the @end-th one, which nothing is known of yet. */
static void name_candidates(struct search *search, size_t end)
{
	struct candidate *candidates = search->candidates;

	for (; search->named < end; search->named++) {
		memset(&candidates[search->named], 0, sizeof(*candidates));
		search->silent_till[search->named] = 0;
		search->said[search->named] = CANDIDATE_OPEN;
		candidate_name(&candidates[search->named], search->named, search->wanted->socket);
	}
}

/* Looks at the files of those not yet looked at: till one is worth connecting to, or @all. */
static void look_at_files(struct search *search, bool all)
{
	struct candidate *candidate;

	while (search->looked < search->count) {
		candidate = &search->candidates[search->looked++];
		name_candidates(search, search->looked);
		candidate_look(candidate, search->wanted->trust);
		if (!all && candidate->state == CANDIDATE_OPEN)
			return;
	}
}

/* The first one did not do: now it pays to know of all of them, and which are in use. */
static void look_at_all(struct search *search)
{
	look_at_files(search, true);
	candidates_look_up(search->candidates, search->count, 0);
	search->all_known = true;
}

/*
 * Time at which to end, if anything has to: where --socket says which one, its time is its own, and
 * with few descriptors to spare it takes as long as it takes.
 */
static int64_t search_end(const struct search *search)
{
	bool free_time = search->wanted->socket || search->places < ATTEMPTS_MAX;
	int64_t end = free_time ? INT64_MAX : search->start + SEARCH_MS;

	return search->until && search->until < end ? search->until : end;
}

/* Tries those whose time has come. */
static void start_due(struct search *search)
{
	int64_t now = sys_now_ms();

	if (search_end(search) <= now)
		return;
	while (search->next < search->count && !any_answered(search) && now >= next_start(search)) {
		if (!search->all_known && (search->tried || search->next >= search->looked))
			look_at_all(search);
		start_next(search, now);
	}
}

/* How long an attempt is waited for when there is nobody else, in milliseconds. */
static int64_t patience(const struct search *search)
{
	int wait_ms = search->wanted->wait_ms;

	if (search->wanted->socket)
		return wait_ms > LATE_MS ? wait_ms : LATE_MS;
	return search_found(search, CANDIDATE_IN_USE) ? ANSWER_MS : LATE_MS;
}

/* Until when its answer would count more than that of a higher-numbered one. */
static int64_t in_time(const struct search *search, const struct attempt *attempt)
{
	int64_t hurry = search->start + HURRY_MS;
	int64_t until = attempt->since + ANSWER_MS;

	return until < hurry ? until : hurry;
}

/* The time at which something has to be done although nothing has happened. */
static int64_t next_deadline(const struct search *search, int64_t now)
{
	const struct attempt *attempt = search->attempts;
	const struct attempt *end = attempt + search->open;
	int64_t deadline;

	deadline = attempt->since + patience(search);
	if (search_end(search) < deadline)
		deadline = search_end(search);
	if (!any_answered(search)) {
		if (search->next < search->count && next_start(search) < deadline)
			return next_start(search);
		return deadline;
	}
	/* The answer of a lower-numbered one counts more, if it comes in time. */
	for (; attempt < end && !attempt->answered; attempt++) {
		if (in_time(search, attempt) > now)
			return in_time(search, attempt);
	}
	return now;
}

/* The work that can be done until the first answer comes. */
static void use_the_time(struct search *search)
{
	if (search->meanwhile_done || !search->wanted->meanwhile)
		return;
	search->meanwhile_done = true;
	search->wanted->meanwhile(search->wanted->arg);
}

static void wait_for_answers(struct search *search)
{
	struct pollfd pollfds[ATTEMPTS_MAX];
	int64_t now = sys_now_ms();
	int64_t left = next_deadline(search, now) - now;
	size_t i;

	for (i = 0; i < search->open; i++) {
		pollfds[i].fd = search->attempts[i].answered ? -1 : search->attempts[i].fd;
		pollfds[i].events = POLLIN;
	}
	sys_poll(pollfds, search->open, left > 0 ? (int)left : 0);
}

/* Looks for answers and for those who have hung up. */
static void collect(struct search *search)
{
	struct attempt *attempt;
	size_t i = 0;
	int ret;

	while (i < search->open) {
		attempt = &search->attempts[i];
		ret = attempt->answered ? 1 : passt_answered(attempt->fd);
		if (ret < 0) {
			conclude_error(search, attempt->candidate, -ret);
			/* The newest one gave its answer: the next one need not wait. */
			if (i == search->open - 1)
				search->next_start = sys_now_ms();
			close_attempt(search, attempt);
			continue;
		}
		attempt->answered = ret;
		i++;
	}
}

/* The lowest-numbered one that has answered, once no lower one may still do so in time. */
static struct attempt *winner(struct search *search)
{
	struct attempt *attempt = search->attempts;
	struct attempt *end = attempt + search->open;
	int64_t now = sys_now_ms();

	for (; attempt < end; attempt++) {
		if (attempt->answered)
			return attempt;
		if (now < in_time(search, attempt))
			return NULL;
	}
	return NULL;
}

/* Gives up those that were waited for long enough; a socket that was asked for is used as it is. */
static struct attempt *expire(struct search *search)
{
	int64_t now = sys_now_ms();
	bool over = search_end(search) <= now;

	while (search->open && (over || search->attempts[0].since + patience(search) <= now)) {
		if (search->wanted->socket && !search->attempts[0].listening) {
			message_warning(
				search->wanted->log,
				"%s does not answer; used all the same, as --socket names it",
				search->wanted->socket);
			return &search->attempts[0];
		}
		give_up(search, &search->attempts[0]);
	}
	return NULL;
}

/* Looks at the candidates anew: no further than has to be, as the first one will do most times. */
static void look(struct search *search)
{
	size_t i;

	for (i = 0; i < search->named; i++)
		search->candidates[i].state = CANDIDATE_OPEN;
	search->looked = 0;
	look_at_files(search, false);
	search->all_known =
		candidates_look_up(search->candidates, search->looked, LOOK_UP_LIMIT) != 0 &&
		search->looked == search->count;
	search->start = sys_now_ms();
	search->next = 0;
	search->places = ATTEMPTS_MAX;
	search->overtaken = false;
	search->tried = false;
}

static struct attempt *find(struct search *search)
{
	struct attempt *found = NULL;

	while (!found) {
		start_due(search);
		if (!search->open)
			return NULL;
		use_the_time(search);
		wait_for_answers(search);
		collect(search);
		found = winner(search);
		if (!found)
			found = expire(search);
	}
	return found;
}

/* Those that time did not suffice for are as they were the last time. */
static void recall(struct search *search)
{
	size_t i;

	for (i = search->next; i < search->named; i++) {
		if (search->candidates[i].state == CANDIDATE_OPEN)
			search->candidates[i].state = search->said[i];
	}
}

bool search_begin(struct search *search, const struct discovery *wanted)
{
	search->wanted = wanted;
	search->until = 0;
	search->count = candidates_count(wanted->socket);
	search->named = 0;
	search->found = NULL;
	search->open = 0;
	search->meanwhile_done = false;
	return search->count;
}

int search_once(struct search *search)
{
	struct attempt *found;
	int fd = -1;

	look(search);
	found = find(search);
	recall(search);
	if (found) {
		search->found = found->candidate;
		fd = found->fd;
		found->fd = -1;
	} else {
		name_candidates(search, search->count);
	}
	/* Those in front of it were silent, those behind it are none of our business. */
	while (search->open && search->attempts[0].fd >= 0)
		give_up(search, &search->attempts[0]);
	while (search->open)
		close_attempt(search, &search->attempts[search->open - 1]);
	return fd;
}
