/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/libc/next.h"

#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>
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

/* Room for the longest name. Names as they stand, not their addresses, need no relocation. */
#define NAME_MAX_SIZE 44

/**
 * struct entry - A function that we need
 * @name:	Its name
 * @offset:	Where it goes: in struct next, in bytes
 * @since:	The minor version of the glibc that it came with; 0: every libc has it
 */
struct entry {
	char name[NAME_MAX_SIZE];
	uint16_t offset;
	uint16_t since;
};

#define ENTRY(name, since) { #name, offsetof(struct next, name), since },

static const struct entry entries[] = { NEXT_FUNCTIONS(ENTRY) };
static const struct entry thread_entries[] = { NEXT_THREAD_FUNCTIONS(ENTRY) };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct next next IN_DATA;

/* N of glibc 2.N; 0 for a libc without the names that came with one. */
static int libc_minor(void)
{
#ifdef __GLIBC__
	const char *minor = gnu_get_libc_version() + strlen("2.");
	uint64_t n = 0;

	text_number(minor, strspn(minor, "0123456789"), 10, &n);
	return (int)n;
#else
	return 0;
#endif
}

/* No name is looked up that is not there: a dlsym() that fails allocates memory. */
static void load(const struct entry *entry, size_t count)
{
	const int minor = libc_minor();

	for (const struct entry *end = entry + count; entry < end; entry++) {
		void *function = entry->since <= minor ? dlsym(RTLD_NEXT, entry->name) : NULL;

		memcpy((char *)&next + entry->offset, &function, sizeof(function));
	}
}

void next_load(void)
{
	if (!next.close)
		load(entries, COUNT(entries));
}

void next_load_threads(void)
{
	next_load();
	load(thread_entries, COUNT(thread_entries));
}
