/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/job/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher/base/loop.h"
#include "launcher/base/message.h"
#include "launcher/job/console.h"
#include "launcher/job/result.h"
#include "launcher/job/terminal.h"
#include "launcher/start/choose_passt.h"
#include "launcher/start/handover.h"
#include "shim/common/control.h"
#include "shim/common/sys.h"

/* Of the job itself, beside those in message.h. */
#define STATUS_QEMU_ENDED 123
#define STATUS_TIMEOUT    124

/* To end after SIGTERM; what remains of it where qrap itself was killed; and after SIGKILL. */
#define GRACE_MS        5000
#define GRACE_KILLED_MS 500
#define KILL_MS         2000

/* The command's, once the guest has powered itself off. */
#define COMMAND_MS 5000

/* For what a reader that stands has not taken yet, where the job was ended. */
#define RELAY_MS 1000

#define NEVER INT64_MAX

/* They are for others, and must not end or stop this process; the command has them as they were. */
static const int ignored[] = {
	SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGTSTP, SIGTTIN, SIGTTOU
};

#define IGNORED (sizeof(ignored) / sizeof(ignored[0]))

/**
 * struct process - A child whose end matters
 * @pid:	0: it does not run, or not yet
 * @ended:	It has
 * @status:	Then: its exit status, 128 and more for a signal
 */
struct process {
	pid_t pid;
	bool ended;
	int status;
};

/**
 * struct job_run - The state of a job
 * @job:	What is to be done
 * @ready:	What is waited for before that
 * @front:	Socket to qrap itself; -1: that is gone
 * @group:	... its process group
 * @channel:	Socket to the process that becomes QEMU; -1: it has
 * @control:	Socket to the shim
 * @found:	Pipe from the relay that looks for a text
 * @children:	Their ends: signalfd(2)
 * @terminal:	As it was
 * @before:	What signals did that are ignored here
 * @qemu:	QEMU
 * @command:	--run
 * @passt:	Supervisor of a private passt, or 0
 * @relays:	Of QEMU's standard output and error
 * @last:	QEMU's last line
 * @ports_known: There are forwards
 * @failed:	Status of the process that did not become QEMU, or 0
 * @began_ms:	When the job began
 * @run_ms:	When the command did
 * @deadline:	--timeout
 * @command_by:	Then the command has to be done, as the guest is off
 * @interrupted: Signal that was typed, and that the command has, too; or 0
 * @killed:	qrap itself is gone, or insists: no time is left
 * @over:	There is an outcome
 * @result:	It
 * @signal:	... and what qrap itself ends by, or 0
 */
struct job_run {
	const struct job *job;
	struct ready *ready;
	int front;
	pid_t group;
	int channel;
	int control;
	int found;
	int children;
	struct terminal terminal;
	struct sigaction before[IGNORED];
	struct process qemu;
	struct process command;
	pid_t passt;
	struct process relays[2];
	char *last;
	bool ports_known;
	int failed;
	int64_t began_ms;
	int64_t run_ms;
	int64_t deadline;
	int64_t command_by;
	int interrupted;
	bool killed;
	bool over;
	struct result result;
	int signal;
};

static const struct settings *settings_of(const struct job_run *s)
{
	return s->job->settings;
}

/* The first outcome is the one that counts. */
static void finish(struct job_run *s, const char *reason, int status)
{
	if (s->over)
		return;
	s->over = true;
	s->result.reason = reason;
	s->result.status = status;
}

static void finish_by_signal(struct job_run *s, int number)
{
	finish(s, "signal", 128 + number);
	s->signal = number;
}

static bool on_front(struct loop_source *source)
{
	struct job_run *s = source->arg;
	struct job_signal signal;

	if (recv(s->front, &signal, sizeof(signal), 0) != sizeof(signal)) {
		close(s->front);
		s->front = -1;
		s->killed = true;
		finish(s, "signal", 128 + SIGKILL);
	} else if (s->over) {
		s->killed = true;
	} else if (signal.typed && s->command.pid && !s->command.ended && !s->interrupted) {
		s->interrupted = signal.number;
	} else {
		finish_by_signal(s, signal.number);
	}
	return true;
}

