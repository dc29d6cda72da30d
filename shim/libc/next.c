/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/libc/next.h"

#include <dlfcn.h>
#include <string.h>
#ifdef __GLIBC__
#include <gnu/libc-version.h>
#endif

#include "shim/common/text.h"

/*
 * Since glibc 2.34 dlsym() is in libc, with a new version that no older one has. The first version
 * is in all of them, in libdl.so.2 before (which the shim needs there, see the Makefile).
 */
#if !defined(__GLIBC__)
#elif defined(__x86_64__) && defined(__LP64__)
__asm__(".symver dlsym, dlsym@GLIBC_2.2.5");
#elif defined(__i386__)
__asm__(".symver dlsym, dlsym@GLIBC_2.0");
#elif defined(__s390x__)
__asm__(".symver dlsym, dlsym@GLIBC_2.2");
#elif defined(__arm__)
__asm__(".symver dlsym, dlsym@GLIBC_2.4");
#elif defined(__aarch64__) || defined(__powerpc64__)
__asm__(".symver dlsym, dlsym@GLIBC_2.17");
#elif defined(__riscv)
__asm__(".symver dlsym, dlsym@GLIBC_2.27");
#endif

struct next next;

/* N of glibc 2.N; 0 for a libc without the names that came with one. */
static int libc_minor(void)
{
	uint64_t n = 0;
#ifdef __GLIBC__
	const char *minor = gnu_get_libc_version() + strlen("2.");

	text_number(minor, strspn(minor, "0123456789"), 10, &n);
#endif
	return (int)n;
}

/* No name is looked up that is not there: a dlsym() that fails allocates memory. */
void *next_look_up(const char *name, int since)
{
	return since <= libc_minor() ? dlsym(RTLD_NEXT, name) : NULL;
}

#define LOOK_UP(name, since) next.name = (since) <= minor ? dlsym(RTLD_NEXT, #name) : NULL;

void next_load(void)
{
	const int minor = libc_minor();

	NEXT_FUNCTIONS(LOOK_UP)
	/* Its first dlsym() in each thread allocates memory, which a later caller may not want. */
	if (minor < 34) {
		NEXT_RARE_FUNCTIONS(LOOK_UP)
	}
}

void next_load_threads(void)
{
	const int minor = 0;

	next_need();
	NEXT_THREAD_FUNCTIONS(LOOK_UP)
}
