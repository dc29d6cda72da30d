/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * state [WORD]...: writes down in what state it was started, as one piece at the end of the file
 * /tmp/same.states, one fact a line: its words, descriptors, signals, limits, environment
 *
 * Descriptors are looked at by raw system calls, which no library stands in front of.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "errors.h"

#define FILE_OF_ALL "/tmp/same.states"

extern char **environ;

static void print_descriptor(FILE *out, int fd)
{
	char link[32], target[PATH_MAX] = "";
	long flags = syscall(SYS_fcntl, fd, F_GETFL), marks = syscall(SYS_fcntl, fd, F_GETFD);

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (readlink(link, target, sizeof(target) - 1) < 0 || flags < 0)
		return;
	/* What has no name has a number, which is another one each time: "pipe:[4711]". */
	if (target[0] != '/')
		target[strcspn(target, "[")] = '\0';
	fprintf(out, "fd %d %s %lo%s\n", fd, target,
		flags & (O_ACCMODE | O_APPEND | O_NONBLOCK | O_PATH | O_ASYNC),
		marks & FD_CLOEXEC ? " close-on-exec" : "");
}

static void print_descriptors(FILE *out)
{
	DIR *dir = opendir("/proc/self/fd");
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		int fd = atoi(entry->d_name);

		if (entry->d_name[0] != '.' && fd != dirfd(dir))
			print_descriptor(out, fd);
	}
	if (dir)
		closedir(dir);
}

/* Lines of /proc/self/status that a program leaves to those that it starts. */
static void print_status(FILE *out)
{
	static const char *const names[] = {
		"SigPnd",  "ShdPnd", "SigBlk",     "SigIgn",  "SigCgt",
		"Threads", "Umask",  "NoNewPrivs", "Seccomp", "CapEff"
	};
	FILE *file = fopen("/proc/self/status", "re");
	char line[256];

	while (file && fgets(line, sizeof(line), file)) {
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
			size_t len = strlen(names[i]);

			if (!strncmp(line, names[i], len) && line[len] == ':')
				fputs(line, out);
		}
	}
	if (file)
		fclose(file);
}

static void print_limits(FILE *out)
{
	for (int i = 0; i < RLIM_NLIMITS; i++) {
		struct rlimit limit;

		if (!getrlimit((__rlimit_resource_t)i, &limit))
			fprintf(out, "limit %d %lx %lx\n", i, (unsigned long)limit.rlim_cur,
				(unsigned long)limit.rlim_max);
	}
}

int main(int argc, char **argv)
{
	int error = errno;
	char cwd[PATH_MAX] = "", *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	int fd;

	if (!out)
		die("open_memstream");
	print_descriptors(out);
	for (int i = 1; i < argc; i++)
		fprintf(out, "word %s\n", argv[i]);
	print_status(out);
	print_limits(out);
	fprintf(out, "directory %s\nnice %d\nerrno %d\n", getcwd(cwd, sizeof(cwd)),
		getpriority(PRIO_PROCESS, 0), error);
	for (char **p = environ; *p; p++)
		fprintf(out, "variable %s\n", *p);
	putc('\0', out);
	fclose(out);
	fd = open(FILE_OF_ALL, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (fd < 0 || write(fd, text, len) != (ssize_t)len)
		die(FILE_OF_ALL);
	free(text);
	return 0;
}
