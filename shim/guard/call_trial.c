/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/guard/call_trial.h"

#include <linux/sockios.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "shim/common/fd_identity.h"
#include "shim/common/sys.h"
#include "shim/libc/next.h"

/* One number on every machine; headers before Linux 5.3 do not know it. */
#ifndef SYS_clone3
#define SYS_clone3 435
#endif

#ifdef SYS_rt_sigtimedwait_time64
#define SYS_TIMED_WAIT SYS_rt_sigtimedwait_time64
#else
#define SYS_TIMED_WAIT SYS_rt_sigtimedwait
#endif

/* Arguments of clone(2) without a stack: the flags come first, but for one machine. */
#ifdef __s390x__
#define CLONE_ARGS 0, CLONE_VFORK
#else
#define CLONE_ARGS CLONE_VFORK, 0
#endif

#define STATUS_PIECE 512

/**
 * struct progress - What the child has done, in a page that both see
 * @trial:	@call is the one that it makes now
 * @may_wait:	The parent may wait for it
 */
struct progress {
	struct call_trial trial;
	bool may_wait;
};

/* prctl(PR_GET_SECCOMP) would tell, and might be what it kills. */
bool call_trial_is_filtered(void)
{
	static const char wanted[] = "\nSeccomp:\t2";
	char text[sizeof(wanted) + STATUS_PIECE];
	int fd = sys_open("/proc/self/status", O_RDONLY | O_CLOEXEC, 0);
	bool found = false;
	size_t kept = 0;
	ssize_t len;

	if (fd < 0)
		return false;
	while (!found && (len = sys_read(fd, text + kept, STATUS_PIECE)) > 0) {
		kept += (size_t)len;
		text[kept] = '\0';
		found = strstr(text, wanted);
		/* It may begin in this piece and end in the next one. */
		len = kept < sizeof(wanted) ? 0 : (ssize_t)(kept - sizeof(wanted));
		kept -= (size_t)len;
		memmove(text, text + len, kept);
	}
	sys_close(fd);
	return found;
}

/* Makes a call that fails, or does nothing outside of the child. */
#define TRY(number, name, ...) \
	(progress->trial.call = (name), sys_call(number, __VA_ARGS__, 0, 0, 0))
#define TRY_BY_NAME(name, ...) TRY(SYS_##name, #name, __VA_ARGS__)

