/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * time64 fd=5 COMMAND: takes the connection on descriptor 5 as QEMU does, by those calls that have
 * another name on 32-bit machines in a program with 64-bit times
 *
 * Marks it first and takes that back, asks for its type, makes it non-blocking, sends a frame and
 * receives one. "received N" is the length of that. Then runs COMMAND, and its status is ours.
 */
#define _FILE_OFFSET_BITS 64
#define _TIME_BITS        64
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define FD 5

static int take(void)
{
	socklen_t len = sizeof(int);
	int type = 0;

	if (ioctl(FD, FIOCLEX) || fcntl(FD, F_SETFD, 0) ||
	    getsockopt(FD, SOL_SOCKET, SO_TYPE, &type, &len) || type != SOCK_STREAM)
		return -1;
	return fcntl(FD, F_SETFL, fcntl(FD, F_GETFL) | O_NONBLOCK);
}

int main(int argc, char **argv)
{
	static char frame[4 + 60] = { 0, 0, 0, 60 };
	struct iovec iov = { frame, sizeof(frame) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct pollfd p = { .fd = FD, .events = POLLIN };

	if (argc != 3 || take() || sendmsg(FD, &msg, 0) != sizeof(frame) || poll(&p, 1, 10000) != 1)
		return 1;
	printf("received %zd\n", recvmsg(FD, &msg, 0));
	fflush(stdout);
	return system(argv[2]) != 0;
}
