/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/common/dir_watch.h"

#include <string.h>
#include <sys/inotify.h>
#include <sys/un.h>

#include "shim/common/sys.h"

/* IN_ATTRIB: a socket may become one that we may connect to. */
#define EVENTS (IN_CREATE | IN_MOVED_TO | IN_ATTRIB | IN_MOVE_SELF | IN_ONLYDIR)

/*
 * So much is read at once, some thousand events: who makes them without end must not keep us here,
 * and what is left wakes us again.
 */
#define READS 64

/* Bytes of @path in front of the file's name, the slash included. */
static size_t dir_length(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? (size_t)(slash - path) + 1 : 0;
}

int dir_watch_open(struct dir_watch *watch, const char *path)
{
	char dir[sizeof(((struct sockaddr_un *)0)->sun_path)] = ".";
	size_t len = dir_length(path);

	if (watch->wd >= 0)
		return 0;
	if (len >= sizeof(dir))
		return -ENAMETOOLONG;
	if (watch->fd < 0)
		watch->fd =
			(int)sys_call(SYS_inotify_init1, IN_NONBLOCK | IN_CLOEXEC, 0, 0, 0, 0, 0);
	if (watch->fd < 0)
		return watch->fd;
	memcpy(dir, path, len);
	watch->wd = (int)sys_call(SYS_inotify_add_watch, watch->fd, (long)dir, EVENTS, 0, 0, 0);
	return watch->wd < 0 ? watch->wd : 0;
}

/* One event: does it tell of the file of this name? */
static bool concerns(struct dir_watch *watch, const struct inotify_event *event, const char *name)
{
	if (event->mask & IN_MOVE_SELF)
		sys_call(SYS_inotify_rm_watch, watch->fd, watch->wd, 0, 0, 0, 0);
	/* Taken off by us, or because the directory is gone: the path leads elsewhere by now. */
	if (event->mask & IN_IGNORED)
		watch->wd = -1;
	if (event->mask & IN_Q_OVERFLOW)
		return true;
	return event->len && !strcmp(event->name, name);
}

bool dir_watch_read(struct dir_watch *watch, const char *path)
{
	_Alignas(struct inotify_event) char buf[1024];
	bool appeared = false;
	ssize_t len, at;
	int reads;

	for (reads = 0; reads < READS && watch->fd >= 0; reads++) {
		len = sys_read(watch->fd, buf, sizeof(buf));
		if (len <= 0)
			break;
		for (at = 0; at < len;) {
			const struct inotify_event *event =
				(const struct inotify_event *)(buf + at);

			appeared |= concerns(watch, event, path + dir_length(path));
			at += (ssize_t)(sizeof(*event) + event->len);
		}
	}
	return appeared;
}

void dir_watch_close(struct dir_watch *watch)
{
	if (watch->fd >= 0)
		sys_close(watch->fd);
	watch->fd = watch->wd = -1;
}
