/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/passt/unix_diag.h"

#include <errno.h>
#include <limits.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* States of a UNIX socket, those of TCP: net/tcp_states.h of the kernel. */
#define STATE_ESTABLISHED 1
#define STATE_LISTEN      10

struct visit {
	size_t limit;
	size_t seen;
	socket_visitor *row;
	void *arg;
};

/* Copies the value of an attribute; what a shorter one lacks is zero. */
static void attribute_value(const struct nlattr *attribute, void *value, size_t size)
{
	size_t len = attribute->nla_len - NLA_HDRLEN;

	memset(value, 0, size);
	memcpy(value, (const char *)attribute + NLA_HDRLEN, len < size ? len : size);
}

/* Copies the path; false for a socket without one, or an abstract one. */
static bool attribute_path(const struct nlattr *attribute, char path[PATH_MAX])
{
	size_t len = attribute->nla_len - NLA_HDRLEN;

	if (!len || len >= PATH_MAX)
		return false;
	memcpy(path, (const char *)attribute + NLA_HDRLEN, len);
	path[len] = '\0';
	return path[0];
}

/* Takes what we want from one attribute of a socket. */
static void read_attribute(const struct nlattr *attribute, struct socket_row *row,
			   char path[PATH_MAX])
{
	struct unix_diag_vfs vfs;

	if (attribute->nla_type == UNIX_DIAG_NAME) {
		if (attribute_path(attribute, path))
			row->path = path;
	} else if (attribute->nla_type == UNIX_DIAG_VFS) {
		attribute_value(attribute, &vfs, sizeof(vfs));
		row->file = vfs.udiag_vfs_ino;
		/* The kernel's own form of a device number: 20 bits of minor. */
		row->device = makedev(vfs.udiag_vfs_dev >> 20, vfs.udiag_vfs_dev & 0xfffff);
	} else if (attribute->nla_type == UNIX_DIAG_PEER) {
		attribute_value(attribute, &row->peer, sizeof(row->peer));
	}
}

static void visit_message(struct visit *visit, const struct nlmsghdr *header)
{
	const struct unix_diag_msg *msg = NLMSG_DATA(header);
	const struct nlattr *attribute = (const struct nlattr *)(msg + 1);
	struct socket_row row = { 0 };
	size_t left, step;
	char path[PATH_MAX];

	visit->seen++;
	if (header->nlmsg_len < NLMSG_LENGTH(sizeof(*msg)) || msg->udiag_type != SOCK_STREAM)
		return;
	row.inode = msg->udiag_ino;
	row.listens = msg->udiag_state == STATE_LISTEN;

	left = header->nlmsg_len - NLMSG_LENGTH(sizeof(*msg));
	while (left >= NLA_HDRLEN && attribute->nla_len >= NLA_HDRLEN &&
	       attribute->nla_len <= left) {
		read_attribute(attribute, &row, path);
		step = NLA_ALIGN(attribute->nla_len);
		left -= step < left ? step : left;
		attribute = (const struct nlattr *)((const char *)attribute + step);
	}
	if (row.path && row.file)
		visit->row(visit->arg, &row);
}

/*
 * One piece of the kernel's answer: 1 for the last, 0 for more to come, or -errno. The length is
 * signed, as NLMSG_NEXT() subtracts from it what the end of a message is filled up with, too.
 */
static int visit_piece(struct visit *visit, const char *buf, int64_t len)
{
	const struct nlmsghdr *header = (const struct nlmsghdr *)buf;
	const struct nlmsgerr *failure;

	for (; NLMSG_OK(header, len); header = NLMSG_NEXT(header, len)) {
		if (header->nlmsg_type == NLMSG_DONE)
			return 1;
		if (header->nlmsg_type == NLMSG_ERROR) {
			failure = NLMSG_DATA(header);
			if (header->nlmsg_len < NLMSG_LENGTH(sizeof(*failure)))
				return -EPROTO;
			return failure->error < 0 ? failure->error : -EPROTO;
		}
		visit_message(visit, header);
	}
	return 0;
}

/* Reads the answer, as far as it is wanted: 0 or -errno. */
static int read_answer(int fd, struct visit *visit)
{
	/* The kernel fills at most 32 KiB at a time: linux/netlink.h, NLMSG_GOODSIZE and up. */
	_Alignas(struct nlmsghdr) char buf[32768];
	ssize_t len;
	int ret;

	while (!visit->limit || visit->seen < visit->limit) {
		len = recv(fd, buf, sizeof(buf), 0);
		if (len < 0 && errno == EINTR)
			continue;
		if (len <= 0)
			return len ? -errno : -EPROTO;
		ret = visit_piece(visit, buf, len);
		if (ret)
			return ret > 0 ? 0 : ret;
	}
	return 0;
}

int sockets_read(size_t limit, socket_visitor *row, void *arg)
{
	struct visit visit = { .limit = limit, .row = row, .arg = arg };
	struct {
		struct nlmsghdr header;
		struct unix_diag_req body;
	} request = {
		.header = { .nlmsg_len = sizeof(request),
			    .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.body = { .sdiag_family = AF_UNIX,
			  .udiag_states = 1 << STATE_ESTABLISHED | 1 << STATE_LISTEN,
			  .udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_VFS | UDIAG_SHOW_PEER },
	};
	int fd, ret;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	if (fd < 0)
		return -errno;
	if (send(fd, &request, sizeof(request), 0) < 0)
		ret = -errno;
	else
		ret = read_answer(fd, &visit);
	close(fd);
	return ret;
}
