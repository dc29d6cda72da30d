/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starting a program with the shim, and listening to what comes of it. */
#include "launcher/preload/trial.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shim/common/handoff.h"
#include "shim/common/sys.h"

#define TEXT_MAX 4096

/**
 * struct trial - A program on trial
 * @pid:	Its process, the first of its group
 * @answer:	Pipe from the shim
 * @errors:	Pipe from its stderr
 * @answered:	What the shim said
 * @said:	What the program said
 */
struct trial {
	pid_t pid;
	int answer[2];
	int errors[2];
	char answered[sizeof(CHECK_REPLY_LINE)];
	char said[TEXT_MAX];
};

/* In the child of @launcher, which it does not outlive. */
static void become(const struct trial *t, const struct preload *preload, const char *path,
		   pid_t launcher)
{
	char *value = preload_value(preload, getenv("LD_PRELOAD"));
	char *const argv[] = { (char *)path, "-version", NULL };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	char number[16];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != launcher)
		_exit(1);
	setpgid(0, 0);
	snprintf(number, sizeof(number), "%d", t->answer[1]);
	unsetenv(HANDOFF_VARIABLE);
	if (!value || setenv("LD_PRELOAD", value, 1) || setenv(CHECK_REPLY_VARIABLE, number, 1))
		_exit(1);
	fcntl(t->answer[1], F_SETFD, 0);
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(t->errors[1], STDERR_FILENO);
	/* As the launcher runs it: a text without "#!" is for a shell. */
	execvp(path, argv);
	dprintf(STDERR_FILENO, "%s: %s\n", path, strerror(errno));
	_exit(1);
}

static bool open_pipes(struct trial *t)
{
	if (pipe2(t->answer, O_CLOEXEC))
		return false;
	if (!pipe2(t->errors, O_CLOEXEC))
		return true;
	close(t->answer[0]);
	close(t->answer[1]);
	return false;
}

static bool start(struct trial *t, const struct preload *preload, const char *path)
{
	const pid_t launcher = getpid();

	if (!open_pipes(t))
		return false;
	t->pid = fork();
	if (!t->pid)
		become(t, preload, path, launcher);
	close(t->answer[1]);
	close(t->errors[1]);
	if (t->pid >= 0) {
		setpgid(t->pid, t->pid);
		return true;
	}
	close(t->answer[0]);
	close(t->errors[0]);
	return false;
}

/* Adds what a pipe has to a text of @size bytes: false at its end. */
static bool take(int fd, char *text, size_t size)
{
	size_t len = strlen(text);
	char rest[TEXT_MAX];
	ssize_t ret;

	if (len + 1 < size)
		ret = read(fd, text + len, size - 1 - len);
	else
		ret = read(fd, rest, sizeof(rest));
	if (len + 1 < size && ret >= 0)
		text[len + (size_t)ret] = '\0';
	return ret > 0;
}

/* Listens until the shim has answered or cannot any more, and the program has said all. */
static bool listen_to(struct trial *t)
{
	struct pollfd fds[] = { { .fd = t->answer[0], .events = POLLIN },
				{ .fd = t->errors[0], .events = POLLIN } };
	int64_t end = sys_now_ms() + TRIAL_MS;

	while (fds[0].fd >= 0 || fds[1].fd >= 0) {
		int64_t left = end - sys_now_ms();

		if (left <= 0 || sys_poll(fds, 2, (int)left) == 0)
			return false;
		if (fds[0].revents && !take(t->answer[0], t->answered, sizeof(t->answered)))
			fds[0].fd = -1;
		if (fds[1].revents && !take(t->errors[0], t->said, sizeof(t->said)))
			fds[1].fd = -1;
		if (!strcmp(t->answered, CHECK_REPLY_LINE))
			return true;
	}
	return true;
}

/* Ends it and all that it started: exit status, or 128 and the signal. */
static int stop(struct trial *t, bool too_long)
{
	siginfo_t info;
	int status = 0;

	if (too_long)
		kill(-t->pid, SIGKILL);
	/* As long as it is a zombie, no other group can have its number. */
	while (waitid(P_PID, (id_t)t->pid, &info, WEXITED | WNOWAIT) && errno == EINTR)
		;
	kill(-t->pid, SIGKILL);
	waitpid(t->pid, &status, 0);
	close(t->answer[0]);
	close(t->errors[0]);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* The first line that has @word, or NULL; @size bytes that were cut into lines. */
static const char *find_line(const char *lines, size_t size, const char *word)
{
	for (const char *line = lines; line < lines + size; line += strlen(line) + 1) {
		if (*line && strstr(line, word))
			return line;
	}
	return NULL;
}

/* What was said about the shim, else about loading libraries, else whatever came first, or NULL. */
static const char *find_complaint(char *said, const char *shim)
{
	const char *const words[] = { shim,
				      "version `",
				      "symbol lookup error",
				      "LD_PRELOAD",
				      "Error relocating",
				      "error while loading",
				      "" };
	size_t size = strlen(said);
	const char *line = NULL;

	for (char *end = said; (end = strchr(end, '\n')); end++)
		*end = '\0';
	for (size_t i = 0; !line && i < sizeof(words) / sizeof(words[0]); i++)
		line = find_line(said, size, words[i]);
	return line;
}

static void explain(struct preload *preload, const char *path, struct trial *t, bool in_time,
		    int status)
{
	const char *complaint = find_complaint(t->said, preload->shim);
	char *out = preload->reason;
	size_t size = sizeof(preload->reason);

	if (!in_time)
		snprintf(out, size, "%s: no answer from the shim within %d s", path,
			 TRIAL_MS / 1000);
	else if (t->answered[0])
		snprintf(out, size, "%s: another version of the shim was loaded", path);
	else if (complaint)
		snprintf(out, size, "%s: %s", path, complaint);
	else
		snprintf(out, size,
			 "%s ran without the shim (status %d): the dynamic loader left it out, as "
			 "it does where a security module (AppArmor, SELinux) has exec change "
			 "privileges",
			 path, status);
}

bool trial_run(struct preload *preload, const char *path)
{
	struct trial trial = { .pid = -1 };
	bool in_time, answered;
	int status;

	if (!start(&trial, preload, path)) {
		snprintf(preload->reason, sizeof(preload->reason), "Couldn't start %s: %s", path,
			 strerror(errno));
		return false;
	}
	in_time = listen_to(&trial);
	status = stop(&trial, !in_time);
	answered = !strcmp(trial.answered, CHECK_REPLY_LINE);
	if (!answered)
		explain(preload, path, &trial, in_time, status);
	return answered;
}
