/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * user_ns INSIDE:OUTSIDE... -- COMMAND [ARGUMENT]...: runs COMMAND in a user namespace of its own,
 * where user OUTSIDE is called INSIDE (user_namespaces(7)), and groups likewise
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static void write_map(const char *name, const char *map)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)getppid(), name);
	file = fopen(path, "w");
	if (!file || fputs(map, file) < 0 || fclose(file))
		die(path);
}

int main(int argc, char **argv)
{
	char map[1024] = "", told = 0;
	int go[2], i, status;
	pid_t pid;

	for (i = 1; i < argc && strcmp(argv[i], "--"); i++) {
		unsigned inside, outside;

		if (sscanf(argv[i], "%u:%u", &inside, &outside) != 2)
			return 2;
		snprintf(map + strlen(map), sizeof(map) - strlen(map), "%u %u 1\n", inside,
			 outside);
	}
	if (argc - i < 2 || pipe(go))
		return 2;
	/* Who writes the map must not be in there. */
	pid = fork();
	if (!pid) {
		if (read(go[0], &told, 1) != 1)
			_exit(2);
		write_map("uid_map", map);
		write_map("gid_map", map);
		_exit(0);
	}
	if (unshare(CLONE_NEWUSER))
		die("unshare");
	if (write(go[1], &told, 1) != 1 || waitpid(pid, &status, 0) != pid || status)
		die("map");
	close(go[0]);
	close(go[1]);
	execvp(argv[i + 1], argv + i + 1);
	die(argv[i + 1]);
}
