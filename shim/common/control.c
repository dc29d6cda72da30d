/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/common/control.h"

#include <string.h>

#include "shim/common/sys.h"

/* Room for a descriptor and for who sends: unix(7). */
union control_space {
	struct cmsghdr header;
	char space[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
};

int control_send(int control, enum control_kind kind, const void *data, size_t len, int fd)
{
	unsigned char byte = (unsigned char)kind;
	struct iovec iov[] = { { &byte, 1 }, { (void *)data, len } };
	union control_space space = { .header = { .cmsg_level = SOL_SOCKET,
						  .cmsg_type = SCM_RIGHTS,
						  .cmsg_len = CMSG_LEN(sizeof(fd)) } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	ssize_t ret;

	if (fd >= 0) {
		memcpy(CMSG_DATA(&space.header), &fd, sizeof(fd));
		msg.msg_control = &space;
		msg.msg_controllen = CMSG_SPACE(sizeof(fd));
	}
	ret = sys_sendmsg(control, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	return ret < 0 ? (int)ret : 0;
}

static void take_ancillary(struct msghdr *header, struct control_msg *msg)
{
	struct ucred sender;
	struct cmsghdr *part;

	for (part = CMSG_FIRSTHDR(header); part; part = CMSG_NXTHDR(header, part)) {
		if (part->cmsg_level != SOL_SOCKET)
			continue;
		if (part->cmsg_type == SCM_RIGHTS) {
			memcpy(&msg->fd, CMSG_DATA(part), sizeof(msg->fd));
		} else if (part->cmsg_type == SCM_CREDENTIALS) {
			memcpy(&sender, CMSG_DATA(part), sizeof(sender));
			msg->sender = sender.pid;
		}
	}
}

int control_receive(int control, struct control_msg *msg, char *data, size_t size, int flags)
{
	unsigned char byte = 0;
	struct iovec iov[] = { { &byte, 1 }, { data, size - 1 } };
	union control_space space;
	struct msghdr header = {
		.msg_iov = iov,
		.msg_iovlen = 2,
		.msg_control = &space,
		.msg_controllen = sizeof(space),
	};
	ssize_t got;

	do {
		got = sys_recvmsg(control, &header, flags | MSG_CMSG_CLOEXEC);
	} while (got == -EINTR);
	if (got <= 0)
		return got ? (int)got : -ECONNRESET;
	*msg = (struct control_msg) { .kind = byte, .fd = -1, .len = (size_t)got - 1 };
	data[msg->len] = '\0';
	take_ancillary(&header, msg);
	return 0;
}
