/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/base/loop.h"

#include <limits.h>
#include <poll.h>

#include "shim/common/sys.h"

bool loop_run(struct loop_source *sources, size_t count, int64_t deadline)
{
	struct pollfd fds[LOOP_SOURCES_MAX];
	struct loop_source *polled[LOOP_SOURCES_MAX];
	int64_t left;

	while ((left = deadline - sys_now_ms()) > 0) {
		bool done = false;
		size_t n = 0;

		/* Only what is open: poll(2) refuses more than RLIMIT_NOFILE, and we would spin. */
		for (size_t i = 0; i < count; i++) {
			if (sources[i].fd < 0)
				continue;
			polled[n] = &sources[i];
			fds[n++] = (struct pollfd) { .fd = sources[i].fd, .events = POLLIN };
		}
		sys_poll(fds, n, left < INT_MAX ? (int)left : INT_MAX);
		for (size_t i = 0; i < n; i++) {
			if (fds[i].revents)
				done |= polled[i]->ready(polled[i]);
		}
		if (done)
			return true;
	}
	return false;
}
