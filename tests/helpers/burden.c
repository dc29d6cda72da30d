/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A caller that makes it hard:
 *
 * burden fill LIMIT FREE[,FREE]... COMMAND [ARG]...: with LIMIT descriptors at most, and all from 3
 *	to 4095 in use but for these
 * burden env COUNT BYTES COMMAND [ARG]...: with COUNT more variables, and others that have so many
 *	bytes in all
 * burden pending COMMAND [ARG]...: with SIGXFSZ and SIGPIPE blocked, and the first of them pending
 * burden look FILE: writes to FILE what is on the descriptors below 10
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define FILLED    4096
#define LOOKED    10
#define VALUE_MAX 100000

static void fill(const char *limit, char *free_numbers)
{
	rlim_t n = strtoul(limit, NULL, 10);
	const struct rlimit rlimit = { n, n };
	int null;

	if (setrlimit(RLIMIT_NOFILE, &rlimit))
		exit(125);
	null = open("/dev/null", O_RDONLY);
	for (int fd = STDERR_FILENO + 1; fd < FILLED; fd++) {
		if (fd != null && dup2(null, fd) < 0)
			exit(125);
	}
	for (char *word = strtok(free_numbers, ","); word; word = strtok(NULL, ","))
		close(atoi(word));
}

static void burden_environment(int count, long bytes)
{
	char name[32], value[VALUE_MAX + 1];

	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "SMALL_%d", i);
		setenv(name, "value", 1);
	}
	for (int i = 0; bytes > 0; i++) {
		size_t len = bytes < VALUE_MAX ? (size_t)bytes : VALUE_MAX;

		memset(value, 'x', len);
		value[len] = '\0';
		snprintf(name, sizeof(name), "LARGE_%d", i);
		setenv(name, value, 1);
		bytes -= VALUE_MAX;
	}
}

static void leave_pending(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGXFSZ);
	sigaddset(&set, SIGPIPE);
	sigprocmask(SIG_BLOCK, &set, NULL);
	kill(getpid(), SIGXFSZ);
}

static int look(const char *path)
{
	char link[32], target[4096] = { 0 };
	char found[LOOKED][sizeof(target)] = { 0 };
	FILE *file;

	for (int fd = 0; fd < LOOKED; fd++) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		if (readlink(link, target, sizeof(target) - 1) > 0)
			strcpy(found[fd], target);
		memset(target, 0, sizeof(target));
	}
	file = fopen(path, "w");
	if (!file)
		return 125;
	for (int fd = 0; fd < LOOKED; fd++) {
		if (*found[fd])
			fprintf(file, "%d %s\n", fd, found[fd]);
	}
	return fclose(file) ? 125 : 0;
}

int main(int argc, char **argv)
{
	char **command = argv + 2;

	if (argc < 3)
		return 125;
	if (!strcmp(argv[1], "look"))
		return look(argv[2]);
	if (!strcmp(argv[1], "pending")) {
		leave_pending();
	} else if (argc < 5) {
		return 125;
	} else if (!strcmp(argv[1], "fill")) {
		fill(argv[2], argv[3]);
		command = argv + 4;
	} else {
		burden_environment(atoi(argv[2]), atol(argv[3]));
		command = argv + 4;
	}
	execvp(*command, command);
	return 127;
}
