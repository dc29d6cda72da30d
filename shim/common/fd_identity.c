/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/common/fd_identity.h"

#include <string.h>

#include "shim/common/sys.h"

#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif

bool descriptor_identity(int fd, struct identity *id)
{
	socklen_t len = sizeof(id->cookie);
	status_t status;

	memset(id, 0, sizeof(*id));
	if (sys_getsockopt(fd, SOL_SOCKET, SO_COOKIE, &id->cookie, &len))
		id->cookie = 0;
	/* A cookie tells a socket by itself. */
	if (sys_fstat(fd, &status))
		return id->cookie;
	id->dev = status.st_dev;
	id->ino = status.st_ino;
	return true;
}

bool descriptor_is(int fd, const struct identity *id)
{
	struct identity now;

	return descriptor_identity(fd, &now) && identity_same(&now, id);
}

bool identity_same(const struct identity *a, const struct identity *b)
{
	if (a->cookie && b->cookie)
		return a->cookie == b->cookie;
	if (!a->ino || !b->ino)
		return false;
	return a->dev == b->dev && a->ino == b->ino;
}

bool descriptor_is_stream(int fd)
{
	struct sockaddr_storage peer;
	socklen_t peer_len = sizeof(peer), len = sizeof(int);
	int type = 0;

	return !sys_getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) && type == SOCK_STREAM &&
	       !sys_getpeername(fd, (struct sockaddr *)&peer, &peer_len);
}

const char *descriptor_name(int fd)
{
	status_t status;
	int ret = sys_fstat(fd, &status);

	if (ret)
		return ret == -EBADF ? "nothing" : "something else";
	switch (status.st_mode & S_IFMT) {
	case S_IFSOCK:
		return descriptor_is_stream(fd) ? "another stream socket"
						: "a socket that is no connected stream";
	case S_IFREG:
	case S_IFDIR:
		return "a file";
	case S_IFCHR:
	case S_IFBLK:
		return "a device";
	case S_IFIFO:
		return "a pipe";
	default:
		return "something else";
	}
}

bool descriptor_hung_up(int fd)
{
	struct pollfd p = { .fd = fd };

	return sys_poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLERR));
}