/* What the stream socket and its other end are for, and what waits for them. */
static void try_link_calls(struct progress *progress)
{
	TRY_BY_NAME(socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	TRY_BY_NAME(socketpair, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	TRY_BY_NAME(connect, -1, 0, 0);
	TRY_BY_NAME(setsockopt, -1, SOL_SOCKET, SO_SNDBUF);
	TRY_BY_NAME(sendto, -1, 0, 0);
	TRY_BY_NAME(recvfrom, -1, 0, 0);
	TRY_BY_NAME(shutdown, -1, SHUT_RDWR, 0);
	TRY_BY_NAME(ioctl, -1, SIOCOUTQ, 0);
	TRY_BY_NAME(epoll_create1, -1, 0, 0);
	TRY_BY_NAME(epoll_ctl, -1, 0, 0);
	TRY_BY_NAME(epoll_pwait, -1, 0, 0);
	TRY_BY_NAME(inotify_init1, -1, 0, 0);
	TRY_BY_NAME(inotify_add_watch, -1, 0, 0);
	TRY_BY_NAME(prctl, PR_SET_NAME, (long)"qrap-link", 0);
}

static void try_guard_calls(struct progress *progress)
{
	TRY_BY_NAME(dup3, -1, -1, 0);
	TRY_BY_NAME(sendmsg, -1, 0, 0);
	TRY_BY_NAME(memfd_create, 0, 0, 0);
	TRY_BY_NAME(pread64, -1, 0, 0);
	TRY_BY_NAME(lseek, -1, 0, SEEK_SET);
	TRY_BY_NAME(prlimit64, -1, 0, 0);
	TRY_BY_NAME(rt_sigpending, 0, 0, 0);
	TRY_BY_NAME(rt_sigprocmask, SIG_BLOCK, 0, 0);
	TRY(SYS_TIMED_WAIT, "rt_sigtimedwait", 0, 0, 0);
	TRY_BY_NAME(getcwd, 0, 0, 0);
	TRY_BY_NAME(geteuid, 0, 0, 0);
	TRY_BY_NAME(getuid, 0, 0, 0);
	TRY_BY_NAME(getgid, 0, 0, 0);
	TRY_BY_NAME(faccessat, -1, 0, 0);
	TRY_BY_NAME(getsid, 0, 0, 0);
}

/* What to say so takes comes first. What each program makes when it is loaded is not tried. */
static void try_log_calls(struct progress *progress)
{
	struct identity id;

	TRY_BY_NAME(wait4, -1, 0, WNOHANG);
	progress->may_wait = true;
	/* No core file for each start. */
	TRY_BY_NAME(prctl, PR_SET_DUMPABLE, 0, 0);
	TRY_BY_NAME(fcntl, -1, F_GETFD, 0);
	TRY_BY_NAME(getpid, 0, 0, 0);
	TRY_BY_NAME(getppid, 0, 0, 0);
	TRY_BY_NAME(waitid, P_ALL, 0, 0);
	TRY_BY_NAME(getpeername, -1, 0, 0);
	TRY_BY_NAME(getsockopt, -1, SOL_SOCKET, 0);
	progress->trial.call = "fstat";
	descriptor_identity(-1, &id);
	progress->trial.call = "ppoll";
	sys_poll(NULL, 0, 0);
	progress->trial.call = "clock_gettime";
	sys_now_ms();
	TRY_BY_NAME(readlinkat, -1, 0, 0);
	TRY_BY_NAME(recvmsg, -1, 0, 0);
	progress->trial.can_log = true;
}

static _Noreturn void run_child(struct progress *progress)
{
	try_log_calls(progress);
	try_guard_calls(progress);
	try_link_calls(progress);
	progress->trial.call = NULL;
	for (;;)
		sys_call(SYS_exit_group, 0, 0, 0, 0, 0, 0);
}

/*
 * A child with memory and descriptors of its own, whose end is no signal; we go on when it has
 * ended. Where the libc makes its threads by clone3, whose flags no filter sees, there is none that
 * lets the program have threads and kills us for this. Not with our memory (CLONE_VM): before Linux
 * 5.16 a core dump ends all that share it.
 */
static long make_child(void)
{
	const uint64_t args[8] = { CLONE_VFORK };
	long pid = -ENOSYS;

	/* glibc has both since 2.34. */
	if (next.closefrom)
		pid = sys_call(SYS_clone3, (long)args, sizeof(args), 0, 0, 0, 0);
	if (pid < 0)
		pid = sys_call(SYS_clone, CLONE_ARGS, 0, 0, 0, 0);
	return pid;
}

/* Return: it was killed for a call */
static bool wait_for_child(long pid)
{
	int status = 0;
	long ret;

	do
		ret = sys_call(SYS_wait4, pid, (long)&status, __WALL, 0, 0, 0);
	while (ret == -EINTR);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

static void try_in_child(struct progress *progress, struct call_trial *trial)
{
	long pid = make_child();

	if (!pid)
		run_child(progress);
	if (pid < 0)
		return;
	if (progress->may_wait && !wait_for_child(pid))
		return;
	*trial = progress->trial;
}

const struct call_trial *call_trial(void)
{
	static struct call_trial trial;
	static bool is_tried;
	struct progress *progress;

	if (is_tried)
		return &trial;
	is_tried = true;
	if (!call_trial_is_filtered())
		return &trial;
	progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);
	if (progress == MAP_FAILED)
		return &trial;
	try_in_child(progress, &trial);
	munmap(progress, sizeof(*progress));
	return &trial;
}
