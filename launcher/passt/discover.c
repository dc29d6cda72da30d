/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/passt/discover.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "launcher/base/loop.h"
#include "launcher/base/message.h"
#include "launcher/passt/explain.h"
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

/* IN_ATTRIB: a socket may become one that we may connect to. */
#define WATCH_EVENTS (IN_CREATE | IN_MOVED_TO | IN_ATTRIB | IN_ONLYDIR)

/**
 * struct pauses - The time between two searches
 * @search:	Whose candidates are waited for
 * @watching:	@watch was tried
 * @watch:	inotify(7) on their directory, or -1: then there is only the clock
 * @ms:		The last pause
 * @fast_till:	Till then look often: a socket has just appeared
 */
struct pauses {
	const struct search *search;
	bool watching;
	int watch;
	int ms;
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

static bool is_candidate(const struct search *search, const char *name)
{
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

/* Watches the directory of a file: descriptor, or -1. */
static int watch_directory(const char *path)
{
	char copy[PASST_PATH_MAX + 1];
	int fd;

	strcpy(copy, path);
	fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (fd < 0 || inotify_add_watch(fd, dirname(copy), WATCH_EVENTS) >= 0)
		return fd;
	close(fd);
	return -1;
}

/* Has one of the candidates appeared or changed its mode? Other files end no pause. */
static bool on_watch(struct loop_source *source)
{
	_Alignas(struct inotify_event) char buf[4096];
	const struct pauses *pauses = source->arg;
	const struct inotify_event *event;
	bool found = false;
	ssize_t len, at;

	while ((len = read(source->fd, buf, sizeof(buf))) > 0) {
		for (at = 0; at < len; at += (ssize_t)(sizeof(*event) + event->len)) {
			event = (const struct inotify_event *)(buf + at);
			if (event->mask & IN_Q_OVERFLOW ||
			    (event->len && is_candidate(pauses->search, event->name)))
				found = true;
		}
	}
	return found;
}

/* Waits between two searches, until @end at most. */
static void make_pause(struct pauses *pauses, int64_t end)
{
	struct loop_source watch = { .fd = pauses->watch, .ready = on_watch, .arg = pauses };
	int64_t now = sys_now_ms();
	int ms;

	/* What appears from here on is seen; what did before, by the next search, at once. */
	if (!pauses->watching) {
		pauses->watching = true;
		pauses->watch = watch_directory(pauses->search->candidates[0].path);
		return;
	}
	ms = pauses->ms ? pauses->ms * 2 : PAUSE_FIRST_MS;
	pauses->ms = ms < PAUSE_MS ? ms : PAUSE_MS;

	ms = pauses->ms;
	if (now < pauses->fast_till)
		ms = APPEARED_PAUSE_MS;
	else if (pauses->watch >= 0 && all_missing(pauses->search))
		ms = PAUSE_WATCH_MS;
	if (loop_run(&watch, 1, now + ms < end ? now + ms : end))
		pauses->fast_till = sys_now_ms() + APPEARED_MS;
}

/* Searches until something is found or there is no point in going on: descriptor, or -1. */
static int search_on(struct search *search)
{
	struct pauses pauses = { .search = search, .watch = -1 };
	int64_t start = sys_now_ms();
	int64_t end;
	int fd;

	while ((fd = search_once(search)) < 0) {
		end = start + search_ms(search);
		if (end <= sys_now_ms())
			break;
		make_pause(&pauses, end);
	}
	if (pauses.watch >= 0)
		close(pauses.watch);
	return fd;
}

/* As QEMU expects it: 0, or -1 with errno. */
static int make_blocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 ? -1 : fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
}

int discover(const struct discovery *discovery, struct connection *found)
{
	const struct log *log = discovery->log;
	struct search search;
	int fd;

	if (!search_begin(&search, discovery)) {
		message_error(log, "%s: too long a path for a UNIX socket", discovery->socket);
		return -1;
	}
	fd = search_on(&search);
	if (fd < 0) {
		if (discovery->socket)
			explain_one(log, &search.candidates[0]);
		else
			explain_all(log, search.candidates, search.count);
		return -1;
	}
	if (make_blocking(fd)) {
		message_error(log, "%s: %s", search.found->path, strerror(errno));
		close(fd);
		return -1;
	}
	explain_passed_over(log, search.candidates, (size_t)(search.found - search.candidates));
	found->fd = fd;
	strcpy(found->path, search.found->path);
	return 0;
}
