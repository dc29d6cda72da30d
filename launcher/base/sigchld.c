/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The signal that a child leaves behind. */
#include "launcher/base/sigchld.h"

#include <signal.h>
#include <stddef.h>
#include <time.h>

bool sigchld_waits(void)
{
	sigset_t pending;

	return !sigpending(&pending) && sigismember(&pending, SIGCHLD) == 1;
}

void sigchld_take_back(void)
{
	const struct timespec now = { 0 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigtimedwait(&set, NULL, &now);
}
