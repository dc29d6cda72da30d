/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/start/handover.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/base/message.h"
#include "launcher/base/words.h"
#include "shim/common/fd_store.h"
#include "shim/common/handoff.h"
#include "shim/common/sys.h"
#include "shim/common/text.h"

#define PRELOAD_VARIABLE "LD_PRELOAD"

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

void events_failed(const struct log *log, int status)
{
	const char *reason = message_first_error();
	const struct log_event event = {
		.kind = EVENT_FAILED, .severity = SEVERITY_ERROR, .reason = reason, .status = status
	};
	struct log file_only = *log;

	/* On stderr it has been said. */
	file_only.level = LOG_QUIET;
	log_event(&file_only, &event, "%s", reason);
}

/* A sudo that was not told what to keep; a -C of the command behind it is taken for its own. */
static bool is_closing_sudo(const struct handover *h)
{
	char **word = h->options->command + 1;

	if (h->options->mode != MODE_EXPLICIT || strcmp(path_name(h->qemu->path), "sudo"))
		return false;
	while (*word && strncmp(*word, "-C", 2) && strncmp(*word, "--close-from", 12))
		word++;
	return !*word;
}

void events_preload_skipped(const struct handover *h, const struct preload *preload)
{
	const struct log_event event = { .kind = EVENT_PRELOAD_SKIPPED,
					 .severity = SEVERITY_WARNING,
					 .found = preload->reason };
	const struct log *log = &h->options->log;

	/* That the shim is not there would be no help. */
	if (is_closing_sudo(h))
		log_event(
			log, &event,
			"sudo closes descriptors from 3 on, and so passt's connection: \"sudo -C "
			"%d\" keeps it, where sudoers has closefrom_override; or run qrap by sudo",
			h->fd + 1);
	else
		log_event(log, &event, "%s runs without the shim: %s", h->qemu->path,
			  preload->reason);
}

/* Onto the number asked for, unless it is there already: then only close-on-exec goes. */
static int put_on_number(int from, int to)
{
	if (from == to)
		return fcntl(to, F_SETFD, 0);
	if (dup2(from, to) < 0) {
		/* Not of what is open, but of a number beyond the limit: dup2(2). */
		errno = errno == EBADF ? EMFILE : errno;
		return -1;
	}
	/* Whatever it says, the number is free afterwards: close(2). */
	close(from);
	return 0;
}

/* Does make hand its jobserver's pipe on by this number (MAKEFLAGS=... --jobserver-auth=R,W)? */
static bool is_jobserver(int fd)
{
	static const char *const options[] = { "--jobserver-auth=", "--jobserver-fds=" };
	const char *flags = getenv("MAKEFLAGS"), *value;
	int r, w;

	for (size_t i = 0; flags && i < sizeof(options) / sizeof(options[0]); i++) {
		value = strstr(flags, options[i]);
		if (value && sscanf(value + strlen(options[i]), "%d,%d", &r, &w) == 2)
			return fd == r || fd == w;
	}
	return false;
}

/* Whoever chose the number may not know that something else has it. */
static void warn_of_replacement(const struct handover *h)
{
	if (h->fd == h->connection->fd || fcntl(h->fd, F_GETFD) < 0)
		return;
	message_warning(&h->options->log,
			"Descriptor %d was in use, for %s%s: it is passt's connection now", h->fd,
			descriptor_name(h->fd), is_jobserver(h->fd) ? ", make's jobserver" : "");
}

/* QEMU's executable, so that the shim knows it whatever its arguments say. */
static void name_qemu(struct handoff *handoff, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	int fd;

	if (!strstr(name, "qemu") && !strstr(name, "kvm"))
		return;
	fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return;
	descriptor_identity(fd, &handoff->qemu);
	close(fd);
}

/* The spare; and the way to a private passt's supervisor: without it, there will be no other one.
 */