static bool on_channel(struct loop_source *source)
{
	struct job_run *s = source->arg;
	const struct guest_network *network = s->job->network;
	const size_t size =
		sizeof(struct job_news) + (network->forward_count + 1) * sizeof(uint16_t);
	struct job_news *news = malloc(size);
	ssize_t len = news ? recv(s->channel, news, size, 0) : 0;

	if (len <= 0) {
		close(s->channel);
		s->channel = -1;
	} else if (news->kind == JOB_FAILED) {
		s->failed = news->numbers[0];
	} else {
		s->ports_known = true;
		for (unsigned i = 0; i < news->count && i < network->forward_count; i++)
			network->forwards[i].host_port = news->numbers[i];
		choose_passt_variables(network);
	}
	free(news);
	return true;
}

static void note_end(struct process *process, pid_t pid, int outcome)
{
	if (process->pid != pid || process->ended)
		return;
	process->ended = true;
	process->status = WIFSIGNALED(outcome) ? 128 + WTERMSIG(outcome) : WEXITSTATUS(outcome);
}

static bool on_children(struct loop_source *source)
{
	struct job_run *s = source->arg;
	struct signalfd_siginfo info;
	int outcome;
	pid_t pid;

	(void)!read(s->children, &info, sizeof(info));
	while ((pid = waitpid(-1, &outcome, WNOHANG)) > 0) {
		note_end(&s->qemu, pid, outcome);
		note_end(&s->command, pid, outcome);
		note_end(&s->relays[0], pid, outcome);
		note_end(&s->relays[1], pid, outcome);
	}
	return true;
}

/* What the shim has seen. */
static bool on_control(struct loop_source *source)
{
	struct job_run *s = source->arg;
	struct log_event event = { .kind = EVENT_GUEST_SERVES };
	struct control_msg msg;
	uint16_t port = 0;
	char data[8];
	int ret = control_receive(s->control, &msg, data, sizeof(data), MSG_DONTWAIT);

	if (ret && ret != -EAGAIN) {
		close(s->control);
		s->control = -1;
	}
	if (ret)
		return false;
	if (msg.fd >= 0)
		close(msg.fd);
	if (msg.kind == CONTROL_FRAME)
		s->ready->has_frame = true;
	if (msg.kind == CONTROL_SUPERVISOR)
		s->passt = msg.sender;
	if (msg.kind != CONTROL_SERVES || msg.len != sizeof(port))
		return true;
	memcpy(&port, data, sizeof(port));
	event.guest_port = port;
	if (ready_serves(s->ready, port))
		log_event(&settings_of(s)->log, &event, "the guest serves port %d", port);
	return true;
}

static bool on_found(struct loop_source *source)
{
	struct job_run *s = source->arg;
	char byte;

	if (read(s->found, &byte, 1) == 1)
		s->ready->has_console = true;
	close(s->found);
	s->found = -1;
	return true;
}

static void start_command(struct job_run *s)
{
	const struct log *log = &settings_of(s)->log;

	s->run_ms = sys_now_ms();
	s->command.pid = fork();
	if (s->command.pid < 0) {
		s->command.pid = 0;
		message_error(log, "--run: %s", strerror(errno));
		finish(s, "failed", STATUS_FAILED);
	}
	if (s->command.pid || s->over)
		return;
	/* What is typed is for it, as for qrap itself. */
	setpgid(0, s->group);
	for (size_t i = 0; i < IGNORED; i++)
		sigaction(ignored[i], &s->before[i], NULL);
	sigprocmask(SIG_SETMASK, &s->job->mask, NULL);
	execl("/bin/sh", "sh", "-c", settings_of(s)->job.run, (char *)NULL);
	_exit(message_error(log, "--run: /bin/sh: %s", strerror(errno)) ? STATUS_NOT_FOUND : 0);
}

