/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/base/loop.h"

#include <limits.h>
#include <poll.h>

#include "shim/common/sys.h"

bool loop_run(struct loop_source *sources, size_t count, int64_t deadline)
{
	struct pollfd fds[LOOP_SOURCES_MAX];
	int64_t left;

	while ((left = deadline - sys_now_ms()) > 0) {
		bool done = false;

		for (size_t i = 0; i < count; i++)
			fds[i] = (struct pollfd) { .fd = sources[i].fd, .events = POLLIN };
		sys_poll(fds, count, left < INT_MAX ? (int)left : INT_MAX);
		for (size_t i = 0; i < count; i++) {
			if (fds[i].revents)
				done |= sources[i].ready(&sources[i]);
		}
		if (done)
			return true;
	}
	return false;
}
