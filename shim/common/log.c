/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/common/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>

#include "shim/common/fd_store.h"
#include "shim/common/sys.h"
#include "shim/common/text.h"

/* Longest line on stderr; what is longer, because of paths in it, is cut. */
#define STDERR_LINE_MAX 1056

/* Longest line in the file: below PIPE_BUF, as it is on the stack of whoever calls. */
#define FILE_LINE_MAX 3584

#define LINK_UP   (1u << EVENT_LINK_UP)
#define LINK_DOWN (1u << EVENT_LINK_DOWN)
#define PROGRAM   (1u << EVENT_PROGRAM)

/* Events of a descriptor that is watched, whose number may be 0. */
#define WATCHED                                                                          \
	(PROGRAM | 1u << EVENT_HANDED_OVER | 1u << EVENT_RESTORED | 1u << EVENT_CLOSED | \
	 1u << EVENT_OVERWRITTEN | 1u << EVENT_CLOEXEC | 1u << EVENT_DESCRIPTOR)

static const struct log_member place_members[] = {
	{ "module", LOG_TEXT, offsetof(struct log_place, module), 0, NULL },
	{ "offset", LOG_NUMBER, offsetof(struct log_place, offset), 0, NULL },
	{ "", LOG_TEXT, 0, 0, NULL },
};

static const struct log_member actor_members[] = {
	{ "program", LOG_TEXT, offsetof(struct log_actor, program), 0, NULL },
	{ "pid", LOG_NUMBER, offsetof(struct log_actor, pid), 0, NULL },
	{ "call", LOG_TEXT, offsetof(struct log_actor, call), 0, NULL },
	{ "", LOG_TEXT, 0, 0, NULL },
};

const struct log_member log_members[] = {
	{ "v", LOG_NUMBER, offsetof(struct log_event, version), 0, NULL },
	{ "ts", LOG_TIME, offsetof(struct log_event, time_us), 0, NULL },
	{ "run", LOG_TEXT, offsetof(struct log_event, run), 0, NULL },
	{ "pid", LOG_NUMBER, offsetof(struct log_event, pid), 0, NULL },
	{ "level", LOG_TEXT, offsetof(struct log_event, level), 0, NULL },
	{ "event", LOG_TEXT, offsetof(struct log_event, event), 0, NULL },
	{ "exe", LOG_TEXT, offsetof(struct log_event, exe), 0, NULL },
	{ "fd", LOG_NUMBER, offsetof(struct log_event, fd), WATCHED, NULL },
	{ "socket", LOG_TEXT, offsetof(struct log_event, socket), 0, NULL },
	{ "call", LOG_TEXT, offsetof(struct log_event, call), 0, NULL },
	{ "caller", LOG_OBJECT, offsetof(struct log_event, caller), 0, place_members },
	{ "found", LOG_TEXT, offsetof(struct log_event, found), 0, NULL },
	{ "action", LOG_TEXT, offsetof(struct log_event, action), 0, NULL },
	{ "errno", LOG_NUMBER, offsetof(struct log_event, error), 0, NULL },
	{ "ppid", LOG_NUMBER, offsetof(struct log_event, ppid), PROGRAM, NULL },
	{ "children", LOG_NUMBER, offsetof(struct log_event, children), 0, NULL },
	{ "command", LOG_TEXT, offsetof(struct log_event, command), 0, NULL },
	{ "qemu", LOG_TEXT, offsetof(struct log_event, qemu), 0, NULL },
	{ "reason", LOG_TEXT, offsetof(struct log_event, reason), 0, NULL },
	{ "status", LOG_NUMBER, offsetof(struct log_event, status), 0, NULL },
	{ "length", LOG_NUMBER, offsetof(struct log_event, length), LINK_DOWN, NULL },
	{ "uid", LOG_NUMBER, offsetof(struct log_event, uid), LINK_DOWN, NULL },
	{ "away_ms", LOG_NUMBER, offsetof(struct log_event, away_ms), LINK_UP, NULL },
	{ "dropped", LOG_NUMBER, offsetof(struct log_event, dropped), LINK_UP, NULL },
	{ "padded", LOG_NUMBER, offsetof(struct log_event, padded), LINK_UP, NULL },
	{ "address", LOG_TEXT, offsetof(struct log_event, address), 0, NULL },
	{ "port", LOG_NUMBER, offsetof(struct log_event, port), 0, NULL },
	{ "guest_port", LOG_NUMBER, offsetof(struct log_event, guest_port), 0, NULL },
	{ "protocol", LOG_TEXT, offsetof(struct log_event, protocol), 0, NULL },
	{ "culprit", LOG_OBJECT, offsetof(struct log_event, culprit), 0, actor_members },
	{ "verdict", LOG_TEXT, offsetof(struct log_event, verdict), 0, NULL },
	{ "kind", LOG_TEXT, offsetof(struct log_event, sort), 0, NULL },
	{ "name", LOG_TEXT, offsetof(struct log_event, name), 0, NULL },
	{ "until", LOG_TEXT, offsetof(struct log_event, until), 0, NULL },
	{ "msg", LOG_TEXT, offsetof(struct log_event, msg), 0, NULL },
	{ "", LOG_TEXT, 0, 0, NULL },
};

