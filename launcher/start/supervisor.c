/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/start/supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher/base/message.h"
#include "launcher/passt/passt_process.h"
#include "launcher/passt/private.h"
#include "shim/common/sys.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

/* The first start and 20 more at once, then one each time that long has passed: as the manual says.
 */
#define STARTS_AT_ONCE 21
#define START_EACH_MS  10000

/* A time that does not come. */
#define NEVER INT64_MAX

/**
 * struct supervisor - The supervisor's state
 * @passt:	Of this VM
 * @control:	Socket to the launcher, later to the shim; -1: the other end is closed
 * @observer:	Socket to a job, who wants to know what the guest sends, or -1
 * @vm:		QEMU's end (pidfd_open(2)), or -1 as long as that is not known
 * @wanted:	A start has been asked for
 * @starts_ms:	Till then the starts take that are allowed: one for each %START_EACH_MS
 * @over:	The VM has ended
 */
struct supervisor {
	struct private_passt passt;
	int control;
	int observer;
	int vm;
	bool wanted;
	int64_t starts_ms;
	bool over;
};

/*
 * What ps(1) shows: argv's memory, and the environment's behind it, which getenv(3) finds in a copy
 * from now on.
 */
static void set_title(pid_t vm)
{
	static char *room, *end;
	char title[32];
	int len = snprintf(title, sizeof(title), SUPERVISOR_TITLE, vm);

	if (!room) {
		room = program_invocation_name;
		end = *environ > room ? *environ : room + strlen(room) + 1;
		for (char **entry = environ; *entry; entry++) {
			if (*entry == end)
				end += strlen(*entry) + 1;
			*entry = strdup(*entry);
		}
	}
	memset(room, 0, (size_t)(end - room));
	memcpy(room, title, len < end - room ? (size_t)len : (size_t)(end - room) - 1);
}

/* Nobody is going to ask. One that is starting was for somebody who has ended, or ends with the VM.
 */
static void lose_control(struct supervisor *s)
{
	close(s->control);
	s->control = -1;
	s->wanted = false;
	s->over |= s->passt.state == PRIVATE_STARTING && s->vm < 0;
}

/* Who waits for what cannot be sent is told by the end of the socket. */
static void answer(struct supervisor *s, enum control_kind kind, const void *data, size_t len,
		   int fd)
{
	if (s->control >= 0 && control_send(s->control, kind, data, len, fd))
		lose_control(s);
}

static void send_text(struct supervisor *s, enum control_kind kind, const char *text)
{
	answer(s, kind, text, strnlen(text, CONTROL_TEXT_MAX), -1);
}

static void send_failed(struct supervisor *s)
{
	send_text(s, s->passt.taken ? CONTROL_TAKEN : CONTROL_FAILED, s->passt.trouble);
}

/* It serves: the ports of its forwards, and what it said. */
static void send_ready(struct supervisor *s)
{
	const struct guest_network *network = s->passt.request.network;
	const char *said = private_said(&s->passt);
	const size_t ports = network->forward_count * sizeof(uint16_t), len = strlen(said);
	char data[ports + len + 1];

	for (unsigned i = 0; i < network->forward_count; i++)
		memcpy(data + i * sizeof(uint16_t), &network->forwards[i].host_port,
		       sizeof(uint16_t));
	memcpy(data + ports, said, len);
	answer(s, CONTROL_READY, data, ports + len, -1);
}

/*
 * Starts it, again where the first try failed for a reason that the next one does without. The
 * connection is the first thing, so that what the guest sends is not lost.
 */
static void start(struct supervisor *s)
{
	struct private_passt *passt = &s->passt;
	const char *end;
	bool started;

	do {
		started = private_connect(passt);
		if (started)
			answer(s, CONTROL_CONNECTION, NULL, 0, passt->fd);
		end = private_end(passt);
		if (end)
			send_text(s, CONTROL_WARNING, end);
		/* Who asked has ended: it is for nobody. */
		if (s->control < 0)
			return;
		started = started && private_start(passt);
	} while (!started && private_may_retry(passt));
	if (!started)
		send_failed(s);
}

