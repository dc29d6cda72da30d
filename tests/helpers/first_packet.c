/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * first_packet COMMAND [ARG]...: how long it takes until a guest speaks
 *
 * Listens on ./passt.socket as passt would, runs COMMAND, which is qrap with a guest, answers its
 * question, and prints the milliseconds from fork to the first bytes that come after that one. Ends
 * the command then.
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "errors.h"

#define PASST_PATH "passt.socket"

/* Length and an Ethernet frame of 60 bytes, of a type for local experiments. */
#define CHECK_REPLY_BYTES 64

static int listen_as_passt(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = PASST_PATH };
	int listener = check(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");

	unlink(PASST_PATH);
	check(bind(listener, (struct sockaddr *)&addr, sizeof(addr)), "bind");
	check(listen(listener, 0), "listen");
	return listener;
}

static void wait_for_guest(int listener)
{
	uint8_t answer[CHECK_REPLY_BYTES] = {
		0, 0, 0, CHECK_REPLY_BYTES - 4, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5
	};
	int conn = check(accept4(listener, NULL, NULL, SOCK_CLOEXEC), "accept");
	uint8_t bytes[1024];

	if (recv(conn, bytes, sizeof(bytes), 0) <= 0)
		die("question");
	check((int)send(conn, answer, sizeof(answer), MSG_NOSIGNAL), "answer");
	if (recv(conn, bytes, sizeof(bytes), 0) <= 0)
		die("guest");
}

int main(int argc, char **argv)
{
	int listener;
	int64_t begin;
	pid_t pid;

	if (argc < 2)
		return 2;
	listener = listen_as_passt();
	begin = now_us();
	pid = check(fork(), "fork");
	if (!pid) {
		dup2(STDERR_FILENO, STDOUT_FILENO);
		execvp(argv[1], argv + 1);
		die(argv[1]);
	}
	wait_for_guest(listener);
	printf("%.1f\n", (double)(now_us() - begin) / 1000);
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	return 0;
}
