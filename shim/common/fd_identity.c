/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a descriptor number holds. */
#include "shim/common/fd_identity.h"

#include <string.h>

#include "shim/common/sys.h"

#ifndef STATX_TYPE
#include <linux/stat.h> /* for a libc that knows no struct statx */
#endif

#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif

/**
 * struct status - What of a file's status is of interest
 * @mode:	Type and permissions, as st_mode
 * @dev:	Major number of the device in the upper half, minor in the lower
 * @ino:	Inode
 */
struct status {
	uint32_t mode;
	uint64_t dev;
	uint64_t ino;
};

static uint64_t device(uint32_t major, uint32_t minor)
{
	return ((uint64_t)major << 32) | minor;
}

/* For Linux before 4.11, and behind filters that do not know statx(2). */
static int old_status_of(int fd, struct status *status)
{
#if defined(SYS_fstat64)
	struct stat64 st;
	int ret = (int)sys_call(SYS_fstat64, fd, (long)&st, 0, 0, 0, 0);
#elif defined(SYS_fstat)
	struct stat st;
	int ret = (int)sys_call(SYS_fstat, fd, (long)&st, 0, 0, 0, 0);
#else
	struct stat st = { 0 };
	int ret = -ENOSYS;
#endif
	uint32_t dev = (uint32_t)st.st_dev;

	if (ret)
		return ret;
	/* As the kernel packs it (linux/kdev_t.h, new_encode_dev()). */
	status->dev = device((dev & 0xfff00) >> 8, (dev & 0xff) | ((dev >> 12) & 0xfff00));
	status->mode = st.st_mode;
	status->ino = st.st_ino;
	return 0;
}

/**
 * status_of() - fstat without the libc: its symbol differs between releases (glibc 2.33)
 * @fd:		Descriptor
 * @status:	Filled
 *
 * Return: 0 or -errno
 */
static int status_of(int fd, struct status *status)
{
	struct statx st;
	int ret = (int)sys_call(SYS_statx, fd, (long)"", AT_EMPTY_PATH, STATX_TYPE | STATX_INO,
				(long)&st, 0);

	if (ret)
		return ret == -EBADF ? ret : old_status_of(fd, status);
	*status = (struct status) {
		.mode = st.stx_mode,
		.dev = device(st.stx_dev_major, st.stx_dev_minor),
		.ino = st.stx_ino,
	};
	return 0;
}

bool descriptor_identity(int fd, struct identity *id)
{
	socklen_t len = sizeof(id->cookie);
	struct status status;

	memset(id, 0, sizeof(*id));
	if (status_of(fd, &status))
		return false;
	id->dev = status.dev;
	id->ino = status.ino;
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
	struct status status;
	int ret = status_of(fd, &status);

	if (ret)
		return ret == -EBADF ? DESCRIPTOR_EMPTY : DESCRIPTOR_OTHER;
	switch (status.mode & S_IFMT) {
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
