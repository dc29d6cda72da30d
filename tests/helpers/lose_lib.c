/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A library that loses descriptor $LOSE_FD in its constructor, by a raw system call; but only in a
 * program whose path ends in $LOSE_IN.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int is_program(const char *name)
{
	char exe[4096];
	ssize_t len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	size_t name_len = strlen(name);

	return len >= (ssize_t)name_len && !memcmp(exe + len - name_len, name, name_len);
}

__attribute__((constructor)) static void lose(void)
{
	const char *fd = getenv("LOSE_FD"), *in = getenv("LOSE_IN");

	if (fd && in && is_program(in))
		syscall(SYS_close, atoi(fd));
}
