/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The functions that ours stand in front of. */
#include "next.h"

#include <dlfcn.h>
#ifdef __GLIBC__
#include <gnu/libc-version.h>
#endif
#include <stdbool.h>
#include <string.h>

/*
 * glibc 2.34 moved dlsym() from libdl to libc, under a new version. A shim that is built there is
 * to run on older ones, too: by the first version of each machine, which both have.
 */
#if defined(__GLIBC__) && defined(__x86_64__) && defined(__LP64__)
__asm__(".symver dlsym, dlsym@GLIBC_2.2.5");
#elif defined(__GLIBC__) && defined(__i386__)
__asm__(".symver dlsym, dlsym@GLIBC_2.0");
#elif defined(__GLIBC__) && \
	(defined(__aarch64__) || (defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)))
__asm__(".symver dlsym, dlsym@GLIBC_2.17");
#elif defined(__GLIBC__) && defined(__s390x__)
__asm__(".symver dlsym, dlsym@GLIBC_2.2");
#endif

struct next next;

/* glibc's own version is at least 2.@minor; no other libc has what this is asked for. */
static bool libc_is_at_least(unsigned minor)
{
#ifdef __GLIBC__
	const char *version = gnu_get_libc_version();
#else
	const char *version = "";
#endif
	unsigned n = 0;

	if (version[0] != '2' || version[1] != '.')
		return false;
	for (const char *p = version + 2; *p >= '0' && *p <= '9'; p++)
		n = n * 10 + (unsigned)(*p - '0');
	return n >= minor;
}

/* POSIX has function pointers come out of dlsym() as data pointers. */
static void look_up(void *function, const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);

	memcpy(function, &found, sizeof(found));
}

void next_load(void)
{
	if (next.close)
		return;
	look_up(&next.close, "close");
	look_up(&next.dup, "dup");
	look_up(&next.dup2, "dup2");
	look_up(&next.dup3, "dup3");
	look_up(&next.fcntl, "fcntl");
	look_up(&next.ioctl, "ioctl");
	look_up(&next.fclose, "fclose");
	look_up(&next.getsockopt, "getsockopt");
	look_up(&next.getpeername, "getpeername");
	look_up(&next.getsockname, "getsockname");
	look_up(&next.recv, "recv");
	look_up(&next.recvmsg, "recvmsg");
	look_up(&next.send, "send");
	look_up(&next.sendmsg, "sendmsg");
	look_up(&next.fork, "fork");
	look_up(&next.addclose, "posix_spawn_file_actions_addclose");
	look_up(&next.adddup2, "posix_spawn_file_actions_adddup2");
	look_up(&next.start_main, "__libc_start_main");
	if (libc_is_at_least(28))
		look_up(&next.fcntl64, "fcntl64");
	if (!libc_is_at_least(34))
		return;
	look_up(&next.close_range, "close_range");
	look_up(&next.closefrom, "closefrom");
	look_up(&next.addclosefrom, "posix_spawn_file_actions_addclosefrom_np");
}

void next_load_threads(void)
{
	next_load();
	look_up(&next.pthread_attr_init, "pthread_attr_init");
	look_up(&next.pthread_attr_setdetachstate, "pthread_attr_setdetachstate");
	look_up(&next.pthread_attr_setstacksize, "pthread_attr_setstacksize");
	look_up(&next.pthread_create, "pthread_create");
}
