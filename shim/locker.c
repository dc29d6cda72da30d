/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The locker: a spare of the connection, queued in a socket. */
#include "locker.h"

#include <string.h>
#include <sys/resource.h>

#include "sys.h"

/* valgrind keeps the last descriptors below the soft limit for itself. */
#define KEPT_BY_VALGRIND 64
#define HIGHEST_NUMBER   1023
#define LOWEST_NUMBER    64

/* Soft limit of open files, or 0 if it cannot be known. */
static long open_files_limit(void)
{
	struct {
		uint64_t soft;
		uint64_t hard;
	} limit;

	if (sys_call(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, (long)&limit, 0, 0))
		return 0;
	return limit.soft > INT32_MAX ? INT32_MAX : (long)limit.soft;
}

static bool is_open(int fd)
{
	return sys_fcntl(fd, F_GETFD, 0) != -EBADF;
}

/* Gives @fd a number that is out of the way, closes the old one: new number or -errno. */
static int move_out_of_the_way(int fd, int avoid)
{
	long limit = open_files_limit();
	long highest = limit - KEPT_BY_VALGRIND - 1;
	int to = -EMFILE;

	if (highest > HIGHEST_NUMBER)
		highest = HIGHEST_NUMBER;
	for (int n = (int)highest; n >= LOWEST_NUMBER; n--) {
		if (n == avoid || is_open(n))
			continue;
		to = sys_dup3(fd, n, 0);
		break;
	}
	/* A small limit, or all taken: whatever is free, seen from above. */
	for (int n = (int)(limit > HIGHEST_NUMBER ? HIGHEST_NUMBER : limit) - 1; to < 0 && n > 2;
	     n--) {
		if (n != avoid && !is_open(n))
			to = sys_dup3(fd, n, 0);
	}
	if (to >= 0)
		sys_close(fd);
	return to;
}

static int send_descriptor(int socket, int fd)
{
	char nothing = 0;
	struct iovec iov = { &nothing, 1 };
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t ret;

	memset(&control, 0, sizeof(control));
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	ret = sys_sendmsg(socket, &msg, MSG_NOSIGNAL);
	return ret < 0 ? (int)ret : 0;
}

/* The descriptor in the message at the head of the queue, or -errno; -ENOENT: no message. */
static int receive_descriptor(int socket, int flags)
{
	char nothing;
	struct iovec iov = { &nothing, 1 };
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t ret = sys_recvmsg(socket, &msg, flags | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	int fd;

	if (ret == 0 || ret == -EAGAIN)
		return -ENOENT;
	if (ret < 0)
		return (int)ret;
	if (msg.msg_controllen < CMSG_LEN(sizeof(int)) || control.header.cmsg_type != SCM_RIGHTS)
		return -ENOENT;
	memcpy(&fd, CMSG_DATA(&control.header), sizeof(fd));
	return fd;
}

int locker_create(int connection, int number, int avoid)
{
	int pair[2], locker;
	int ret = sys_socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);

	if (ret)
		return ret;
	ret = send_descriptor(pair[0], connection);
	sys_close(pair[0]);
	if (ret) {
		sys_close(pair[1]);
		return ret;
	}
	if (number < 0) {
		locker = move_out_of_the_way(pair[1], avoid);
	} else {
		locker = sys_dup3(pair[1], number, 0);
		if (locker >= 0)
			sys_close(pair[1]);
	}
	if (locker < 0)
		sys_close(pair[1]);
	return locker;
}

int locker_look(int locker)
{
	return receive_descriptor(locker, MSG_PEEK);
}

void locker_empty(int locker)
{
	int fd = receive_descriptor(locker, 0);

	if (fd >= 0)
		sys_close(fd);
	sys_close(locker);
}

int locker_move(int locker, int avoid)
{
	return move_out_of_the_way(locker, avoid);
}
