/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/guard/fd_log.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>

#include "shim/common/fd_store.h"
#include "shim/common/sys.h"
#include "shim/common/text.h"
#include "shim/guard/caller.h"

/* Longest name of a program in the handoff, where its process is behind it, and in a note. */
#define HOP_NAME_MAX  (HANDOFF_HOP_MAX - (sizeof(PID_SEPARATOR "2147483647") - 1))
#define NOTE_NAME_MAX 64

/* "PROGRAM: CALL, pid N": the note in the store. */
#define CALL_SEPARATOR ": "
#define PID_SEPARATOR  ", pid "

/* Longest message that is put together of several parts. */
#define MESSAGE_BYTES 1024

/* Longest text about a filter. */
#define WHY_BYTES 96

static const char *program_name(const struct fd_log *fd_log)
{
	return text_file_name(fd_log->exe);
}

/* Takes a note apart, in place; @culprit stays empty where it is not as leave_note() writes it. */
static void read_note(char *note, struct log_actor *culprit)
{
	char *call = strstr(note, CALL_SEPARATOR);
	char *pid = call ? strstr(call, PID_SEPARATOR) : NULL;
	uint64_t n;

	if (!pid)
		return;
	*call = *pid = '\0';
	call += sizeof(CALL_SEPARATOR) - 1;
	pid += sizeof(PID_SEPARATOR) - 1;
	if (text_number(pid, strlen(pid), 10, &n))
		*culprit = (struct log_actor) { note, (int64_t)n, call };
}

/* "PROGRAM, pid N", as the handoff has it. */
static void add_hop(struct text *t, const struct fd_log *fd_log)
{
	const char *name = program_name(fd_log);

	text_add_n(t, name, strnlen(name, HOP_NAME_MAX));
	text_format(t, PID_SEPARATOR "%d", sys_getpid());
}

/* "lost unseen between perl, pid 12, and dash, pid 12; COMMAND shows who does it" */
static void add_unseen(struct text *t, const struct fd_log *fd_log)
{
	text_format(t, " (lost unseen between %s, and ", fd_log->handoff->well);
	if (fd_log->handoff->gone[0]) {
		text_add(t, fd_log->handoff->gone);
	} else {
		text_add(t, "now in ");
		add_hop(t, fd_log);
	}
	text_add(t, "; " STRACE_COMMAND " shows who does it)");
}

/**
 * add_blame() - Who lost the connection?
 * @t:		Message: " (CULPRIT)" is added, or where to look for whom nobody saw
 * @fd_log:	Program that misses it
 * @event:	@culprit is filled, where somebody was seen
 * @note:	Where that is kept: STORE_NOTE_MAX + 1 bytes
 */
static void add_blame(struct text *t, const struct fd_log *fd_log, struct log_event *event,
		      char *note)
{
	/* What passt has ended, nobody has lost. */
	if (fd_log->culprit[0])
		text_format(t, " (%s)", fd_log->culprit);
	else if (fd_log->handoff->well[0] && strcmp(event->found, FOUND_HUNG_UP))
		add_unseen(t, fd_log);
	memcpy(note, fd_log->culprit, strlen(fd_log->culprit) + 1);
	read_note(note, &event->culprit);
}

static void leave_note(const struct fd_log *fd_log, const char *call)
{
	const char *name = program_name(fd_log);
	char note[STORE_NOTE_MAX + 1];
	struct text t;

	if (fd_log->handoff->store < 0)
		return;
	text_start(&t, note, sizeof(note));
	text_add_n(&t, name, strnlen(name, NOTE_NAME_MAX));
	text_format(&t, CALL_SEPARATOR "%s" PID_SEPARATOR "%d", call, sys_getpid());
	store_leave_note(fd_log->handoff->store, note);
}

void fd_log_hop(const struct fd_log *fd_log, struct handoff *handoff, bool is_well)
{
	struct text t;

	if (is_well)
		handoff->gone[0] = '\0';
	else if (handoff->gone[0])
		return;
	text_start(&t, is_well ? handoff->well : handoff->gone, HANDOFF_HOP_MAX + 1);
	add_hop(&t, fd_log);
}

