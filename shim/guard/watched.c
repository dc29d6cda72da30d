/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/guard/watched.h"

#include <stddef.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/**
 * struct watched - A watched number
 * @role:	Why
 * @fd:		The number, or -1: nothing has that role
 *
 * What is expected there, its identity, is in the handoff: programs that follow need it, too.
 */
struct watched {
	enum fd_role role;
	atomic_int fd;
};

struct watched_numbers watched_numbers = { .first = INT_MAX, .last = -1 };

static struct watched watched[] = { { ROLE_CONNECTION, -1 }, { ROLE_STORE, -1 } };

static void set_bit(int fd)
{
	struct watched_numbers *w = &watched_numbers;

	if (fd < WATCHED_BITS) {
		atomic_fetch_or(&w->low[(unsigned)fd / WORD_BITS], 1UL << (unsigned)fd % WORD_BITS);
		return;
	}
	if (fd < atomic_load(&w->first))
		atomic_store(&w->first, fd);
	if (fd > atomic_load(&w->last))
		atomic_store(&w->last, fd);
}

/* Above, the range stays: a number in it is looked up, and found to be none of ours. */
static void clear_bit(int fd)
{
	if (fd >= 0 && fd < WATCHED_BITS)
		atomic_fetch_and(&watched_numbers.low[(unsigned)fd / WORD_BITS],
				 ~(1UL << (unsigned)fd % WORD_BITS));
}

enum fd_role watched_role(int fd)
{
	for (size_t i = 0; i < COUNT(watched); i++) {
		if (fd >= 0 && atomic_load(&watched[i].fd) == fd)
			return watched[i].role;
	}
	return ROLE_NONE;
}

int watched_number(enum fd_role role)
{
	for (size_t i = 0; i < COUNT(watched); i++) {
		if (watched[i].role == role)
			return atomic_load(&watched[i].fd);
	}
	return -1;
}

int watched_set(enum fd_role role, int fd)
{
	int old = -1;

	if (fd >= 0)
		set_bit(fd);
	for (size_t i = 0; i < COUNT(watched); i++) {
		if (watched[i].role == role)
			old = atomic_exchange(&watched[i].fd, fd);
	}
	if (old != fd)
		clear_bit(old);
	return old;
}

int watched_next(unsigned first, unsigned last)
{
	int lowest = -1;

	for (size_t i = 0; i < COUNT(watched); i++) {
		int fd = atomic_load(&watched[i].fd);

		if (fd >= 0 && (unsigned)fd >= first && (unsigned)fd <= last &&
		    (lowest < 0 || fd < lowest))
			lowest = fd;
	}
	return lowest;
}