/* The guest is ready: says so, and what it was for begins. */
static void become_ready(struct job_run *s)
{
	const struct settings *settings = settings_of(s);
	const struct log_event event = { .kind = EVENT_READY };
	struct log file_only = settings->log;
	const int64_t ms = sys_now_ms() - s->began_ms;

	ready_end(s->ready);
	control_send(s->control, CONTROL_ENOUGH, NULL, 0, -1);
	s->result.ready_ms = ms;
	if (settings_has_ready(&settings->job)) {
		message(&settings->log, LOG_NORMAL, "Ready after %lld.%lld s", (long long)ms / 1000,
			(long long)ms % 1000 / 100);
		file_only.level = LOG_QUIET;
	}
	log_event(&file_only, &event, "Ready after %lld ms", (long long)ms);
	if (settings->job.run)
		start_command(s);
}

/* QEMU has ended by itself, or did not come to be. */
static void qemu_ended(struct job_run *s)
{
	s->result.qemu_status = s->failed ? -1 : s->qemu.status;
	if (s->failed)
		finish(s, "failed", s->failed);
	else if (!settings_of(s)->job.run)
		finish(s, "qemu", s->qemu.status);
	else if (s->qemu.status || !s->command.pid)
		finish(s, "qemu-ended", STATUS_QEMU_ENDED);
	else if (s->command_by == NEVER)
		s->command_by = sys_now_ms() + COMMAND_MS;
}

/* What there is to do, after an event or at a time that has come. */
static void go_on(struct job_run *s)
{
	const int64_t now = sys_now_ms();
	const bool wants_ready =
		settings_has_ready(&settings_of(s)->job) || settings_of(s)->job.run;

	if (s->command.ended && s->interrupted)
		finish_by_signal(s, s->interrupted);
	else if (s->command.ended)
		finish(s, "command", s->command.status);
	if (s->qemu.ended && s->channel < 0)
		qemu_ended(s);
	if (now >= s->deadline)
		finish(s, "timeout", STATUS_TIMEOUT);
	if (now >= s->command_by)
		finish(s, "qemu-ended", STATUS_QEMU_ENDED);
	if (!s->over && wants_ready && s->result.ready_ms < 0 && ready_is(s->ready))
		become_ready(s);
}

