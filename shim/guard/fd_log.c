/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the log says about the descriptor until QEMU has it. */
#include "shim/guard/fd_log.h"

#include <errno.h>
#include <string.h>

#include "shim/common/fd_store.h"
#include "shim/common/sys.h"
#include "shim/common/text.h"
#include "shim/guard/caller.h"

/* Longest message; what is longer, because of paths in it, is cut. */
#define MSG_BYTES 1024

/* Longest name of a program that has room for its process behind it. */
#define PROGRAM_NAME_MAX (HANDOFF_HOP_MAX - (sizeof(", pid 2147483647") - 1))

static const char *program_name(const struct fd_log *w)
{
	const char *slash = strrchr(w->exe, '/');

	return slash ? slash + 1 : w->exe;
}

static void record(const struct fd_log *w, struct log_event *event)
{
	event->fd = w->handoff->fd;
	log_event(w->log, event);
}

/* "descriptor N" */
static void add_number(struct text *t, const struct fd_log *w)
{
	text_add(t, "descriptor ");
	text_add_int(t, w->handoff->fd);
}

static void add_pid(struct text *t)
{
	text_add(t, ", pid ");
	text_add_int(t, sys_getpid());
}

/* "lost unseen between perl, pid 12, and dash, pid 12; COMMAND shows how" */
static void add_unseen(struct text *t, const struct fd_log *w)
{
	text_add(t, "lost unseen between ");
	text_add(t, w->handoff->well);
	text_add(t, ", and ");
	if (w->handoff->gone[0]) {
		text_add(t, w->handoff->gone);
	} else {
		text_add(t, "now in ");
		text_add(t, program_name(w));
		add_pid(t);
	}
	text_add(t, "; " STRACE_COMMAND " shows who does it");
}

/* " (python3.11: close_range, pid 12)", or where to look for whom nobody saw. */
static void add_culprit(struct text *t, const struct fd_log *w, const char *found)
{
	bool is_known = w->culprit[0] != '\0';

	if (!is_known && (!w->handoff->well[0] || !strcmp(found, FOUND_HUNG_UP)))
		return;
	text_add(t, " (");
	if (is_known)
		text_add(t, w->culprit);
	else
		add_unseen(t, w);
	text_add(t, ")");
}

static void leave_note(const struct fd_log *w, const char *call)
{
	char note[STORE_NOTE_MAX + 1];
	struct text t;

	if (w->handoff->store < 0)
		return;
	text_start(&t, note, sizeof(note));
	text_add(&t, program_name(w));
	text_add(&t, ": ");
	text_add(&t, call);
	add_pid(&t);
	store_leave_note(w->handoff->store, note);
}

void fd_log_hop(const struct fd_log *w, struct handoff *handoff, bool is_well)
{
	char *hop = is_well ? handoff->well : handoff->gone;
	const char *name = program_name(w);
	struct text t;

	if (is_well)
		handoff->gone[0] = '\0';
	else if (handoff->gone[0])
		return;
	text_start(&t, hop, HANDOFF_HOP_MAX + 1);
	text_add_n(&t, name, strnlen(name, PROGRAM_NAME_MAX));
	add_pid(&t);
}

void fd_log_program(const struct fd_log *w, const char *found, bool mends)
{
	char msg[MSG_BYTES], parent[32];
	struct text t;
	struct log_event event = { .kind = EVENT_PROGRAM,
				   .msg = msg,
				   .found = found,
				   .action = mends ? "mends" : "observes",
				   .more = parent };

	text_start(&t, parent, sizeof(parent));
	text_add(&t, "\"ppid\":");
	text_add_int(&t, sys_call(SYS_getppid, 0, 0, 0, 0, 0, 0));
	text_start(&t, msg, sizeof(msg));
	text_add(&t, w->exe);
	text_add(&t, " starts, on ");
	add_number(&t, w);
	text_add(&t, ": ");
	text_add(&t, found);
	record(w, &event);
}

static const char *loss_verb(enum log_kind kind)
{
	switch (kind) {
	case EVENT_CLOSED:
		return " closed ";
	case EVENT_CLOEXEC:
		return " marked close-on-exec ";
	default:
		return " put something else on ";
	}
}

/* "PROGRAM closed descriptor N, passt's connection (CALL)", and what was done about it. */
static void tell_loss(const struct fd_log *w, const struct loss *loss, const char *done,
		      enum log_severity severity, const char *action)
{
	struct caller caller;
	char msg[MSG_BYTES];
	struct text t;
	struct log_event event = { .kind = loss->kind,
				   .severity = severity,
				   .msg = msg,
				   .call = loss->call,
				   .action = action };

	text_start(&t, msg, sizeof(msg));
	text_add(&t, program_name(w));
	text_add(&t, loss_verb(loss->kind));
	add_number(&t, w);
	text_add(&t, ", passt's connection (");
	text_add(&t, loss->call);
	text_add(&t, ")");
	text_add(&t, done);
	if (caller_find(loss->where, &caller)) {
		event.module = caller.module;
		event.offset = caller.offset;
	}
	record(w, &event);
}

void fd_log_loss(const struct fd_log *w, const struct loss *loss)
{
	tell_loss(w, loss, "", SEVERITY_INFO, NULL);
	leave_note(w, loss->call);
}

void fd_log_put_back(const struct fd_log *w, const struct loss *loss, bool is_first)
{
	tell_loss(w, loss, ": put back", is_first ? SEVERITY_WARNING : SEVERITY_INFO,
		  ACTION_PUT_BACK);
}

