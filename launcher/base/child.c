/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shim/common/sys.h"

/* What was killed needs that long to be gone, at most. */
#define KILL_MS 400

void close_from(unsigned first)
{
	if (!syscall(SYS_close_range, first, ~0U, 0))
		return;
	/* Before Linux 5.9. Ours are low; those that our parent left us are, as a rule. */
	for (unsigned fd = first; fd < 65536; fd++)
		close((int)fd);
}

int child_arrange_fds(const int *fds, unsigned count)
{
	int copies[count];

	for (unsigned i = 0; i < count; i++) {
		int fd = fds[i] == CHILD_NULL ? open("/dev/null", O_RDWR | O_CLOEXEC) : fds[i];

		copies[i] = fcntl(fd, F_DUPFD_CLOEXEC, (int)count);
		if (copies[i] < 0)
			return -errno;
	}
	for (unsigned i = 0; i < count; i++) {
		if (dup2(copies[i], (int)i) < 0)
			return -errno;
	}
	close_from(count);
	return 0;
}

/* The plan's descriptors on their numbers, and behind them the pipe's end, closed by exec. */
static int arrange(const struct child_plan *plan, int output, int failure)
{
	int fds[plan->fd_count + 1];
	int ret;

	for (unsigned i = 0; i < plan->fd_count; i++)
		fds[i] = plan->fds[i] == CHILD_OUTPUT ? output : plan->fds[i];
	fds[plan->fd_count] = failure;
	ret = child_arrange_fds(fds, plan->fd_count + 1);
	if (!ret && fcntl((int)plan->fd_count, F_SETFD, FD_CLOEXEC))
		ret = -errno;
	return ret;
}

static _Noreturn void become_program(const struct child_plan *plan, int output, int failure,
				     pid_t parent)
{
	sigset_t none;
	int ret;

	/* Out of the way of the plan's numbers. */
	failure = fcntl(failure, F_DUPFD_CLOEXEC, (int)plan->fd_count + 1);
	/* What is typed at the terminal is for QEMU alone. */
	setsid();
	if (plan->ends_with_us)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	/* The caller may have blocked SIGTERM, which is to end it. */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	ret = arrange(plan, output, failure);
	if (!ret)
		failure = (int)plan->fd_count;
	for (char *const *change = plan->env; change && *change && !ret; change++)
		ret = putenv(*change) ? -errno : 0;
	/* One that is gone is no reason not to run. */
	if (plan->directory && chdir(plan->directory))
		errno = 0;
	/* Nobody may read what it says later on: no reason to end. */
	signal(SIGPIPE, SIG_IGN);
	if (!ret)
		execvp(plan->argv[0], plan->argv);
	ret = ret ? ret : -errno;
	_exit(write(failure, &ret, sizeof(ret)) < 0 ? 126 : 127);
}

/* Ends of children come by a descriptor from now on: that, or -errno. */
static int watch_children(void)
{
	sigset_t set;
	int fd;

	/* Where our caller ignores it, a child's number is free as soon as it ends. */
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

static void close_child(struct child *child)
{
	close(child->end);
	close(child->output);
	close(child->failure);
}

/* Starts it with the writing ends of two pipes: 0 or -errno. */
static int start_program(struct child *child, const struct child_plan *plan, int output,
			 int failure)
{
	const pid_t parent = getpid();

	child->end = watch_children();
	if (child->end < 0)
		return child->end;
	child->pid = fork();
	if (!child->pid)
		become_program(plan, output, failure, parent);
	return child->pid < 0 ? -errno : 0;
}

int child_start(struct child *child, const struct child_plan *plan)
{
	int output[2] = { -1, -1 }, failure[2] = { -1, -1 };
	int ret = 0;

	memset(child, 0, sizeof(*child));
	child->end = -1;
	if (pipe2(output, O_CLOEXEC) || pipe2(failure, O_CLOEXEC))
		ret = -errno;
	child->output = output[0];
	child->failure = failure[0];
	if (!ret &&
	    (fcntl(output[0], F_SETFL, O_NONBLOCK) || fcntl(failure[0], F_SETFL, O_NONBLOCK)))
		ret = -errno;
	if (!ret)
		ret = start_program(child, plan, output[1], failure[1]);
	close(output[1]);
	close(failure[1]);
	if (ret)
		close_child(child);
	return ret;
}

bool child_on_output(struct loop_source *source)
{
	const size_t half = CHILD_SAID_MAX / 2, quarter = half / 2;
	struct child *child = source->arg;
	char *said = child->said;
	ssize_t len;

	do {
		/* Of much the middle is dropped. */
		if (child->said_len == CHILD_SAID_MAX - 1) {
			memmove(said + half, said + child->said_len - quarter, quarter);
			said[half - 1] = '\n';
			child->said_len = half + quarter;
		}
		len = read(child->output, said + child->said_len,
			   CHILD_SAID_MAX - 1 - child->said_len);
		if (len > 0)
			child->said_len += (size_t)len;
		said[child->said_len] = '\0';
	} while (len > 0);
	if (!len) {
		close(child->output);
		child->output = source->fd = -1;
	}
	return false;
}

bool child_any(struct child *child)
{
	int outcome, error;
	pid_t pid;

	while ((pid = waitpid(-1, &outcome, WNOHANG)) > 0 || (pid < 0 && errno == EINTR)) {
		if (pid != child->pid)
			continue;
		child->ended = true;
		/* Nothing comes by that from a program that did run. */
		if (read(child->failure, &error, sizeof(error)) == sizeof(error))
			child->error = -error;
		child->signal = WIFSIGNALED(outcome) ? WTERMSIG(outcome) : 0;
		child->status = child->signal ? 128 + child->signal : WEXITSTATUS(outcome);
	}
	return !pid;
}

bool child_on_end(struct loop_source *source)
{
	struct signalfd_siginfo info;

	if (read(source->fd, &info, sizeof(info)) == sizeof(info))
		child_any(source->arg);
	return true;
}

/* To its group, and to all children: without their list (proc(5)), to the group alone. */
static void signal_all(const struct child *child, int sig)
{
	FILE *list = fopen("/proc/thread-self/children", "re");
	pid_t pid;

	/* Later its number may be another's. */
	if (!child->ended) {
		kill(-child->pid, sig);
		kill(child->pid, sig);
	}
	while (list && fscanf(list, "%d", &pid) == 1)
		kill(pid, sig);
	if (list)
		fclose(list);
}

/* Signals all until none is left, or the time is over: are there any? */
static bool end_all(struct child *child, int sig, int ms)
{
	struct loop_source end = { .fd = child->end, .ready = child_on_end, .arg = child };
	int64_t deadline = sys_now_ms() + ms;
	bool left = child_any(child);

	/* Each end may leave children of its own to us. */
	for (bool in_time = ms > 0; left && in_time; left = child_any(child)) {
		signal_all(child, sig);
		in_time = loop_run(&end, 1, deadline);
	}
	return left;
}

void child_end(struct child *child, int grace_ms)
{
	if (end_all(child, SIGTERM, grace_ms))
		end_all(child, SIGKILL, KILL_MS);
	close_child(child);
}
