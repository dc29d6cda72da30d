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
#include "launcher/base/words.h"
#include "launcher/preload/loadable.h"
#include "launcher/report/journal.h"
#include "launcher/start/exec.h"
#include "launcher/start/handover.h"
#include "launcher/watch/held.h"
#include "shim/common/fd_store.h"
#include "shim/common/sys.h"

/* How often what is left of the command is looked at in --grace. */
#define LOOK_EVERY_MS 20

/* Which process is to take descriptors from systemd: sd_listen_fds(3). */
#define LISTEN_PID "LISTEN_PID"

/**
 * struct watch - A run
 * @settings:	What is asked for
 * @arena:	Where texts are kept
 * @list:	The descriptors
 * @count:	How many
 * @program:	The command
 * @log_is_ours: The log file is removed at the end
 * @signals:	Those that are waited for here
 * @before:	The mask of signals as it was
 * @sigchld:	What was done at SIGCHLD before
 * @pid:	The command's process
 * @unseen:	Somebody lost a descriptor whom the shim does not see
 * @ended:	It has ended ...
 * @status:	... with that exit status, 128 and more for a signal
 */
struct watch {
	struct settings settings;
	struct arena *arena;
	struct watched list[WATCH_MAX];
	int count;
	struct qemu program;
	bool log_is_ours;
	sigset_t signals;
	sigset_t before;
	void (*sigchld)(int);
	pid_t pid;
	bool unseen;
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

/* A log there must be: what the shim sees is read back from it. */
static void open_log(struct watch *w)
{
	struct log *log = &w->settings.log;
	const char *directory = getenv("TMPDIR");
	int fd = log_has_file(log) ? log_open(log) : -1;
	char *path = NULL;

	if (fd < 0 && log_has_file(log))
		message_warning(log, "Couldn't write the log file %s: %s", log->file,
				strerror(-fd));
	if (fd < 0) {
		path = arena_format(w->arena, "%s/qrap-watch.XXXXXX",
				    directory && *directory == '/' ? directory : "/tmp");
		fd = mkostemp(path, O_CLOEXEC);
		log->file = fd < 0 ? NULL : path;
		w->log_is_ours = fd >= 0;
	}
	if (fd < 0)
		message_warning(log, "No log file %s: %s; only who holds a descriptor can be told",
				path, strerror(errno));
	else
		close(fd);
	events_begin(log);
}

/* Each descriptor begins its way here, in the process that the command will be. */
static void log_begin(const struct watch *w)
{
	char command[PATH_MAX];

	for (int i = 0; i < w->count; i++) {
		const struct log_event event = {
			.kind = EVENT_HANDED_OVER,
			.fd = w->list[i].fd,
			.action = "watched",
			.command = realpath(w->program.path, command) ? command : w->program.path,
			.sort = w->list[i].kind,
			.name = w->list[i].name,
			.until = w->settings.until,
		};

		log_event(&w->settings.log, &event, "Descriptor %d (%s) goes to %s", w->list[i].fd,
			  w->list[i].name, w->program.path);
	}
}

/* --keep: the descriptors go along, where programs do not see them. */
static void keep(const struct watch *w, struct handoff *handoff)
{
	int file = log_has_file(&w->settings.log) ? log_open(&w->settings.log) : -1;
	int ret = store_create(handoff, file, -1);

	if (file >= 0)
		close(file);
	if (ret)
		message_warning(&w->settings.log, "--keep: %s", strerror(-ret));
}

/* The shim, where it can be loaded; and into what a static program runs. */
static void load_shim(struct watch *w, struct handover *handover)
{
	struct preload *preload = handover->preload;
	struct handoff handoff = { .fd = -1,
				   .store = -1,
				   .run = w->settings.log.run,
				   .level = w->settings.log.level,
				   .watch_count = (uint8_t)w->count };
	bool fits = preload_find(preload, w->program.path, w->settings.command + 1);
	const struct chain *chain = &preload->chain;

	if (w->settings.until)
		snprintf(handoff.well, sizeof(handoff.well), "%s", w->settings.until);
	for (int i = 0; i < w->count; i++)
		handoff.watch[i] = (struct watched_fd) { w->list[i].fd, w->list[i].id };
	if (w->settings.keep)
		keep(w, &handoff);
	if (!fits)
		events_preload_skipped(handover, preload);
	if (fits || (preload->shim[0] && chain->files[chain->count - 1].elf.is_static))
		hand_over_variables(handover, &handoff);
}

/* In the child: all as it would be without us. @failed is told why it cannot be run. */
static _Noreturn void become_command(struct watch *w, int failed, pid_t parent)
{
	static struct preload preload;
	struct handover handover = { .options = &w->settings,
				     .qemu = &w->program,
				     .preload = &preload };
	const char *listener = getenv(LISTEN_PID);
	char pid[16];
	int error;

	if (listener && strtol(listener, NULL, 10) == parent) {
		snprintf(pid, sizeof(pid), "%d", getpid());
		setenv(LISTEN_PID, pid, 1);
	}
	log_begin(w);
	load_shim(w, &handover);
	signal(SIGCHLD, w->sigchld);
	sigprocmask(SIG_SETMASK, &w->before, NULL);
	error = command_try(&w->program, w->settings.command);
	if (error == E2BIG) {
		hand_over_no_variables(&handover);
		error = command_try(&w->program, w->settings.command);
	}
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
	const int64_t end = sys_now_ms() + w->settings.grace_ms;
	int sig = SIGCHLD, held;

	while ((held = held_find(w->list, w->count, holders)) > 0 && sys_now_ms() < end &&
	       (sig < 0 || sig == SIGCHLD)) {
		sig = sigtimedwait(&w->signals, NULL, &pause);
		reap(w);
	}
	return held;
}

/* ", started by PROGRAM (pid N)", or "" for what the command's own process has started. */
static const char *name_starter(const struct watch *w, const struct journey *journey,
				const struct hop *hop)
{
	const struct hop *from = hop;

	while (from && from->pid == hop->pid)
		from = from->from;
	return from ? arena_format(w->arena, ", started by %s", journey_name_hop(journey, from))
		    : "";
}

/* "sleep (pid 9), started by hold.sh (pid 7), as its descriptor 1, for 3 s" */
static const char *describe_holder(const struct watch *w, const struct journey *journey,
				   const struct holder *holder)
{
	struct holder parent = { .pid = 0 };
	const char *more = "", *by = "";

	/* Whoever started it may be gone: then we are the parent, and only the log knows. */
	if (holder->parent != getpid()) {
		held_read_process(holder->parent, &parent);
		by = arena_format(w->arena, ", started by %s (pid %d)", parent.program, parent.pid);
	} else if (journey_last_hop(journey, holder->pid)) {
		by = name_starter(w, journey, journey_last_hop(journey, holder->pid));
	}
	if (holder->more)
		more = arena_format(w->arena, ", and %d more", holder->more);
	return arena_format(w->arena, "%s (pid %d)%s, as its descriptor %d, for %lld s%s",
			    holder->program, holder->pid, by, holder->fd,
			    (long long)holder->age_ms / 1000, more);
}

/* "/tmp/close.sh (pid 12) close, started by /usr/bin/make (pid 9), now /dev/null" */
static const char *describe_loss(const struct watch *w, const struct journey *journey)
{
	const struct hop *hop = journey->blame.culprit_hop;
	const struct log_event *culprit = journey->blame.culprit;
	const char *found =
		culprit && culprit->found ? culprit->found : journey->user->start->found;
	const char *by = hop ? name_starter(w, journey, hop) : "";

	return arena_format(w->arena, "%s%s%s%s", journey_name_culprit(journey), by,
			    journey->verdict == VERDICT_REPLACED ? ", now " : "",
			    journey->verdict == VERDICT_REPLACED ? found : "");
}

/* Return: true where it is intact. */
static bool tell(struct watch *w, const struct watched *watched, struct journey *journey,
		 const struct holder *holder)
{
	const struct blame *blame = &journey->blame;
	const char *why = "";
	struct log_event event = {
		.kind = EVENT_DESCRIPTOR,
		.severity = SEVERITY_WARNING,
		.fd = watched->fd,
		.sort = watched->kind,
		.name = watched->name,
	};

	if (holder->pid && journey->verdict <= VERDICT_MENDED) {
		journey->verdict = VERDICT_HELD;
		why = describe_holder(w, journey, holder);
		event.culprit = (struct log_actor) { holder->program, holder->pid, NULL };
	} else if (journey->verdict != VERDICT_INTACT) {
		why = describe_loss(w, journey);
		w->unseen |= !blame->culprit;
		if (blame->culprit)
			event.culprit = (struct log_actor) { blame->culprit_hop->program,
							     blame->culprit_hop->pid,
							     blame->culprit->call };
	}
	if (!*why)
		event.severity = SEVERITY_INFO;
	event.verdict = verdict_names[journey->verdict];
	log_event(&w->settings.log, &event, "descriptor %d (%s): %s%s%s", watched->fd,
		  watched->name, event.verdict, *why ? ": " : "", why);
	return !*why;
}

/* What the shim has seen, of all descriptors: empty without a log. */
static void read_log(const struct watch *w, struct journey *all)
{
	const struct log *log = &w->settings.log;
	FILE *file = log_has_file(log) ? fopen(log->file, "re") : NULL;
	size_t lines[LINE_KINDS];
	char run[17];

	snprintf(run, sizeof(run), "%016llx", (unsigned long long)log->run);
	*all = (struct journey) { .arena = w->arena };
	if (!file)
		return;
	journal_read(file, run, all, lines);
	fclose(file);
}

static int judge(struct watch *w)
{
	const struct log *log = &w->settings.log;
	const char *until = w->settings.until;
	struct holder holders[WATCH_MAX];
	static struct journey all, one;
	bool intact = true, seen = true;

	if (wait_for_holders(w, holders) < 0)
		message_warning(
			log,
			"Who still has the descriptors is not known: /proc does not list children");
	read_log(w, &all);
	for (int i = 0; i < w->count; i++) {
		journey_of(&all, w->list[i].fd, &one);
		seen &= journey_judge_watched(&one, until);
		intact &= tell(w, &w->list[i], &one, &holders[i]);
	}
	if (!seen)
		message_warning(log,
				"No program called %s was seen: judged is the command's own "
				"process",
				until);
	if (w->unseen)
		message_warning(log,
				"The shim sees neither raw system calls nor static programs. "
				"strace does: " STRACE " %s",
				words_join(w->settings.command));
	return !intact && w->settings.error_status >= 0 ? w->settings.error_status : w->status;
}

int watch(const struct settings *options)
{
	struct watch w = { .settings = *options, .arena = arena_new() };
	const struct log *log = &w.settings.log;
	int error;

	w.count = watched_read(log, options->watch, w.arena, w.list);
	if (w.count < 0)
		return STATUS_FAILED;
	if (qemu_find_command(options->command[0], &w.program)) {
		error = errno;
		if (!w.program.path[0])
			snprintf(w.program.path, sizeof(w.program.path), "%s", w.program.name);
		return command_failed(log, &w.program, error);
	}
	open_log(&w);
	error = start_command(&w);
	if (error) {
		w.status = command_failed(log, &w.program, error);
	} else {
		wait_for_command(&w);
		w.status = judge(&w);
	}
	if (w.log_is_ours)
		unlink(log->file);
	return w.status;
}
