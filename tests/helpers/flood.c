/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * flood DIRECTION COUNT SIZE COMMAND [ARG]...: many equal frames through a QEMU with a hub
 *
 * Listens on ./passt.socket as passt would and runs COMMAND, which connects there and forwards
 * frames between that connection and a socket on descriptor 6. Sends COUNT frames of SIZE bytes
 * `in` (as passt) or `out` (as the guest), reads all of them on the other side, and prints how
 * many microseconds that took, and how many of processor time QEMU's main thread used for it.
 * `in-step` and `out-step`: in batches that QEMU receives with one call and that its send buffer
 * holds, the next one when the last has arrived, so that it does the same work each time.
 */
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "errors.h"

#define PASST_PATH "passt.socket"
#define BEHIND_FD  6
#define HEADER     4
#define BATCH      (256 * 1024)
#define WINDOW     (128 * 1024)

/* What the kernel hands over in one piece: net/unix/af_unix.c. */
#define STEP 36544

/* As many small frames as a send buffer of 208 KiB, the kernel's default, holds: each takes 768
 * bytes of it. */
#define STEP_FRAMES 256

/* Microseconds that the main thread of @pid has run: Documentation/scheduler/sched-stats.rst */
static int64_t processor_us(pid_t pid)
{
	long long ns = 0;
	char path[64];
	FILE *stat;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)pid);
	stat = fopen(path, "r");
	if (!stat || fscanf(stat, "%lld", &ns) != 1)
		die(path);
	fclose(stat);
	return ns / 1000;
}

static size_t smallest(uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Frames without an end, as many as fit. Return: bytes of whole frames. */
static size_t fill(uint8_t *buf, uint32_t size)
{
	size_t frame = HEADER + size, len;

	for (len = 0; len + frame <= BATCH; len += frame) {
		memset(buf + len, 0x52, frame);
		buf[len] = (uint8_t)(size >> 24);
		buf[len + 1] = (uint8_t)(size >> 16);
		buf[len + 2] = (uint8_t)(size >> 8);
		buf[len + 3] = (uint8_t)size;
	}
	return len;
}

/*
 * Sends @total bytes of frames into @to and reads as many from @from. No more than @window bytes
 * are under way at any time: what the hub cannot get rid of it drops.
 */
static void flood(int to, int from, uint64_t total, uint32_t size, size_t window)
{
	static uint8_t out[BATCH], in[BATCH];
	size_t batch = fill(out, size), at = 0;
	uint64_t sent = 0, received = 0;

	while (received < total) {
		bool may_send = sent < total && sent - received < window;
		struct pollfd fds[] = { { .fd = from, .events = POLLIN },
					{ .fd = may_send ? to : -1, .events = POLLOUT } };
		ssize_t n;

		if (poll(fds, 2, 60000) <= 0)
			die("poll");
		if (fds[0].revents) {
			n = recv(from, in, sizeof(in), MSG_DONTWAIT);
			if (n <= 0)
				die("recv");
			received += (uint64_t)n;
		}
		if (fds[1].revents) {
			size_t len = smallest(batch - at, window - (sent - received), total - sent);

			n = send(to, out + at, len, MSG_DONTWAIT | MSG_NOSIGNAL);
			if (n < 0)
				continue;
			at = (at + (size_t)n) % batch;
			sent += (uint64_t)n;
		}
	}
}

/* In batches, the next one when the last has arrived. */
static void flood_in_steps(int to, int from, uint64_t total, uint32_t size)
{
	uint64_t frame = HEADER + size, frames = STEP / frame, step;

	step = frame * (!frames ? 1 : frames < STEP_FRAMES ? frames : STEP_FRAMES);
	for (; total > step; total -= step)
		flood(to, from, step, size, step);
	flood(to, from, total, size, total);
}

static int run_command(char **argv, int *behind)
{
	int pair[2];
	pid_t pid;

	check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), "socketpair");
	pid = check(fork(), "fork");
	if (!pid) {
		dup2(pair[1], BEHIND_FD);
		execvp(argv[0], argv);
		die(argv[0]);
	}
	close(pair[1]);
	*behind = pair[0];
	return pid;
}

/* The launcher connects, and asks: one frame is the answer, and goes through QEMU. */
static int accept_client(int listener, int behind, uint32_t size)
{
	uint8_t question[1024];
	int conn = check(accept4(listener, NULL, NULL, SOCK_CLOEXEC), "accept");

	if (recv(conn, question, sizeof(question), 0) <= 0)
		die("question");
	flood(conn, behind, HEADER + size, size, WINDOW);
	return conn;
}

int main(int argc, char **argv)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = PASST_PATH };
	int listener, conn, behind;
	uint32_t size;
	uint64_t total;
	int64_t begin, used;
	pid_t pid;

	if (argc < 5)
		return 2;
	size = (uint32_t)strtoul(argv[3], NULL, 10);
	total = strtoull(argv[2], NULL, 10) * (HEADER + size);
	unlink(PASST_PATH);
	listener = check(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
	check(bind(listener, (struct sockaddr *)&addr, sizeof(addr)), "bind");
	check(listen(listener, 0), "listen");
	pid = run_command(argv + 4, &behind);
	conn = accept_client(listener, behind, size);
	used = processor_us(pid);
	begin = now_us();
	if (!strcmp(argv[1], "in"))
		flood(conn, behind, total, size, WINDOW);
	else if (!strcmp(argv[1], "out"))
		flood(behind, conn, total, size, WINDOW);
	else if (!strcmp(argv[1], "in-step"))
		flood_in_steps(conn, behind, total, size);
	else
		flood_in_steps(behind, conn, total, size);
	printf("%lld %lld\n", (long long)(now_us() - begin), (long long)(processor_us(pid) - used));
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	return 0;
}
