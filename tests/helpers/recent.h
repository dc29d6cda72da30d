/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Functions of glibc 2.34 for programs that are built on any libc. */
#ifndef QRAP_TESTS_RECENT_H
#define QRAP_TESTS_RECENT_H

#include <spawn.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef __GLIBC_PREREQ
#if __GLIBC_PREREQ(2, 34)
#define LIBC_IS_RECENT 1
#endif
#endif

#ifndef LIBC_IS_RECENT
#define LIBC_IS_RECENT 0

/* NULL, where no shim is loaded. */
extern int close_range(unsigned first, unsigned last, int flags) __attribute__((weak));
extern void closefrom(int first) __attribute__((weak));
extern int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int first)
	__attribute__((weak));
#endif

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4
#endif

#endif /* QRAP_TESTS_RECENT_H */