void fd_log_program(const struct fd_log *fd_log, const char *found, bool mends)
{
	const struct log_event event = { .kind = EVENT_PROGRAM,
					 .fd = fd_log->handoff->fd,
					 .found = found,
					 .action = mends ? ACTION_MENDS : "observes",
					 .ppid = sys_call(SYS_getppid, 0, 0, 0, 0, 0, 0) };

	log_event(fd_log->log, &event, "%s starts, on descriptor %d: %s", fd_log->exe,
		  fd_log->handoff->fd, found);
}

void fd_log_observes(const struct fd_log *fd_log, int fd, const char *found, const char *script)
{
	const char *name = script ? script : fd_log->exe;
	const struct log_event event = { .kind = EVENT_PROGRAM,
					 .fd = fd,
					 .found = found,
					 .action = "observes",
					 .command = script,
					 .ppid = sys_call(SYS_getppid, 0, 0, 0, 0, 0, 0) };

	if (fd < 0)
		log_event(fd_log->log, &event, "%s starts, on all other descriptors: %s", name,
			  found);
	else
		log_event(fd_log->log, &event, "%s starts, on descriptor %d: %s", name, fd, found);
}

void fd_log_put_on(const struct fd_log *fd_log, int fd, const char *found)
{
	const struct log_event event = {
		.kind = EVENT_RESTORED, .fd = fd, .found = found, .action = "the store"
	};

	log_event(fd_log->log, &event, "descriptor %d of %s held %s: restored from the store", fd,
		  program_name(fd_log), found);
}

/* waitid(2) says ECHILD where there are none; it waits for nothing, and takes nobody's status. */
static bool has_children(void)
{
	return !sys_call(SYS_waitid, P_ALL, 0, 0, WEXITED | WNOHANG | WNOWAIT | __WALL, 0, 0);
}

/* Fills @event, whose number is there, and says what was done about it: @done. */
static void tell_loss(const struct fd_log *fd_log, const struct loss *loss, struct log_event *event,
		      const char *done)
{
	static const char *const verbs[] = {
		[EVENT_CLOSED] = "closed",
		[EVENT_OVERWRITTEN] = "put something else on",
		[EVENT_CLOEXEC] = "marked close-on-exec",
	};
	struct caller caller;

	event->kind = loss->kind;
	event->call = loss->call;
	event->ppid = sys_call(SYS_getppid, 0, 0, 0, 0, 0, 0);
	event->children = has_children();
	if (caller_find(loss->where, &caller))
		event->caller = (struct log_place) { caller.module, (int64_t)caller.offset };
	log_event(fd_log->log, event, "%s %s descriptor %d%s (%s)%s", program_name(fd_log),
		  verbs[loss->kind], (int)event->fd,
		  event->fd == fd_log->handoff->fd ? ", passt's connection" : "", loss->call, done);
}

void fd_log_loss(const struct fd_log *fd_log, int fd, const char *found, const struct loss *loss)
{
	struct log_event event = { .severity = SEVERITY_INFO, .fd = fd, .found = found };

	tell_loss(fd_log, loss, &event, "");
	leave_note(fd_log, loss->call);
}

void fd_log_put_back(const struct fd_log *fd_log, const struct loss *loss, bool is_first)
{
	struct log_event event = { .severity = is_first ? SEVERITY_WARNING : SEVERITY_INFO,
				   .fd = fd_log->handoff->fd,
				   .action = ACTION_PUT_BACK };

	tell_loss(fd_log, loss, &event, ": put back");
}

void fd_log_gave_way(const struct fd_log *fd_log, const struct loss *loss, int tries)
{
	const struct log_event event = { .kind = EVENT_CLOSED,
					 .severity = SEVERITY_WARNING,
					 .fd = fd_log->handoff->fd,
					 .call = loss->call,
					 .action = "gave-way" };

	log_event(fd_log->log, &event,
		  "%s insists on closing all descriptors (%s): gave way after %d times, the spare "
		  "of passt's connection is gone",
		  program_name(fd_log), loss->call, tries);
}

