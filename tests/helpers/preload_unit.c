/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * preload_unit find: where is the shim?
 * preload_unit check SHIM PROGRAM [ARGUMENT]...: may it be loaded into PROGRAM, as a command?
 * preload_unit value SHIM RUNTIME [LIST]: value for LD_PRELOAD
 * preload_unit time SHIM PROGRAM: nanoseconds of one check, the best of many
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "launcher/preload/loadable.h"

static int find(void)
{
	struct preload preload;
	bool found = preload_find_shim(&preload);

	puts(found ? preload.shim : preload.reason);
	return !found;
}

/* A program by its path, which need not be one that can be run. */
static struct qemu *program_at(struct qemu *program, const char *path)
{
	snprintf(program->path, sizeof(program->path), "%s", path);
	return program;
}

static int check(struct preload *preload, char **command)
{
	struct qemu program = { 0 };
	bool fits;
	char given[PATH_MAX];

	strcpy(given, preload->shim);
	fits = preload_check_command(preload, program_at(&program, command[0]), command + 1);

	/* Without arguments both say the same. */
	if (!command[1] && preload_check(preload, program_at(&program, command[0])) != fits)
		return 3;
	printf("%s%s\n", fits ? "yes" : "no: ", preload->reason);
	if (preload->runtime[0])
		printf("runtime=%s\n", preload->runtime);
	if (strcmp(preload->shim, given))
		printf("shim=%s\n", preload->shim);
	return !fits;
}

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static int measure(struct preload *preload, const char *program)
{
	int64_t best = INT64_MAX;
	struct qemu found = { 0 };

	for (int i = 0; i < 100; i++) {
		int64_t start = now_ns(), took;

		if (!preload_check(preload, program_at(&found, program)))
			return 1;
		took = now_ns() - start;
		best = took < best ? took : best;
	}
	printf("%lld\n", (long long)best);
	return 0;
}

int main(int argc, char **argv)
{
	struct preload preload = { 0 };

	if (argc == 2 && !strcmp(argv[1], "find"))
		return find();
	if (argc < 4)
		return 2;
	snprintf(preload.shim, sizeof(preload.shim), "%s", argv[2]);
	elf_read(preload.shim, &preload.elf);
	if (!strcmp(argv[1], "check"))
		return check(&preload, argv + 3);
	if (!strcmp(argv[1], "time"))
		return measure(&preload, argv[3]);
	snprintf(preload.runtime, sizeof(preload.runtime), "%s", argv[3]);
	puts(preload_value(&preload, argv[4]));
	return 0;
}
