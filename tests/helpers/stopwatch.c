/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stopwatch [-p PATH] RUNS SEPARATOR COMMAND [ARG]... [SEPARATOR COMMAND [ARG]...]...
 *
 * Runs the commands in turn, RUNS times each, and prints one line for each: the best time from
 * fork to the end of the command, and the median, in microseconds; "- -" where one of its runs has
 * failed. In turn, since the machine is not the same from one minute to the next.
 *
 * -p: before each run, wait until no client is connected to the UNIX socket PATH.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "errors.h"

#define COMMANDS_MAX 16
#define RUNS_MAX     1000

/* A client that is gone for longer than that will not go any more. */
#define FREE_MS 2000

extern char **environ;

/**
 * struct command - What is run, and how long it took
 * @argv:	Its words
 * @times:	Microseconds of each run
 * @failed:	One of its runs has failed
 */
struct command {
	char **argv;
	int64_t times[RUNS_MAX];
	bool failed;
};

static struct command commands[COMMANDS_MAX];

/* Is a client connected to @path? (proc(5): a path at the end, state 03 for a connected socket) */
static bool is_in_use(const char *path)
{
	FILE *table = fopen("/proc/net/unix", "r");
	char line[512], at[256];
	unsigned state;
	bool found = false;

	while (table && !found && fgets(line, sizeof(line), table))
		found = sscanf(line, "%*s %*s %*s %*s %*s %x %*s %255s", &state, at) == 2 &&
			state == 3 && !strcmp(at, path);
	if (table)
		fclose(table);
	return found;
}

static void wait_till_free(const char *path)
{
	int64_t deadline = now_us() + FREE_MS * 1000;

	while (is_in_use(path) && now_us() < deadline)
		usleep(1000);
}

static void run(struct command *command, unsigned i)
{
	posix_spawn_file_actions_t quiet;
	int64_t begin;
	int status;
	pid_t pid;

	posix_spawn_file_actions_init(&quiet);
	posix_spawn_file_actions_addopen(&quiet, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&quiet, STDOUT_FILENO, STDERR_FILENO);
	begin = now_us();
	if (posix_spawnp(&pid, command->argv[0], &quiet, NULL, command->argv, environ))
		die(command->argv[0]);
	if (waitpid(pid, &status, 0) < 0)
		die("waitpid");
	command->times[i] = now_us() - begin;
	command->failed |= status != 0;
	posix_spawn_file_actions_destroy(&quiet);
}

static int compare(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The words between separators become commands. */
static unsigned split(char **words)
{
	const char *separator = words[0];
	unsigned count = 0;

	for (; *words; words++) {
		if (strcmp(*words, separator))
			continue;
		if (count == COMMANDS_MAX || !words[1])
			return 0;
		*words = NULL;
		commands[count++].argv = words + 1;
	}
	return count;
}

int main(int argc, char **argv)
{
	const char *path = NULL;
	unsigned runs, count, i, j;

	if (argc > 2 && !strcmp(argv[1], "-p")) {
		path = argv[2];
		argv += 2;
		argc -= 2;
	}
	runs = argc > 2 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
	count = runs && runs <= RUNS_MAX ? split(argv + 2) : 0;
	if (!count)
		return 2;
	for (i = 0; i < runs; i++) {
		for (j = 0; j < count; j++) {
			if (path)
				wait_till_free(path);
			run(&commands[j], i);
		}
	}
	for (j = 0; j < count; j++) {
		struct command *c = &commands[j];

		qsort(c->times, runs, sizeof(c->times[0]), compare);
		if (c->failed)
			puts("- -");
		else
			printf("%lld %lld\n", (long long)c->times[0],
			       (long long)c->times[(runs - 1) / 2]);
	}
	return 0;
}
