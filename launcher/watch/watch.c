/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command is our child, and we are the reaper of all that it leaves behind. It has our place in
 * everything else: session, process group, terminal, descriptors; of those we keep none but stderr,
 * as a copy of ours would keep a pipe or a lock alive.
 */
#include "launcher/watch/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher/base/child.h"
#include "launcher/base/message.h"
#include "launcher/start/exec.h"
#include "launcher/watch/held.h"
#include "shim/common/sys.h"

/* How often what is left of the command is looked at in --grace. */
#define LOOK_EVERY_MS 20

/* Which process is to take descriptors from systemd: sd_listen_fds(3). */
#define LISTEN_PID "LISTEN_PID"

/**
 * struct watch - A run
 * @options:	What is asked for
 * @arena:	Where texts are kept
 * @list:	The descriptors
 * @count:	How many
 * @program:	The command
 * @signals:	Those that are waited for here
 * @before:	The mask of signals as it was
 * @sigchld:	What was done at SIGCHLD before
 * @pid:	The command's process
 * @ended:	It has ended ...
 * @status:	... with that exit status, 128 and more for a signal
 */
struct watch {
	const struct settings *options;
	struct arena *arena;
	struct watched list[WATCH_MAX];
	int count;
	struct qemu program;
	sigset_t signals;
	sigset_t before;
	void (*sigchld)(int);
	pid_t pid;
	bool ended;
	int status;
};

static void take_signals(struct watch *w)
{
	static const int signals[] = {
		SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2
	};

	sigemptyset(&w->signals);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaddset(&w->signals, signals[i]);
	sigprocmask(SIG_BLOCK, &w->signals, &w->before);
	/* Where our caller ignores it, there would be no status to wait for. */
	w->sigchld = signal(SIGCHLD, SIG_DFL);
}

/* In the child: all as it would be without us. @failed is told why it cannot be run. */
static _Noreturn void become_command(struct watch *w, int failed, pid_t parent)
{
	const char *listener = getenv(LISTEN_PID);
	char pid[16];
	int error;

	if (listener && strtol(listener, NULL, 10) == parent) {
		snprintf(pid, sizeof(pid), "%d", getpid());
		setenv(LISTEN_PID, pid, 1);
	}
	signal(SIGCHLD, w->sigchld);
	sigprocmask(SIG_SETMASK, &w->before, NULL);
	error = command_try(&w->program, w->options->command);
	_exit(write(failed, &error, sizeof(error)) < 0 ? STATUS_FAILED : STATUS_CANNOT_RUN);
}

/* All but stderr and @kept, which becomes number 3. Return: that. */
static int let_go(int kept)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(kept, STDERR_FILENO + 1);
	close_from(STDERR_FILENO + 2);
	return STDERR_FILENO + 1;
}

/* Return: 0, or errno of an exec that failed. */
static int start_command(struct watch *w)
{
	const pid_t parent = getpid();
	int failed[2], error = 0;

	if (pipe2(failed, O_CLOEXEC))
		return errno;
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	take_signals(w);
	w->pid = fork();
	if (w->pid < 0)
		return errno;
	if (!w->pid)
		become_command(w, failed[1], parent);
	close(failed[1]);
	failed[0] = let_go(failed[0]);
	if (read(failed[0], &error, sizeof(error)) != sizeof(error))
		error = 0;
	close(failed[0]);
	return error;
}

static void reap(struct watch *w)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != w->pid)
			continue;
		w->ended = true;
		w->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	}
}

static void wait_for_command(struct watch *w)
{
	siginfo_t info;
	int sig;

	for (reap(w); !w->ended; reap(w)) {
		sig = sigwaitinfo(&w->signals, &info);
		/* What is typed at the terminal it gets by itself. */
		if (sig > 0 && sig != SIGCHLD && info.si_code <= 0)
			kill(w->pid, sig);
	}
}

/* Until nothing is held any more, --grace is over, or somebody is tired of it. */
static int wait_for_holders(struct watch *w, struct holder *holders)
{
	const struct timespec pause = { .tv_nsec = LOOK_EVERY_MS * 1000000 };
	const int64_t end = sys_now_ms() + w->options->grace_ms;
	int sig = SIGCHLD, held;

	while ((held = held_find(w->list, w->count, holders)) > 0 && sys_now_ms() < end &&
	       (sig < 0 || sig == SIGCHLD)) {
		sig = sigtimedwait(&w->signals, NULL, &pause);
		reap(w);
	}
	return held;
}

/* "sleep (pid 9), started by hold.sh (pid 7), its descriptor 1, for 3 s" */
static const char *describe_holder(struct arena *arena, const struct holder *holder)
{
	struct holder parent = { .pid = 0 };
	const char *more = "", *by = "";

	if (holder->parent != getpid()) {
		held_read_process(holder->parent, &parent);
		by = arena_format(arena, ", started by %s (pid %d)", parent.program, parent.pid);
	}
	if (holder->more)
		more = arena_format(arena, ", and %d more", holder->more);
	return arena_format(arena, "%s (pid %d)%s, its descriptor %d, for %lld s%s",
			    holder->program, holder->pid, by, holder->fd,
			    (long long)holder->age_ms / 1000, more);
}

static void tell(struct watch *w, const struct watched *watched, const struct holder *holder)
{
	const bool is_held = holder->pid;
	const char *culprit = is_held ? describe_holder(w->arena, holder) : "";
	const struct log_event event = {
		.kind = EVENT_DESCRIPTOR,
		.severity = is_held ? SEVERITY_WARNING : SEVERITY_INFO,
		.fd = watched->fd,
		.verdict = is_held ? "held" : "intact",
		.sort = watched->kind,
		.name = watched->name,
		.culprit = { is_held ? holder->program : NULL, holder->pid, NULL },
	};

	log_event(&w->options->log, &event, "descriptor %d (%s): %s%s%s", watched->fd,
		  watched->name, event.verdict, is_held ? ": " : "", culprit);
}

static int judge(struct watch *w)
{
	struct holder holders[WATCH_MAX];
	int held = wait_for_holders(w, holders);

	if (held < 0)
		message_warning(&w->options->log, "Who still has the descriptors is not known: "
						  "/proc does not list children");
	for (int i = 0; i < w->count; i++)
		tell(w, &w->list[i], &holders[i]);
	return held > 0 && w->options->error_status >= 0 ? w->options->error_status : w->status;
}

int watch(const struct settings *options)
{
	struct watch w = { .options = options, .arena = arena_new() };
	int error;

	w.count = watched_read(&options->log, options->watch, w.arena, w.list);
	if (w.count < 0)
		return STATUS_FAILED;
	if (qemu_find_command(options->command[0], &w.program)) {
		error = errno;
		if (!w.program.path[0])
			snprintf(w.program.path, sizeof(w.program.path), "%s", w.program.name);
		return command_failed(&options->log, &w.program, error);
	}
	error = start_command(&w);
	if (error)
		return command_failed(&options->log, &w.program, error);
	wait_for_command(&w);
	return judge(&w);
}
