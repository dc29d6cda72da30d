/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The static checks, and a trial: the program is started with the shim, which answers on a pipe and
 * ends it before anything of it has run.
 */
#include "launcher/preload/check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/base/child.h"
#include "launcher/base/message.h"
#include "launcher/preload/loadable.h"
#include "launcher/preload/qemu_path.h"
#include "shim/common/handoff.h"
#include "shim/common/sys.h"

/* How long the shim has to answer, in milliseconds. */
#define TRIAL_MS 5000

/* Where the shim answers: behind the standard streams, into what the program says. */
#define REPLY_FD_S "3"

/* What the answer of any version begins with. */
#define REPLY_NAME "qrap "

/* Starts the program: as child_start(). */
static int start_trial(struct child *child, const struct preload *preload, const char *path)
{
	static const int fds[] = { CHILD_NULL, CHILD_NULL, CHILD_OUTPUT, CHILD_OUTPUT };
	char *value = preload_value(preload, getenv("LD_PRELOAD"));
	char *argv[] = { (char *)path, "-version", NULL };
	char *env[] = { HANDOFF_VARIABLE, NULL, CHECK_REPLY_VARIABLE "=" REPLY_FD_S, NULL };
	const struct child_plan plan = {
		.argv = argv, .env = env, .fds = fds, .fd_count = 4, .ends_with_us = true
	};

	if (!value || asprintf(&env[1], "LD_PRELOAD=%s", value) < 0)
		return -ENOMEM;
	return child_start(child, &plan);
}

/* Waits for the end of the program. Return: false if it did not come. */
static bool wait_for_end(struct child *child)
{
	struct loop_source sources[] = {
		{ .fd = child->output, .ready = child_on_output, .arg = child },
		{ .fd = child->end, .ready = child_on_end, .arg = child },
	};
	bool in_time = loop_run(sources, 2, sys_now_ms() + TRIAL_MS);

	/* What came last, and with the end. */
	child_on_output(&sources[0]);
	child_end(child, 0);
	return in_time;
}

/* The line about the shim, else about libraries, else the first one; NULL: it said nothing. */
static const char *find_complaint(char *said, const char *shim)
{
	const char *const words[] = { shim, "LD_PRELOAD", "error while loading", "" };
	char *line = NULL;

	said += strspn(said, "\n");
	for (size_t i = 0; !line; i++)
		line = strstr(said, words[i]);
	while (line > said && line[-1] != '\n')
		line--;
	line[strcspn(line, "\n")] = '\0';
	return *line ? line : NULL;
}

/* Does the shim really get into that program? Fills in the reason if not. */
static bool try_program(struct preload *preload, const char *path)
{
	struct child child = { .said_len = 0 };
	int ret = start_trial(&child, preload, path);
	bool in_time = !ret && wait_for_end(&child);
	const char *complaint;

	if (ret || child.error)
		return preload_refuse(preload, "Couldn't start %s: %s", path,
				      strerror(ret ? -ret : child.error));
	if (strstr(child.said, CHECK_REPLY_LINE))
		return true;
	if (!in_time)
		return preload_refuse(preload, "%s: no answer from the shim within %d s", path,
				      TRIAL_MS / 1000);
	if (strstr(child.said, REPLY_NAME))
		return preload_refuse(preload, "%s: another version of the shim was loaded", path);
	complaint = find_complaint(child.said, preload->shim);
	if (complaint)
		return preload_refuse(preload, "%s: %s", path, complaint);
	return preload_refuse(preload,
			      "%s ran without the shim (status %d): the dynamic loader left it "
			      "out, as it does where a security module (AppArmor, SELinux) has "
			      "exec change privileges",
			      path, child.status);
}

static void print_program(const struct chain_file *file)
{
	if (file->interpreter)
		message_answer("program: %s, a script of %s%s%s; what it runs is not seen",
			       file->path, file->interpreter, file->command ? " " : "",
			       file->command ? file->command : "");
	else
		message_answer("program: %s", file->path);
}

int check(const struct settings *options)
{
	struct preload preload;
	struct qemu qemu;
	int status = qemu_find(options, &qemu);
	bool fits;

	if (status == STATUS_CANNOT_RUN) {
		message_answer("no: %s cannot be run: %s", qemu.path, strerror(errno));
		return 1;
	}
	if (status) {
		message_answer("no: %s: no such command", qemu.name ? qemu.name : "QEMU");
		return status;
	}
	fits = preload_find(&preload, qemu.path, NULL) && try_program(&preload, qemu.path);
	message_answer("%s%s", fits ? "yes" : "no: ", fits ? "" : preload.reason);
	print_program(&preload.chain.files[0]);
	if (*preload.shim)
		message_answer("shim: %s", preload.shim);
	return fits ? 0 : 1;
}
