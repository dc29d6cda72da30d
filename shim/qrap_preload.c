/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The shim: all that it exports. Each function stands in front of the libc's own, asks whether the
 * descriptor is one of ours, and if not, as almost always, passes the call on.
 */
#include <limits.h>
#include <stdarg.h>
#include <string.h>

#include "shim/common/sys.h"
#include "shim/common/text.h"
#include "shim/guard/guard.h"
#include "shim/guard/range.h"
#include "shim/libc/environ.h"
#include "shim/libc/next.h"
#include "shim/link/link.h"

#define EXPORT __attribute__((visibility("default")))
#define CALLER __builtin_return_address(0)

static main_function *real_main;

static int guarded_main(int argc, char **argv, char **envp)
{
	int status;

	guard_before_main();
	status = real_main(argc, argv, envp);
	guard_ends(status);
	return status;
}

/*
 * A trial exec of qrap --check: the answer is all that is wanted of this process. In a start the
 * variable was left behind by something.
 */
static void answer_check(char **envp)
{
	const char *value = environment_find(envp, CHECK_REPLY_VARIABLE);
	uint64_t fd;

	if (!value || environment_find(envp, HANDOFF_VARIABLE) ||
	    !text_number(value, strlen(value), 10, &fd) || fd > INT_MAX)
		return;
	/* A number that is not open: then this is no trial of ours. */
	if (sys_write_quietly((int)fd, CHECK_REPLY_LINE, strlen(CHECK_REPLY_LINE)) < 0)
		return;
	sys_call(SYS_exit_group, 0, 0, 0, 0, 0, 0);
}

static void start(int argc, char **argv, char **envp, bool first)
{
	int saved = errno;

	next_need();
	answer_check(envp);
	guard_on_load(argc, argv, envp, first);
	errno = saved;
}

#ifdef __GLIBC__
/* The libc has not run yet either if we are first: environ is still empty then. */
__attribute__((constructor)) static void construct(int argc, char **argv, char **envp)
{
	start(argc, argv, envp, !environ);
}
#endif

EXPORT int __libc_start_main(main_function *main, int argc, char **argv, void (*init)(void),
			     void (*fini)(void), void (*rtld_fini)(void), void *stack_end)
{
#ifndef __GLIBC__
	/* musl gives constructors no arguments, but runs them from here. */
	start(argc, argv, argv + argc + 1, true);
#endif
	next_need();
	real_main = main;
	return next.__libc_start_main(guarded_main, argc, argv, init, fini, rtld_fini, stack_end);
}

EXPORT pid_t fork(void)
{
	pid_t pid;

	next_need();
	pid = next.fork();
	if (!pid)
		guard_forked();
	return pid;
}

EXPORT void exit(int status)
{
	next_need();
	guard_ends(status);
	next_exit()(status);
	__builtin_unreachable();
}

/* The libc's does no more. To look that up in each program takes longer than all else of this. */
EXPORT void _exit(int status)
{
	guard_ends(status);
	for (;;)
		sys_call(SYS_exit_group, status, 0, 0, 0, 0, 0);
}

/* execve() and those that are told the environment. */
static int exec_with(const char *call, const char *path, char *const argv[], char *const envp[])
{
	struct exec_step step = {
		.call = call, .target = { AT_FDCWD, path, false }, .argv = argv, .envp = envp
	};

	guard_exec(&step);
	do
		next_execve()(path, argv, step.envp);
	while (guard_exec_done(&step, errno));
	return -1;
}

/* execvp() and those that search PATH. */
static int search_with(const char *call, const char *file, char *const argv[], char *const envp[])
{
	struct exec_step step = {
		.call = call, .target = { AT_FDCWD, file, true }, .argv = argv, .envp = envp
	};

	guard_exec(&step);
	do
		next_execvpe()(file, argv, step.envp);
	while (guard_exec_done(&step, errno));
	return -1;
}

EXPORT int execve(const char *path, char *const argv[], char *const envp[])
{
	return exec_with("execve", path, argv, envp);
}

EXPORT int execv(const char *path, char *const argv[])
{
	return exec_with("execv", path, argv, environ);
}

EXPORT int execvpe(const char *file, char *const argv[], char *const envp[])
{
	return search_with("execvpe", file, argv, envp);
}

EXPORT int execvp(const char *file, char *const argv[])
{
	return search_with("execvp", file, argv, environ);
}

