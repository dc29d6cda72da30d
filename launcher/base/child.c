/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 *	launcher -- keeper -- program
 *
 * The keeper waits for the program in our place, and says by a pipe how it ended.
 */
#include "launcher/base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shim/common/sys.h"

void close_from(int first)
{
	if (!syscall(SYS_close_range, first, ~0U, 0))
		return;
	/* Before Linux 5.9. Ours are low; those that our parent left us are, as a rule. */
	for (int fd = first; fd < 65536; fd++)
		close(fd);
}

/* Says how it ended: -errno where it could not be run, else its status as waitpid(2) has it. */
static _Noreturn void tell(int end, int outcome)
{
	_exit(write(end, &outcome, sizeof(outcome)) < 0 ? 126 : 127);
}

/* The plan's descriptors to their numbers, the pipe's end behind them, and no other. */
static int arrange_descriptors(const struct child_plan *plan, int output, int *end)
{
	const unsigned count = plan->fd_count;
	int copies[count + 1];

	for (unsigned i = 0; i <= count; i++) {
		int fd = i < count ? plan->fds[i] : *end;

		if (fd == CHILD_NULL)
			fd = open("/dev/null", O_RDWR | O_CLOEXEC);
		else if (fd == CHILD_OUTPUT)
			fd = output;
		copies[i] = fcntl(fd, F_DUPFD_CLOEXEC, count + 1);
		if (copies[i] < 0)
			return -errno;
	}
	*end = copies[count];
	for (unsigned i = 0; i <= count; i++) {
		if (dup3(copies[i], i, i < count ? 0 : O_CLOEXEC) < 0)
			return -errno;
	}
	*end = count;
	close_from(count + 1);
	return 0;
}

static _Noreturn void become_program(const struct child_plan *plan, int output, int end)
{
	int ret = arrange_descriptors(plan, output, &end);

	for (char *const *change = plan->env; change && *change && !ret; change++)
		ret = putenv(*change) ? -errno : 0;
	if (ret)
		tell(end, ret);
	/* Nobody reads what it says later on: no reason to end. */
	signal(SIGPIPE, SIG_IGN);
	execvp(plan->argv[0], plan->argv);
	tell(end, -errno);
}

static _Noreturn void keep(pid_t program, int end)
{
	int status = 0;

	/* That is for the program: how it ends is still to be told. */
	signal(SIGTERM, SIG_IGN);
	/* What it held open would hide that the program closes its own. */
	end = dup2(end, 0);
	close_from(1);
	while (waitpid(program, &status, 0) < 0 && errno == EINTR)
		;
	tell(end, status);
}

static void kill_group(int sig)
{
	(void)sig;
	kill(0, SIGKILL);
}

/* In our child, in a session of its own: what is typed at the terminal is for QEMU alone. */
static _Noreturn void run_keeper(const struct child_plan *plan, int output, int end, pid_t launcher)
{
	sigset_t none;
	pid_t program;

	setsid();
	signal(SIGUSR1, kill_group);
	/* Our caller may have blocked it, and SIGTERM, which is to end the program. */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGUSR1);
	if (getppid() != launcher)
		_exit(1);
	program = fork();
	if (program < 0)
		tell(end, -errno);
	if (program)
		keep(program, end);
	become_program(plan, output, end);
}

/* Closes what belongs to it. Setting SIGCHLD drops a blocked one, which would wait for QEMU. */
static void close_child(struct child *child)
{
	signal(SIGCHLD, child->sigchld);
	close(child->end);
	close(child->output);
}

int child_start(struct child *child, const struct child_plan *plan)
{
	const pid_t launcher = getpid();
	int output[2], end[2];
	int ret = 0;

	memset(child, 0, sizeof(*child));
	if (pipe2(output, O_CLOEXEC))
		return -errno;
	if (pipe2(end, O_CLOEXEC)) {
		ret = -errno;
		close(output[0]);
		close(output[1]);
		return ret;
	}
	child->output = output[0];
	child->end = end[0];
	fcntl(child->output, F_SETFL, O_NONBLOCK);
	/* Where our caller ignores it, a child's number is free as soon as it ends. */
	child->sigchld = signal(SIGCHLD, SIG_DFL);
	child->pid = fork();
	if (!child->pid)
		run_keeper(plan, output[1], end[1], launcher);
	if (child->pid < 0) {
		ret = -errno;
		close_child(child);
	}
	close(output[1]);
	close(end[1]);
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
	if (!len)
		source->fd = -1;
	return false;
}

bool child_on_end(struct loop_source *source)
{
	struct child *child = source->arg;
	/* A keeper that says nothing was killed, and the group with it. */
	int outcome = SIGKILL;

	if (read(child->end, &outcome, sizeof(outcome)) < 0)
		outcome = -errno;
	if (outcome < 0) {
		child->error = -outcome;
		child->status = 127;
	} else if (WIFSIGNALED(outcome)) {
		child->signal = WTERMSIG(outcome);
		child->status = 128 + child->signal;
	} else {
		child->status = WEXITSTATUS(outcome);
	}
	child->ended = true;
	source->fd = -1;
	return true;
}

void child_end(struct child *child, int grace_ms)
{
	struct loop_source end = { .fd = child->end, .ready = child_on_end, .arg = child };

	if (!child->ended && grace_ms) {
		kill(-child->pid, SIGTERM);
		loop_run(&end, 1, sys_now_ms() + grace_ms);
	}
	kill(-child->pid, SIGKILL);
	child_release(child);
}

void child_release(struct child *child)
{
	kill(child->pid, SIGKILL);
	while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
		;
	close_child(child);
}
