/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/base/loop.h"

#include <limits.h>
#include <poll.h>

#include "shim/common/sys.h"

#define TICK_MS 10

/* Fills in what to wait for. Return: for how long at most, @left in milliseconds or a tick. */
static int prepare(const struct loop_source *sources, size_t count, struct pollfd *fds,
		   int64_t left)
{
	for (size_t i = 0; i < count; i++) {
		fds[i] = (struct pollfd) { .fd = sources[i].fd, .events = POLLIN };
		if (sources[i].fd == LOOP_TICK && left > TICK_MS)
			left = TICK_MS;
	}
	return left < INT_MAX ? (int)left : INT_MAX;
}

bool loop_run(struct loop_source *sources, size_t count, int64_t deadline)
{
	struct pollfd fds[LOOP_SOURCES_MAX];
	int64_t left;

	while ((left = deadline - sys_now_ms()) > 0) {
		bool done = false;

		sys_poll(fds, count, prepare(sources, count, fds, left));
		for (size_t i = 0; i < count; i++) {
			if (fds[i].revents || sources[i].fd == LOOP_TICK)
				done |= sources[i].ready(&sources[i]);
		}
		if (done)
			return true;
	}
	return false;
}