typedef int exec_function(const char *call, const char *path, char *const argv[],
			  char *const envp[]);

/* execl() and its like: words up to a NULL, then the environment if @has_envp. */
static int exec_words(exec_function *run, const char *call, const char *path, const char *first,
		      va_list list, bool has_envp)
{
	size_t count = 1, n = 0;
	va_list again;

	va_copy(again, list);
	for (const char *word = first; word; word = va_arg(again, const char *))
		count++;
	va_end(again);
	char *argv[count];
	for (argv[0] = (char *)first; argv[n]; n++)
		argv[n + 1] = va_arg(list, char *);
	return run(call, path, argv, has_envp ? va_arg(list, char **) : environ);
}

EXPORT int execl(const char *path, const char *arg, ...)
{
	va_list list;

	va_start(list, arg);
	exec_words(exec_with, "execl", path, arg, list, false);
	va_end(list);
	return -1;
}

EXPORT int execlp(const char *file, const char *arg, ...)
{
	va_list list;

	va_start(list, arg);
	exec_words(search_with, "execlp", file, arg, list, false);
	va_end(list);
	return -1;
}

EXPORT int execle(const char *path, const char *arg, ...)
{
	va_list list;

	va_start(list, arg);
	exec_words(exec_with, "execle", path, arg, list, true);
	va_end(list);
	return -1;
}

EXPORT int fexecve(int fd, char *const argv[], char *const envp[])
{
	struct exec_step step = {
		.call = "fexecve", .target = { fd, "", false }, .argv = argv, .envp = envp
	};

	/* The libc refuses one that is none. */
	if (!envp)
		return next_fexecve()(fd, argv, envp);
	guard_exec(&step);
	do
		next_fexecve()(fd, argv, step.envp);
	while (guard_exec_done(&step, errno));
	return -1;
}

EXPORT int execveat(int dir, const char *path, char *const argv[], char *const envp[], int flags)
{
	struct exec_step step = {
		.call = "execveat", .target = { dir, path, false }, .argv = argv, .envp = envp
	};

	guard_exec(&step);
	do {
		if (next_execveat())
			next_execveat()(dir, path, argv, step.envp, flags);
		else
			sys_result(sys_call(SYS_execveat, dir, (long)path, (long)argv,
					    (long)step.envp, flags, 0));
	} while (guard_exec_done(&step, errno));
	return -1;
}

/* posix_spawn() and its like: @real is the one behind. */
static int spawn_with(__typeof__(posix_spawn) *real, struct exec_step *step, int *child,
		      const posix_spawn_file_actions_t *actions,
		      const posix_spawnattr_t *attributes)
{
	int ret;

	step->spawns = true;
	guard_exec(step);
	do
		ret = real(child, step->target.path, actions, attributes, step->argv, step->envp);
	while (guard_exec_done(step, ret));
	return ret;
}

EXPORT int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
		       const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])
{
	struct exec_step step = { .call = "posix_spawn",
				  .target = { AT_FDCWD, path, false },
				  .argv = argv,
				  .envp = envp };

	return spawn_with(next_posix_spawn(), &step, pid, actions, attributes);
}

EXPORT int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
			const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])
{
	struct exec_step step = { .call = "posix_spawnp",
				  .target = { AT_FDCWD, file, true },
				  .argv = argv,
				  .envp = envp };

	return spawn_with(next_posix_spawnp(), &step, pid, actions, attributes);
}

/* They are not declared where they do not exist: glibc has them since 2.39. */
EXPORT int pidfd_spawn(int *pidfd, const char *path, const posix_spawn_file_actions_t *actions,
		       const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])
{
	struct exec_step step = { .call = "pidfd_spawn",
				  .target = { AT_FDCWD, path, false },
				  .argv = argv,
				  .envp = envp };

	if (!next_pidfd_spawn())
		return ENOSYS;
	return spawn_with(next_pidfd_spawn(), &step, pidfd, actions, attributes);
}

EXPORT int pidfd_spawnp(int *pidfd, const char *file, const posix_spawn_file_actions_t *actions,
			const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])
{
	struct exec_step step = { .call = "pidfd_spawnp",
				  .target = { AT_FDCWD, file, true },
				  .argv = argv,
				  .envp = envp };

	if (!next_pidfd_spawnp())
		return ENOSYS;
	return spawn_with(next_pidfd_spawnp(), &step, pidfd, actions, attributes);
}

