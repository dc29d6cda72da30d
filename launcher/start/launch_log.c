/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/start/launch_log.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "launcher/base/message.h"
#include "shim/common/sys.h"

void events_begin(struct log *log)
{
	static char exe[PATH_MAX];
	ssize_t len = log_has_file(log) ? readlink("/proc/self/exe", exe, sizeof(exe) - 1) : -1;

	log->run = log_new_run();
	if (len < 0)
		return;
	exe[len] = '\0';
	log->exe = exe;
}

void events_connected(const struct settings *options, const struct connection *connection)
{
	const struct log_event event = { .kind = EVENT_CONNECTED, .socket = connection->path };
	struct log log = options->log;
	int ret;

	/* The line that scripts wait for; the event is for the file then. */
	if (!options->passt) {
		message(&options->log, LOG_NORMAL, "Connected to %s", connection->path);
		log.level = LOG_QUIET;
	}
	ret = log_event(&log, &event, "Connected to %s",
			options->passt ? "a passt of its own" : connection->path);
	if (ret)
		message_warning(&options->log, "Couldn't write the log file %s: %s", log.file,
				strerror(-ret));
}

void events_preload_skipped(const struct log *log, const struct qemu *qemu,
			    const struct preload *preload)
{
	const struct log_event event = { .kind = EVENT_PRELOAD_SKIPPED,
					 .severity = SEVERITY_WARNING,
					 .found = preload->reason };

	log_event(log, &event, "%s runs without the shim: %s", qemu->path, preload->reason);
}

/* The QEMU that the words name: the command itself, or what a wrapper is told to run; else NULL. */
static const char *find_named_qemu(const struct handover *h, struct qemu *named)
{
	if (h->options->mode == MODE_PATCH || qemu_is_name(h->qemu->path))
		return h->qemu->path;
	return qemu_find_in_words(h->options->command + 1, named) ? named->path : NULL;
}

/* With no links in it, as a program's own path in its events. */
static const char *real_path(const char *path, char buf[PATH_MAX])
{
	return path && realpath(path, buf) ? buf : path;
}

void events_handed_over(const struct handover *h)
{
	char command[PATH_MAX], qemu[PATH_MAX];
	const struct log *log = &h->options->log;
	struct qemu named;
	struct log_event event = {
		.kind = EVENT_HANDED_OVER,
		.fd = h->fd,
		.socket = h->connection->path,
		.action = h->preload ? ACTION_GUARDED : "not guarded",
	};

	/* What runs now, and which QEMU in the end: the shim of neither may ever say so itself. */
	if (log_has_file(log)) {
		event.command = real_path(h->qemu->path, command);
		event.qemu = real_path(find_named_qemu(h, &named), qemu);
	}
	log_event(log, &event, "Connection handed over to %s on descriptor %d", h->qemu->path,
		  h->fd);
}
