/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A preload that fails one call of a child, which strace cannot tell from the same one of its
 * parent: with $FAULT=DEPTH:N:WHICH the Nth call of a process that is DEPTH forks away, with the
 * first or second (WHICH 0 or 1) of two errors that are typical for it. Says in $FAULT_FILE which
 * call and error that was. Programs that are run know nothing of it.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int depth, calls;
static int wanted_depth = -1, wanted_call, which;
static char file[256];

static void next(void *function, const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);

	memcpy(function, &found, sizeof(found));
}

__attribute__((constructor)) static void begin(void)
{
	const char *fault = getenv("FAULT"), *path = getenv("FAULT_FILE");

	if (fault && path && strlen(path) < sizeof(file) &&
	    sscanf(fault, "%d:%d:%d", &wanted_depth, &wanted_call, &which) == 3)
		strcpy(file, path);
	unsetenv("LD_PRELOAD");
	unsetenv("FAULT");
}

/* strerrorname_np() is new in glibc 2.32. */
static const char *error_name(int error)
{
	static const struct {
		int error;
		const char *name;
	} names[] = {
		{ EAGAIN, "EAGAIN" }, { ENOMEM, "ENOMEM" }, { EPERM, "EPERM" },
		{ ENOSYS, "ENOSYS" }, { EACCES, "EACCES" }, { EINVAL, "EINVAL" },
		{ EFAULT, "EFAULT" }, { EMFILE, "EMFILE" }, { EBUSY, "EBUSY" },
		{ EINTR, "EINTR" },   { EIO, "EIO" },       { EPIPE, "EPIPE" },
		{ ECHILD, "ECHILD" },
	};
	size_t i = 0;

	while (names[i].error != error)
		i++;
	return names[i].name;
}

static void tell(const char *name, int error)
{
	char line[128];
	int len = snprintf(line, sizeof(line), "%s %s\n", name, error_name(error));
	int fd = (int)syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND, 0600);

	syscall(SYS_write, fd, line, len);
	syscall(SYS_close, fd);
}

/* Is this the call? Then errno is set. */
static bool fails(const char *name, int first, int second)
{
	int error = which ? second : first;

	if (depth != wanted_depth || ++calls != wanted_call)
		return false;
	tell(name, error);
	errno = error;
	return true;
}

pid_t fork(void)
{
	pid_t (*function)(void), pid;

	if (fails("fork", EAGAIN, ENOMEM))
		return -1;
	next(&function, "fork");
	pid = function();
	if (!pid) {
		depth++;
		calls = 0;
	}
	return pid;
}

pid_t setsid(void)
{
	pid_t (*function)(void);

	if (fails("setsid", EPERM, ENOSYS))
		return -1;
	next(&function, "setsid");
	return function();
}

int setpgid(pid_t pid, pid_t group)
{
	int (*function)(pid_t, pid_t);

	if (fails("setpgid", EPERM, EACCES))
		return -1;
	next(&function, "setpgid");
	return function(pid, group);
}

int chdir(const char *path)
{
	int (*function)(const char *);

	if (fails("chdir", EACCES, EIO))
		return -1;
	next(&function, "chdir");
	return function(path);
}

sighandler_t signal(int sig, sighandler_t handler)
{
	sighandler_t (*function)(int, sighandler_t);

	if (fails("signal", EINVAL, EFAULT))
		return SIG_ERR;
	next(&function, "signal");
	return function(sig, handler);
}

int prctl(int option, ...)
{
	int (*function)(int, ...);
	unsigned long argument;
	va_list list;

	va_start(list, option);
	argument = va_arg(list, unsigned long);
	va_end(list);
	if (fails("prctl", EINVAL, EPERM))
		return -1;
	next(&function, "prctl");
	return function(option, argument, 0UL, 0UL, 0UL);
}

int fcntl(int fd, int command, ...)
{
	int (*function)(int, int, ...);
	va_list list;
	long argument;

	va_start(list, command);
	argument = va_arg(list, long);
	va_end(list);
	if (fails("fcntl", EMFILE, EINVAL))
		return -1;
	next(&function, "fcntl");
	return function(fd, command, argument);
}

int open(const char *path, int flags, ...)
{
	int (*function)(const char *, int, ...);
	va_list list;
	mode_t mode;

	va_start(list, flags);
	mode = va_arg(list, mode_t);
	va_end(list);
	if (fails("open", EMFILE, EACCES))
		return -1;
	next(&function, "open");
	return function(path, flags, mode);
}

int dup2(int from, int to)
{
	int (*function)(int, int);

	if (fails("dup2", EMFILE, EBUSY))
		return -1;
	next(&function, "dup2");
	return function(from, to);
}

int dup3(int from, int to, int flags)
{
	int (*function)(int, int, int);

	if (fails("dup3", EMFILE, EBUSY))
		return -1;
	next(&function, "dup3");
	return function(from, to, flags);
}

/* Which closes whatever it says. */
int close(int fd)
{
	int (*function)(int);
	int ret;

	next(&function, "close");
	ret = function(fd);
	return fails("close", EINTR, EIO) ? -1 : ret;
}

ssize_t write(int fd, const void *buf, size_t len)
{
	ssize_t (*function)(int, const void *, size_t);

	if (fails("write", EPIPE, EINTR))
		return -1;
	next(&function, "write");
	return function(fd, buf, len);
}

pid_t waitpid(pid_t pid, int *status, int options)
{
	pid_t (*function)(pid_t, int *, int);

	if (fails("waitpid", EINTR, ECHILD))
		return -1;
	next(&function, "waitpid");
	return function(pid, status, options);
}

int execvp(const char *path, char *const argv[])
{
	int (*function)(const char *, char *const[]);

	if (fails("execvp", EACCES, ENOMEM))
		return -1;
	next(&function, "execvp");
	return function(path, argv);
}

/* close_range(2) is the only one that a child calls so before it runs a program. */
long syscall(long number, ...)
{
	long (*function)(long, ...);
	long a, b, c, d;
	va_list list;

	va_start(list, number);
	a = va_arg(list, long);
	b = va_arg(list, long);
	c = va_arg(list, long);
	d = va_arg(list, long);
	va_end(list);
#ifdef SYS_close_range
	if (number == SYS_close_range && fails("close_range", ENOSYS, ENOMEM))
		return -1;
#endif
	next(&function, "syscall");
	return function(number, a, b, c, d);
}
