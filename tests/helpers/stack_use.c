/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stack_use measure [WORD]...: what calls that the shim stands in front of take of a stack
 * stack_use small [WORD]...: a signal handler with 8 KiB for itself closes 3 to 9
 *
 * The words are for the shim, which reads a program's arguments. Each call is made by a signal
 * handler with a stack of its own, in a child, on the connection or where it says so. Prints
 * "CALL BYTES" for each: how much more of the stack has been written to than by a handler that does
 * nothing. In the other form "ok", where nothing has died of it.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "errors.h"

#define CONNECTION 5
#define LARGE      (256 * 1024)
#define SMALL      8192
#define GUARD      65536
#define PAINT      0xa5

static void do_nothing(void)
{
}

static void do_close(void)
{
	close(CONNECTION);
}

static void do_close_others(void)
{
	close(99);
	close(3);
}

static void do_close_some(void)
{
	for (int fd = 3; fd < 10; fd++)
		close(fd);
}

static void do_close_range(void)
{
	close_range(3, ~0U, 0);
}

static void do_close_range_marks(void)
{
	close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
}

static void do_closefrom(void)
{
	closefrom(3);
}

static void do_dup2(void)
{
	dup2(STDIN_FILENO, CONNECTION);
}

static void do_dup3(void)
{
	dup3(STDIN_FILENO, CONNECTION, O_CLOEXEC);
}

static void do_mark(void)
{
	fcntl(CONNECTION, F_SETFD, FD_CLOEXEC);
}

static void do_ioctl(void)
{
	ioctl(CONNECTION, FIOCLEX);
}

static void do_look(void)
{
	int type;
	socklen_t len = sizeof(type);

	getsockopt(CONNECTION, SOL_SOCKET, SO_TYPE, &type, &len);
	fcntl(CONNECTION, F_GETFL);
}

static void do_send(void)
{
	send(CONNECTION, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void do_receive(void)
{
	char byte;

	recv(CONNECTION, &byte, 1, MSG_DONTWAIT);
}

static void do_fork(void)
{
	if (!fork())
		_exit(0);
}

/* The first one is what the others are compared with. */
static const struct call {
	const char *name;
	void (*make)(void);
} calls[] = {
	{ "nothing", do_nothing },
	{ "close", do_close },
	{ "close of others", do_close_others },
	{ "close 3 to 9", do_close_some },
	{ "close_range", do_close_range },
	{ "close_range that marks", do_close_range_marks },
	{ "closefrom", do_closefrom },
	{ "dup2", do_dup2 },
	{ "dup3", do_dup3 },
	{ "fcntl", do_mark },
	{ "ioctl", do_ioctl },
	{ "getsockopt and fcntl", do_look },
	{ "send", do_send },
	{ "recv", do_receive },
	{ "fork", do_fork },
};

static const struct call *current;

static void handler(int signal)
{
	(void)signal;
	current->make();
}

/* A stack of this size, below it what ends the program. */
static uint8_t *make_stack(size_t size)
{
	uint8_t *guard = mmap(NULL, GUARD + size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack_t stack = { .ss_sp = guard + GUARD, .ss_size = size };
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_ONSTACK };

	if (guard == MAP_FAILED)
		die("mmap");
	check(mprotect(stack.ss_sp, size, PROT_READ | PROT_WRITE), "mprotect");
	memset(stack.ss_sp, PAINT, size);
	check(sigaltstack(&stack, NULL), "sigaltstack");
	check(sigaction(SIGUSR1, &action, NULL), "sigaction");
	return stack.ss_sp;
}

/* What a call leaves of the paint of a stack, or -1 where the program has died of it. */
static long left_by(const struct call *call, size_t size)
{
	long *left = mmap(NULL, sizeof(*left), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			  -1, 0);
	pid_t pid;

	if (left == MAP_FAILED)
		die("mmap");
	*left = -1;
	pid = check(fork(), "fork");
	if (!pid) {
		const uint8_t *stack = make_stack(size);
		long n = 0;

		current = call;
		raise(SIGUSR1);
		while (n < (long)size && stack[n] == PAINT)
			n++;
		*left = n;
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	return *left;
}

static void measure(void)
{
	long nothing = left_by(&calls[0], LARGE);

	for (size_t i = 1; i < sizeof(calls) / sizeof(calls[0]); i++)
		printf("%ld %s\n", nothing - left_by(&calls[i], LARGE), calls[i].name);
}

int main(int argc, char **argv)
{
	static const struct call some = { "close 3 to 9", do_close_some };

	if (argc > 1 && !strcmp(argv[1], "measure")) {
		measure();
		return 0;
	}
	if (argc < 2 || strcmp(argv[1], "small"))
		return 2;
	puts(left_by(&some, SMALL) < 0 ? "died" : "ok");
	return 0;
}
