/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * forks WHAT fd=N: a QEMU, as far as the descriptor N goes, that has children of all kinds
 *
 * Takes the descriptor as QEMU's -netdev socket does. What is on a number is looked up by raw
 * system calls, which no shim sees. Status 0 and "ok" if all is as it should be.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "recent.h"

#define STACK (256 * 1024)

static int fd;
static ino_t connection;
static int failures;

static void expect(bool good, const char *what)
{
	if (good)
		return;
	printf("not so in process %d: %s (errno %d)\n", (int)getpid(), what, errno);
	failures++;
}

static bool is_connection(int number)
{
	struct stat st;

	return !fstat(number, &st) && st.st_ino == connection;
}

static bool is_open(int number)
{
	return syscall(SYS_fcntl, number, F_GETFD) >= 0;
}

/* Does the environment speak of the shim? */
static bool is_announced(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return getenv("QRAP_SHIM") || (preload && strstr(preload, "qrap"));
}

static void claim(void)
{
	int type, flags = fcntl(fd, F_GETFL);
	socklen_t len = sizeof(type);

	expect(!fcntl(fd, F_SETFL, flags | O_NONBLOCK), "F_SETFL");
	expect(!getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) && type == SOCK_STREAM, "SO_TYPE");
}

/* A frame to passt: that is the release. */
static void use(void)
{
	uint8_t frame[4 + 60] = { 0, 0, 0, 60, 2 };
	uint8_t buf[65536];

	expect(send(fd, frame, sizeof(frame), 0) == sizeof(frame), "send");
	recv(fd, buf, sizeof(buf), 0);
}

static void expect_released(void)
{
	expect(is_connection(fd), "the connection is on its number");
	expect(!is_announced(), "nothing is left in the environment");
	expect(syscall(SYS_fcntl, fd, F_GETFD) == FD_CLOEXEC, "it is close-on-exec");
}

/* In a child by fork: what @act does there, and that it ends well. */
static void in_fork(void (*act)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		failures = 0;
		act();
		fflush(stdout);
		_exit(failures != 0);
	}
	expect(waitpid(pid, &status, 0) == pid && !status, "a child by fork");
}

static void in_vfork(void (*act)(void))
{
	int status = -1;
	pid_t pid = vfork();

	if (!pid) {
		act();
		_exit(0);
	}
	expect(waitpid(pid, &status, 0) == pid && !status, "a child by vfork");
}

static int call(void *act)
{
	void (*function)(void);

	memcpy(&function, &act, sizeof(function));
	function();
	return 0;
}

/* As QEMU's -async-teardown does: our memory, and nobody waits. */
static void in_clone(void (*act)(void))
{
	char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *argument;
	int status = -1;
	pid_t pid;

	memcpy(&argument, &act, sizeof(argument));
	pid = clone(call, stack + STACK, CLONE_VM | SIGCHLD, argument);
	expect(pid > 0 && waitpid(pid, &status, 0) == pid && !status, "a child by clone");
}

static void close_all(void)
{
	close_range(3, ~0U, 0);
}

static void close_number(void)
{
	close(fd);
}

static void overwrite_number(void)
{
	dup2(STDOUT_FILENO, fd);
}

static void claim_quietly(void)
{
	int type;
	socklen_t len = sizeof(type);

	getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	recv(fd, &type, 0, MSG_DONTWAIT);
}

/* -daemonize: two forks, the grandchild takes the descriptor. */
static void grandchild(void)
{
	claim();
	use();
	expect_released();
}

static void child_of_daemonize(void)
{
	setsid();
	in_fork(grandchild);
	expect(is_connection(fd) && is_announced(), "nothing is released in the parent");
}

static void daemonize(void)
{
	in_fork(child_of_daemonize);
	expect(is_connection(fd) && is_announced(), "nothing is released in the parent");
	expect(!close(fd) && is_connection(fd), "the parent is still not allowed to close it");
}

/* Children before the claim do what they like: to themselves. */
static void before(void)
{
	in_fork(close_all);
	in_vfork(close_all);
	in_clone(close_all);
	in_fork(overwrite_number);
	in_vfork(overwrite_number);
	in_vfork(claim_quietly);
	in_clone(claim_quietly);
	expect(is_connection(fd) && is_announced(), "nothing has happened");
	expect(!close(fd) && is_connection(fd), "closing it is still refused");
	claim();
	use();
	expect_released();
}

/* A child that was forked without being asked for by fork(), and its own that shares its memory. */
static void raw_child(void)
{
	int status = -1;
	pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (!pid) {
		failures = 0;
		in_vfork(close_all);
		expect(is_connection(fd), "its own child has closed its own");
		claim();
		use();
		expect(is_connection(fd), "the connection is on its number");
		fflush(stdout);
		_exit(failures != 0);
	}
	expect(waitpid(pid, &status, 0) == pid && !status, "a child by a raw system call");
	claim();
	use();
	expect_released();
}

/*
 * Children between the claim and the release, as QEMU's for the scripts of other networks, close
 * what they have: that is not the owner's end. Of this kind is all that a forked child does to what
 * it shares with its parent: the store's message, the log, the connection itself (shutdown(2)).
 */
static void claimed(void)
{
	claim();
	in_fork(close_all);
	in_fork(close_number);
	in_fork(overwrite_number);
	in_vfork(close_all);
	in_clone(close_all);
	expect(is_connection(fd) && is_announced(), "nothing has happened");
	use();
	expect_released();
}

static void expect_passive(void)
{
	expect(!is_announced(), "a child has nothing in its environment");
	expect(!close(fd) && !is_open(fd), "a child closes its own");
	expect(dup2(STDOUT_FILENO, fd) == fd && !is_connection(fd), "the number is the child's");
	expect(!close(fd) && !is_open(fd), "... and stays so");
}

static void after(void)
{
	claim();
	use();
	in_fork(expect_passive);
	in_fork(close_all);
	in_vfork(close_all);
	in_clone(close_all);
	in_vfork(close_number);
	in_clone(overwrite_number);
	use();
	expect_released();
	expect(!close(fd) && !is_open(fd), "the owner closes it");
	expect(dup2(STDOUT_FILENO, fd) == fd && !close(fd) && !is_open(fd), "... for good");
}

/* Many threads that close other numbers and the one in question, while it may not be closed. */
static void *hammer(void *unused)
{
	(void)unused;
	for (int i = 0; i < 2000; i++) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		if (null >= 0 && null != fd)
			close(null);
		if (i % 100 == 0)
			close(fd);
	}
	return NULL;
}

static void threads(void)
{
	pthread_t thread[4];

	for (int i = 0; i < 4; i++)
		expect(!pthread_create(&thread[i], NULL, hammer, NULL), "pthread_create");
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	/*
	 * 80 times in all, of which 64 were refused. But the thread of a refused one may have put
	 * the connection back behind all others.
	 */
	close(fd);
	expect(!is_open(fd), "who insists gets his way");
}

static const struct {
	const char *name;
	void (*act)(void);
} acts[] = {
	{ "daemonize", daemonize }, { "before", before }, { "raw-child", raw_child },
	{ "claimed", claimed },     { "after", after },   { "threads", threads },
};

int main(int argc, char **argv)
{
	struct stat st;

	if (argc != 3 || sscanf(argv[2], "fd=%d", &fd) != 1 || fstat(fd, &st)) {
		fprintf(stderr, "usage: forks WHAT fd=N\n");
		return 2;
	}
	connection = st.st_ino;
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		if (strcmp(acts[i].name, argv[1]))
			continue;
		acts[i].act();
		if (!failures)
			printf("ok\n");
		return failures != 0;
	}
	return 2;
}
