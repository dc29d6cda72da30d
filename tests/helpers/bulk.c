/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bulk PORT: takes every TCP connection to this port of loopback, reads and writes there as much as
 * it can, and keeps a line in ./bulk.count: bytes received so far, bytes sent so far
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* More than a guest has open at a time: then the oldest has to go. */
#define CONNECTIONS 16

static struct pollfd fds[1 + CONNECTIONS];
static unsigned long long received, sent;

static void drop(struct pollfd *p)
{
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}

static void start_listening(const char *port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				    .sin_port = htons((uint16_t)atoi(port)) };
	unsigned i;

	for (i = 0; i <= CONNECTIONS; i++)
		fds[i] = (struct pollfd) { .fd = -1, .events = POLLIN | POLLOUT };
	fds[0].fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(fds[0].fd, (struct sockaddr *)&addr, sizeof(addr)) || listen(fds[0].fd, 8)) {
		perror("bulk");
		exit(1);
	}
}

static void take_client(void)
{
	static unsigned clients;
	struct pollfd *place = &fds[1 + clients++ % CONNECTIONS];

	drop(place);
	place->fd = accept4(fds[0].fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	place->revents = 0;
}

static void serve(struct pollfd *p)
{
	static char in[65536], out[65536];
	ssize_t n;

	if (p->revents & POLLOUT) {
		n = send(p->fd, out, sizeof(out), MSG_NOSIGNAL);
		sent += n > 0 ? (size_t)n : 0;
	}
	if (p->revents & ~POLLOUT) {
		n = recv(p->fd, in, sizeof(in), 0);
		received += n > 0 ? (size_t)n : 0;
		if (n <= 0)
			drop(p);
	}
}

/* The line has one length, so that no reader ever sees half of it. */
static void count(int file)
{
	char line[64];
	int n = snprintf(line, sizeof(line), "%020llu %020llu\n", received, sent);

	if (pwrite(file, line, (size_t)n, 0) != n)
		perror("bulk.count");
}

int main(int argc, char **argv)
{
	int file = open("bulk.count", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	unsigned i;

	if (argc != 2 || file < 0)
		return 2;
	/* Whoever sees us listen may look at it. */
	count(file);
	start_listening(argv[1]);
	while (poll(fds, 1 + CONNECTIONS, -1) > 0) {
		for (i = 1; i <= CONNECTIONS; i++) {
			if (fds[i].fd >= 0)
				serve(&fds[i]);
		}
		if (fds[0].revents)
			take_client();
		count(file);
	}
	return 1;
}