/* What the program gets for a call that is not made. */
static int refuse(enum call_fate fate)
{
	return sys_result(fate == CALL_HIDDEN ? -EBADF : 0);
}

EXPORT int close(int fd)
{
	const struct loss loss = { EVENT_CLOSED, "close", CALLER, false };
	enum call_fate fate = guard_lose(fd, &loss);

	next_need();
	return fate == CALL_GOES_ON ? next.close(fd) : refuse(fate);
}

EXPORT int fclose(FILE *stream)
{
	const struct loss loss = { EVENT_CLOSED, "fclose", CALLER, false };
	int saved = errno;
	enum call_fate fate = guard_lose(fileno(stream), &loss);
	int ret;

	errno = saved;
	next_need();
	ret = next.fclose(stream);
	if (fate == CALL_KEPT)
		guard_put_back();
	return ret;
}

EXPORT int close_range(unsigned first, unsigned last, int flags)
{
	next_need();
	return range_close_range(first, last, flags, CALLER);
}

EXPORT void closefrom(int first)
{
	next_need();
	range_closefrom(first, CALLER);
}

EXPORT int posix_spawn_file_actions_addclose(posix_spawn_file_actions_t *actions, int fd)
{
	const struct loss loss = { EVENT_CLOSED, "posix_spawn_file_actions_addclose", CALLER,
				   true };

	next_need();
	/* In the child the store is as invisible as here: nothing is to be done. */
	if (guard_lose(fd, &loss) == CALL_HIDDEN)
		return 0;
	return next_posix_spawn_file_actions_addclose()(actions, fd);
}

EXPORT int posix_spawn_file_actions_adddup2(posix_spawn_file_actions_t *actions, int from, int to)
{
	const struct loss loss = { EVENT_OVERWRITTEN, "posix_spawn_file_actions_adddup2", CALLER,
				   true };

	next_need();
	if (guard_would_lose(from, to))
		guard_lose(to, &loss);
	return next_posix_spawn_file_actions_adddup2()(actions, from, to);
}

EXPORT int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int first)
{
	next_need();
	if (!next_posix_spawn_file_actions_addclosefrom_np())
		return ENOSYS;
	return range_addclosefrom(actions, first, CALLER);
}

EXPORT int dup(int fd)
{
	next_need();
	return watched_role(fd) == ROLE_STORE ? refuse(CALL_HIDDEN) : next.dup(fd);
}

EXPORT int dup2(int from, int to)
{
	const struct loss loss = { EVENT_OVERWRITTEN, "dup2", CALLER, false };
	enum call_fate fate = guard_replace(from, to, &loss);

	next_need();
	return fate == CALL_GOES_ON ? next.dup2(from, to) : refuse(fate);
}

EXPORT int dup3(int from, int to, int flags)
{
	const struct loss loss = { EVENT_OVERWRITTEN, "dup3", CALLER, false };
	enum call_fate fate = guard_replace(from, to, &loss);

	next_need();
	return fate == CALL_GOES_ON ? next.dup3(from, to, flags) : refuse(fate);
}

/* What fcntl() and ioctl() may do to a number: nothing to the store, which no program sees. */
static enum call_fate control(int fd, bool marks, const struct loss *loss)
{
	if (marks || watched_role(fd) == ROLE_STORE)
		return guard_lose(fd, loss);
	return CALL_GOES_ON;
}

/* fcntl() and its like: @real is the one behind. */
static int pass_fcntl(__typeof__(fcntl) *real, int fd, int command, long arg, const void *where)
{
	const struct loss loss = { EVENT_CLOEXEC, "fcntl", where, false };
	enum call_fate fate;

	if (command == F_SETFL && (arg & O_NONBLOCK))
		guard_touched(fd, TOUCH_NONBLOCK);
	fate = control(fd, command == F_SETFD && (arg & FD_CLOEXEC), &loss);
	return fate == CALL_GOES_ON ? real(fd, command, arg) : refuse(fate);
}

#ifdef __GLIBC__
typedef unsigned long ioctl_request;
#else
typedef int ioctl_request;
#endif

