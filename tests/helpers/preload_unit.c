/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * preload_unit check PROGRAM [ARGUMENT]...: may the shim beside this program be loaded into
 *PROGRAM, as a command? preload_unit value SHIM RUNTIME [LIST]: value for LD_PRELOAD preload_unit
 *time PROGRAM: nanoseconds of one check, the best of many
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "launcher/preload/loadable.h"

static struct preload preload;

static int check(char **command)
{
	bool fits = preload_find(&preload, command[0], command + 1);

	if (fits)
		printf("yes\nruntime=%s\nshim=%s\n", preload.runtime, preload.shim);
	else
		printf("no: %s\n", preload.reason);
	/* Without arguments it is the same as a command that is no wrapper. */
	if (!command[1] && preload_find(&preload, command[0], NULL) != fits)
		return 3;
	return !fits;
}

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static int measure(const char *program)
{
	int64_t best = INT64_MAX;

	for (int i = 0; i < 100; i++) {
		int64_t start = now_ns(), took;

		if (!preload_find(&preload, program, NULL))
			return 1;
		took = now_ns() - start;
		best = took < best ? took : best;
	}
	printf("%lld\n", (long long)best);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc >= 3 && !strcmp(argv[1], "check"))
		return check(argv + 2);
	if (argc == 3 && !strcmp(argv[1], "time"))
		return measure(argv[2]);
	if (argc < 4)
		return 2;
	snprintf(preload.shim, sizeof(preload.shim), "%s", argv[2]);
	snprintf(preload.runtime, sizeof(preload.runtime), "%s", argv[3]);
	puts(preload_value(&preload, argv[4]));
	return 0;
}