static void look(struct supervisor *s)
{
	struct private_passt *passt = &s->passt;

	switch (private_look(passt)) {
	case PRIVATE_STARTING:
		break;
	case PRIVATE_READY:
		if (passt->trouble)
			send_text(s, CONTROL_WARNING, passt->trouble);
		send_ready(s);
		break;
	case PRIVATE_NONE:
		private_end(passt);
		if (private_may_retry(passt))
			start(s);
		else
			send_failed(s);
		break;
	}
}

static int64_t next_start(const struct supervisor *s)
{
	return s->starts_ms - (int64_t)(STARTS_AT_ONCE - 1) * START_EACH_MS;
}

/* What there is to do, after an event or at a time that has come. */
static void go_on(struct supervisor *s)
{
	int64_t now = sys_now_ms();

	if (s->passt.state == PRIVATE_STARTING)
		look(s);
	if (!s->wanted || s->passt.state == PRIVATE_STARTING || now < next_start(s))
		return;
	s->wanted = false;
	s->starts_ms = (s->starts_ms > now ? s->starts_ms : now) + START_EACH_MS;
	s->passt.tries = 0;
	start(s);
}

/* Somebody says whose end is the VM's. Before Linux 5.3 it is that of the control socket. */
static void set_owner(struct supervisor *s, pid_t owner)
{
	if (owner <= 0)
		return;
	if (s->vm >= 0)
		close(s->vm);
	s->vm = (int)syscall(SYS_pidfd_open, owner, 0);
	set_title(owner);
}

static bool on_control(struct loop_source *source)
{
	struct supervisor *s = source->arg;
	struct control_msg msg;
	char data[8];
	int ret = control_receive(s->control, &msg, data, sizeof(data), MSG_DONTWAIT);

	if (ret == -EAGAIN)
		return false;
	if (ret) {
		lose_control(s);
		return true;
	}
	if (msg.fd >= 0)
		close(msg.fd);
	if (msg.kind == CONTROL_START)
		s->wanted = true;
	else if (msg.kind == CONTROL_OWNER)
		set_owner(s, msg.sender);
	else if (s->observer >= 0)
		control_send(s->observer, msg.kind, data, msg.len, -1);
	return true;
}

/* What a job has to say is for the shim. */
static bool on_observer(struct loop_source *source)
{
	struct supervisor *s = source->arg;
	struct control_msg msg;
	char data[1];
	int ret = control_receive(s->observer, &msg, data, sizeof(data), MSG_DONTWAIT);

	if (!ret) {
		control_send(s->control, msg.kind, NULL, 0, -1);
	} else if (ret != -EAGAIN) {
		close(s->observer);
		s->observer = -1;
	}
	return false;
}

static bool on_vm_end(struct loop_source *source)
{
	struct supervisor *s = source->arg;

	return s->over = true;
}

static int64_t next_time(const struct supervisor *s)
{
	if (s->passt.state == PRIVATE_STARTING)
		return s->passt.deadline;
	return s->wanted ? next_start(s) : NEVER;
}

/* Until the VM has ended. While nothing happens, nothing wakes us. */
static void serve(struct supervisor *s)
{
	struct private_passt *passt = &s->passt;
	struct child *child = &passt->child;

	while (!s->over) {
		bool is_child = child->pid > 0;
		struct loop_source sources[] = {
			{ s->control, on_control, s },
			{ s->vm, on_vm_end, s },
			{ passt->reading, private_on_reading, passt },
			{ is_child ? child->output : -1, child_on_output, child },
			{ is_child ? child->end : -1, child_on_end, child },
			{ s->observer, on_observer, s },
		};

		loop_run(sources, sizeof(sources) / sizeof(sources[0]), next_time(s));
		if (!s->over)
			go_on(s);
		if (s->control < 0 && s->vm < 0)
			s->over |= !child_any(child);
	}
	private_end(passt);
}

/* The supervisor's life, in a session of its own. */
static _Noreturn void supervise(const struct passt_request *request, int control, pid_t launcher)
{
	const int fds[] = { CHILD_NULL, CHILD_NULL, CHILD_NULL, control, request->observer };
	const bool is_observed = request->observer >= 0;
	struct supervisor s = { .control = 3, .observer = is_observed ? 4 : -1, .vm = -1 };
	sigset_t all;

	setsid();
	/* Whoever wants to end all at once ends QEMU, too. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	/* What goes into the background below us is ours to wait for, and to end. */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) || child_arrange_fds(fds, is_observed ? 5 : 4))
		_exit(1);
	if (is_observed)
		control_send(s.observer, CONTROL_SUPERVISOR, NULL, 0, -1);
	private_init(&s.passt, request);
	if (chdir("/"))
		_exit(1);
	set_title(launcher);
	serve(&s);
	_exit(0);
}