void fd_log_moved(const struct fd_log *fd_log, int store, const char *call)
{
	const struct log_event event = { .kind = EVENT_SPARE_MOVED,
					 .fd = fd_log->handoff->fd,
					 .call = call,
					 .action = "moved",
					 .error = store < 0 ? -store : 0 };
	char where[64];
	struct text t;

	text_start(&t, where, sizeof(where));
	if (store < 0)
		text_add(&t, "nowhere: there is no free descriptor");
	else
		text_format(&t, "descriptor %d", store);
	log_event(fd_log->log, &event,
		  "the spare of passt's connection moved out of the way of %s to %s",
		  program_name(fd_log), where);
}

/* Something else is on the number: it @holds that, and what was @done about it. */
static void tell_instead(const struct fd_log *fd_log, struct log_event *event, const char *holds,
			 const char *done)
{
	char message[MESSAGE_BYTES], note[STORE_NOTE_MAX + 1];
	struct text t;

	event->severity = SEVERITY_WARNING;
	event->fd = fd_log->handoff->fd;
	text_start(&t, message, sizeof(message));
	text_format(&t, "descriptor %d of %s %s %s instead of passt's connection",
		    fd_log->handoff->fd, program_name(fd_log), holds, event->found);
	add_blame(&t, fd_log, event, note);
	log_event(fd_log->log, event, "%s: %s%s", message, done,
		  event->kind == EVENT_RESTORED ? event->action : "");
}

void fd_log_left(const struct fd_log *fd_log, const char *found)
{
	struct log_event event = { .kind = EVENT_FOUND_INSTEAD,
				   .found = found,
				   .action = ACTION_LEFT };

	tell_instead(fd_log, &event, "holds", "left as it is");
}

void fd_log_restored(const struct fd_log *fd_log, const char *found, const char *origin)
{
	struct log_event event = { .kind = EVENT_RESTORED,
				   .socket = fd_log->handoff->passt,
				   .found = found,
				   .action = origin };

	tell_instead(fd_log, &event, "held", "restored from ");
}

/* Why passt could not be reached, or NULL for what the number has to say. */
static const char *find_reason(int error)
{
	switch (error) {
	case ENOENT:
	case ECONNREFUSED:
		return "nobody listens there";
	case EAGAIN:
	case ECONNRESET:
		return "it serves another client";
	case EPERM:
		return "it runs as a user who is not trusted";
	case EACCES:
		return "permission denied";
	default:
		return NULL;
	}
}

/* Of a connection that could not be had: why, and what that means. */
static void add_outcome(struct text *t, const struct fd_log *fd_log, enum remedy remedy, int error)
{
	const char *reason = find_reason(error);

	if (!fd_log->handoff->passt[0]) {
		text_add(t, error == ENOTCONN ? "there is no socket to connect to again"
					      : "the private passt does not start again");
	} else {
		text_format(t, "passt at %s cannot be reached: ", fd_log->handoff->passt);
		if (reason)
			text_add(t, reason);
		else
			text_format(t, "errno %d", error);
	}
	text_add(t, remedy == REMEDY_WAIT ? ". The guest starts without a network and gets it "
					    "when passt listens there again"
					  : ". The guest has no network: start passt and the guest "
					    "again");
}

void fd_log_lost(const struct fd_log *fd_log, const char *found, enum remedy remedy, int error)
{
	bool is_final = remedy != REMEDY_FOUND;
	char message[MESSAGE_BYTES], note[STORE_NOTE_MAX + 1];
	struct text t;
	struct log_event event = { .kind = EVENT_LOST,
				   .severity = is_final ? SEVERITY_ERROR : SEVERITY_INFO,
				   .fd = fd_log->handoff->fd,
				   .socket = fd_log->handoff->passt,
				   .found = found,
				   .action = remedy == REMEDY_WAIT ? "link-down" : NULL,
				   .error = is_final ? error : 0 };

	text_start(&t, message, sizeof(message));
	if (found) {
		text_format(&t,
			    "passt's connection on descriptor %d was lost before %s started: "
			    "found %s",
			    fd_log->handoff->fd, program_name(fd_log), found);
		add_blame(&t, fd_log, &event, note);
		text_add(&t, is_final ? ", there is no spare, and " : "");
	}
	if (is_final)
		add_outcome(&t, fd_log, remedy, error);
	log_event(fd_log->log, &event, "%s%s", message,
		  found && is_final ? "; --log-file and --report show who lost it" : "");
}

