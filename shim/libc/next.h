/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The functions that ours stand in front of: the libc's own, or those of another preloaded
 * library behind us.
 */
#ifndef QRAP_NEXT_H
#define QRAP_NEXT_H

#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/socket.h>

typedef int main_function(int, char **, char **);

/*
 * For what every program writes at its start: between large variables that are zero at first, it
 * would take a page of its own.
 */
#define IN_DATA __attribute__((section(".data")))

/* What the program gets when it calls a name that we wrap; NULL before next_load(). */
struct next {
	int (*close)(int);
	int (*close_range)(unsigned, unsigned, int);
	void (*closefrom)(int);
	int (*dup)(int);
	int (*dup2)(int, int);
	int (*dup3)(int, int, int);
	int (*fcntl)(int, int, ...);
	int (*fcntl64)(int, int, ...);
	int (*ioctl)(int, unsigned long, ...);
	int (*fclose)(FILE *);
	int (*getsockopt)(int, int, int, void *, socklen_t *);
	int (*getpeername)(int, struct sockaddr *, socklen_t *);
	int (*getsockname)(int, struct sockaddr *, socklen_t *);
	ssize_t (*recv)(int, void *, size_t, int);
	ssize_t (*recvmsg)(int, struct msghdr *, int);
	ssize_t (*send)(int, const void *, size_t, int);
	ssize_t (*sendmsg)(int, const struct msghdr *, int);
	int (*addclose)(posix_spawn_file_actions_t *, int);
	int (*adddup2)(posix_spawn_file_actions_t *, int, int);
	int (*addclosefrom)(posix_spawn_file_actions_t *, int);
	int (*pthread_attr_init)(pthread_attr_t *);
	int (*pthread_attr_setdetachstate)(pthread_attr_t *, int);
	int (*pthread_attr_setstacksize)(pthread_attr_t *, size_t);
	int (*pthread_create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
	pid_t (*fork)(void);
	int (*start_main)(main_function *, int, char **, void (*)(void), void (*)(void),
			  void (*)(void), void *);
};

extern struct next next;

/* Looks all of them up, once; NULL where this libc has none of that name. */
void next_load(void);

/*
 * Looks up what makes a thread, too: until glibc 2.34 that is in another library, which a program
 * without threads does not load; NULL then.
 */
void next_load_threads(void);

#endif /* QRAP_NEXT_H */