const char *const log_kind_names[EVENT_KINDS] = {
	[EVENT_CONNECTED] = "connected",
	[EVENT_HANDED_OVER] = "handed-over",
	[EVENT_PROGRAM] = "program",
	[EVENT_CLOSED] = "closed",
	[EVENT_OVERWRITTEN] = "overwritten",
	[EVENT_CLOEXEC] = "cloexec",
	[EVENT_SPARE_MOVED] = "spare-moved",
	[EVENT_LOST] = "lost",
	[EVENT_RESTORED] = "restored",
	[EVENT_FOUND_INSTEAD] = "found-instead",
	[EVENT_ENVIRONMENT] = "environment",
	[EVENT_CLAIMED] = "claimed",
	[EVENT_RELEASED] = "released",
	[EVENT_FIRST_FRAME] = "first-frame",
	[EVENT_OWNER_CLOSED] = "owner-closed",
	[EVENT_PRELOAD_SKIPPED] = "preload-skipped",
	[EVENT_LINK_DOWN] = "link-down",
	[EVENT_LINK_UP] = "link-up",
	[EVENT_ENDED] = "ended",
	[EVENT_FAILED] = "failed",
	[EVENT_STARTED] = "started",
	[EVENT_PUBLISHED] = "published",
	[EVENT_GUEST_SERVES] = "guest-serves",
	[EVENT_READY] = "ready",
	[EVENT_DESCRIPTOR] = "descriptor",
	[EVENT_EXECUTES] = "executes",
};

static const char *const severity_names[] = {
	[SEVERITY_INFO] = "info",
	[SEVERITY_WARNING] = "warning",
	[SEVERITY_ERROR] = "error",
};

uint64_t log_new_run(void)
{
	return (uint64_t)sys_wall_us() << 16 | ((uint64_t)sys_getpid() & 0xffff);
}

bool log_is_run_of(uint64_t run, int pid)
{
	return (run & 0xffff) == ((uint64_t)pid & 0xffff);
}

/* Has it a value? Most members of most events have none. */
static bool has_value(const struct log_member *member, const void *value, enum log_kind kind)
{
	int64_t n;

	switch (member->type) {
	case LOG_TEXT:
		return *(const char *const *)value != NULL;
	case LOG_OBJECT:
		/* Where it has no text in front, it is empty. */
		return has_value(member->members, value, kind);
	case LOG_TIME:
		return true;
	case LOG_NUMBER:
		n = *(const int64_t *)value;
		return n > 0 || (n == 0 && (member->zero_in & 1u << kind));
	}
	return false;
}

static void add_members(struct text *t, const struct log_member *member, const void *base,
			enum log_kind kind);

