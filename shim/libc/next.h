/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The functions that ours stand in front of: the libc's own, or those of another preloaded
 * library behind us.
 */
#ifndef QRAP_NEXT_H
#define QRAP_NEXT_H

#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

typedef int main_function(int, char **, char **);

/* What not every libc declares. */
int __libc_start_main(main_function *main, int argc, char **argv, void (*init)(void),
		      void (*fini)(void), void (*rtld_fini)(void), void *stack_end);
int fcntl64(int fd, int command, ...);
int close_range(unsigned first, unsigned last, int flags);
void closefrom(int first);
int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int first);
int execvpe(const char *file, char *const argv[], char *const envp[]);
int pidfd_spawn(int *pidfd, const char *path, const posix_spawn_file_actions_t *actions,
		const posix_spawnattr_t *attributes, char *const argv[], char *const envp[]);
int pidfd_spawnp(int *pidfd, const char *file, const posix_spawn_file_actions_t *actions,
		 const posix_spawnattr_t *attributes, char *const argv[], char *const envp[]);
int execveat(int dir, const char *path, char *const argv[], char *const envp[], int flags);

/*
 * What a 32-bit machine's programs with 64-bit times call (_TIME_BITS=64): some options and
 * requests have a time in them, and so the calls have a name of their own.
 */
#if defined(__GLIBC__) && __WORDSIZE == 32 && __TIMESIZE == 32
#define HAS_TIME64_CALLS
int __fcntl_time64(int fd, int command, ...);
int __ioctl_time64(int fd, unsigned long request, ...);
int __getsockopt64(int fd, int level, int name, void *value, socklen_t *len);
ssize_t __recvmsg64(int fd, struct msghdr *msg, int flags);
ssize_t __sendmsg64(int fd, const struct msghdr *msg, int flags);
#define NEXT_TIME64_FUNCTIONS(F) \
	F(__fcntl_time64, 34)    \
	F(__ioctl_time64, 34)    \
	F(__getsockopt64, 34)    \
	F(__recvmsg64, 34)       \
	F(__sendmsg64, 34)
#else
#define NEXT_TIME64_FUNCTIONS(F)
#endif

/* Names, and the minor version of the glibc that they came with; 0: every libc has them. */
#define NEXT_FUNCTIONS(F)       \
	F(close, 0)             \
	F(dup, 0)               \
	F(dup2, 0)              \
	F(dup3, 0)              \
	F(fcntl, 0)             \
	F(ioctl, 0)             \
	F(fclose, 0)            \
	F(getsockopt, 0)        \
	F(getpeername, 0)       \
	F(getsockname, 0)       \
	F(recv, 0)              \
	F(recvmsg, 0)           \
	F(send, 0)              \
	F(sendmsg, 0)           \
	F(fork, 0)              \
	F(__libc_start_main, 0) \
	F(fcntl64, 28)          \
	F(close_range, 34)      \
	F(closefrom, 34)        \
	NEXT_TIME64_FUNCTIONS(F)

/* Those that most programs never call: each is looked up at its first use. */
#define NEXT_RARE_FUNCTIONS(F)                  \
	F(execve, 0)                            \
	F(execvpe, 0)                           \
	F(fexecve, 0)                           \
	F(exit, 0)                              \
	F(execveat, 34)                         \
	F(posix_spawn, 0)                       \
	F(posix_spawnp, 0)                      \
	F(pidfd_spawn, 39)                      \
	F(pidfd_spawnp, 39)                     \
	F(posix_spawn_file_actions_addclose, 0) \
	F(posix_spawn_file_actions_adddup2, 0)  \
	F(posix_spawn_file_actions_addclosefrom_np, 34)

#define NEXT_THREAD_FUNCTIONS(F)          \
	F(pthread_attr_init, 0)           \
	F(pthread_attr_setdetachstate, 0) \
	F(pthread_attr_setstacksize, 0)   \
	F(pthread_create, 0)

/* What the program gets when it calls a name that we wrap; NULL before next_load(). */
struct next {
#define NEXT_MEMBER(name, since) __typeof__(name) *name;
	NEXT_FUNCTIONS(NEXT_MEMBER)
	NEXT_RARE_FUNCTIONS(NEXT_MEMBER)
	NEXT_THREAD_FUNCTIONS(NEXT_MEMBER)
#undef NEXT_MEMBER
};

extern struct next next;

/* Looks up all but the rare ones; NULL where this libc has none of that name. */
void next_load(void);

/* One of them, by its name. */
void *next_look_up(const char *name, int since);

/* next_execve() and the like: the rare ones. */
#define NEXT_RARE(name, since)                                    \
	static inline __typeof__(name) *next_##name(void)         \
	{                                                         \
		if (!next.name)                                   \
			next.name = next_look_up(#name, (since)); \
		return next.name;                                 \
	}
NEXT_RARE_FUNCTIONS(NEXT_RARE)
#undef NEXT_RARE

/* Before the first use in a call that may come before our constructor. */
static inline void next_need(void)
{
	if (!next.close)
		next_load();
}

/*
 * Looks up what makes a thread, too: until glibc 2.34 that is in another library, which a program
 * without threads does not load; NULL then.
 */
void next_load_threads(void);

#endif /* QRAP_NEXT_H */
