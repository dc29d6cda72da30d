/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Waiting for a file to appear: inotify(7) on its directory. */
#include "launcher/passt/path_watch.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "shim/common/sys.h"

/* IN_ATTRIB: a socket may become one that we may connect to. */
#define WATCH_EVENTS (IN_CREATE | IN_MOVED_TO | IN_ATTRIB | IN_ONLYDIR)

int watch_open(const char *path)
{
	char copy[PATH_MAX];
	int fd, error;

	if (strlen(path) >= sizeof(copy))
		return -ENAMETOOLONG;
	strcpy(copy, path);

	fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (inotify_add_watch(fd, dirname(copy), WATCH_EVENTS) < 0) {
		error = errno;
		close(fd);
		return -error;
	}
	return fd;
}

/* Reads all events that are there; true if one of them matters. */
static bool read_events(int watch, bool (*matters)(const char *, const void *), const void *arg)
{
	_Alignas(struct inotify_event) char buf[4096];
	const struct inotify_event *event;
	bool found = false;
	ssize_t len, at;

	while ((len = read(watch, buf, sizeof(buf))) > 0) {
		for (at = 0; at < len; at += (ssize_t)(sizeof(*event) + event->len)) {
			event = (const struct inotify_event *)(buf + at);
			if (event->mask & IN_Q_OVERFLOW ||
			    (event->len && matters(event->name, arg)))
				found = true;
		}
	}
	return found;
}

bool watch_wait(int watch, int ms, bool (*matters)(const char *name, const void *arg),
		const void *arg)
{
	struct pollfd pollfd = { .fd = watch, .events = POLLIN };
	int64_t end = sys_now_ms() + ms;
	int left;

	do {
		left = (int)(end - sys_now_ms());
		if (sys_poll(&pollfd, 1, left > 0 ? left : 0) > 0 &&
		    read_events(watch, matters, arg))
			return true;
	} while (left > 0);
	return false;
}
