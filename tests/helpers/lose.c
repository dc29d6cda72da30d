/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lose WAY FD COMMAND [ARG]...: lose a descriptor in one of many ways, and run COMMAND
 *
 * Also built as a static program, which never loads a shim.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "recent.h"

extern char **environ;

static char **command;

static void die(const char *what)
{
	fprintf(stderr, "lose: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* For ways by a function of glibc 2.34. */
static void need_recent_libc(void)
{
	if (LIBC_IS_RECENT)
		return;
	fprintf(stderr, "lose: not in this libc\n");
	exit(2);
}

static void by_close(int fd)
{
	close(fd);
}

/* Each descriptor that /proc/self/fd shows, but the standard ones. */
static void each_open(void (*act)(int fd), int but)
{
	DIR *dir = opendir("/proc/self/fd");
	const struct dirent *entry;

	if (!dir)
		die("/proc/self/fd");
	while ((entry = readdir(dir))) {
		int fd = atoi(entry->d_name);

		if (fd > STDERR_FILENO && fd != dirfd(dir) && fd != but)
			act(fd);
	}
	closedir(dir);
}

static void by_proc_loop(int fd)
{
	(void)fd;
	each_open(by_close, -1);
}

/* Until none is left but the one that looks: some do. At most @tries times. */
static int open_descriptors;

static void count_one(int fd)
{
	(void)fd;
	open_descriptors++;
}

static void by_insisting(int fd)
{
	(void)fd;
	for (int i = 0; i < 1000; i++) {
		open_descriptors = 0;
		each_open(count_one, -1);
		if (!open_descriptors)
			return;
		each_open(by_close, -1);
	}
	fprintf(stderr, "lose: %d descriptors stay open\n", open_descriptors);
	exit(1);
}

static void by_number_loop(int fd)
{
	struct rlimit limit;

	(void)fd;
	if (getrlimit(RLIMIT_NOFILE, &limit))
		die("getrlimit");
	for (int i = 3; i < (int)limit.rlim_cur && i < 65536; i++)
		close(i);
}

static void by_close_range(int fd)
{
	(void)fd;
	need_recent_libc();
	close_range(3, ~0U, 0);
}

static void by_closefrom(int fd)
{
	(void)fd;
	need_recent_libc();
	closefrom(3);
}

static void by_fclose(int fd)
{
	FILE *stream = fdopen(fd, "r+");

	if (!stream)
		die("fdopen");
	fclose(stream);
}

static void by_raw_close(int fd)
{
	syscall(SYS_close, fd);
}

static void by_raw_close_range(int fd)
{
	(void)fd;
	syscall(SYS_close_range, 3, ~0U, 0);
}

static void replace(int with, int fd)
{
	if (with < 0 || dup2(with, fd) < 0)
		die("dup2");
	if (with != fd)
		close(with);
}

static void by_file(int fd)
{
	replace(open("/tmp/lose.log", O_RDWR | O_CREAT, 0600), fd);
}

static void by_null(int fd)
{
	replace(open("/dev/null", O_RDWR), fd);
}

static void by_pipe(int fd)
{
	int pair[2];

	if (pipe(pair))
		die("pipe");
	replace(pair[0], fd);
}

static void by_eventfd(int fd)
{
	replace(eventfd(0, 0), fd);
}

static void by_unconnected(int fd)
{
	replace(socket(AF_UNIX, SOCK_STREAM, 0), fd);
}

static void by_listener(int fd)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);

	if (bind(listener, (struct sockaddr *)&addr, sizeof(sa_family_t)) || listen(listener, 1))
		die("listen");
	replace(listener, fd);
}

static void by_datagram(int fd)
{
	replace(socket(AF_INET, SOCK_DGRAM, 0), fd);
}

/* One whose other end is closed: no use to anybody. */
static void by_dead_stream(int fd)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		die("socketpair");
	close(pair[1]);
	replace(pair[0], fd);
}

static void by_dup3(int fd)
{
	int null = open("/dev/null", O_RDWR);

	if (null < 0 || dup3(null, fd, 0) < 0)
		die("dup3");
}

static void by_setfd(int fd)
{
	fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static void by_setfd_loop(int fd)
{
	(void)fd;
	each_open(by_setfd, -1);
}

static void by_fioclex(int fd)
{
	ioctl(fd, FIOCLEX);
}

static void by_marking_range(int fd)
{
	(void)fd;
	need_recent_libc();
	close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
}

/* posix_spawn() with one action, and its exit status as ours. */
static void spawn(const posix_spawn_file_actions_t *actions)
{
	pid_t pid;
	int status;
	int ret = posix_spawnp(&pid, command[0], actions, NULL, command, environ);

	if (ret) {
		errno = ret;
		die("posix_spawn");
	}
	if (waitpid(pid, &status, 0) < 0)
		die("waitpid");
	exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

static void by_spawn_close(int fd)
{
	posix_spawn_file_actions_t actions;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addclose(&actions, fd);
	spawn(&actions);
}

static posix_spawn_file_actions_t *loop_actions;

static void add_close(int fd)
{
	posix_spawn_file_actions_addclose(loop_actions, fd);
}

static void by_spawn_close_loop(int fd)
{
	posix_spawn_file_actions_t actions;

	(void)fd;
	posix_spawn_file_actions_init(&actions);
	loop_actions = &actions;
	each_open(add_close, -1);
	spawn(&actions);
}

static void by_spawn_dup2(int fd)
{
	posix_spawn_file_actions_t actions;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, fd);
	spawn(&actions);
}

static void by_spawn_open(int fd)
{
	posix_spawn_file_actions_t actions;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDONLY, 0);
	spawn(&actions);
}

