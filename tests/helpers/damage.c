/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * damage FILE FROM TO BYTES CUTS STATUSES COMMAND [ARG]...: runs the command for each damaged copy
 * of FILE, which is ./damaged
 *
 * From byte FROM to TO, or the end, one in BYTES is made 0xff, one after the other; then the copy
 * ends at one in CUTS, up to TO. The command must end with one of STATUSES, numbers with commas in
 * between. Status 1 if it does not, and it is said for which copy.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "errors.h"

#define COPY "damaged"

static bool is_among(int status, const char *list)
{
	while (*list) {
		char *end;

		if (strtol(list, &end, 10) == status)
			return true;
		list = end + (*end == ',');
	}
	return false;
}

static void write_copy(const char *data, size_t size)
{
	int fd = check(open(COPY, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755), COPY);

	if (write(fd, data, size) != (ssize_t)size)
		die(COPY);
	close(fd);
}

/* Ends this program if the command does not end as it may. */
static void try(char **command, const char *statuses, const char *what, size_t at)
{
	pid_t pid = check(fork(), "fork");
	int status;

	if (!pid) {
		execv(command[0], command);
		_exit(127);
	}
	check(waitpid(pid, &status, 0), "waitpid");
	if (WIFEXITED(status) && is_among(WEXITSTATUS(status), statuses))
		return;
	fprintf(stderr, "%s %zu: wait status %#x\n", what, at, (unsigned)status);
	exit(1);
}

int main(int argc, char **argv)
{
	size_t from, bytes, cuts, size, end;
	char *data, byte;
	struct stat st;
	int fd;

	if (argc < 8)
		return 2;
	from = strtoul(argv[2], NULL, 10);
	end = strtoul(argv[3], NULL, 10);
	bytes = strtoul(argv[4], NULL, 10);
	cuts = strtoul(argv[5], NULL, 10);
	fd = check(open(argv[1], O_RDONLY | O_CLOEXEC), argv[1]);
	check(fstat(fd, &st), argv[1]);
	size = (size_t)st.st_size;
	data = malloc(size + 1);
	if (!data || read(fd, data, size) != (ssize_t)size)
		die(argv[1]);
	end = size < end ? size : end;
	for (size_t at = from; at < end; at += bytes) {
		byte = data[at];
		data[at] = '\xff';
		write_copy(data, size);
		data[at] = byte;
		try(argv + 7, argv[6], "byte", at);
	}
	for (size_t at = 0; at < end; at += cuts) {
		write_copy(data, at);
		try(argv + 7, argv[6], "cut at", at);
	}
	free(data);
	return 0;
}
