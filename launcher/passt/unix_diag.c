/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/passt/unix_diag.h"

#include <errno.h>
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

/* Takes what we want from the attributes of a socket; what they lack stays zero. */
static void read_attributes(struct arena *arena, const struct nlattr *attribute, size_t left,
			    struct socket_row *row)
{
	struct unix_diag_vfs vfs;

	while (left >= NLA_HDRLEN && attribute->nla_len >= NLA_HDRLEN &&
	       attribute->nla_len <= left) {
		const char *value = (const char *)attribute + NLA_HDRLEN;
		size_t len = attribute->nla_len - NLA_HDRLEN;
		size_t step = NLA_ALIGN(attribute->nla_len);

		/* An abstract name begins with a NUL. */
		if (attribute->nla_type == UNIX_DIAG_NAME && len && value[0]) {
			row->path = arena_copy(arena, value, len);
		} else if (attribute->nla_type == UNIX_DIAG_VFS && len >= sizeof(vfs)) {
			memcpy(&vfs, value, sizeof(vfs));
			row->file = vfs.udiag_vfs_ino;
			/* The kernel's own form of a device number: 20 bits of minor. */
			row->device = makedev(vfs.udiag_vfs_dev >> 20, vfs.udiag_vfs_dev & 0xfffff);
		} else if (attribute->nla_type == UNIX_DIAG_PEER && len >= sizeof(row->peer)) {
			memcpy(&row->peer, value, sizeof(row->peer));
		}
		left -= step < left ? step : left;
		attribute = (const struct nlattr *)((const char *)attribute + step);
	}
}

static void read_message(struct sockets *sockets, const struct nlmsghdr *header)
{
	const struct unix_diag_msg *msg = NLMSG_DATA(header);
	struct socket_row row = { 0 };

	sockets->seen++;
	if (header->nlmsg_len < NLMSG_LENGTH(sizeof(*msg)) || msg->udiag_type != SOCK_STREAM)
		return;
	row.inode = msg->udiag_ino;
	row.listens = msg->udiag_state == STATE_LISTEN;
	read_attributes(sockets->arena, (const struct nlattr *)(msg + 1),
			header->nlmsg_len - NLMSG_LENGTH(sizeof(*msg)), &row);
	if (!row.path || !row.file)
		return;
	sockets->rows = arena_grow(sockets->arena, sockets->rows, sockets->count, sizeof(row));
	sockets->rows[sockets->count++] = row;
}

/*
 * One piece of the kernel's answer: 1 for the last, 0 for more to come, or -errno. The length is
 * signed, as NLMSG_NEXT() subtracts from it what the end of a message is filled up with, too.
 */
static int read_piece(struct sockets *sockets, const char *buf, int64_t len)
{
	const struct nlmsghdr *header = (const struct nlmsghdr *)buf;
	const struct nlmsgerr *failure;

	for (; NLMSG_OK(header, len); header = NLMSG_NEXT(header, len)) {
		if (header->nlmsg_type == NLMSG_DONE)
			return 1;
		if (header->nlmsg_type == NLMSG_ERROR) {
			failure = NLMSG_DATA(header);
			if (header->nlmsg_len >= NLMSG_LENGTH(sizeof(*failure)) &&
			    failure->error < 0)
				return failure->error;
			return -EPROTO;
		}
		read_message(sockets, header);
	}
	return 0;
}

int sockets_read(struct sockets *sockets, size_t limit)
{
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
	/* The kernel fills at most 32 KiB at a time: linux/netlink.h, NLMSG_GOODSIZE and up. */
	_Alignas(struct nlmsghdr) char buf[32768];
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	int ret = 0;
	ssize_t len;

	if (fd < 0)
		return -errno;
	if (send(fd, &request, sizeof(request), 0) < 0)
		ret = -errno;
	while (!ret && sockets->seen < limit) {
		len = recv(fd, buf, sizeof(buf), 0);
		if (len > 0)
			ret = read_piece(sockets, buf, len);
		else if (!len)
			ret = -EPROTO;
		else if (errno != EINTR)
			ret = -errno;
	}
	close(fd);
	return ret < 0 ? ret : 0;
}
