/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Learning that a file appears. */
#include "shim/common/dir_watch.h"

#include <string.h>
#include <sys/inotify.h>

#include "shim/common/sys.h"

/* IN_ATTRIB: a socket may become one that we may connect to. */
#define EVENTS (IN_CREATE | IN_MOVED_TO | IN_ATTRIB | IN_MOVE_SELF | IN_ONLYDIR)

int dir_watch_retry(struct dir_watch *appear)
{
	if (appear->watch >= 0)
		return 0;
	if (appear->fd < 0)
		appear->fd =
			(int)sys_call(SYS_inotify_init1, IN_NONBLOCK | IN_CLOEXEC, 0, 0, 0, 0, 0);
	if (appear->fd < 0)
		return appear->fd;
	appear->watch = (int)sys_call(SYS_inotify_add_watch, appear->fd, (long)appear->path, EVENTS,
				      0, 0, 0);
	return appear->watch < 0 ? appear->watch : 0;
}

int dir_watch_open(struct dir_watch *appear, const char *path)
{
	char *slash;

	appear->fd = appear->watch = -1;
	strncpy(appear->path, path, sizeof(appear->path) - 1);
	appear->path[sizeof(appear->path) - 1] = '\0';
	slash = strrchr(appear->path, '/');
	appear->name = path + (slash ? slash - appear->path + 1 : 0);
	if (!slash)
		strcpy(appear->path, ".");
	else
		slash[slash == appear->path] = '\0';
	return dir_watch_retry(appear);
}

/* One event: does it tell of the file? */
static bool concerns(struct dir_watch *appear, const struct inotify_event *event)
{
	if (event->mask & IN_MOVE_SELF)
		sys_call(SYS_inotify_rm_watch, appear->fd, appear->watch, 0, 0, 0, 0);
	/* Taken off by us, or because the directory is gone: the path leads elsewhere by now. */
	if (event->mask & IN_IGNORED)
		appear->watch = -1;
	if (event->mask & IN_Q_OVERFLOW)
		return true;
	return event->len && !strcmp(event->name, appear->name);
}

bool dir_watch_read(struct dir_watch *appear)
{
	_Alignas(struct inotify_event) char buf[1024];
	bool appeared = false;
	ssize_t len, at;

	while (appear->fd >= 0 && (len = sys_read(appear->fd, buf, sizeof(buf))) > 0) {
		for (at = 0; at < len;) {
			const struct inotify_event *event =
				(const struct inotify_event *)(buf + at);

			appeared |= concerns(appear, event);
			at += (ssize_t)(sizeof(*event) + event->len);
		}
	}
	return appeared;
}

void dir_watch_close(struct dir_watch *appear)
{
	if (appear->fd >= 0)
		sys_close(appear->fd);
	appear->fd = appear->watch = -1;
}