/* Waits for what happens next, until then at most. */
static void wait_until(struct job_run *s, int64_t deadline)
{
	struct loop_source sources[] = {
		{ s->front, on_front, s },       { s->channel, on_channel, s },
		{ s->control, on_control, s },   { s->found, on_found, s },
		{ s->children, on_children, s },
	};

	loop_run(sources, sizeof(sources) / sizeof(sources[0]), deadline);
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void serve(struct job_run *s)
{
	int64_t probe = NEVER;

	while (!s->over) {
		wait_until(s, earlier(probe, earlier(s->deadline, s->command_by)));
		go_on(s);
		probe = s->result.ready_ms < 0 ? ready_probe(s->ready, sys_now_ms()) : NEVER;
	}
	ready_end(s->ready);
}

static bool is_relay(const struct job_run *s, pid_t pid)
{
	return pid == s->relays[0].pid || pid == s->relays[1].pid;
}

/* Return: is it there? */
static bool signal_child(pid_t pid, int number)
{
	bool is_there = !kill(pid, number);

	/* One that was stopped has to go on to end. */
	kill(pid, SIGCONT);
	return is_there;
}

/* Those that are known, where there is no list of children (proc(5)): are there any? */
static bool signal_known(const struct job_run *s, int number)
{
	bool any = s->qemu.pid > 0 && !s->qemu.ended && signal_child(s->qemu.pid, number);

	any |= s->command.pid && !s->command.ended && signal_child(s->command.pid, number);
	return any || (s->passt && signal_child(s->passt, SIGKILL));
}

/*
 * To all children but the relays, which end when those have ended. passt's supervisor goes last: a
 * link that ends before QEMU does would be told. Its passt is our child then. Are there any?
 */
static bool signal_children(const struct job_run *s, int number)
{
	FILE *list = fopen("/proc/thread-self/children", "re");
	bool any = false, has_passt = false;
	pid_t pid;

	if (!list)
		return signal_known(s, number);
	while (fscanf(list, "%d", &pid) == 1) {
		if (is_relay(s, pid))
			continue;
		if (pid == s->passt) {
			has_passt = true;
			continue;
		}
		any = true;
		signal_child(pid, number);
	}
	fclose(list);
	if (has_passt && (!any || number == SIGKILL))
		signal_child(s->passt, SIGKILL);
	return any || has_passt;
}

/* Each end may leave children of its own to us. Return: are any left? */
static bool end_children(struct job_run *s, int number, int64_t deadline)
{
	bool any;

	while ((any = signal_children(s, number)) && sys_now_ms() < deadline) {
		bool was_killed = s->killed;

		wait_until(s, deadline);
		if (s->killed && !was_killed)
			deadline = earlier(deadline, sys_now_ms() + GRACE_KILLED_MS);
	}
	return any;
}

static bool relays_run(const struct job_run *s)
{
	return (s->relays[0].pid && !s->relays[0].ended) ||
	       (s->relays[1].pid && !s->relays[1].ended);
}

/* All that was written goes out, unless the job was ended and the reader stands. */
static void end_relays(struct job_run *s)
{
	bool is_ended = s->signal || s->killed || s->result.status == STATUS_TIMEOUT;
	int64_t deadline = is_ended ? sys_now_ms() + RELAY_MS : s->deadline;

	while (relays_run(s) && sys_now_ms() < deadline) {
		wait_until(s, deadline);
		if (s->killed)
			deadline = earlier(deadline, sys_now_ms() + RELAY_MS);
	}
	for (int i = 0; i < 2; i++) {
		if (s->relays[i].pid && !s->relays[i].ended)
			kill(s->relays[i].pid, SIGKILL);
	}
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
}

/* Why the job did not end with its command. */
static void explain(const struct job_run *s)
{
	const struct settings *settings = settings_of(s);
	const char *doing = !settings->job.run       ? "QEMU was still running"
			    : s->result.ready_ms < 0 ? "the guest was not ready"
						     : "the command was still running";
	const char *before = s->result.run_ms < 0 ? "the guest was ready" : "the command was done";

	if (s->result.status == STATUS_TIMEOUT && !strcmp(s->result.reason, "timeout"))
		message_error(&settings->log, "--timeout: %s after %g s", doing,
			      settings->job.timeout_ms / 1000.0);
	else if (!strcmp(s->result.reason, "qemu-ended"))
		message_error(&settings->log, "QEMU ended with status %d before %s%s%.*s",
			      s->qemu.status, before, *s->last ? ": " : "",
			      (int)strcspn(s->last, "\n"), s->last);
	else
		return;
	events_failed(&settings->log, s->result.status);
}

/* What is left ends, the outcome is told, and this process is gone. */
static _Noreturn void end(struct job_run *s)
{
	const struct job_end told = { s->result.status, s->signal };
	const int64_t now = sys_now_ms();

	if (s->command.pid) {
		s->result.run_ms = now - s->run_ms;
		s->result.command_status = s->command.ended ? s->command.status : -1;
	}
	if (end_children(s, SIGTERM, now + (s->killed ? GRACE_KILLED_MS : GRACE_MS)))
		end_children(s, SIGKILL, sys_now_ms() + KILL_MS);
	end_relays(s);
	terminal_restore(&s->terminal);
	explain(s);
	s->result.network = s->ports_known ? s->job->network : NULL;
	result_write(settings_of(s), &s->result);
	send(s->front, &told, sizeof(told), MSG_NOSIGNAL);
	_exit(0);
}

/**
 * struct plumbing - What connects the processes: ours and the other's
 * @channel:	To the process that becomes QEMU
 * @control:	To the shim
 * @out:	QEMU's standard output
 * @err:	... and error
 * @found:	From the relay that looks for a text
 */
struct plumbing {
	int channel[2];
	int control[2];
	int out[2];
	int err[2];
	int found[2];
};

static bool make_plumbing(struct plumbing *p, const struct job_settings *job)
{
	*p = (struct plumbing) { { -1, -1 }, { -1, -1 }, { -1, -1 }, { -1, -1 }, { -1, -1 } };
	return !socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p->channel) &&
	       !socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p->control) &&
	       (!(job->run || job->console) || !pipe2(p->out, O_CLOEXEC)) &&
	       (!job->run || !pipe2(p->err, O_CLOEXEC)) && !pipe2(p->found, O_CLOEXEC);
}