static int pass_ioctl(__typeof__(ioctl) *real, int fd, ioctl_request request, long arg,
		      const void *where)
{
	const struct loss loss = { EVENT_CLOEXEC, "ioctl", where, false };
	enum call_fate fate = control(fd, (unsigned long)request == FIOCLEX, &loss);

	return fate == CALL_GOES_ON ? real(fd, request, arg) : refuse(fate);
}

/* The argument behind @last is an int, a pointer or absent; a long holds each of them (fcntl(2)).
 */
#define THIRD_ARGUMENT(arg, last)         \
	do {                              \
		va_list list;             \
                                          \
		va_start(list, last);     \
		arg = va_arg(list, long); \
		va_end(list);             \
	} while (0)

EXPORT int fcntl(int fd, int command, ...)
{
	long arg;

	THIRD_ARGUMENT(arg, command);
	next_need();
	return pass_fcntl(next.fcntl, fd, command, arg, CALLER);
}

EXPORT int fcntl64(int fd, int command, ...)
{
	long arg;

	THIRD_ARGUMENT(arg, command);
	next_need();
	return pass_fcntl(next.fcntl64, fd, command, arg, CALLER);
}

EXPORT int ioctl(int fd, ioctl_request request, ...)
{
	long arg;

	THIRD_ARGUMENT(arg, request);
	next_need();
	return pass_ioctl(next.ioctl, fd, request, arg, CALLER);
}

static void before_getsockopt(int fd, int level, int name)
{
	next_need();
	if (level == SOL_SOCKET && name == SO_TYPE)
		guard_touched(fd, TOUCH_TYPE);
}

EXPORT int getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	before_getsockopt(fd, level, name);
	return next.getsockopt(fd, level, name, value, len);
}

EXPORT int getpeername(int fd, struct sockaddr *addr, socklen_t *len)
{
	next_need();
	guard_touched(fd, TOUCH_NAME);
	return next.getpeername(fd, addr, len);
}

EXPORT int getsockname(int fd, struct sockaddr *addr, socklen_t *len)
{
	next_need();
	guard_touched(fd, TOUCH_NAME);
	return next.getsockname(fd, addr, len);
}

/* Is this call the link's? The first data on the guarded number is the release. */
static inline bool is_linked(int fd, int flags)
{
	if (link_has(fd))
		return true;
	next_need();
	if (watched_role(fd) != ROLE_CONNECTION || (flags & MSG_PEEK))
		return false;
	guard_used(fd);
	return link_has(fd);
}

EXPORT ssize_t recv(int fd, void *buf, size_t len, int flags)
{
	return is_linked(fd, flags) ? link_recv(fd, buf, len, flags)
				    : next.recv(fd, buf, len, flags);
}

EXPORT ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	return is_linked(fd, flags) ? link_recvmsg(fd, msg, flags) : next.recvmsg(fd, msg, flags);
}

EXPORT ssize_t send(int fd, const void *buf, size_t len, int flags)
{
	return is_linked(fd, 0) ? link_send(fd, buf, len, flags) : next.send(fd, buf, len, flags);
}

EXPORT ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	return is_linked(fd, 0) ? link_sendmsg(fd, msg, flags) : next.sendmsg(fd, msg, flags);
}

#ifdef HAS_TIME64_CALLS
EXPORT int __fcntl_time64(int fd, int command, ...)
{
	long arg;

	THIRD_ARGUMENT(arg, command);
	next_need();
	return pass_fcntl(next.__fcntl_time64, fd, command, arg, CALLER);
}

EXPORT int __ioctl_time64(int fd, unsigned long request, ...)
{
	long arg;

	THIRD_ARGUMENT(arg, request);
	next_need();
	return pass_ioctl(next.__ioctl_time64, fd, request, arg, CALLER);
}

EXPORT int __getsockopt64(int fd, int level, int name, void *value, socklen_t *len)
{
	before_getsockopt(fd, level, name);
	return next.__getsockopt64(fd, level, name, value, len);
}

EXPORT ssize_t __recvmsg64(int fd, struct msghdr *msg, int flags)
{
	return is_linked(fd, flags) ? link_recvmsg(fd, msg, flags)
				    : next.__recvmsg64(fd, msg, flags);
}

EXPORT ssize_t __sendmsg64(int fd, const struct msghdr *msg, int flags)
{
	return is_linked(fd, 0) ? link_sendmsg(fd, msg, flags) : next.__sendmsg64(fd, msg, flags);
}
#endif
