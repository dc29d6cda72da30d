/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Raw system calls. The shim's own calls go straight to the kernel, so that other preloaded
 * libraries never see them, errno is never touched and a child that shares our memory is safe.
 * Each returns what the kernel returns: a result, or -errno.
 */
#ifndef QRAP_SYS_H
#define QRAP_SYS_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* One number on every machine; headers before Linux 5.9, and glibc 2.31, do not know it. */
#ifndef SYS_close_range
#define SYS_close_range 436
#endif

#if defined(__x86_64__) && defined(__LP64__)

static inline long sys_call(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

#elif defined(__aarch64__)

static inline long sys_call(long nr, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
}

#elif defined(__s390x__)

static inline long sys_call(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r1 __asm__("r1") = nr;
	register long r2 __asm__("r2") = a;
	register long r3 __asm__("r3") = b;
	register long r4 __asm__("r4") = c;
	register long r5 __asm__("r5") = d;
	register long r6 __asm__("r6") = e;
	register long r7 __asm__("r7") = f;

	__asm__ volatile("svc 0"
			 : "+r"(r2)
			 : "r"(r1), "r"(r3), "r"(r4), "r"(r5), "r"(r6), "r"(r7)
			 : "memory");
	return r2;
}

#else

/* Elsewhere by way of the libc: syscall() is the one name that others may see. */
static inline long sys_call(long nr, long a, long b, long c, long d, long e, long f)
{
	int saved = errno;
	long ret = syscall(nr, a, b, c, d, e, f);

	if (ret == -1)
		ret = -errno;
	errno = saved;
	return ret;
}

#endif

/* As the libc tells it: a result, or -1 and errno. */
static inline int sys_result(long ret)
{
	if (ret >= 0)
		return (int)ret;
	errno = (int)-ret;
	return -1;
}

static inline int sys_close(int fd)
{
	return (int)sys_call(SYS_close, fd, 0, 0, 0, 0, 0);
}

static inline int sys_dup3(int from, int to, int flags)
{
	return (int)sys_call(SYS_dup3, from, to, flags, 0, 0, 0);
}

/* Without 64-bit file sizes or locks: only the commands that take an int. */
static inline int sys_fcntl(int fd, int cmd, long arg)
{
	return (int)sys_call(SYS_fcntl, fd, cmd, arg, 0, 0, 0);
}

/*
 * Low numbers belong to the program: one that it is to fill may be the lowest free one. Return: the
 * new number of @fd, from 64 on and with close-on-exec, or the old one where there is none.
 */
int sys_move_up(int fd);

static inline int sys_socket(int domain, int type, int protocol)
{
	return (int)sys_call(SYS_socket, domain, type, protocol, 0, 0, 0);
}

static inline int sys_socketpair(int domain, int type, int protocol, int pair[2])
{
	return (int)sys_call(SYS_socketpair, domain, type, protocol, (long)pair, 0, 0);
}

static inline int sys_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	return (int)sys_call(SYS_connect, fd, (long)addr, (long)len, 0, 0, 0);
}

static inline int sys_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	return (int)sys_call(SYS_getsockopt, fd, level, name, (long)value, (long)len, 0);
}

static inline int sys_setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	return (int)sys_call(SYS_setsockopt, fd, level, name, (long)value, (long)len, 0);
}

static inline int sys_getpeername(int fd, struct sockaddr *addr, socklen_t *len)
{
	return (int)sys_call(SYS_getpeername, fd, (long)addr, (long)len, 0, 0, 0);
}

static inline ssize_t sys_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	return sys_call(SYS_sendmsg, fd, (long)msg, flags, 0, 0, 0);
}

static inline ssize_t sys_recvmsg(int fd, struct msghdr *msg, int flags)
{
	return sys_call(SYS_recvmsg, fd, (long)msg, flags, 0, 0, 0);
}

static inline ssize_t sys_send(int fd, const void *buf, size_t len, int flags)
{
	return sys_call(SYS_sendto, fd, (long)buf, (long)len, flags, 0, 0);
}

static inline ssize_t sys_recv(int fd, void *buf, size_t len, int flags)
{
	return sys_call(SYS_recvfrom, fd, (long)buf, (long)len, flags, 0, 0);
}

static inline ssize_t sys_read(int fd, void *buf, size_t len)
{
	return sys_call(SYS_read, fd, (long)buf, (long)len, 0, 0, 0);
}

static inline ssize_t sys_write(int fd, const void *buf, size_t len)
{
	return sys_call(SYS_write, fd, (long)buf, (long)len, 0, 0, 0);
}

static inline int sys_open(const char *path, int flags, mode_t mode)
{
	return (int)sys_call(SYS_openat, AT_FDCWD, (long)path, flags, (long)mode, 0, 0);
}

/* As the kernel fills it: 64 bits for inodes everywhere. */
#ifdef SYS_fstat64
#define SYS_STATUS SYS_fstat64
typedef struct stat64 status_t;
#else
#define SYS_STATUS SYS_fstat
typedef struct stat status_t;
#endif

/* Not the libc's fstat: its symbol is another one since glibc 2.33. */
static inline int sys_fstat(int fd, status_t *status)
{
	return (int)sys_call(SYS_STATUS, fd, (long)status, 0, 0, 0, 0);
}

static inline ssize_t sys_readlink(const char *path, char *buf, size_t size)
{
	return sys_call(SYS_readlinkat, AT_FDCWD, (long)path, (long)buf, (long)size, 0, 0);
}

static inline pid_t sys_getpid(void)
{
	return (pid_t)sys_call(SYS_getpid, 0, 0, 0, 0, 0, 0);
}

/**
 * sys_poll() - Wait for events on descriptors
 * @fds:	As for poll(2)
 * @n:		How many
 * @ms:		Longest wait in milliseconds, 0: only look, negative: for ever
 *
 * A signal handler of the program does not end the wait.
 *
 * Return: number of descriptors with events, 0 after @ms, or -errno
 */
int sys_poll(struct pollfd *fds, nfds_t n, int ms);

/**
 * sys_write_quietly() - Write once, without a signal to the program whose guest we are
 * @fd:		Where to
 * @buf:	What
 * @len:	How many bytes
 *
 * No SIGPIPE, and no SIGXFSZ where the size of files is limited (setrlimit(2), RLIMIT_FSIZE).
 *
 * Return: bytes written, or -errno
 */
ssize_t sys_write_quietly(int fd, const void *buf, size_t len);

/* It makes no calls about signals, and the log none but it: a filter kills the program for them. */
extern bool sys_writes_plainly;

/* Milliseconds of the monotonic clock. */
int64_t sys_now_ms(void);

/* Microseconds of the wall clock since 1970. */
int64_t sys_wall_us(void);

#endif /* QRAP_SYS_H */
