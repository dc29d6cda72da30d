/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * load_time start N COMMAND [ARG]...: how long COMMAND takes, with LD_PRELOAD as it is and without
 *	it
 * load_time against LIBRARY N COMMAND [ARG]...: the same, and with this library in LD_PRELOAD
 * load_time close N: how long a close() of some other number takes here
 *
 * Prints microseconds, "WITH WITHOUT", one taken right after the other, of the median run, and
 * against a library of the best run and of the median; and nanoseconds of the fastest round of N
 * calls.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 20

extern char **environ;

static double now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, int n)
{
	qsort(values, (size_t)n, sizeof(*values), compare);
	return values[n / 2];
}

/* What the command prints is of no interest. */
static double run(char **argv, char **envp)
{
	posix_spawn_file_actions_t actions;
	double start;
	pid_t pid;
	int status = -1;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	start = now_us();
	if (posix_spawnp(&pid, argv[0], &actions, NULL, argv, envp) ||
	    waitpid(pid, &status, 0) < 0 || status) {
		fprintf(stderr, "load_time: %s fails\n", argv[0]);
		exit(1);
	}
	posix_spawn_file_actions_destroy(&actions);
	return now_us() - start;
}

/* The environment with another LD_PRELOAD, or with none. */
static char **environment_with(const char *library)
{
	static char *others[1024], preload[4096];
	size_t n = 0;

	for (char **p = environ; *p && n < 1022; p++) {
		if (strncmp(*p, "LD_PRELOAD=", 11))
			others[n++] = *p;
	}
	if (library) {
		snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", library);
		others[n++] = preload;
	}
	return others;
}

static void time_start(const char *library, int n, char **argv)
{
	double *with = calloc((size_t)n, sizeof(*with));
	double *without = calloc((size_t)n, sizeof(*without));
	char **others = environment_with(library);
	double medians[2];

	for (int i = 0; with && without && i < n; i++) {
		with[i] = run(argv, environ);
		without[i] = run(argv, others);
	}
	medians[0] = median(with, n);
	medians[1] = median(without, n);
	/* They are sorted now. */
	if (library)
		printf("%.1f %.1f ", with[0], without[0]);
	printf("%.1f %.1f\n", medians[0], medians[1]);
}

static void time_close(int n)
{
	double best = 1e9;

	for (int round = 0; round < ROUNDS; round++) {
		double start = now_us();
		double each;

		for (int i = 0; i < n; i++)
			close(99999);
		each = (now_us() - start) * 1e3 / n;
		if (each < best)
			best = each;
	}
	printf("%.2f\n", best);
}

int main(int argc, char **argv)
{
	const char *library = NULL;
	int n;

	if (argc > 4 && !strcmp(argv[1], "against")) {
		library = argv[2];
		argv++;
		argc--;
	}
	n = argc > 2 ? atoi(argv[2]) : 0;
	if (argc > 3 && n > 0 && (library || !strcmp(argv[1], "start")))
		time_start(library, n, argv + 3);
	else if (argc == 3 && n > 0 && !strcmp(argv[1], "close"))
		time_close(n);
	else
		return 2;
	return 0;
}
