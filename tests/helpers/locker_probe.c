/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * store_probe WHAT: try to do away with the store, from inside a program that has the shim
 *
 * The store is found as the shim's tests know it: the highest open socket. What is tried is
 * checked by raw system calls, which no shim sees. Status 0 and "ok" if all is as it should be.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "recent.h"

#define TRIES   64
#define HIGHEST 4096

static int failures;

static void expect(bool good, const char *what)
{
	if (good)
		return;
	printf("not so: %s (errno %d)\n", what, errno);
	failures++;
}

static bool is_open(int fd)
{
	return syscall(SYS_fcntl, fd, F_GETFD) >= 0;
}

static bool is_marked(int fd)
{
	return syscall(SYS_fcntl, fd, F_GETFD) & FD_CLOEXEC;
}

static int find_store(void)
{
	struct stat st;

	for (int fd = HIGHEST; fd > 5; fd--) {
		if (!fstat(fd, &st) && S_ISSOCK(st.st_mode))
			return fd;
	}
	printf("there is no store\n");
	exit(1);
}

static bool is_ebadf(int ret)
{
	return ret == -1 && errno == EBADF;
}

/* All that programs do with a number that they find. */
static void invisible(int store)
{
	expect(is_ebadf(close(store)), "close: EBADF");
	expect(is_ebadf(dup(store)), "dup: EBADF");
	expect(is_ebadf(dup2(store, 20)), "dup2 from it: EBADF");
	expect(is_ebadf(dup3(store, 20, 0)), "dup3 from it: EBADF");
	expect(is_ebadf(fcntl(store, F_GETFD)), "F_GETFD: EBADF");
	expect(is_ebadf(fcntl(store, F_SETFD, FD_CLOEXEC)), "F_SETFD: EBADF");
	expect(is_ebadf(fcntl(store, F_GETFL)), "F_GETFL: EBADF");
	expect(is_ebadf(fcntl(store, F_DUPFD, 3)), "F_DUPFD: EBADF");
	expect(is_ebadf(ioctl(store, FIOCLEX)), "FIOCLEX: EBADF");
	expect(!close_range((unsigned)store, (unsigned)store, 0), "close_range of it alone");
	expect(!close_range(6, ~0U, 0), "close_range");
	expect(!close_range(6, ~0U, CLOSE_RANGE_CLOEXEC), "close_range, marking");
	closefrom(6);
	errno = 0;
	expect(!is_open(20), "nothing came out of it");
	expect(is_open(store) && !is_marked(store), "it is still there");
}

/* What the calls do for others is what they always do. */
static void others(int store)
{
	int below = 30, above = store + 1;

	expect(dup2(STDERR_FILENO, below) == below && dup2(STDERR_FILENO, above) == above, "dup2");
	expect(!close_range(20, ~0U, CLOSE_RANGE_CLOEXEC) && is_marked(below) && is_marked(above),
	       "close_range marks those below and above");
	expect(!close_range((unsigned)below, (unsigned)store, 0) && !is_open(below) &&
		       is_open(above),
	       "close_range closes those below");
	expect(!close_range((unsigned)store, (unsigned)above, 0) && !is_open(above),
	       "close_range closes those above");
	expect(dup2(STDERR_FILENO, below) == below && dup2(STDERR_FILENO, above) == above, "dup2");
	closefrom(20);
	expect(!is_open(below) && !is_open(above), "closefrom closes those below and above");
	expect(close_range(9, 8, 0) == -1 && errno == EINVAL, "close_range of nothing: EINVAL");
	expect(is_ebadf(close(below)), "close of nothing: EBADF");
	expect(is_open(store), "it is still there");
}

static void insist(int store)
{
	int tries = 0;

	while (is_open(store) && tries < 1000) {
		close(store);
		tries++;
	}
	expect(tries == TRIES + 1, "gives way after 64 tries");
	printf("%d tries\n", tries);
	expect(is_ebadf(close(store)), "close of nothing: EBADF");
	expect(dup2(STDERR_FILENO, store) == store && !close(store), "the number is free");
}

/* A child that shares our memory insists. */
static void try_in_vfork(int store)
{
	int status = -1;
	pid_t pid = vfork();

	if (!pid) {
		for (int n = 0; n < TRIES; n++)
			close(store);
		_exit(is_open(store) ? 0 : 1);
	}
	expect(waitpid(pid, &status, 0) == pid && !status, "a child that shares memory");
}

/* One after the other: each has its own 64 tries. */
static void in_vfork(int store)
{
	for (int i = 0; i < 5; i++)
		try_in_vfork(store);
	expect(is_ebadf(close(store)) && is_open(store), "none of it counts for the parent");
}

/* One that goes all the way: its own copy is gone, not the parent's. */
static void insist_in_vfork(int store)
{
	int status = -1;
	pid_t pid = vfork();

	if (!pid) {
		for (int n = 0; n <= TRIES; n++)
			close(store);
		_exit(is_open(store) ? 1 : 0);
	}
	expect(waitpid(pid, &status, 0) == pid && !status, "a child gets its way");
	expect(is_ebadf(close(store)) && is_open(store), "the parent's is still there");
}

static void overwrite(int store)
{
	int moved;

	expect(dup2(STDOUT_FILENO, store) == store, "dup2 onto it");
	moved = find_store();
	expect(moved != store && is_open(moved), "it has moved");
	expect(is_ebadf(close(moved)) && is_open(moved), "it is invisible where it is now");
	expect(!close(store) && !is_open(store), "its old number is the program's");
	expect(dup3(STDOUT_FILENO, moved, O_CLOEXEC) == moved && is_marked(moved), "dup3 onto it");
	expect(!close(moved), "close of what was put there");
	expect(is_ebadf(close(find_store())), "and again");
}

/* dup2 that fails moves nothing. */
static void overwrite_badly(int store)
{
	expect(is_ebadf(dup2(4000, store)), "dup2 of nothing: EBADF");
	expect(dup3(store, store, 0) == -1, "dup3 onto itself");
	expect(is_ebadf(dup2(store, store)), "dup2 onto itself: EBADF");
	expect(is_open(store) && find_store() == store, "it stays");
}

static void overwrite_in_vfork(int store)
{
	int status = -1;
	pid_t pid = vfork();

	if (!pid)
		_exit(dup2(STDOUT_FILENO, store) == store ? 0 : 1);
	expect(waitpid(pid, &status, 0) == pid && !status, "dup2 in a child that shares memory");
	expect(find_store() == store && is_ebadf(close(store)), "the parent's has not moved");
}

static const struct {
	const char *name;
	void (*probe)(int store);
} probes[] = {
	{ "invisible", invisible },
	{ "others", others },
	{ "insist", insist },
	{ "vfork", in_vfork },
	{ "insist-in-vfork", insist_in_vfork },
	{ "overwrite", overwrite },
	{ "overwrite-badly", overwrite_badly },
	{ "overwrite-in-vfork", overwrite_in_vfork },
};

int main(int argc, char **argv)
{
	int store = find_store();
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	expect(store <= 1023 && (limit.rlim_cur < 128 || store < (int)limit.rlim_cur - 64),
	       "it is out of the way");
	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
		if (argc != 2 || strcmp(probes[i].name, argv[1]))
			continue;
		probes[i].probe(store);
		if (!failures)
			printf("ok\n");
		return failures != 0;
	}
	return 2;
}