static void make_store(const struct handover *h, struct handoff *handoff)
{
	const struct log *log = &h->options->log;
	int file = log_has_file(log) ? log_open(log) : -1;
	int ret = store_create(handoff, file, h->connection->control);

	if (file >= 0)
		close(file);
	if (!ret)
		return;
	handoff->reconnect &= *h->connection->path != '\0';
	handoff->observe = false;
	message_warning(log, "No spare of the connection: %s; a lost descriptor means a new one",
			strerror(-ret));
}

/* A relative log file is the same file wherever the programs that follow change to. */
static void set_log_file(const struct log *log, struct handoff *handoff)
{
	const char *file = log_has_file(log) ? log->file : "";
	char directory[PATH_MAX];
	bool is_relative = *file && *file != '/' && getcwd(directory, sizeof(directory));
	int len = snprintf(handoff->log_file, sizeof(handoff->log_file), "%s%s%s",
			   is_relative ? directory : "", is_relative ? "/" : "", file);

	if ((size_t)len < sizeof(handoff->log_file))
		return;
	message_warning(log, "Log file %s: path too long, only qrap itself logs to it", file);
	handoff->log_file[0] = '\0';
}

int hand_over_variables(struct handover *h, struct handoff *handoff)
{
	char value[HANDOFF_SIZE];
	char *preload;

	set_log_file(&h->options->log, handoff);
	/* Left behind in the environment, it is an order to end at once. */
	unsetenv(CHECK_REPLY_VARIABLE);
	preload = preload_value(h->preload, h->variable);
	handoff_write(handoff, value);
	if (preload && !setenv(HANDOFF_VARIABLE, value, 1) && !setenv(PRELOAD_VARIABLE, preload, 1))
		return 0;
	message_error(&h->options->log, "Couldn't set up the shim's environment: %s",
		      strerror(ENOMEM));
	return -1;
}

static int leave_handoff(struct handover *h)
{
	const struct settings *o = h->options;
	const char *runtime = h->preload->runtime;
	struct handoff handoff = {
		.fd = h->fd,
		.store = -1,
		.run = o->log.run,
		.level = o->log.level,
		.reconnect = o->reconnect,
		.observe = settings_has_job(o),
		.runtime = *runtime && !(h->variable && strstr(h->variable, runtime)),
		.trust = o->trust,
	};

	passt_trust_enter(&handoff.trust);
	descriptor_identity(h->fd, &handoff.socket);
	memcpy(handoff.passt, h->connection->path, sizeof(handoff.passt));
	name_qemu(&handoff, h->qemu->path);
	snprintf(handoff.well, sizeof(handoff.well), "qrap, pid %d", getpid());
	make_store(h, &handoff);
	h->store = handoff.store;
	return hand_over_variables(h, &handoff);
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

static void log_handed_over(const struct handover *h)
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

/* For program_has_connection() of a link that is called further on: there is no handoff. */
static void name_descriptor(const struct handover *h)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", h->fd);
	if (h->options->is_qemu && !h->preload)
		setenv(FD_VARIABLE, number, 1);
}

int hand_over(struct handover *h)
{
	warn_of_replacement(h);
	if (put_on_number(h->connection->fd, h->fd)) {
		message_error(&h->options->log, "Couldn't put the connection on descriptor %d: %s",
			      h->fd, strerror(errno));
		return -1;
	}
	h->variable = getenv(PRELOAD_VARIABLE);
	if (h->preload && leave_handoff(h))
		return -1;
	name_descriptor(h);
	log_handed_over(h);
	return 0;
}

void hand_over_no_variables(const struct handover *h)
{
	unsetenv(HANDOFF_VARIABLE);
	if (!h->variable || setenv(PRELOAD_VARIABLE, h->variable, 1))
		unsetenv(PRELOAD_VARIABLE);
}

void hand_over_unguarded(struct handover *h)
{
	hand_over_no_variables(h);
	if (h->store >= 0)
		close(h->store);
	h->preload = NULL;
	name_descriptor(h);
	log_handed_over(h);
}
