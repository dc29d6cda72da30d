/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Raw system calls that need more than a line. */
#include "shim/common/sys.h"

#include <signal.h>
#include <stdbool.h>
#include <string.h>

/* Our own descriptors are not below this, where it can be had. */
#define LOWEST_OWN 64

/*
 * A time as the kernel takes it. On 32-bit machines there are two kinds of it, in calls of their
 * own: of 64 bits since Linux 5.1, and of a long before.
 */
struct sys_timespec {
	int64_t sec;
	int64_t nsec;
};

struct long_timespec {
	long sec;
	long nsec;
};

#ifdef SYS_clock_gettime64
#define SYS_GETTIME      SYS_clock_gettime64
#define SYS_PPOLL        SYS_ppoll_time64
#define SYS_SIGTIMEDWAIT SYS_rt_sigtimedwait_time64
#else
#define SYS_GETTIME      SYS_clock_gettime
#define SYS_PPOLL        SYS_ppoll
#define SYS_SIGTIMEDWAIT SYS_rt_sigtimedwait
#endif

/* Where only the 64-bit calls exist, there are no old ones to go back to. */
#ifndef SYS_clock_gettime
#define SYS_clock_gettime   SYS_GETTIME
#define SYS_ppoll           SYS_PPOLL
#define SYS_rt_sigtimedwait SYS_SIGTIMEDWAIT
#endif

/* A call that the kernel, or a filter of system calls that is older than it, does not know. */
static bool is_unknown(long ret)
{
	return ret == -ENOSYS || ret == -EPERM;
}

/**
 * timed_call() - A system call with a time among its arguments, in whichever form is known
 * @nr:		Number of the call
 * @old:	Number of the one with a time of longs
 * @args:	Its arguments
 * @at:		Which of them is the time: a pointer to a struct sys_timespec, or 0
 *
 * Return: as of the call
 */
static long timed_call(long nr, long old, const long args[5], int at)
{
	struct sys_timespec *ts = (struct sys_timespec *)args[at];
	struct long_timespec time;
	long a[5];
	long ret = sys_call(nr, args[0], args[1], args[2], args[3], args[4], 0);

	if (nr == old || !is_unknown(ret))
		return ret;
	memcpy(a, args, sizeof(a));
	if (ts) {
		time = (struct long_timespec) { (long)ts->sec, (long)ts->nsec };
		a[at] = (long)&time;
	}
	ret = sys_call(old, a[0], a[1], a[2], a[3], a[4], 0);
	if (ts)
		*ts = (struct sys_timespec) { time.sec, time.nsec };
	return ret;
}

int sys_poll(struct pollfd *fds, nfds_t n, int ms)
{
	struct sys_timespec ts = { ms / 1000, (ms % 1000) * 1000000L };
	const long args[5] = { (long)fds, (long)n, ms < 0 ? 0 : (long)&ts };
	long ret;

	/* The kernel takes from the time what has passed of it: poll(2), "C library/kernel". */
	do
		ret = timed_call(SYS_PPOLL, SYS_ppoll, args, 2);
	while (ret == -EINTR);
	return (int)ret;
}

static int64_t now_ns(int clock)
{
	struct sys_timespec ts = { 0, 0 };
	const long args[5] = { clock, (long)&ts };

	timed_call(SYS_GETTIME, SYS_clock_gettime, args, 1);
	return ts.sec * 1000000000 + ts.nsec;
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
	const long args[5] = { (long)&signal, 0, (long)&now, KERNEL_SIGSET_SIZE };

	return timed_call(SYS_SIGTIMEDWAIT, SYS_rt_sigtimedwait, args, 2) < 0 ? signal : 0;
}

bool sys_writes_plainly;

/* Not where that would wait, on a pipe that nobody reads, or a socket whose peer is gone. */
static ssize_t write_plainly(int fd, const void *buf, size_t len)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	if (!sys_poll(&p, 1, 0) || (p.revents & (POLLERR | POLLHUP)))
		return -EPIPE;
	return sys_write(fd, buf, len);
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

	if (sys_writes_plainly)
		return write_plainly(fd, buf, len);
	sys_call(SYS_rt_sigpending, (long)&pending, KERNEL_SIGSET_SIZE, 0, 0, 0, 0);
	if (sys_call(SYS_rt_sigprocmask, SIG_BLOCK, (long)&signals, (long)&before,
		     KERNEL_SIGSET_SIZE, 0, 0))
		return write_plainly(fd, buf, len);
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
