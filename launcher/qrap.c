/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qrap: put a QEMU guest on the network that passt(1) provides.
 *
 * Find QEMU, rewrite its command line where asked, find a passt that is free, leave its connection
 * on the number that QEMU expects, with the shim to see to it that it is still there when QEMU
 * takes it, and become QEMU.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "launcher/base/memory.h"
#include "launcher/base/message.h"
#include "launcher/cli/options.h"
#include "launcher/cmdline/parse/starts_guest.h"
#include "launcher/cmdline/rewrite/rewrite.h"
#include "launcher/job/job.h"
#include "launcher/job/result.h"
#include "launcher/passt/list.h"
#include "launcher/preload/check.h"
#include "launcher/preload/loadable.h"
#include "launcher/preload/qemu_path.h"
#include "launcher/report/report.h"
#include "launcher/start/choose_passt.h"
#include "launcher/start/exec.h"
#include "launcher/start/handover.h"
#include "launcher/start/program.h"
#include "launcher/watch/watch.h"
#include "shim/common/sys.h"

static int find_qemu(const struct settings *o, struct qemu *qemu)
{
	int status = qemu_find(o, qemu);

	if (!status || o->dry_run)
		return 0;
	if (status == STATUS_CANNOT_RUN)
		message_error(&o->log, "Couldn't run %s: %s", qemu->path, strerror(errno));
	else if (qemu->name)
		message_error(&o->log, "%s: no such command: looked in %s", qemu->name,
			      strchr(qemu->name, '/') ? "no other place" : "PATH");
	else
		message_error(&o->log, "Couldn't find qemu command: no kvm, qemu-kvm or "
				       "qemu-system-* in PATH; name one with --qemu");
	return status;
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* Each change, for those who want to know. */
static void tell_changes(const struct settings *o, const struct changes *changes)
{
	for (size_t i = 0; i < changes->count; i++) {
		const struct change *change = &changes->list[i];

		if (o->dry_run || change->notable)
			message_warning(&o->log, "%s", change->line);
		else
			message_trace(&o->log, "%s", change->line);
	}
}

/* Patch mode: the new command line. */
static int rewrite(const struct settings *o, const struct qemu *qemu, struct rewrite_result *result)
{
	const struct rewrite_request request = {
		.qemu = qemu->path, .args = o->command, .model = o->model, .is_open = is_open
	};
	int ret = rewrite_command_line(&request, result);

	if (ret == -EINVAL)
		message_error(&o->log, "%s", result->error);
	else if (ret)
		message_error(&o->log, "Couldn't find free address for device: give the NIC a "
				       "place of its own, or remove another device");
	else if (result->stays && o->insists)
		ret = message_error(&o->log, "the guest cannot come to passt: %s", result->stays);
	else if (result->stays)
		message_warning(&o->log, "QEMU runs as it is, without passt: %s", result->stays);
	return ret ? STATUS_FAILED : 0;
}

/* QEMU with its arguments as they are: there is no guest, or none that comes to passt. */
static int run_as_it_is(const struct settings *o, const struct qemu *qemu)
{
	char **words = command_words(qemu->name, o->command);

	return command_failed(&o->log, qemu, words ? command_try(qemu, words) : ENOMEM);
}

/* Becomes the command: without the shim where only that is too much for it. */
static int run_command(struct handover *h, char **words)
{
	const struct log *log = &h->options->log;
	struct preload *preload = h->preload;
	int error = command_try(h->qemu, words);

	if (error == E2BIG && preload) {
		snprintf(preload->reason, sizeof(preload->reason),
			 "its arguments and environment leave no room for the shim's");
		events_preload_skipped(h, preload);
		hand_over_unguarded(h);
		error = command_try(h->qemu, words);
	}
	return command_failed(log, h->qemu, error);
}

/* From the connection to QEMU; in a job that is one of several processes. */
static int launch(struct job *job, struct handover *h, struct preload *preload, char **words,
		  struct rewrite_result *line)
{
	const struct settings *o = h->options;
	struct connection *connection = h->connection;
	int ret = choose_passt(o, line, job->control, connection);

	if (ret > 0)
		return run_as_it_is(o, h->qemu);
	if (ret || job_connected(job, !*connection->path))
		return STATUS_FAILED;
	tell_changes(o, &line->changes);
	if (o->guard && !h->preload)
		events_preload_skipped(h, preload);
	if (hand_over(h))
		return STATUS_FAILED;
	job_before_exec(job);
	return run_command(h, words);
}

/* What was asked for, once it is known what to run with which arguments. */
static int start(const struct settings *o, struct qemu *qemu, char **words,
		 struct rewrite_result *line)
{
	/* A wrapper in explicit mode may be static: what matters is in its words. */
	char **args = o->mode == MODE_EXPLICIT ? words + 1 : NULL;
	/* Not on the stack, which cannot grow where memory is limited. */
	struct preload *preload = arena_get(arena_new(), sizeof(*preload));
	struct connection connection = { .fd = -1, .control = -1 };
	struct handover handover = {
		.options = o, .connection = &connection, .fd = line->fd, .qemu = qemu
	};
	struct job job = { .settings = o, .network = &line->network };
	int status = STATUS_FAILED;

	if (choose_passt_publish(o, &line->network))
		return status;
	strcpy(preload->reason, "--guard off");
	if (o->guard && preload_find(preload, qemu->path, args))
		handover.preload = preload;
	if (job_begin(&job, handover.preload ? NULL : preload->reason))
		return status;
	status = launch(&job, &handover, preload, words, line);
	job_failed(&job, status);
	return status;
}

/* Explicit mode's command as it is, patch mode's with another command line. */
static int run_qemu(const struct settings *o)
{
	const bool patch = o->mode == MODE_PATCH;
	bool has_guest = !patch || (starts_guest(o->command) && !program_has_connection(o));
	struct rewrite_result result = { .args = o->command, .fd = o->fd };
	char **words = o->command;
	struct qemu qemu;
	int status = find_qemu(o, &qemu);

	if (!status && patch && has_guest)
		status = rewrite(o, &qemu, &result);
	if (status)
		return status;
	if (patch)
		words = command_words(qemu.name, result.args);
	if (!words) {
		message_error(&o->log, "Couldn't rewrite the command line: %s", strerror(ENOMEM));
		return STATUS_FAILED;
	}
	has_guest = has_guest && !result.stays;
	if (o->dry_run) {
		tell_changes(o, &result.changes);
		if (has_guest && choose_passt_dry(o, &result))
			return STATUS_FAILED;
		command_print(words);
		return 0;
	}
	if (!has_guest && settings_has_job(o)) {
		message_error(&o->log,
			      "--run, --ready and --timeout need a guest that comes to passt");
		return STATUS_FAILED;
	}
	if (!has_guest)
		return run_as_it_is(o, &qemu);
	return start(o, &qemu, words, &result);
}

/* Where one is closed, no connection must come onto its number: messages would go there. */
static void hold_standard_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (!is_open(fd))
			open("/dev/null", O_RDONLY | O_CLOEXEC);
	}
}

static int run(const struct settings *options)
{
	switch (options->mode) {
	case MODE_EXPLICIT:
	case MODE_PATCH:
		return run_qemu(options);
	case MODE_PROGRAM:
		return run_program(options);
	case MODE_CHECK:
		return check(options);
	case MODE_REPORT:
		return report(options);
	case MODE_WATCH:
		return watch(options);
	case MODE_LIST:
		return list_sockets(options);
	case MODE_HELP:
		options_help();
		return 0;
	case MODE_VERSION:
		options_version();
		return 0;
	}
	return STATUS_FAILED;
}

/* Would a command run? Then all that this process returns is a failure of its own. */
static bool is_start(const struct settings *options)
{
	return (options->mode == MODE_EXPLICIT || options->mode == MODE_PATCH) && !options->dry_run;
}

int main(int argc, char **argv)
{
	struct settings options;
	int status;

	hold_standard_descriptors();
	status = options_parse(argc, argv, &options);
	events_begin(&options.log);
	if (!status)
		status = run(&options);
	if (!message_all_answered(&options.log))
		status = STATUS_FAILED;
	if (status && is_start(&options)) {
		events_failed(&options.log, status);
		result_write_failed(&options, status);
	}
	return status;
}
