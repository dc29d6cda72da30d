/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a descriptor number holds. */
#include "descriptor.h"

#include <string.h>

#include "sys.h"

#ifndef STATX_TYPE
#include <linux/stat.h> /* for a libc that knows no struct statx */
#endif

#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif

/**
 * stat_of() - fstat without the libc: its symbol differs between releases (glibc 2.33)
 * @fd:		Descriptor
 * @st:		Filled: type, device and inode only
 *
 * Return: 0 or -errno
 */
static int stat_of(int fd, struct statx *st)
{
	return (int)sys_call(SYS_statx, fd, (long)"", AT_EMPTY_PATH, STATX_TYPE | STATX_INO,
			     (long)st, 0);
}

bool descriptor_identity(int fd, struct identity *id)
{
	socklen_t len = sizeof(id->cookie);
	struct statx st;

	memset(id, 0, sizeof(*id));
	if (stat_of(fd, &st))
		return false;
	id->dev = ((uint64_t)st.stx_dev_major << 32) | st.stx_dev_minor;
	id->ino = st.stx_ino;
	if (sys_getsockopt(fd, SOL_SOCKET, SO_COOKIE, &id->cookie, &len))
		id->cookie = 0;
	return true;
}

bool identity_same(const struct identity *a, const struct identity *b)
{
	if (!a->ino || !b->ino)
		return false;
	if (a->cookie && b->cookie)
		return a->cookie == b->cookie;
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
	struct statx st;
	int ret = stat_of(fd, &st);

	if (ret)
		return ret == -EBADF ? DESCRIPTOR_EMPTY : DESCRIPTOR_OTHER;
	switch (st.stx_mode & S_IFMT) {
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
