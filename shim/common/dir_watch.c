/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/common/dir_watch.h"

#include <string.h>
#include <sys/inotify.h>

#include "shim/common/passt.h"
#include "shim/common/sys.h"

/* IN_ATTRIB: a socket may become one that we may connect to. */
#define EVENTS (IN_CREATE | IN_MOVED_TO | IN_ATTRIB | IN_ONLYDIR)

/* So often is read at once: who makes events without end must not keep us; the rest wakes us. */
#define READS 16

/* Bytes of @path in front of the file's name, the slash included. */
static size_t dir_length(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? (size_t)(slash - path) + 1 : 0;
}

int dir_watch_add(int fd, const char *path)
{
	char dir[PASST_PATH_MAX + 1] = ".";
	int ret;

	memcpy(dir, path, dir_length(path));
	ret = (int)sys_call(SYS_inotify_add_watch, fd, (long)dir, EVENTS, 0, 0, 0);
	return ret < 0 ? ret : 0;
}

bool dir_watch_read(int fd, const char *path)
{
	_Alignas(struct inotify_event) char buf[1024];
	const struct inotify_event *event;
	bool appeared = false;
	ssize_t len, at;
	int i;

	for (i = 0; i < READS && (len = sys_read(fd, buf, sizeof(buf))) > 0; i++) {
		for (at = 0; at < len; at += (ssize_t)(sizeof(*event) + event->len)) {
			event = (const struct inotify_event *)(buf + at);
			appeared |= event->mask & IN_Q_OVERFLOW ||
				    (event->len && !strcmp(event->name, path + dir_length(path)));
		}
	}
	return appeared;
}
