/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * locker_probe WHAT: try to do away with the locker, from inside a program that has the shim
 *
 * The locker is found as the shim's tests know it: the highest open socket. What is tried is
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

static int find_locker(void)
{
	struct stat st;

	for (int fd = HIGHEST; fd > 5; fd--) {
		if (!fstat(fd, &st) && S_ISSOCK(st.st_mode))
			return fd;
	}
	printf("there is no locker\n");
	exit(1);
}

static bool is_ebadf(int ret)
{
	return ret == -1 && errno == EBADF;
}

/* All that programs do with a number that they find. */
static void invisible(int locker)
{
	expect(is_ebadf(close(locker)), "close: EBADF");
	expect(is_ebadf(dup(locker)), "dup: EBADF");
	expect(is_ebadf(dup2(locker, 20)), "dup2 from it: EBADF");
	expect(is_ebadf(dup3(locker, 20, 0)), "dup3 from it: EBADF");
	expect(is_ebadf(fcntl(locker, F_GETFD)), "F_GETFD: EBADF");
	expect(is_ebadf(fcntl(locker, F_SETFD, FD_CLOEXEC)), "F_SETFD: EBADF");
	expect(is_ebadf(fcntl(locker, F_GETFL)), "F_GETFL: EBADF");
	expect(is_ebadf(fcntl(locker, F_DUPFD, 3)), "F_DUPFD: EBADF");
	expect(is_ebadf(ioctl(locker, FIOCLEX)), "FIOCLEX: EBADF");
	expect(!close_range((unsigned)locker, (unsigned)locker, 0), "close_range of it alone");
	expect(!close_range(6, ~0U, 0), "close_range");
	expect(!close_range(6, ~0U, CLOSE_RANGE_CLOEXEC), "close_range, marking");
	closefrom(6);
	errno = 0;
	expect(!is_open(20), "nothing came out of it");
	expect(is_open(locker) && !is_marked(locker), "it is still there");
}

/* What the calls do for others is what they always do. */
static void others(int locker)
{
	int below = 30, above = locker + 1;

	expect(dup2(STDERR_FILENO, below) == below && dup2(STDERR_FILENO, above) == above, "dup2");
	expect(!close_range(20, ~0U, CLOSE_RANGE_CLOEXEC) && is_marked(below) && is_marked(above),
	       "close_range marks those below and above");
	expect(!close_range((unsigned)below, (unsigned)locker, 0) && !is_open(below) &&
		       is_open(above),
	       "close_range closes those below");
	expect(!close_range((unsigned)locker, (unsigned)above, 0) && !is_open(above),
	       "close_range closes those above");
	expect(dup2(STDERR_FILENO, below) == below && dup2(STDERR_FILENO, above) == above, "dup2");
	closefrom(20);
	expect(!is_open(below) && !is_open(above), "closefrom closes those below and above");
	expect(close_range(9, 8, 0) == -1 && errno == EINVAL, "close_range of nothing: EINVAL");
	expect(is_ebadf(close(below)), "close of nothing: EBADF");
	expect(is_open(locker), "it is still there");
}

static void insist(int locker)
{
	int tries = 0;

	while (is_open(locker) && tries < 1000) {
		close(locker);
		tries++;
	}
	expect(tries == TRIES + 1, "gives way after 64 tries");
	printf("%d tries\n", tries);
	expect(is_ebadf(close(locker)), "close of nothing: EBADF");
	expect(dup2(STDERR_FILENO, locker) == locker && !close(locker), "the number is free");
}

/* A child that shares our memory insists. */
static void try_in_vfork(int locker)
{
	int status = -1;
	pid_t pid = vfork();

	if (!pid) {
		for (int n = 0; n < TRIES; n++)
			close(locker);
		_exit(is_open(locker) ? 0 : 1);
	}
	expect(waitpid(pid, &status, 0) == pid && !status, "a child that shares memory");
}

/* One after the other: each has its own 64 tries. */
static void in_vfork(int locker)
{
	for (int i = 0; i < 5; i++)
		try_in_vfork(locker);
	expect(is_ebadf(close(locker)) && is_open(locker), "none of it counts for the parent");
}

/* One that goes all the way: its own copy is gone, not the parent's. */
static void insist_in_vfork(int locker)
{
	int status = -1;
	pid_t pid = vfork();

	if (!pid) {
		for (int n = 0; n <= TRIES; n++)
			close(locker);
		_exit(is_open(locker) ? 1 : 0);
	}
	expect(waitpid(pid, &status, 0) == pid && !status, "a child gets its way");
	expect(is_ebadf(close(locker)) && is_open(locker), "the parent's is still there");
}

static void overwrite(int locker)
{
	int moved;

	expect(dup2(STDOUT_FILENO, locker) == locker, "dup2 onto it");
	moved = find_locker();
	expect(moved != locker && is_open(moved), "it has moved");
	expect(is_ebadf(close(moved)) && is_open(moved), "it is invisible where it is now");
	expect(!close(locker) && !is_open(locker), "its old number is the program's");
	expect(dup3(STDOUT_FILENO, moved, O_CLOEXEC) == moved && is_marked(moved), "dup3 onto it");
	expect(!close(moved), "close of what was put there");
	expect(is_ebadf(close(find_locker())), "and again");
}

/* dup2 that fails moves nothing. */
static void overwrite_badly(int locker)
{
	expect(is_ebadf(dup2(4000, locker)), "dup2 of nothing: EBADF");
	expect(dup3(locker, locker, 0) == -1, "dup3 onto itself");
	expect(is_ebadf(dup2(locker, locker)), "dup2 onto itself: EBADF");
	expect(is_open(locker) && find_locker() == locker, "it stays");
}

static void overwrite_in_vfork(int locker)
{
	int status = -1;
	pid_t pid = vfork();

	if (!pid)
		_exit(dup2(STDOUT_FILENO, locker) == locker ? 0 : 1);
	expect(waitpid(pid, &status, 0) == pid && !status, "dup2 in a child that shares memory");
	expect(find_locker() == locker && is_ebadf(close(locker)), "the parent's has not moved");
}

static const struct {
	const char *name;
	void (*probe)(int locker);
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
	int locker = find_locker();
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	expect(locker <= 1023 && (limit.rlim_cur < 128 || locker < (int)limit.rlim_cur - 64),
	       "it is out of the way");
	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
		if (argc != 2 || strcmp(probes[i].name, argv[1]))
			continue;
		probes[i].probe(locker);
		if (!failures)
			printf("ok\n");
		return failures != 0;
	}
	return 2;
}