void fd_log_insistence(const struct fd_log *w, const struct loss *loss, int tries)
{
	char msg[MSG_BYTES];
	struct text t;
	struct log_event event = { .kind = EVENT_CLOSED,
				   .severity = SEVERITY_WARNING,
				   .msg = msg,
				   .call = loss->call,
				   .action = "gave-way" };

	text_start(&t, msg, sizeof(msg));
	text_add(&t, program_name(w));
	text_add(&t, " insists on closing all descriptors (");
	text_add(&t, loss->call);
	text_add(&t, "): gave way after ");
	text_add_int(&t, tries);
	text_add(&t, " times, the spare of passt's connection is gone");
	record(w, &event);
}

void fd_log_moved(const struct fd_log *w, int store, const char *call)
{
	char msg[MSG_BYTES];
	struct text t;
	struct log_event event = {
		.kind = EVENT_SPARE_MOVED, .msg = msg, .call = call, .action = "moved"
	};

	text_start(&t, msg, sizeof(msg));
	text_add(&t, "the spare of passt's connection moved out of the way of ");
	text_add(&t, program_name(w));
	text_add(&t, store < 0 ? " to nowhere: there is no free descriptor" : " to descriptor ");
	if (store < 0)
		event.error = -store;
	else
		text_add_int(&t, store);
	record(w, &event);
}

void fd_log_left(const struct fd_log *w, const char *found)
{
	char msg[MSG_BYTES];
	struct text t;
	struct log_event event = { .kind = EVENT_FOUND_INSTEAD,
				   .severity = SEVERITY_WARNING,
				   .msg = msg,
				   .found = found,
				   .action = "left" };

	text_start(&t, msg, sizeof(msg));
	add_number(&t, w);
	text_add(&t, " of ");
	text_add(&t, program_name(w));
	text_add(&t, " holds ");
	text_add(&t, found);
	text_add(&t, " instead of passt's connection");
	add_culprit(&t, w, found);
	text_add(&t, ": left as it is");
	record(w, &event);
}

/* Why passt could not be reached, in words; NULL where the number must do. */
static const char *reason(int error)
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

/* "passt at PATH cannot be reached: REASON" */
static void add_failure(struct text *t, const struct fd_log *w, int error)
{
	if (w->handoff->private_passt || !w->handoff->passt[0]) {
		text_add(t, "there is no socket to connect to again");
		return;
	}
	text_add(t, "passt at ");
	text_add(t, w->handoff->passt);
	text_add(t, " cannot be reached: ");
	if (reason(error)) {
		text_add(t, reason(error));
		return;
	}
	text_add(t, "errno ");
	text_add_int(t, error);
}

static void add_remedy(struct text *t, enum remedy remedy)
{
	if (remedy == REMEDY_WAIT)
		text_add(t, ". The guest starts without a network and gets it when passt listens "
			    "there again");
	else
		text_add(t, ". The guest has no network: start passt and the guest again");
}

/* "passt's connection on descriptor N was lost before PROGRAM started: found WHAT (CULPRIT)" */
static void add_loss(struct text *t, const struct fd_log *w, const char *found)
{
	text_add(t, "passt's connection on ");
	add_number(t, w);
	text_add(t, " was lost before ");
	text_add(t, program_name(w));
	text_add(t, " started: found ");
	text_add(t, found);
	add_culprit(t, w, found);
}

void fd_log_lost(const struct fd_log *w, const char *found, enum remedy remedy, int error)
{
	char msg[MSG_BYTES];
	struct text t;
	struct log_event event = { .kind = EVENT_LOST,
				   .msg = msg,
				   .found = found,
				   .action = remedy == REMEDY_WAIT ? "link-down" : NULL,
				   .socket = w->handoff->passt };

	text_start(&t, msg, sizeof(msg));
	if (found)
		add_loss(&t, w, found);
	if (found && remedy != REMEDY_FOUND)
		text_add(&t, ", there is no spare, and ");
	if (remedy != REMEDY_FOUND) {
		event.severity = SEVERITY_ERROR;
		event.error = error;
		add_failure(&t, w, error);
		add_remedy(&t, remedy);
		text_add(&t, found ? "; --log-file and --report show who lost it" : "");
	}
	record(w, &event);
}

void fd_log_restored(const struct fd_log *w, const char *found, enum saver saver)
{
	char msg[MSG_BYTES];
	struct text t;
	struct log_event event = { .kind = EVENT_RESTORED,
				   .severity = SEVERITY_WARNING,
				   .msg = msg,
				   .found = found,
				   .action = saver_name(saver),
				   .socket = w->handoff->passt };

	text_start(&t, msg, sizeof(msg));
	add_number(&t, w);
	text_add(&t, " of ");
	text_add(&t, program_name(w));
	text_add(&t, " held ");
	text_add(&t, found);
	text_add(&t, " instead of passt's connection");
	add_culprit(&t, w, found);
	text_add(&t, ": restored from ");
	text_add(&t, saver_name(saver));
	record(w, &event);
}

void fd_log_connected(const struct fd_log *w)
{
	char msg[MSG_BYTES];
	struct text t;
	struct log_event event = { .kind = EVENT_CONNECTED,
				   .msg = msg,
				   .socket = w->handoff->passt };

	text_start(&t, msg, sizeof(msg));
	text_add(&t, "connected to ");
	text_add(&t, w->handoff->passt);
	text_add(&t, " on ");
	add_number(&t, w);
	record(w, &event);
}

void fd_log_step(const struct fd_log *w, enum log_kind kind, const char *does, const char *call)
{
	char msg[MSG_BYTES];
	struct text t;
	struct log_event event = { .kind = kind, .msg = msg, .call = call };

	text_start(&t, msg, sizeof(msg));
	text_add(&t, program_name(w));
	text_add(&t, " ");
	text_add(&t, does);
	text_add(&t, " ");
	add_number(&t, w);
	record(w, &event);
}
