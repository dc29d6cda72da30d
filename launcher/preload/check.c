/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The static checks, and a trial: the program is started with the shim, which answers on a pipe and
 * ends it before anything of it has run.
 */
#include "launcher/preload/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "launcher/base/child.h"
#include "launcher/base/message.h"
#include "launcher/preload/loadable.h"
#include "shim/common/handoff.h"
#include "shim/common/sys.h"

/* How long the shim has to answer, in milliseconds. */
#define TRIAL_MS 5000

/* Where the shim finds the pipe: behind the standard streams. */
#define REPLY_FD_S "3"

/**
 * struct trial - A program that is tried
 * @child:	Its process
 * @reply:	The shim's pipe
 * @replied:	What came from there
 * @len:	Length of it
 */
struct trial {
	struct child child;
	int reply;
	char replied[sizeof(CHECK_REPLY_LINE)];
	size_t len;
};

static bool has_replied(const struct trial *trial)
{
	return !strcmp(trial->replied, CHECK_REPLY_LINE);
}

/* Ready callback of the shim's pipe: ends the loop once the answer is there. */
static bool on_reply(struct loop_source *source)
{
	struct trial *trial = source->arg;
	ssize_t len = read(trial->reply, trial->replied + trial->len,
			   sizeof(trial->replied) - 1 - trial->len);

	if (len > 0)
		trial->len += (size_t)len;
	else
		source->fd = -1;
	return has_replied(trial);
}

/* Starts the program: 0 or -errno. */
static int start_trial(struct trial *trial, const struct preload *preload, const char *path)
{
	char *value = preload_value(preload, getenv("LD_PRELOAD"));
	char *preloaded = NULL;
	char *argv[] = { (char *)path, "-version", NULL };
	int reply[2];
	int ret;

	if (!value || asprintf(&preloaded, "LD_PRELOAD=%s", value) < 0)
		return -ENOMEM;
	if (pipe2(reply, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	char *env[] = { HANDOFF_VARIABLE, preloaded, CHECK_REPLY_VARIABLE "=" REPLY_FD_S, NULL };
	const int fds[] = { CHILD_NULL, CHILD_NULL, CHILD_OUTPUT, reply[1] };
	const struct child_plan plan = { .argv = argv, .env = env, .fds = fds, .fd_count = 4 };

	ret = child_start(&trial->child, &plan);
	close(reply[1]);
	if (ret)
		close(reply[0]);
	trial->reply = reply[0];
	return ret;
}

/* Waits for the answer, or for the end of the program. Return: false if there was neither. */
static bool wait_for_reply(struct trial *trial)
{
	struct loop_source sources[] = {
		{ .fd = trial->child.output, .ready = child_on_output, .arg = &trial->child },
		{ .fd = trial->reply, .ready = on_reply, .arg = trial },
		{ .fd = trial->child.end, .ready = child_on_end, .arg = &trial->child },
	};
	bool in_time = loop_run(sources, 3, sys_now_ms() + TRIAL_MS);

	/* What came last, and with the end. */
	child_on_output(&sources[0]);
	on_reply(&sources[1]);
	return in_time;
}

/* The line about the shim, else about loading libraries, else the first one; NULL: it said nothing.
 */
static const char *find_complaint(char *said, const char *shim)
{
	const char *const words[] = { shim,
				      "version `",
				      "symbol lookup error",
				      "LD_PRELOAD",
				      "Error relocating",
				      "error while loading",
				      "" };
	char *line = NULL;

	said += strspn(said, "\n");
	for (size_t i = 0; !line; i++)
		line = strstr(said, words[i]);
	while (line > said && line[-1] != '\n')
		line--;
	line[strcspn(line, "\n")] = '\0';
	return *line ? line : NULL;
}

static bool explain_trial(struct preload *preload, const char *path, struct trial *trial,
			  bool in_time)
{
	const char *complaint = find_complaint(trial->child.said, preload->shim);

	if (trial->child.error)
		return unfit(preload->reason, "Couldn't start %s: %s", path,
			     strerror(trial->child.error));
	if (!in_time)
		return unfit(preload->reason, "%s: no answer from the shim within %d s", path,
			     TRIAL_MS / 1000);
	if (trial->len)
		return unfit(preload->reason, "%s: another version of the shim was loaded", path);
	if (complaint)
		return unfit(preload->reason, "%s: %s", path, complaint);
	return unfit(preload->reason,
		     "%s ran without the shim (status %d): the dynamic loader left it out, as it "
		     "does where a security module (AppArmor, SELinux) has exec change privileges",
		     path, trial->child.status);
}

/* Does the shim really get into that program? Fills in the reason if not. */
static bool try_program(struct preload *preload, const char *path)
{
	struct trial trial = { .len = 0 };
	int ret = start_trial(&trial, preload, path);
	bool in_time;

	if (ret)
		return unfit(preload->reason, "Couldn't start %s: %s", path, strerror(-ret));
	in_time = wait_for_reply(&trial);
	child_end(&trial.child, 0);
	close(trial.reply);
	return has_replied(&trial) || explain_trial(preload, path, &trial, in_time);
}

static void print_program(const struct chain_file *file)
{
	if (file->interpreter[0])
		message_answer("program: %s, a script of %s%s%s; what it runs is not seen",
			       file->path, file->interpreter, *file->command ? " " : "",
			       file->command);
	else
		message_answer("program: %s", file->path);
}

static int find_qemu(const struct settings *options, struct qemu *qemu)
{
	const char *command = options->command[0] ? options->command[0] : options->qemu;

	return command ? qemu_find_command(command, qemu) : qemu_find_default(qemu);
}

int check(const struct settings *options)
{
	struct preload preload;
	struct chain chain;
	struct qemu qemu;
	int status = find_qemu(options, &qemu);
	bool fits;

	if (status == STATUS_CANNOT_RUN) {
		message_answer("no: %s cannot be run: %s", qemu.path, strerror(errno));
		return 1;
	}
	if (status) {
		message_answer("no: %s: no such command", qemu.name ? qemu.name : "QEMU");
		return status;
	}
	chain_find(&chain, qemu.path, NULL);
	fits = preload_find_shim(&preload) && preload_check_chain(&preload, &chain) &&
	       try_program(&preload, qemu.path);
	message_answer("%s%s", fits ? "yes" : "no: ", fits ? "" : preload.reason);
	print_program(&chain.files[0]);
	if (*preload.shim)
		message_answer("shim: %s", preload.shim);
	return fits ? 0 : 1;
}
