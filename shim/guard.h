/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guard of one descriptor number in one program: it looks at two gates what is on the number,
 * mends it where this program is to use it, and steps back when QEMU has taken it.
 */
#ifndef QRAP_GUARD_H
#define QRAP_GUARD_H

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "contract.h"
#include "log.h"

/* No number at all: not even -1, which programs do pass to close(). */
#define NO_DESCRIPTOR INT_MIN

/* The descriptor's life, seen from one program. */
enum phase {
	PHASE_FORKED,   /* a fork has wiped what we knew: see guard_role() */
	PHASE_WAITING,  /* from gate one to the claim */
	PHASE_CLAIMED,  /* QEMU has looked at it */
	PHASE_RELEASED, /* QEMU reads from it and writes to it: section 4 of the design */
	PHASE_OVER,     /* the owner has closed it, or it was never ours to guard */
};

/* What the calling process is to the guard. */
enum role {
	ROLE_OWNER,   /* the program that passed the gates */
	ROLE_FORKED,  /* a fork of it, with memory of its own */
	ROLE_PASSIVE, /* shares the owner's memory (vfork), or was forked after the release */
};

/* Calls that tell QEMU from a program that merely looks. */
enum touch {
	TOUCH_TYPE = 1,     /* getsockopt(SO_TYPE) */
	TOUCH_NONBLOCK = 2, /* fcntl(F_SETFL) with O_NONBLOCK */
	TOUCH_NAME = 4,     /* getpeername, getsockname */
	TOUCH_FLAGS = 8,    /* fcntl(F_GETFL) */
};

/* The two numbers that the wrapped functions compare with. */
struct guard_numbers {
	atomic_int fd;
	atomic_int locker;
};

extern struct guard_numbers guard_numbers;

/* Is this number none of our business? The cost of every call that is not for us. */
static inline bool guard_ignores(int fd)
{
	return fd != atomic_load_explicit(&guard_numbers.fd, memory_order_relaxed) &&
	       fd != atomic_load_explicit(&guard_numbers.locker, memory_order_relaxed);
}

static inline bool guard_is_fd(int fd)
{
	return fd == atomic_load_explicit(&guard_numbers.fd, memory_order_relaxed);
}

static inline bool guard_is_locker(int fd)
{
	return fd == atomic_load_explicit(&guard_numbers.locker, memory_order_relaxed);
}

/**
 * guard_gate_one() - The first gate: nothing of the program has run, if we are first
 * @argc:	As the loader gives it to constructors
 * @argv:	Likewise
 * @envp:	Likewise; our entries are found, and in a program that mends moved to the end
 */
void guard_gate_one(int argc, char **argv, char **envp);

/* The second gate: constructors have run, main() comes next. */
void guard_gate_two(void);

/* What the calling process is to the guard; a forked child finds its feet here. */
enum role guard_role(void);

enum phase guard_phase(void);

/* Is this descriptor the connection? */
bool guard_is_connection(int fd);

/* Is it the connection that is on the guarded number now? */
bool guard_holds_connection(void);

/**
 * guard_touched() - A call on the guarded number that QEMU makes when it takes it
 * @touch:	Which
 *
 * The claim, once what was seen is QEMU's pattern (net/socket.c: type and O_NONBLOCK;
 * net/stream.c: names from a worker thread).
 */
void guard_touched(enum touch touch);

/**
 * guard_used() - First data on the guarded number: the release
 *
 * Empties the locker, sets close-on-exec, takes our entries out of the environment.
 */
void guard_used(void);

/**
 * guard_put_back() - Instead of closing the number, see to it that the connection is there
 *
 * Return: true if it is
 */
bool guard_put_back(void);

/**
 * struct loss - Somebody does away with the connection, seen as it happens
 * @kind:	EVENT_CLOSED, EVENT_OVERWRITTEN or EVENT_CLOEXEC
 * @call:	Function called
 * @where:	Address that called it
 */
struct loss {
	enum log_kind kind;
	const char *call;
	const void *where;
};

/**
 * guard_note_loss() - Log a loss, and leave word for the program that finds it out
 * @loss:	What happened
 * @put_back:	It was made good on the spot
 */
void guard_note_loss(const struct loss *loss, bool put_back);

/* Somebody closed the locker so often that he got his way. */
void guard_note_insistence(const struct loss *loss);

/* The locker has a new number (in this process: NO_DESCRIPTOR where it is gone). */
void guard_locker_moved(int locker, const char *call);

/* May the number be refused to this program: does it mend, as owner, before the claim? */
bool guard_mends(void);

/* The owner closes or replaces the number: from here on it is his alone. */
void guard_owner_closes(const struct loss *loss);

#endif /* QRAP_GUARD_H */
