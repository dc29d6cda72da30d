/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Users: those of /etc/passwd, and those that getent(1) knows of. */
#include "launcher/passt/users.h"

#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher/base/sigchld.h"
#include "shim/common/sys.h"

/* A directory service that is asked for a user may never answer. */
#define GETENT_MS 2000

extern char **environ;

/* The user of that name, or without one, of that number: false if the file has none. */
static bool find_in(FILE *file, char name[USER_NAME_MAX], uid_t *uid)
{
	const struct passwd *user;

	while (file && (user = fgetpwent(file))) {
		if (*name ? strcmp(user->pw_name, name) : user->pw_uid != *uid)
			continue;
		*uid = user->pw_uid;
		snprintf(name, USER_NAME_MAX, "%s", user->pw_name);
		return true;
	}
	return false;
}

/* Starts "getent passwd KEY" with its stdout in a pipe: its process, or -1. */
static pid_t start_getent(const char *key, int pipe_end)
{
	char *const argv[] = { "getent", "passwd", (char *)key, NULL };
	posix_spawn_file_actions_t actions;
	pid_t pid;

	if (posix_spawn_file_actions_init(&actions))
		return -1;
	if (posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDWR, 0) ||
	    posix_spawn_file_actions_adddup2(&actions, STDIN_FILENO, STDERR_FILENO) ||
	    posix_spawn_file_actions_adddup2(&actions, pipe_end, STDOUT_FILENO) ||
	    posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ))
		pid = -1;
	posix_spawn_file_actions_destroy(&actions);
	return pid;
}

/* All that a pipe gives until its end: its length, or -1 if that takes too long. */
static ssize_t read_answer(int fd, char *answer, size_t size)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	int64_t end = sys_now_ms() + GETENT_MS;
	size_t len = 0;
	ssize_t ret;

	while (len < size) {
		int64_t left = end - sys_now_ms();

		if (left <= 0 || sys_poll(&pollfd, 1, (int)left) <= 0)
			return -1;
		ret = read(fd, answer + len, size - len);
		if (ret <= 0)
			break;
		len += (size_t)ret;
	}
	return (ssize_t)len;
}

/* What getent has on that user: length of its answer, 0 or -1 for none. */
static ssize_t ask_getent(const char *key, char *answer, size_t size)
{
	bool waits = sigchld_waits();
	ssize_t len = -1;
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		return -1;
	pid = start_getent(key, ends[1]);
	close(ends[1]);
	if (pid > 0) {
		len = read_answer(ends[0], answer, size);
		/* It has said all that it was asked, or had its time. */
		kill(pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		if (!waits)
			sigchld_take_back();
	}
	close(ends[0]);
	return len;
}

/* From a file of the form of passwd(5), which is closed: false if the user is not in it. */
static bool find_and_close(FILE *file, char name[USER_NAME_MAX], uid_t *uid)
{
	bool found = find_in(file, name, uid);

	if (file)
		fclose(file);
	return found;
}

static bool find(char name[USER_NAME_MAX], uid_t *uid)
{
	char digits[16], answer[4096];
	ssize_t len;

	if (find_and_close(fopen("/etc/passwd", "re"), name, uid))
		return true;
	snprintf(digits, sizeof(digits), "%u", *uid);
	len = ask_getent(*name ? name : digits, answer, sizeof(answer));
	return len > 0 && find_and_close(fmemopen(answer, (size_t)len, "r"), name, uid);
}

bool user_uid(const char *name, uid_t *uid)
{
	char copy[USER_NAME_MAX];
	size_t len = strlen(name);

	/* To getent a dash would be an option. */
	if (!len || len >= sizeof(copy) || *name == '-')
		return false;
	memcpy(copy, name, len + 1);
	return find(copy, uid);
}

void user_name(uid_t uid, char name[USER_NAME_MAX])
{
	name[0] = '\0';
	if (!find(name, &uid))
		snprintf(name, USER_NAME_MAX, "%u", uid);
}
