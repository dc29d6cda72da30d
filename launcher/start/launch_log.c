/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the log says about the launcher's part. */
#include "launcher/start/launch_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "launcher/base/message.h"
#include "shim/common/sys.h"
#include "shim/common/text.h"

/* A number for this start, the same in all its processes; never 0. */
static uint64_t make_run_number(void)
{
	uint64_t run = 0;

	if (getrandom(&run, sizeof(run), GRND_NONBLOCK) != sizeof(run) || !run)
		run = ((uint64_t)sys_wall_us() << 16) | (uint64_t)(getpid() & 0xffff);
	return run;
}

static bool has_file(const struct log *log)
{
	return log->file && *log->file;
}

void events_begin(struct log *log)
{
	static char exe[PATH_MAX];
	ssize_t len = has_file(log) ? readlink("/proc/self/exe", exe, sizeof(exe) - 1) : -1;

	log->run = make_run_number();
	if (len < 0)
		return;
	exe[len] = '\0';
	log->exe = exe;
}

/* For the log file, and for those who want to know of a passt of its own. */
static void tell_connected(const struct settings *options, const struct connection *connection)
{
	struct log log = options->log;
	char msg[PATH_MAX + 32];
	const struct log_event connected = {
		.kind = EVENT_CONNECTED, .msg = msg, .fd = -1, .socket = connection->path
	};
	int ret;

	snprintf(msg, sizeof(msg), "Connected to %s",
		 options->passt ? "a passt of its own" : connection->path);
	/* On stderr that was said. */
	if (!options->passt)
		log.level = LOG_QUIET;
	ret = log_event(&log, &connected);
	if (ret)
		message_warning(&options->log, "Couldn't write the log file %s: %s", log.file,
				strerror(-ret));
}

void events_connected(const struct settings *options, const struct connection *connection)
{
	/* The line that scripts wait for. */
	if (!options->passt)
		message_connected(&options->log, connection->path);
	if (options->passt || has_file(&options->log))
		tell_connected(options, connection);
}

void events_preload_skipped(const struct log *log, const struct qemu *qemu,
			    const struct preload *preload)
{
	char msg[sizeof(preload->reason) + PATH_MAX + 64];
	const struct log_event skipped = {
		.kind = EVENT_PRELOAD_SKIPPED,
		.severity = SEVERITY_WARNING,
		.msg = msg,
		.fd = -1,
		.found = preload->reason,
	};

	snprintf(msg, sizeof(msg), "%s runs without the shim: %s", qemu->path, preload->reason);
	log_event(log, &skipped);
}

/* The QEMU that the words name: the command itself, or what a wrapper is told to run. */
static bool find_named_qemu(const struct handover *h, char path[PATH_MAX])
{
	struct qemu named;

	strcpy(path, h->qemu->path);
	if (h->options->mode == MODE_PATCH || qemu_is_name(path))
		return true;
	if (!qemu_find_in_words(h->options->command + 1, &named))
		return false;
	strcpy(path, named.path);
	return true;
}

/* "NAME":"PATH", with no links in it, as a program's own path in its events. */
static void add_path(struct text *t, const char *name, const char *path)
{
	char real[PATH_MAX];

	text_add(t, t->len ? ",\"" : "\"");
	text_add(t, name);
	text_add(t, "\":");
	text_add_json(t, realpath(path, real) ? real : path);
}

/* What runs now, and which QEMU in the end: the shim of neither may ever say so itself. */
static const char *describe_command(const struct handover *h, char *buf, size_t size)
{
	char named[PATH_MAX];
	struct text t;

	text_start(&t, buf, size);
	add_path(&t, "command", h->qemu->path);
	if (find_named_qemu(h, named))
		add_path(&t, "qemu", named);
	return t.cut ? NULL : buf;
}

/* For those who want to know. */
static void tell_handed_over(const struct handover *h)
{
	char msg[PATH_MAX + 128], more[2 * PATH_MAX + 64];
	const struct log *log = &h->options->log;
	const struct log_event event = {
		.kind = EVENT_HANDED_OVER,
		.msg = msg,
		.fd = h->fd,
		.socket = h->connection->path,
		.action = h->preload ? "guarded" : "not guarded",
		.more = has_file(log) ? describe_command(h, more, sizeof(more)) : NULL,
	};

	snprintf(msg, sizeof(msg), "Connection handed over to %s on descriptor %d", h->qemu->path,
		 h->fd);
	log_event(log, &event);
}

void events_handed_over(const struct handover *h)
{
	const struct log *log = &h->options->log;

	if (has_file(log) || log->level >= LOG_TRACE)
		tell_handed_over(h);
}
