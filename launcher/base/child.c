/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 *	launcher -- program, or
 *	launcher -- keeper -- program
 *
 * The keeper ends as the program did, by the same status or signal.
 */
#include "launcher/base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shim/common/sys.h"

/* The same number on every machine; headers before Linux 5.3 do not know it. */
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

/* A slow file system may take longer to run a program: then its end tells of an error. */
#define EXEC_MS 1000

/* Ends of pipes that the new process needs: the program's output, errno of its exec. */
struct ends {
	int output;
	int error;
};

/* The keeper was told to end. */
static volatile sig_atomic_t told_to_end;

static void close_from(int first)
{
	if (!syscall(SYS_close_range, first, ~0U, 0))
		return;
	/* Before Linux 5.9. Ours are low; those that our parent left us are, as a rule. */
	for (int fd = first; fd < 65536; fd++)
		close(fd);
}

static _Noreturn void fail(const struct ends *ends, int error)
{
	_exit(write(ends->error, &error, sizeof(error)) < 0 ? 126 : 127);
}

/* The plan's descriptors to their numbers, the pipe for errors behind them, and no other. */
static int arrange_descriptors(const struct child_plan *plan, struct ends *ends)
{
	const int count = plan->fd_count;
	int copies[count];

	int error = fcntl(ends->error, F_DUPFD_CLOEXEC, count + 1);

	if (error < 0)
		return -errno;
	ends->error = error;
	for (int i = 0; i < count; i++) {
		int fd = plan->fds[i];

		if (fd == CHILD_NULL)
			fd = open("/dev/null", O_RDWR | O_CLOEXEC);
		else if (fd == CHILD_OUTPUT)
			fd = ends->output;
		copies[i] = fcntl(fd, F_DUPFD_CLOEXEC, count + 1);
		if (copies[i] < 0)
			return -errno;
	}
	for (int i = 0; i < count; i++) {
		if (dup2(copies[i], i) < 0)
			return -errno;
	}
	if (dup3(ends->error, count, O_CLOEXEC) < 0)
		return -errno;
	ends->error = count;
	close_from(count + 1);
	return 0;
}

static _Noreturn void become_program(const struct child_plan *plan, struct ends *ends)
{
	int ret = arrange_descriptors(plan, ends);

	for (char *const *change = plan->env; change && *change && !ret; change++)
		ret = putenv(*change) ? -errno : 0;
	if (ret)
		fail(ends, -ret);
	execvp(plan->argv[0], plan->argv);
	fail(ends, errno);
}

static void end_group(int sig)
{
	told_to_end = 1;
	signal(sig, SIG_IGN);
	kill(0, sig);
}

/* The keeper ends as its program does, so that whoever waits for it learns how. */
static _Noreturn void keep(pid_t program)
{
	int status = 0;

	/* What it held open would hide that the program closes its own. */
	close_from(0);
	while (waitpid(program, &status, 0) < 0 && errno == EINTR)
		;
	if (!WIFSIGNALED(status))
		_exit(WEXITSTATUS(status));
	prctl(PR_SET_DUMPABLE, 0);
	signal(WTERMSIG(status), SIG_DFL);
	raise(WTERMSIG(status));
	_exit(128 + WTERMSIG(status));
}

/* Forks the program; returns in it. */
static void fork_program(const struct ends *ends)
{
	pid_t program = fork();

	if (program < 0)
		fail(ends, errno);
	if (program)
		keep(program);
	/* exec would keep it ignored. */
	signal(SIGTERM, SIG_DFL);
	if (told_to_end)
		fail(ends, EINTR);
	/* Nobody reads what it says later on: no reason to end. */
	signal(SIGPIPE, SIG_IGN);
}

/* In our child, in a session of its own: what is typed at the terminal is for QEMU alone. */
static _Noreturn void run_child(const struct child_plan *plan, struct ends *ends, pid_t launcher)
{
	int sig = plan->orphan ? SIGTERM : SIGKILL;

	setsid();
	if (plan->orphan)
		signal(SIGTERM, end_group);
	prctl(PR_SET_PDEATHSIG, sig);
	if (getppid() != launcher)
		_exit(1);
	if (plan->orphan)
		fork_program(ends);
	become_program(plan, ends);
}