static void add_value(struct text *t, const struct log_member *member, const void *value,
		      enum log_kind kind)
{
	long long n = member->type == LOG_TEXT ? 0 : *(const int64_t *)value;

	switch (member->type) {
	case LOG_TEXT:
		text_add_json(t, *(const char *const *)value);
		break;
	case LOG_OBJECT:
		text_add(t, "{");
		add_members(t, member->members, value, kind);
		text_add(t, "}");
		break;
	case LOG_TIME:
		text_format(t, "%lld.%06lld", n / 1000000, n % 1000000);
		break;
	case LOG_NUMBER:
		text_format(t, "%lld", n);
		break;
	}
}

/* Members that have no value, or do not fit, are left out: the line is valid always. */
static void add_members(struct text *t, const struct log_member *member, const void *base,
			enum log_kind kind)
{
	for (; *member->name; member++) {
		const void *value = (const char *)base + member->offset;
		size_t start = t->len;

		if (!has_value(member, value, kind))
			continue;
		text_format(t, "%s\"%s\":", t->buf[start - 1] == '{' ? "" : ",", member->name);
		add_value(t, member, value, kind);
		if (!t->cut)
			continue;
		t->len = start;
		t->buf[start] = '\0';
		t->cut = false;
	}
}

static bool is_kept_open(const struct log *log)
{
	return log->fd >= 0 && descriptor_is(log->fd, &log->id);
}

int log_open(const struct log *log)
{
	const struct handoff *c = log->handoff;
	int fd = -1;

	if (is_kept_open(log))
		return sys_fcntl(log->fd, F_DUPFD_CLOEXEC, 0);
	if (c && descriptor_is(c->store, &c->store_id))
		fd = store_look(c->store, STORED_LOG);
	if (fd >= 0)
		return fd;
	return sys_open(log->file,
			O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY |
				O_NONBLOCK,
			0600);
}

static int write_to_file(const struct log *log, const struct log_event *event,
			 char buf[FILE_LINE_MAX])
{
	bool kept = is_kept_open(log);
	int fd = kept ? log->fd : log_open(log);
	struct text t;
	ssize_t ret;

	if (fd < 0)
		return fd;
	text_start(&t, buf, FILE_LINE_MAX - 2);
	text_add(&t, "{");
	add_members(&t, log_members, event, event->kind);
	memcpy(buf + t.len, "}\n", 2);
	ret = sys_write_quietly(fd, buf, t.len + 2);
	if (!kept)
		sys_close(fd);
	if (ret < 0)
		return (int)ret;
	return (size_t)ret == t.len + 2 ? 0 : -ENOSPC;
}

bool log_has_file(const struct log *log)
{
	return log->file && *log->file;
}

/* With what every event has. */
static int write_event(const struct log *log, const struct log_event *event, const char *msg,
		       char line[FILE_LINE_MAX])
{
	struct log_event full = *event;
	char run[17];
	struct text t;

	text_start(&t, run, sizeof(run));
	text_format(&t, "%016llx", (unsigned long long)log->run);
	full.version = LOG_VERSION;
	full.time_us = sys_wall_us();
	full.run = run;
	full.pid = sys_getpid();
	full.level = severity_names[event->severity];
	full.event = log_kind_names[event->kind];
	full.exe = log->exe;
	full.msg = msg;
	return write_to_file(log, &full, line);
}

/*
 * The same pipe or terminal, opened anew: O_NONBLOCK of the program's own belongs to all who have
 * it. Return: descriptor, or -errno for all else, where there is no /proc, or no permission.
 */
static int open_stderr_again(void)
{
	status_t status;

	if (sys_fstat(STDERR_FILENO, &status) ||
	    !(S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode)))
		return -EINVAL;
	return sys_open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
}

/*
 * Without waiting for whoever reads it: a line for which there is no room is dropped. Where the
 * terminal cannot be opened again, a line can still be longer than what poll(2) promises; a pipe
 * that has room for anything has it for PIPE_BUF bytes.
 */