/* Two forks away, where nobody but process 1 waits for it: 0 or -errno. */
static int fork_supervisor(const struct passt_request *request, int control)
{
	const pid_t launcher = getpid();
	void (*before)(int) = signal(SIGCHLD, SIG_DFL);
	int status = 0, error = 0;
	pid_t pid = fork(), second;

	if (!pid) {
		second = fork();
		if (!second)
			supervise(request, control, launcher);
		_exit(second < 0 ? errno : 0);
	}
	if (pid < 0)
		error = errno;
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	/* Setting it drops a blocked one, which would wait for QEMU. */
	signal(SIGCHLD, before);
	return error ? -error : -(WIFEXITED(status) ? WEXITSTATUS(status) : EIO);
}

/* The ports that it has, and at level trace what it said. */
static void take_ready(const struct passt_request *request, char *data, size_t len)
{
	const struct guest_network *network = request->network;
	const size_t ports = network->forward_count * sizeof(uint16_t);
	char *line;

	for (unsigned i = 0; i < network->forward_count && len >= ports; i++)
		memcpy(&network->forwards[i].host_port, data + i * sizeof(uint16_t),
		       sizeof(uint16_t));
	for (line = strtok(len > ports ? data + ports : data + len, "\n"); line;
	     line = strtok(NULL, "\n"))
		message_trace(request->log, "passt: %s", line);
}

/* Waits for what becomes of the start: the last message's kind, or 0 where there was none. */
static int wait_for_start(const struct passt_request *request, struct connection *connection,
			  char *data, size_t size)
{
	struct control_msg msg;

	while (!control_receive(connection->control, &msg, data, size, 0)) {
		switch (msg.kind) {
		case CONTROL_CONNECTION:
			if (connection->fd >= 0)
				close(connection->fd);
			connection->fd = msg.fd;
			break;
		case CONTROL_WARNING:
			message_warning(request->log, "--passt: %s", data);
			break;
		case CONTROL_READY:
			take_ready(request, data, msg.len);
			return CONTROL_READY;
		default:
			return (int)msg.kind;
		}
	}
	return 0;
}

/* Asks for a start: 0, or -1 and @failure. */
static int ask(const struct passt_request *request, struct connection *connection,
	       struct supervisor_failure *failure)
{
	/* Not on the stack, which cannot grow where memory is limited. */
	struct arena *arena = arena_new();
	const size_t size = CHILD_SAID_MAX + 65536;
	char *data = arena_get(arena, size);
	bool is_ready;
	int kind;

	kind = control_send(connection->control, CONTROL_START, NULL, 0, -1)
		       ? 0
		       : wait_for_start(request, connection, data, size);
	is_ready = kind == CONTROL_READY && connection->fd >= 0;
	failure->taken = kind == CONTROL_TAKEN;
	snprintf(failure->text, sizeof(failure->text), "%.*s", CONTROL_TEXT_MAX,
		 kind ? data : "its supervisor has ended");
	arena_free(arena);
	if (is_ready)
		return 0;
	if (connection->fd >= 0)
		close(connection->fd);
	close(connection->control);
	return -1;
}

int supervisor_start(const struct passt_request *request, struct connection *connection,
		     struct supervisor_failure *failure)
{
	const int yes = 1;
	int pair[2];
	int ret = 0;

	*connection = (struct connection) { .fd = -1, .control = -1 };
	failure->taken = false;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
		snprintf(failure->text, sizeof(failure->text), "%s", strerror(errno));
		return -1;
	}
	if (setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &yes, sizeof(yes)))
		ret = -errno;
	if (!ret)
		ret = fork_supervisor(request, pair[1]);
	close(pair[1]);
	connection->control = pair[0];
	if (!ret)
		return ask(request, connection, failure);
	close(pair[0]);
	snprintf(failure->text, sizeof(failure->text), "%s", strerror(-ret));
	return -1;
}
