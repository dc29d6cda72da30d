/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The functions that ours stand in front of. */
#include "shim/libc/next.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "shim/libc/lookup.h"

/* Room for the longest name. Names as they stand, not their addresses, need no relocation. */
#define NAME_MAX_SIZE 44

/**
 * struct entry - A function that we need
 * @name:	Its name
 * @offset:	Where it goes: in struct next, in bytes
 */
struct entry {
	char name[NAME_MAX_SIZE];
	uint16_t offset;
};

#define ENTRY(member, name)                         \
	{                                           \
		name, offsetof(struct next, member) \
	}

/* A libc may be older than the last ones of them. */
static const struct entry entries[] = {
	ENTRY(close, "close"),
	ENTRY(dup, "dup"),
	ENTRY(dup2, "dup2"),
	ENTRY(dup3, "dup3"),
	ENTRY(fcntl, "fcntl"),
	ENTRY(ioctl, "ioctl"),
	ENTRY(fclose, "fclose"),
	ENTRY(getsockopt, "getsockopt"),
	ENTRY(getpeername, "getpeername"),
	ENTRY(getsockname, "getsockname"),
	ENTRY(recv, "recv"),
	ENTRY(recvmsg, "recvmsg"),
	ENTRY(send, "send"),
	ENTRY(sendmsg, "sendmsg"),
	ENTRY(fork, "fork"),
	ENTRY(addclose, "posix_spawn_file_actions_addclose"),
	ENTRY(adddup2, "posix_spawn_file_actions_adddup2"),
	ENTRY(start_main, "__libc_start_main"),
	ENTRY(fcntl64, "fcntl64"),
	ENTRY(close_range, "close_range"),
	ENTRY(closefrom, "closefrom"),
	ENTRY(addclosefrom, "posix_spawn_file_actions_addclosefrom_np"),
};

static const struct entry thread_entries[] = {
	ENTRY(pthread_attr_init, "pthread_attr_init"),
	ENTRY(pthread_attr_setdetachstate, "pthread_attr_setdetachstate"),
	ENTRY(pthread_attr_setstacksize, "pthread_attr_setstacksize"),
	ENTRY(pthread_create, "pthread_create"),
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct next next IN_DATA;

static void load(const struct entry *entry, size_t count)
{
	struct wanted wanted[COUNT(entries)];
	size_t i;

	for (i = 0; i < count; i++)
		wanted[i].name = entry[i].name;
	lookup_behind(wanted, count);
	for (i = 0; i < count; i++)
		memcpy((char *)&next + entry[i].offset, &wanted[i].function,
		       sizeof(wanted[i].function));
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
