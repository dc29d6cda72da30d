/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The shim's clock, its waiting and its writing on a kernel that does not know the calls with a
 * 64-bit time: Linux before 5.1 on a 32-bit machine. Their numbers here are ones that no kernel
 * knows, so that it is seen on any machine. Silent and 0 if all is well.
 *
 * Of the same kind, a call that came late or that a filter refuses: close_range (intercept.c and
 * child.c go one by one), pidfd_open (supervisor.c waits for its socket), memfd_create, getrandom,
 * MFD_NOEXEC_SEAL, SO_COOKIE. None of these lets anything wait for ever.
 */
#include <stdio.h>
#include <sys/syscall.h>

#undef SYS_clock_gettime64
#undef SYS_ppoll_time64
#undef SYS_rt_sigtimedwait_time64
#define SYS_clock_gettime64        4000
#define SYS_ppoll_time64           4001
#define SYS_rt_sigtimedwait_time64 4002

#include "shim/common/sys.c"

static int failures;

static void expect(bool good, const char *what)
{
	if (good)
		return;
	printf("not so: %s\n", what);
	failures = 1;
}

static int64_t libc_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

static void time_passes(void)
{
	int64_t ours = sys_now_ms(), libcs = libc_ms();
	int64_t wall = sys_wall_us() / 1000000 - time(NULL);

	expect(ours - libcs <= 1 && libcs - ours <= 1000, "the clock is the libc's");
	expect(wall >= -2 && wall <= 2, "so is the wall clock");
	expect(!sys_poll(NULL, 0, 30), "nothing to wait for");
	expect(libc_ms() - libcs >= 30, "it waited");
	expect(sys_now_ms() - ours >= 30, "time has passed");
}

/* Nobody reads: no signal is left, and none is blocked that was not. */
static void signals_are_taken_back(void)
{
	sigset_t set;
	int ends[2];

	expect(!pipe(ends) && !close(ends[0]), "a pipe");
	expect(sys_write_quietly(ends[1], "", 1) == -EPIPE, "nobody reads it");
	expect(!sigpending(&set) && !sigismember(&set, SIGPIPE), "no signal waits");
	expect(!sigprocmask(SIG_BLOCK, NULL, &set) && !sigismember(&set, SIGPIPE),
	       "none is blocked");
}

int main(void)
{
	time_passes();
	signals_are_taken_back();
	return failures;
}