/* Makes sure that the child can be waited for, also where our caller ignores SIGCHLD. */
static void sigchld_begin(struct child *child)
{
	const struct sigaction action = { .sa_handler = SIG_DFL };
	sigset_t pending;

	child->sigchld_waits = !sigpending(&pending) && sigismember(&pending, SIGCHLD) == 1;
	sigaction(SIGCHLD, &action, &child->sigchld);
}

/* Takes back the signal of a child that was waited for: a blocked one would wait for QEMU. */
static void sigchld_end(const struct child *child)
{
	const struct timespec now = { 0 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	if (!child->sigchld_waits)
		sigtimedwait(&set, NULL, &now);
	sigaction(SIGCHLD, &child->sigchld, NULL);
}

/* Waits for our child, closes what belongs to it. */
static void reap(struct child *child)
{
	while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
		;
	sigchld_end(child);
	if (child->end >= 0)
		close(child->end);
	if (child->output >= 0)
		close(child->output);
}

static int fork_child(struct child *child, const struct child_plan *plan, struct ends *ends)
{
	const pid_t launcher = getpid();

	sigchld_begin(child);
	child->pid = fork();
	if (!child->pid)
		run_child(plan, ends, launcher);
	if (child->pid < 0) {
		sigchld_end(child);
		return -errno;
	}
	child->end = (int)syscall(SYS_pidfd_open, child->pid, 0);
	if (child->end < 0)
		child->end = LOOP_TICK;
	return 0;
}

/* What comes of exec: an errno, or 0, as the pipe ends there, or exec takes its time. */
static int exec_error(int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	int error = 0;

	if (sys_poll(&pollfd, 1, EXEC_MS) <= 0 || read(fd, &error, sizeof(error)) < 0)
		return 0;
	return error;
}

/* Starts it. Return: as child_start() */
static int start(struct child *child, const struct child_plan *plan, const int errors[2],
		 const int output[2])
{
	struct ends ends = { .output = output[1], .error = errors[1] };
	int ret, error;

	child->output = output[0];
	fcntl(output[0], F_SETFL, O_NONBLOCK);
	ret = fork_child(child, plan, &ends);
	close(output[1]);
	close(errors[1]);
	if (ret) {
		close(output[0]);
		return ret;
	}
	error = exec_error(errors[0]);
	if (error)
		child_end(child, 0);
	return error;
}

int child_start(struct child *child, const struct child_plan *plan)
{
	int errors[2], output[2];
	int ret;

	memset(child, 0, sizeof(*child));
	if (pipe2(errors, O_CLOEXEC))
		return -errno;
	if (pipe2(output, O_CLOEXEC)) {
		ret = -errno;
		close(errors[1]);
	} else {
		ret = start(child, plan, errors, output);
	}
	close(errors[0]);
	return ret;
}

/* Of much the middle is dropped. */
static void make_room(struct child *child)
{
	const size_t half = sizeof(child->said) / 2;
	const size_t end = half / 2;

	if (child->said_len + 1 < sizeof(child->said))
		return;
	child->said[half] = '\n';
	memmove(child->said + half + 1, child->said + child->said_len - end, end);
	child->said_len = half + 1 + end;
}

bool child_on_output(struct loop_source *source)
{
	struct child *child = source->arg;
	ssize_t len;

	do {
		make_room(child);
		len = read(child->output, child->said + child->said_len,
			   sizeof(child->said) - 1 - child->said_len);
		if (len > 0)
			child->said_len += (size_t)len;
		child->said[child->said_len] = '\0';
	} while (len > 0);
	if (!len)
		source->fd = -1;
	return false;
}

bool child_on_end(struct loop_source *source)
{
	struct child *child = source->arg;
	siginfo_t info = { 0 };

	/* As long as it is a zombie, no other process or group can have its number. */
	if (!waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOWAIT | WNOHANG) && !info.si_pid)
		return false;
	child->ended = true;
	child->signal = info.si_code == CLD_EXITED ? 0 : info.si_status;
	child->status = info.si_status + (child->signal ? 128 : 0);
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
	if (!child->ended)
		loop_run(&end, 1, INT64_MAX);
	reap(child);
}

void child_release(struct child *child)
{
	kill(child->pid, SIGKILL);
	reap(child);
}
