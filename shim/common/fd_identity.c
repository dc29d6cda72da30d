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

static enum descriptor_kind socket_kind(int fd)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(int);
	int type = 0;

	if (sys_getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) || type != SOCK_STREAM)
		return DESCRIPTOR_SOCKET;
	len = sizeof(peer);
	if (sys_getpeername(fd, (struct sockaddr *)&peer, &len))
		return DESCRIPTOR_SOCKET;
	return DESCRIPTOR_STREAM;
}

enum descriptor_kind descriptor_kind(int fd)
{
	status_t status;
	int ret = sys_fstat(fd, &status);

	if (ret)
		return ret == -EBADF ? DESCRIPTOR_EMPTY : DESCRIPTOR_OTHER;
	switch (status.st_mode & S_IFMT) {
	case S_IFSOCK:
		return socket_kind(fd);
	case S_IFREG:
	case S_IFDIR:
		return DESCRIPTOR_FILE;
	case S_IFCHR:
	case S_IFBLK:
		return DESCRIPTOR_DEVICE;
	case S_IFIFO:
		return DESCRIPTOR_PIPE;
	default:
		return DESCRIPTOR_OTHER;
	}
}

const char *descriptor_kind_name(enum descriptor_kind kind)
{
	switch (kind) {
	case DESCRIPTOR_EMPTY:
		return "nothing";
	case DESCRIPTOR_STREAM:
		return "another stream socket";
	case DESCRIPTOR_SOCKET:
		return "a socket that is no connected stream";
	case DESCRIPTOR_FILE:
		return "a file";
	case DESCRIPTOR_DEVICE:
		return "a device";
	case DESCRIPTOR_PIPE:
		return "a pipe";
	case DESCRIPTOR_OTHER:
		break;
	}
	return "something else";
}

bool descriptor_hung_up(int fd)
{
	struct pollfd p = { .fd = fd };

	return sys_poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLERR));
}
