/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Raw system calls that need more than a line. */
#include "shim/common/sys.h"

#include <signal.h>
#include <stdbool.h>

/* Our own descriptors are not below this, where it can be had. */
#define LOWEST_OWN 64

/* What the kernel calls a 64-bit timespec: ppoll_time64 and clock_gettime64 on 32-bit machines. */
struct sys_timespec {
#ifdef SYS_clock_gettime64
	int64_t sec;
	int64_t nsec;
#else
	long sec;
	long nsec;
#endif
};

#ifdef SYS_clock_gettime64
#define SYS_GETTIME SYS_clock_gettime64
#else
#define SYS_GETTIME SYS_clock_gettime
#endif

#ifdef SYS_ppoll_time64
#define SYS_PPOLL SYS_ppoll_time64
#else
#define SYS_PPOLL SYS_ppoll
#endif

#ifdef SYS_rt_sigtimedwait_time64
#define SYS_SIGTIMEDWAIT SYS_rt_sigtimedwait_time64
#else
#define SYS_SIGTIMEDWAIT SYS_rt_sigtimedwait
#endif

int sys_poll(struct pollfd *fds, nfds_t n, int ms)
{
	struct sys_timespec ts = { ms / 1000, (ms % 1000) * 1000000L };

	return (int)sys_call(SYS_PPOLL, (long)fds, (long)n, ms < 0 ? 0 : (long)&ts, 0, 0, 0);
}

static int64_t now_ns(int clock)
{
	struct sys_timespec ts = { 0, 0 };

	sys_call(SYS_GETTIME, clock, (long)&ts, 0, 0, 0, 0);
	return (int64_t)ts.sec * 1000000000 + ts.nsec;
}

int64_t sys_now_ms(void)
{
	return now_ns(CLOCK_MONOTONIC) / 1000000;
}

int64_t sys_wall_us(void)
{
	return now_ns(CLOCK_REALTIME) / 1000;
}

/* Sets of signals as the kernel has them: 64 bits, signal N is bit N - 1. */
#define KERNEL_SIGSET_SIZE 8

#define SIGNAL_BIT(n) (UINT64_C(1) << ((n)-1))

/*
 * Takes back a signal that the kernel has just sent to this thread, while it is blocked. Return:
 * what has to stay blocked: the signal that could not be taken back, of which the program would
 * die.
 */
static uint64_t take_back(uint64_t signal)
{
	struct sys_timespec now = { 0, 0 };
	long ret =
		sys_call(SYS_SIGTIMEDWAIT, (long)&signal, 0, (long)&now, KERNEL_SIGSET_SIZE, 0, 0);

	return ret < 0 ? signal : 0;
}

/* A pipe that nobody reads, or a socket whose peer is gone. */
static bool is_broken(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	return sys_poll(&p, 1, 0) == 1 && (p.revents & (POLLERR | POLLHUP));
}

/*
 * The signals are those of two of the errors, and the one that stops a program in the background
 * (termios(3), TOSTOP): where that is blocked, the terminal takes what is written.
 */
ssize_t sys_write_quietly(int fd, const void *buf, size_t len)
{
	const uint64_t signals = SIGNAL_BIT(SIGPIPE) | SIGNAL_BIT(SIGXFSZ) | SIGNAL_BIT(SIGTTOU);
	uint64_t pending = 0, before = 0, sent = 0;
	ssize_t ret;

	sys_call(SYS_rt_sigpending, (long)&pending, KERNEL_SIGSET_SIZE, 0, 0, 0, 0);
	if (sys_call(SYS_rt_sigprocmask, SIG_BLOCK, (long)&signals, (long)&before,
		     KERNEL_SIGSET_SIZE, 0, 0))
		return is_broken(fd) ? -EPIPE : sys_write(fd, buf, len);
	ret = sys_write(fd, buf, len);
	if (ret == -EPIPE)
		sent = SIGNAL_BIT(SIGPIPE);
	else if (ret == -EFBIG)
		sent = SIGNAL_BIT(SIGXFSZ);
	if (sent & ~pending)
		before |= take_back(sent);
	sys_call(SYS_rt_sigprocmask, SIG_SETMASK, (long)&before, 0, KERNEL_SIGSET_SIZE, 0, 0);
	return ret;
}

int sys_move_up(int fd)
{
	int up = sys_fcntl(fd, F_DUPFD_CLOEXEC, LOWEST_OWN);

	if (up < 0)
		return fd;
	sys_close(fd);
	return up;
}
