/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Somebody else's preload, which stands in front of the same functions as the shim: counts calls,
 * and appends them to $COUNTER_FILE when the program ends. A call from the shim is not to be among
 * them.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static atomic_int closes, closes_of_high, sockopts, fcntls, recvs, sendmsgs, mains;

static void next(void *function, const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);

	memcpy(function, &found, sizeof(found));
}

int close(int fd)
{
	int (*function)(int);

	next(&function, "close");
	closes++;
	if (fd >= 900)
		closes_of_high++;
	return function(fd);
}

int fcntl64(int fd, int command, ...)
{
	int (*function)(int, int, ...);
	va_list list;
	long arg;

	va_start(list, command);
	arg = va_arg(list, long);
	va_end(list);
	next(&function, "fcntl64");
	fcntls++;
	return function(fd, command, arg);
}

int getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	int (*function)(int, int, int, void *, socklen_t *);

	next(&function, "getsockopt");
	sockopts++;
	return function(fd, level, name, value, len);
}

ssize_t recv(int fd, void *buf, size_t len, int flags)
{
	ssize_t (*function)(int, void *, size_t, int);

	next(&function, "recv");
	recvs++;
	return function(fd, buf, len, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	ssize_t (*function)(int, const struct msghdr *, int);

	next(&function, "sendmsg");
	sendmsgs++;
	return function(fd, msg, flags);
}

typedef int main_function(int, char **, char **);

int __libc_start_main(main_function *main, int argc, char **argv, void (*init)(void),
		      void (*fini)(void), void (*rtld_fini)(void), void *stack_end)
{
	int (*function)(main_function *, int, char **, void (*)(void), void (*)(void),
			void (*)(void), void *);

	next(&function, "__libc_start_main");
	mains++;
	return function(main, argc, argv, init, fini, rtld_fini, stack_end);
}

__attribute__((destructor)) static void tell(void)
{
	const char *path = getenv("COUNTER_FILE");
	char exe[4096] = "";
	FILE *file = path ? fopen(path, "a") : NULL;

	if (!file)
		return;
	if (readlink("/proc/self/exe", exe, sizeof(exe) - 1) < 0)
		exe[0] = '\0';
	fprintf(file, "%s main=%d close=%d high=%d getsockopt=%d fcntl64=%d recv=%d sendmsg=%d\n",
		exe, mains, closes, closes_of_high, sockopts, fcntls, recvs, sendmsgs);
	fclose(file);
}