static void by_spawn_closefrom(int fd)
{
	posix_spawn_file_actions_t actions;

	(void)fd;
	need_recent_libc();
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addclosefrom_np(&actions, 3);
	spawn(&actions);
}

/* All of them, the standard ones, too, which are opened anew. */
static void by_spawn_closefrom_0(int fd)
{
	posix_spawn_file_actions_t actions;

	(void)fd;
	need_recent_libc();
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addclosefrom_np(&actions, 0);
	for (int i = 0; i < 3; i++)
		posix_spawn_file_actions_addopen(&actions, i, "/dev/null", O_RDWR, 0);
	spawn(&actions);
}

static void wait_for(pid_t pid)
{
	int status;

	if (pid < 0)
		die("fork");
	if (waitpid(pid, &status, 0) < 0)
		die("waitpid");
	exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

/* In a child that shares our memory until it execs. */
static void by_vfork(int fd)
{
	pid_t pid;

	(void)fd;
	need_recent_libc();
	pid = vfork();
	if (!pid) {
		close_range(3, ~0U, 0);
		execvp(command[0], command);
		_exit(127);
	}
	wait_for(pid);
}

static void by_fork(int fd)
{
	pid_t pid = fork();

	if (!pid) {
		close(fd);
		execvp(command[0], command);
		_exit(127);
	}
	wait_for(pid);
}

/* The parent, which waits, keeps all that its child has lost. */
static void by_fork_and_range(int fd)
{
	pid_t pid = fork();

	(void)fd;
	if (!pid) {
		syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0);
		execvp(command[0], command);
		_exit(127);
	}
	wait_for(pid);
}

/* As daemons do: two forks, all closed, the standard ones on /dev/null. */
static void by_double_fork(int fd)
{
	pid_t pid;

	(void)fd;
	need_recent_libc();
	pid = fork();
	if (pid)
		wait_for(pid);
	setsid();
	if (fork())
		_exit(0);
	closefrom(0);
	open("/dev/null", O_RDWR);
	dup(0);
	dup(0);
	execvp(command[0], command);
	_exit(127);
}

static void by_nothing(int fd)
{
	(void)fd;
}

static const struct {
	const char *name;
	void (*lose)(int fd);
} ways[] = {
	{ "close", by_close },
	{ "proc-loop", by_proc_loop },
	{ "insist", by_insisting },
	{ "number-loop", by_number_loop },
	{ "close_range", by_close_range },
	{ "closefrom", by_closefrom },
	{ "fclose", by_fclose },
	{ "raw-close", by_raw_close },
	{ "raw-close_range", by_raw_close_range },
	{ "file", by_file },
	{ "null", by_null },
	{ "pipe", by_pipe },
	{ "eventfd", by_eventfd },
	{ "unconnected", by_unconnected },
	{ "listener", by_listener },
	{ "datagram", by_datagram },
	{ "dead-stream", by_dead_stream },
	{ "dup3", by_dup3 },
	{ "setfd", by_setfd },
	{ "setfd-loop", by_setfd_loop },
	{ "fioclex", by_fioclex },
	{ "mark-range", by_marking_range },
	{ "spawn-close", by_spawn_close },
	{ "spawn-close-loop", by_spawn_close_loop },
	{ "spawn-dup2", by_spawn_dup2 },
	{ "spawn-open", by_spawn_open },
	{ "spawn-closefrom", by_spawn_closefrom },
	{ "spawn-closefrom-0", by_spawn_closefrom_0 },
	{ "vfork", by_vfork },
	{ "fork", by_fork },
	{ "fork-range", by_fork_and_range },
	{ "double-fork", by_double_fork },
	{ "nothing", by_nothing },
};

int main(int argc, char **argv)
{
	if (argc < 4) {
		fprintf(stderr, "usage: lose WAY FD COMMAND [ARG]...\n");
		return 2;
	}
	command = argv + 3;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (strcmp(ways[i].name, argv[1]))
			continue;
		ways[i].lose(atoi(argv[2]));
		execvp(command[0], command);
		die(command[0]);
	}
	fprintf(stderr, "lose: no way %s\n", argv[1]);
	return 2;
}
