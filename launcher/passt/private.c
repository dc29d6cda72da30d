/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/passt/private.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "launcher/base/child.h"
#include "launcher/base/message.h"
#include "launcher/base/words.h"
#include "shim/common/sys.h"

/* To get ready: netlink, namespaces and a fork take passt some 20 ms. */
#define START_MS 10000

/*
 * One in the background that has not answered by then never does; an exit status follows the end of
 * the connection at once.
 */
#define REPLY_MS 1000

/* To end after SIGTERM. */
#define GRACE_MS 500

/* Where passt finds its end of the connection: behind the standard streams. */
#define PASST_FD_S "3"

/**
 * struct private_passt - A passt that is being started
 * @log:	For messages
 * @reason:	Why it is not up, in words
 * @argv:	Its command line
 * @fd:		Our end of the connection
 * @child:	The process that was started: it may go into the background
 * @reply:	1: it has answered; negative: its end of the connection is closed
 */
struct private_passt {
	const struct log *log;
	char *reason;
	char **argv;
	int fd;
	struct child child;
	int reply;
};

/* Starts it with its end of a socket pair, and asks for an answer: 0 or -errno. */
static int launch(struct private_passt *passt)
{
	int pair[2];
	int ret;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return -errno;
	const int fds[] = { CHILD_NULL, CHILD_OUTPUT, CHILD_OUTPUT, pair[1] };
	const struct child_plan plan = { .argv = passt->argv, .fds = fds, .fd_count = 4 };

	ret = child_start(&passt->child, &plan);
	close(pair[1]);
	passt->fd = pair[0];
	if (ret)
		close(passt->fd);
	else
		/* If that fails it is gone already: its exit status tells more. */
		passt_ask(passt->fd);
	return ret;
}

static bool on_connection(struct loop_source *source)
{
	struct private_passt *passt = source->arg;

	passt->reply = passt_answered(passt->fd);
	if (passt->reply < 0)
		source->fd = -1;
	return passt->reply;
}

/* Waits until passt has answered, failed, or is not going to do either. */
static void wait_until_ready(struct private_passt *passt)
{
	struct child *child = &passt->child;
	struct loop_source sources[] = {
		{ .fd = child->output, .ready = child_on_output, .arg = child },
		{ .fd = passt->fd, .ready = on_connection, .arg = passt },
		{ .fd = child->end, .ready = child_on_end, .arg = child },
	};
	int64_t deadline = sys_now_ms() + START_MS;

	while (loop_run(sources, 3, deadline) && passt->reply <= 0 && !child->status &&
	       !(passt->reply && child->ended))
		deadline = sys_now_ms() + REPLY_MS;
	/* What it said last, and with its end. */
	child_on_output(&sources[0]);
}

/* The last line that passt said: not its complaints that there is no system log, nor its help. */
static const char *last_words(char *said)
{
	static const char complaint[] = "Failed to send ";
	const char *last = "it said nothing";
	char *help = strstr(said, "Usage:");
	char *line;

	if (help)
		*help = '\0';
	for (line = strtok(said, "\n"); line; line = strtok(NULL, "\n")) {
		if (strncmp(line, complaint, sizeof(complaint) - 1))
			last = line;
	}
	return last;
}

/* Writes why there is none. Return: -1, for the caller to return. */
static int __attribute__((format(printf, 2, 3))) refuse(char *reason, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(reason, PRIVATE_REASON_MAX, format, args);
	va_end(args);
	return -1;
}

/* Is it up? 0, or -1 and the reason; one that runs in the background, but is mute, is a warning. */
static int check_ready(struct private_passt *passt)
{
	const char *name = passt->argv[0];
	const struct child *child = &passt->child;
	const char *said = last_words(passt->child.said);

	if (passt->reply > 0)
		return 0;
	if (child->error)
		return refuse(passt->reason, "can't run %s: %s", name, strerror(child->error));
	if (child->signal)
		return refuse(passt->reason, "%s was ended by signal %d: %s", name, child->signal,
			      said);
	if (child->status)
		return refuse(passt->reason, "%s failed with status %d: %s", name, child->status,
			      said);
	if (passt->reply)
		return refuse(passt->reason, "%s does not serve descriptor " PASST_FD_S ": %s",
			      name, said);
	if (!child->ended)
		return refuse(passt->reason, "%s was not ready after %d s: %s", name,
			      START_MS / 1000, said);
	message_warning(passt->log, "--passt: %s runs, but does not answer", name);
	return 0;
}

char **private_passt_words(const char *command, char *reason)
{
	static char option[] = "--fd", fd[] = PASST_FD_S;
	char **words = NULL;
	int count = words_split(command, 2, &words);

	if (count == -EINVAL) {
		refuse(reason, "a quote does not end: %s", command);
	} else if (count < 0) {
		refuse(reason, "%s", strerror(-count));
	} else if (!count) {
		refuse(reason, "no command in it; leave it out for passt");
	} else {
		words[count] = option;
		words[count + 1] = fd;
		return words;
	}
	return NULL;
}

/* Waits for one that was started: 0, or -1 and the reason, and it is ended. */
static int take(struct private_passt *passt)
{
	wait_until_ready(passt);
	if (!check_ready(passt)) {
		child_release(&passt->child);
		return 0;
	}
	child_end(&passt->child, GRACE_MS);
	close(passt->fd);
	return -1;
}

int private_passt_start(const struct log *log, const char *command, struct connection *connection,
			char *reason)
{
	struct private_passt passt = { .log = log,
				       .reason = reason,
				       .argv = private_passt_words(command, reason) };
	int ret;

	if (!passt.argv)
		return -1;
	ret = launch(&passt);
	ret = ret ? refuse(reason, "%s", strerror(-ret)) : take(&passt);
	free(passt.argv);
	connection->fd = passt.fd;
	connection->path[0] = '\0';
	return ret;
}