/* Out of the way of the connection's number, and of what a command expects on low ones. */
static int move_up(const struct settings *settings, int fd)
{
	int moved =
		fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, settings->fd < 64 ? 64 : settings->fd + 1);

	if (moved < 0)
		return fd;
	close(fd);
	return moved;
}

/* The process that goes on with the start, and becomes QEMU. */
static void become_launcher(struct job *job, const struct plumbing *p, int front, pid_t group)
{
	const bool has_command = job->settings->job.run;
	int null;

	close(front);
	close(p->channel[0]);
	close(p->control[0]);
	close(p->out[0]);
	close(p->err[0]);
	close(p->found[0]);
	close(p->found[1]);
	job->channel = move_up(job->settings, p->channel[1]);
	job->control = move_up(job->settings, p->control[1]);
	job->out = move_up(job->settings, p->out[1]);
	job->err = move_up(job->settings, p->err[1]);
	/* Standard input is the command's; without one it is QEMU's. */
	setpgid(0, group);
	if (has_command) {
		null = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (null > STDIN_FILENO)
			dup2(null, STDIN_FILENO);
	}
	sigprocmask(SIG_SETMASK, &job->mask, NULL);
}

/* They start where nothing of the other's is open any more but what they relay. */
static void start_relays(struct job_run *s, const struct plumbing *p)
{
	const struct job_settings *job = &settings_of(s)->job;
	const struct console consoles[] = {
		{ p->out[0], STDOUT_FILENO, job->console, p->found[1], NULL },
		{ p->err[0], STDERR_FILENO, NULL, -1, s->last },
	};

	for (int i = 0; i < 2; i++) {
		pid_t pid = consoles[i].from < 0 ? 0 : console_start(&consoles[i]);

		if (pid < 0) {
			message_error(&settings_of(s)->log, "no job: %s", strerror(-(int)pid));
			finish(s, "failed", STATUS_FAILED);
		}
		s->relays[i].pid = pid < 0 ? 0 : pid;
	}
	close(p->out[0]);
	close(p->err[0]);
	close(p->found[1]);
}

/* From here on signals are for others, and children's ends come by a descriptor. */
static void set_signals(struct job_run *s)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t set;

	for (size_t i = 0; i < IGNORED; i++)
		sigaction(ignored[i], &ignore, &s->before[i]);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_SETMASK, &set, NULL);
	s->children = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

void supervise(struct job *job, struct ready *ready, int front, pid_t group)
{
	const struct settings *settings = job->settings;
	struct job_run s = {
		.job = job,
		.ready = ready,
		.front = front,
		.group = group,
		.began_ms = sys_now_ms(),
		.deadline = NEVER,
		.command_by = NEVER,
		.result = { .ready_ms = -1, .run_ms = -1, .command_status = -1, .qemu_status = -1 },
	};
	void (*before)(int) = signal(SIGCHLD, SIG_DFL);
	const int yes = 1;
	struct plumbing p;

	s.last = mmap(NULL, CONSOLE_LAST_MAX + 1, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	terminal_save(&s.terminal);
	setpgid(0, 0);
	if (settings->job.timeout_ms)
		s.deadline = s.began_ms + settings->job.timeout_ms;
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	s.qemu.pid = make_plumbing(&p, &settings->job) && s.last != MAP_FAILED ? fork() : -1;
	if (!s.qemu.pid) {
		signal(SIGCHLD, before);
		become_launcher(job, &p, front, group);
		return;
	}
	setsockopt(p.control[0], SOL_SOCKET, SO_PASSCRED, &yes, sizeof(yes));
	if (s.qemu.pid < 0) {
		message_error(&settings->log, "no job: %s", strerror(errno));
		finish(&s, "failed", STATUS_FAILED);
	}
	set_signals(&s);
	close(p.channel[1]);
	close(p.control[1]);
	close(p.out[1]);
	close(p.err[1]);
	s.channel = p.channel[0];
	s.control = p.control[0];
	s.found = p.found[0];
	start_relays(&s, &p);
	/* An end before this comes by no signal. */
	on_children(&(struct loop_source) { .arg = &s });
	serve(&s);
	end(&s);
}
