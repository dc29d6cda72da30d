/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/common/fd_identity.h"

#include <string.h>

#include "shim/common/sys.h"
#include "shim/common/text.h"

#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif

/* FNV-1a, 64 bits, over @text up to one of @ends. */
static uint64_t mix(uint64_t hash, const char *text, const char *ends)
{
	for (size_t len = strcspn(text, ends); len; len--, text++)
		hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
	return hash;
}

static void proc_path(char path[48], int pid, const char *what, int fd)
{
	struct text t;

	text_start(&t, path, 48);
	text_add(&t, "/proc/");
	if (pid)
		text_format(&t, "%d", pid);
	else
		text_add(&t, "self");
	text_format(&t, "/%s/%d", what, fd);
}

uint64_t identity_anonymous(int pid, int fd)
{
	char path[48], buf[512] = "";
	uint64_t hash = UINT64_C(14695981039346656037);
	const char *id;
	int info;

	proc_path(path, pid, "fd", fd);
	sys_readlink(path, buf, sizeof(buf) - 1);
	hash = mix(hash, buf, "");
	proc_path(path, pid, "fdinfo", fd);
	info = sys_open(path, O_RDONLY | O_CLOEXEC, 0);
	memset(buf, 0, sizeof(buf));
	sys_read(info, buf, sizeof(buf) - 1);
	sys_close(info);
	id = strstr(buf, "eventfd-id:");
	return mix(hash, id ? id : "", "\n") | 1;
}

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
	if (!(status.st_mode & S_IFMT))
		id->cookie = identity_anonymous(0, fd);
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
		return ret == -EBADF ? FOUND_NOTHING : "something else";
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
