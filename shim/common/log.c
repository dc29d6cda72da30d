/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The log: lines for people on stderr, JSON Lines for machines in a file. */
#include "shim/common/log.h"

#include <limits.h>
#include <string.h>

#include "shim/common/sys.h"
#include "shim/common/text.h"

/* Numbers below are those that shells and programs hand out; ours keeps out of their way. */
#define KEPT_LOG_LOWEST 64

const char *log_kind_name(enum log_kind kind)
{
	static const char *const names[EVENT_KINDS] = {
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
		[EVENT_CLAIMED] = "claimed",
		[EVENT_RELEASED] = "released",
		[EVENT_FIRST_FRAME] = "first-frame",
		[EVENT_OWNER_CLOSED] = "owner-closed",
		[EVENT_PRELOAD_SKIPPED] = "preload-skipped",
		[EVENT_LINK_DOWN] = "link-down",
		[EVENT_LINK_UP] = "link-up",
	};

	return names[kind];
}

static const char *severity_name(enum log_severity severity)
{
	switch (severity) {
	case SEVERITY_INFO:
		return "info";
	case SEVERITY_WARNING:
		return "warning";
	case SEVERITY_ERROR:
		break;
	}
	return "error";
}

void log_line(const struct log *log, enum log_severity severity, const char *msg)
{
	char buf[PIPE_BUF];
	struct text t;

	if (log->level < (severity == SEVERITY_INFO ? LOG_TRACE : LOG_NORMAL))
		return;
	/* One byte is kept back for the line end. */
	text_start(&t, buf, sizeof(buf) - 1);
	text_add(&t, "qrap");
	if (log->shim) {
		text_add(&t, "[");
		text_add_int(&t, sys_getpid());
		text_add(&t, "]");
	}
	text_add(&t, ": ");
	text_add(&t, msg);
	/* Names of files are in it, and must not begin a line or drive a terminal. */
	for (size_t i = 0; i < t.len; i++) {
		if ((unsigned char)buf[i] < ' ' || buf[i] == 127)
			buf[i] = '?';
	}
	buf[t.len] = '\n';
	sys_write_quietly(STDERR_FILENO, buf, t.len + 1);
}

/* Ends a member that began at @start, or takes it back if it was too long for the line. */
static void end_member(struct text *t, size_t start)
{
	if (!t->cut)
		return;
	t->len = start;
	t->buf[start] = '\0';
	t->cut = false;
}

static void add_name(struct text *t, const char *name)
{
	text_add(t, ",\"");
	text_add(t, name);
	text_add(t, "\":");
}

static void add_string(struct text *t, const char *name, const char *value)
{
	size_t start = t->len;

	if (!value)
		return;
	add_name(t, name);
	text_add_json(t, value);
	end_member(t, start);
}

static void add_number(struct text *t, const char *name, int64_t value)
{
	size_t start = t->len;

	add_name(t, name);
	text_add_int(t, value);
	end_member(t, start);
}

static void add_caller(struct text *t, const struct log_event *event)
{
	size_t start = t->len;

	if (!event->module)
		return;
	text_add(t, ",\"caller\":{\"module\":");
	text_add_json(t, event->module);
	text_add(t, ",\"offset\":");
	text_add_int(t, (int64_t)event->offset);
	text_add(t, "}");
	end_member(t, start);
}

static void add_time(struct text *t)
{
	int64_t us = sys_wall_us();

	text_add(t, ",\"ts\":");
	text_add_int(t, us / 1000000);
	text_add(t, ".");
	text_add_padded(t, (uint64_t)(us % 1000000), 6);
}

/* The line for the file; members that do not fit are left out, so that it is always valid. */
static size_t json_line(const struct log *log, const struct log_event *event, char *buf,
			size_t size)
{
	struct text t;
	size_t start;

	text_start(&t, buf, size - 2);
	text_add(&t, "{\"v\":1");
	add_time(&t);
	text_add(&t, ",\"run\":\"");
	text_add_hex_padded(&t, log->run, 16);
	text_add(&t, "\"");
	add_number(&t, "pid", sys_getpid());
	add_string(&t, "level", severity_name(event->severity));
	add_string(&t, "event", log_kind_name(event->kind));
	add_string(&t, "exe", log->exe);
	if (event->fd >= 0)
		add_number(&t, "fd", event->fd);
	add_string(&t, "socket", event->socket);
	add_string(&t, "call", event->call);
	add_caller(&t, event);
	add_string(&t, "found", event->found);
	add_string(&t, "action", event->action);
	if (event->error)
		add_number(&t, "errno", event->error);
	if (event->more) {
		start = t.len;
		text_add(&t, ",");
		text_add(&t, event->more);
		end_member(&t, start);
	}
	add_string(&t, "msg", event->msg);
	memcpy(buf + t.len, "}\n", 2);
	return t.len + 2;
}

static int open_file(const struct log *log)
{
	return sys_open(log->file,
			O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY |
				O_NONBLOCK,
			0600);
}

static bool is_kept_open(const struct log *log)
{
	struct identity id;

	return log->fd >= 0 && descriptor_identity(log->fd, &id) && identity_same(&id, &log->id);
}

static int write_to_file(const struct log *log, const struct log_event *event)
{
	char buf[PIPE_BUF];
	size_t len = json_line(log, event, buf, sizeof(buf));
	bool kept = is_kept_open(log);
	int fd = kept ? log->fd : open_file(log);
	ssize_t ret;

	if (fd < 0)
		return fd;
	ret = sys_write_quietly(fd, buf, len);
	if (!kept)
		sys_close(fd);
	if (ret < 0)
		return (int)ret;
	return (size_t)ret == len ? 0 : -ENOSPC;
}

int log_event(const struct log *log, const struct log_event *event)
{
	log_line(log, event->severity, event->msg);
	if (!log->file || !*log->file)
		return 0;
	return write_to_file(log, event);
}

void log_keep_open(struct log *log)
{
	int fd, kept;

	if (!log->file || !*log->file || is_kept_open(log))
		return;
	fd = open_file(log);
	if (fd < 0)
		return;
	kept = sys_fcntl(fd, F_DUPFD_CLOEXEC, KEPT_LOG_LOWEST);
	if (kept >= 0)
		sys_close(fd);
	else
		kept = fd;
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
