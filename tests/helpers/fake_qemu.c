/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A QEMU that prints what it got, one fact a line:
 *
 *	pid N
 *	argv I WORD		for each argument; line ends as \n
 *	open N ...		all open descriptors
 *	fd N ...		what is on $FAKE_QEMU_FD: "closed", "no socket", or the socket's
 *				flags, timeouts and peer
 *	frame BYTES HEX		with $FAKE_QEMU_READ: the first frame that waits there
 *
 * $FAKE_QEMU_WAIT: then waits for the end of its input. Exit status: $FAKE_QEMU_STATUS.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

static void print_arguments(int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		printf("argv %d ", i);
		for (const char *p = argv[i]; *p; p++) {
			if (*p == '\n')
				fputs("\\n", stdout);
			else
				putchar(*p);
		}
		putchar('\n');
	}
}

static void print_open(void)
{
	DIR *dir = opendir("/proc/self/fd");
	const struct dirent *entry;

	if (!dir)
		return;
	printf("open");
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(dir))
			printf(" %s", entry->d_name);
	}
	printf("\n");
	closedir(dir);
}

static long timeout_us(int fd, int name)
{
	struct timeval tv = { 0 };
	socklen_t len = sizeof(tv);

	getsockopt(fd, SOL_SOCKET, name, &tv, &len);
	return tv.tv_sec * 1000000L + tv.tv_usec;
}

static void print_descriptor(int fd)
{
	struct sockaddr_un peer = { 0 };
	socklen_t len = sizeof(peer) - 1, type_len = sizeof(int);
	int flags, type;

	if (fcntl(fd, F_GETFD) == -1) {
		printf("fd %d closed\n", fd);
		return;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len)) {
		printf("fd %d no socket\n", fd);
		return;
	}
	flags = fcntl(fd, F_GETFL);
	if (getpeername(fd, (struct sockaddr *)&peer, &len))
		strcpy(peer.sun_path, "nobody");
	printf("fd %d %s %s %s rcvtimeo=%ld sndtimeo=%ld peer=%s\n", fd,
	       type == SOCK_STREAM ? "stream" : "other",
	       flags & O_NONBLOCK ? "nonblocking" : "blocking",
	       fcntl(fd, F_GETFD) & FD_CLOEXEC ? "cloexec" : "inherited",
	       timeout_us(fd, SO_RCVTIMEO), timeout_us(fd, SO_SNDTIMEO), peer.sun_path);
}

/* Reads as QEMU does, with recv(), until there is a frame behind its length. */
static void print_frame(int fd)
{
	unsigned char buf[4096];
	size_t have = 0, want = 4;
	ssize_t n;

	while (have < want && (n = recv(fd, buf + have, sizeof(buf) - have, 0)) > 0) {
		have += (size_t)n;
		if (have >= 4)
			want = 4 + (size_t)buf[2] * 256 + buf[3];
	}
	printf("frame %zu ", have);
	for (size_t i = 0; i < have; i++)
		printf("%02x", buf[i]);
	printf("\n");
}

int main(int argc, char **argv)
{
	const char *fd = getenv("FAKE_QEMU_FD"), *status = getenv("FAKE_QEMU_STATUS");

	printf("pid %d\n", (int)getpid());
	print_arguments(argc, argv);
	print_open();
	if (fd)
		print_descriptor(atoi(fd));
	if (fd && getenv("FAKE_QEMU_READ"))
		print_frame(atoi(fd));
	fflush(stdout);
	if (getenv("FAKE_QEMU_WAIT")) {
		while (getchar() != EOF)
			;
	}
	return status ? atoi(status) : 0;
}
