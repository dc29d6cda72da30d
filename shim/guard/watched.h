/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The descriptor numbers that the guard watches, each with its role. Every wrapped call asks for
 * its number: that of another one costs a look at one bit.
 */
#ifndef QRAP_WATCHED_H
#define QRAP_WATCHED_H

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>

/* Why a number is watched. */
enum fd_role {
	ROLE_NONE,       /* it is not */
	ROLE_CONNECTION, /* QEMU expects the connection there */
	ROLE_STORE,      /* the store is there: programs do not see it */
};

/* Numbers below have a bit each, those above are compared with the lowest and the highest. */
#define WATCHED_BITS 1024
#define WORD_BITS    (sizeof(unsigned long) * CHAR_BIT)

/**
 * struct watched_numbers - Numbers that may be watched
 * @low:	A bit for each number below WATCHED_BITS
 * @first:	Lowest number above that has been watched
 * @last:	Highest one
 */
struct watched_numbers {
	atomic_ulong low[WATCHED_BITS / WORD_BITS];
	atomic_int first;
	atomic_int last;
};

extern struct watched_numbers watched_numbers;

/* Is this number none of our business? The cost of every call that is not for us. */
static inline bool is_unwatched(int fd)
{
	const struct watched_numbers *w = &watched_numbers;

	if ((unsigned)fd < WATCHED_BITS)
		return !(atomic_load_explicit(&w->low[(unsigned)fd / WORD_BITS],
					      memory_order_relaxed) >>
				 (unsigned)fd % WORD_BITS &
			 1);
	return fd < atomic_load_explicit(&w->first, memory_order_relaxed) ||
	       fd > atomic_load_explicit(&w->last, memory_order_relaxed);
}

/* Why @fd is watched. */
enum fd_role watched_role(int fd);

static inline bool is_watched_as(int fd, enum fd_role role)
{
	return !is_unwatched(fd) && watched_role(fd) == role;
}

/* The number with this role, or -1. */
int watched_number(enum fd_role role);

/* Gives the role to @fd, or to none (-1). Return: the number that had it, or -1. */
int watched_set(enum fd_role role, int fd);

/* The lowest watched number from @first to @last, or -1. */
int watched_next(unsigned first, unsigned last);

#endif /* QRAP_WATCHED_H */