static void write_without_waiting(const char *line, size_t len)
{
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };
	int fd;

	if (sys_send(STDERR_FILENO, line, len, MSG_DONTWAIT | MSG_NOSIGNAL) != -ENOTSOCK)
		return;
	/* A terminal that is stopped (tcflow(3), Ctrl-S) has no room either. */
	if (sys_poll(&p, 1, 0) != 1 || !(p.revents & POLLOUT))
		return;
	fd = open_stderr_again();
	sys_write_quietly(fd < 0 ? STDERR_FILENO : fd, line, len);
	if (fd >= 0)
		sys_close(fd);
}

/**
 * struct lines - What an event becomes
 * @people:	The line on stderr
 * @file:	The line in the file
 */
struct lines {
	char people[STDERR_LINE_MAX];
	char file[FILE_LINE_MAX];
};

/* Does stderr get the line? */
static bool is_wanted(const struct log *log, enum log_severity severity)
{
	return log->level >= (severity == SEVERITY_INFO ? LOG_TRACE : LOG_NORMAL);
}

/* The line on stderr, and an event for the file unless it is NULL. */
static int __attribute__((format(printf, 5, 0)))
write_lines(struct lines *lines, const struct log *log, enum log_severity severity,
	    const struct log_event *event, const char *format, va_list args)
{
	const char *msg;
	struct text t;
	int ret = 0;

	text_start(&t, lines->people, sizeof(lines->people) - 1);
	if (log->shim)
		text_format(&t, "qrap[%d]: ", sys_getpid());
	else
		text_add(&t, "qrap: ");
	msg = t.buf + t.len;
	text_vformat(&t, format, args);
	if (event && log_has_file(log))
		ret = write_event(log, event, msg, lines->file);
	if (!is_wanted(log, severity))
		return ret;
	/* Names of files are in the line. */
	text_blank_controls(t.buf, t.len);
	t.buf[t.len] = '\n';
	if (log->shim && !sys_writes_plainly)
		write_without_waiting(t.buf, t.len + 1);
	else
		sys_write_quietly(STDERR_FILENO, t.buf, t.len + 1);
	return ret;
}

static int __attribute__((noinline, format(printf, 4, 0)))
write_on_stack(const struct log *log, enum log_severity severity, const struct log_event *event,
	       const char *format, va_list args)
{
	struct lines lines;

	return write_lines(&lines, log, severity, event, format, args);
}

/*
 * Whoever calls may have little stack (sigaltstack(2)): what is kept on it is kept there only where
 * another thread is at it, or a handler that came in between, or where a fork() has left it so.
 */
static int __attribute__((format(printf, 4, 0)))
log_both(const struct log *log, enum log_severity severity, const struct log_event *event,
	 const char *format, va_list args)
{
	static struct lines lines;
	static atomic_bool in_use;
	int ret;

	if (!is_wanted(log, severity) && !(event && log_has_file(log)))
		return 0;
	if (atomic_exchange(&in_use, true))
		return write_on_stack(log, severity, event, format, args);
	ret = write_lines(&lines, log, severity, event, format, args);
	atomic_store(&in_use, false);
	return ret;
}

int log_event(const struct log *log, const struct log_event *event, const char *format, ...)
{
	va_list args;
	int ret;

	va_start(args, format);
	ret = log_both(log, event->severity, event, format, args);
	va_end(args);
	return ret;
}

void log_line(const struct log *log, enum log_severity severity, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_both(log, severity, NULL, format, args);
	va_end(args);
}

void log_keep_open(struct log *log)
{
	int fd, kept;

	if (!log_has_file(log) || is_kept_open(log))
		return;
	fd = log_open(log);
	if (fd < 0)
		return;
	kept = sys_move_up(fd);
	/* One that cannot be told from the program's own could never be closed again. */
	if (!descriptor_identity(kept, &log->id)) {
		sys_close(kept);
		kept = -1;
	}
	log->fd = kept;
}

void log_close(struct log *log)
{
	if (is_kept_open(log))
		sys_close(log->fd);
	log->fd = -1;
}