void fd_log_held(const struct fd_log *fd_log, const char *found, const char *keeper, int error)
{
	const struct log_event event = { .kind = EVENT_LOST,
					 .severity = SEVERITY_ERROR,
					 .fd = fd_log->handoff->fd,
					 .socket = fd_log->handoff->passt,
					 .found = found,
					 .error = error };

	log_event(fd_log->log, &event,
		  "passt's connection on descriptor %d was lost before %s started, and cannot be "
		  "taken from %s (errno %d): passt is in use until that ends",
		  fd_log->handoff->fd, program_name(fd_log), keeper, error);
}

void fd_log_connected(const struct fd_log *fd_log)
{
	const struct log_event event = { .kind = EVENT_CONNECTED,
					 .fd = fd_log->handoff->fd,
					 .socket = fd_log->handoff->passt };

	log_event(fd_log->log, &event, "connected to %s on descriptor %d", fd_log->handoff->passt,
		  fd_log->handoff->fd);
}

void fd_log_ended(const struct fd_log *fd_log, int status)
{
	const struct log_event event = { .kind = EVENT_ENDED,
					 .fd = fd_log->handoff->fd,
					 .status = status & 0xff };

	log_event(fd_log->log, &event, "%s ends with status %d", fd_log->exe, status & 0xff);
}

void fd_log_filtered(const struct fd_log *fd_log, const char *call)
{
	char why[WHY_BYTES];
	struct text t;
	const struct log_event event = { .kind = EVENT_PRELOAD_SKIPPED,
					 .severity = SEVERITY_WARNING,
					 .fd = fd_log->handoff->fd,
					 .call = call,
					 .found = why };

	text_start(&t, why, sizeof(why));
	text_format(&t, "a filter of system calls (seccomp) kills it for %s", call);
	log_event(fd_log->log, &event, "%s runs without the shim: %s", fd_log->exe, why);
}

void fd_log_step(const struct fd_log *fd_log, enum log_kind kind, const char *does,
		 const char *call)
{
	const struct log_event event = { .kind = kind, .fd = fd_log->handoff->fd, .call = call };

	log_event(fd_log->log, &event, "%s %s descriptor %d", program_name(fd_log), does,
		  fd_log->handoff->fd);
}

void fd_log_environment(const struct fd_log *fd_log, const char *call, const char *path,
			const char *reason)
{
	const struct log_event event = { .kind = EVENT_ENVIRONMENT,
					 .fd = fd_log->handoff->fd,
					 .call = call,
					 .command = path,
					 .action = reason ? ACTION_LEFT : ACTION_ADDED,
					 .reason = reason };

	log_event(fd_log->log, &event, "%s executes %s in an environment without the shim (%s): %s",
		  program_name(fd_log), path, call, reason ? reason : "it is added");
}

void fd_log_exec(const struct fd_log *fd_log, const char *path, bool with_connection)
{
	const struct log_event event = { .kind = EVENT_HANDED_OVER,
					 .fd = fd_log->handoff->fd,
					 .socket = fd_log->handoff->passt,
					 .command = path,
					 .action = with_connection ? ACTION_GUARDED
								   : ACTION_UNCONNECTED };

	log_event(fd_log->log, &event, "%s executes %s: it gets %s", program_name(fd_log), path,
		  with_connection ? "the connection" : "no connection, and is to make one");
}

void fd_log_not_executed(const struct fd_log *fd_log, const char *path, int error)
{
	log_line(fd_log->log, SEVERITY_WARNING,
		 "%s could not execute %s (errno %d): it keeps passt's connection",
		 program_name(fd_log), path, error);
}

void fd_log_executes(const struct fd_log *fd_log, const char *path)
{
	const struct log_event event = { .kind = EVENT_EXECUTES, .fd = -1, .command = path };

	log_event(fd_log->log, &event, "%s executes %s", program_name(fd_log), path);
}
