/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finding a passt that is free: searching, and searching again where that makes sense. */
#include "launcher/passt/discover.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "launcher/base/message.h"
#include "launcher/passt/explain.h"
#include "launcher/passt/path_watch.h"
#include "launcher/passt/search.h"
#include "shim/common/sys.h"

/* How long to try again where a passt is in use: its client may just be closing. */
#define BUSY_MS 2500

/* Pauses between two searches: growing from the first to the second; or a watch tells. */
#define PAUSE_FIRST_MS 4
#define PAUSE_MS       100
#define PAUSE_WATCH_MS 1000

/* passt listens some milliseconds after its socket appears: look often for a while. */
#define APPEARED_PAUSE_MS 1
#define APPEARED_MS       250

/**
 * struct patience - Resting between two searches
 * @search:	Whose candidates are waited for
 * @watching:	@watch was tried
 * @watch:	Watch of their directory, or negative
 * @pause_ms:	Last pause
 * @fast_till:	Till then look often: a socket has just appeared
 */
struct patience {
	const struct search *search;
	bool watching;
	int watch;
	int pause_ms;
	int64_t fast_till;
};

/* Will this socket never be a passt's, however long we wait? */
static bool hopeless(const struct search *search)
{
	switch (search->candidates[0].state) {
	case CANDIDATE_MISSING:
	case CANDIDATE_NO_PERMISSION:
	case CANDIDATE_STALE:
	case CANDIDATE_IN_USE:
	case CANDIDATE_SILENT:
	case CANDIDATE_FAILED:
		return false;
	default:
		return search->wanted->socket;
	}
}

/* How long to go on searching, in milliseconds from the start. */
static int64_t search_ms(const struct search *search)
{
	if (hopeless(search))
		return 0;
	if (search->wanted->wait_ms)
		return search->wanted->wait_ms;
	return search_found(search, CANDIDATE_IN_USE) ? BUSY_MS : 0;
}

static bool is_candidate(const char *name, const void *arg)
{
	const struct search *search = arg;
	const char *path, *slash;
	size_t i;

	for (i = 0; i < search->count; i++) {
		path = search->candidates[i].path;
		slash = strrchr(path, '/');
		if (!strcmp(slash ? slash + 1 : path, name))
			return true;
	}
	return false;
}

static bool all_missing(const struct search *search)
{
	size_t i;

	for (i = 0; i < search->count; i++) {
		if (search->candidates[i].state != CANDIDATE_MISSING)
			return false;
	}
	return true;
}

/* Rests between two searches, for @left milliseconds at most. */
static void rest(struct patience *patience, int64_t left)
{
	const struct search *search = patience->search;
	int ms;

	/* What appears from here on is seen; what did before, by the next search, at once. */
	if (!patience->watching) {
		patience->watching = true;
		patience->watch = watch_open(search->candidates[0].path);
		return;
	}
	ms = patience->pause_ms ? patience->pause_ms * 2 : PAUSE_FIRST_MS;
	patience->pause_ms = ms < PAUSE_MS ? ms : PAUSE_MS;

	ms = patience->pause_ms;
	if (sys_now_ms() < patience->fast_till)
		ms = APPEARED_PAUSE_MS;
	else if (patience->watch >= 0 && all_missing(search))
		ms = PAUSE_WATCH_MS;
	if (watch_wait(patience->watch, ms < left ? ms : (int)left, is_candidate, search))
		patience->fast_till = sys_now_ms() + APPEARED_MS;
}

/* Searches until something is found or there is no point in going on: descriptor, or -1. */
static int search_on(struct search *search)
{
	struct patience patience = { .search = search, .watch = -1 };
	int64_t start = sys_now_ms();
	int64_t now;
	int fd;

	while ((fd = search_once(search)) < 0) {
		now = sys_now_ms();
		search->until = start + search_ms(search);
		if (search->until <= now)
			break;
		rest(&patience, search->until - now);
	}
	if (patience.watch >= 0)
		close(patience.watch);
	return fd;
}

static void report(const struct search *search)
{
	const struct log *log = search->wanted->log;

	if (search->wanted->socket)
		obstacles_report_one(log, &search->candidates[0]);
	else
		obstacles_report(log, search->candidates, search->count);
}

/* As QEMU expects it: 0, or -1 with errno. */
static int make_blocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 ? -1 : fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
}

/* Searches, and takes over what was found: 0, or -1 after a message. */
static int take(struct search *search, struct connection *found)
{
	const struct log *log = search->wanted->log;
	int fd = search_on(search);

	if (fd < 0) {
		report(search);
		return -1;
	}
	if (make_blocking(fd)) {
		message_error(log, "%s: %s", search->found->path, strerror(errno));
		close(fd);
		return -1;
	}
	obstacles_warn(log, search->candidates, (size_t)(search->found - search->candidates));
	found->fd = fd;
	strcpy(found->path, search->found->path);
	return 0;
}

int discover(const struct discovery *discovery, struct connection *found)
{
	struct search search;

	if (search_begin(&search, discovery))
		return take(&search, found);
	message_error(discovery->log, "%s: too long a path for a UNIX socket", discovery->socket);
	return -1;
}
