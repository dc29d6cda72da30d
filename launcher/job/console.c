/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/job/console.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "launcher/base/child.h"

/* As much as a pipe holds. */
#define PIECE 65536

/* The relay's own descriptors. */
enum { FROM, TO, FOUND, FDS };

/* All of it, however long the reader takes, and whatever flags the file has: false without one. */
static bool write_all(const char *data, size_t len)
{
	struct pollfd room = { .fd = TO, .events = POLLOUT };

	while (len) {
		ssize_t done = write(TO, data, len);

		if (done >= 0) {
			data += done;
			len -= (size_t)done;
		} else if (errno == EAGAIN) {
			poll(&room, 1, -1);
		} else if (errno != EINTR) {
			return false;
		}
	}
	return true;
}

/* Notes the last line, which may have begun in a piece before: what of it is printable. */
static void note_last(char *last, const char *data, size_t len)
{
	size_t at = strlen(last);
	bool over = at && last[at - 1] == '\n';

	for (size_t i = 0; i < len; i++) {
		if (over)
			at = 0;
		over = data[i] == '\n';
		if (at < CONSOLE_LAST_MAX - 1 && data[i] != '\r')
			last[at++] = data[i];
		if (over && at == CONSOLE_LAST_MAX - 1)
			last[at++] = '\n';
		last[at] = '\0';
	}
}

static _Noreturn void relay(const struct console *console)
{
	const size_t kept_max = console->text ? strlen(console->text) - 1 : 0;
	char *buf = malloc(kept_max + PIECE);
	bool wanted = console->text, has_reader = true;
	size_t kept = 0, all;
	ssize_t len;

	while (buf && (len = read(FROM, buf + kept, PIECE)) != 0) {
		if (len < 0)
			continue;
		if (has_reader)
			has_reader = write_all(buf + kept, (size_t)len);
		if (console->last)
			note_last(console->last, buf + kept, (size_t)len);
		all = kept + (size_t)len;
		if (wanted && memmem(buf, all, console->text, kept_max + 1)) {
			wanted = false;
			if (write(FOUND, "", 1) < 0)
				_exit(1);
		}
		/* What may be the beginning of the text stays in front of the next piece. */
		kept = wanted ? (all < kept_max ? all : kept_max) : 0;
		memmove(buf, buf + all - kept, kept);
	}
	_exit(0);
}

pid_t console_start(const struct console *console)
{
	const int fds[FDS] = { console->from, console->to,
			       console->text ? console->found : CHILD_NULL };
	pid_t pid = fork();

	if (pid)
		return pid < 0 ? -errno : pid;
	if (child_arrange_fds(fds, FDS))
		_exit(1);
	relay(console);
}
