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

#include "shim/common/handoff.h"
#include "shim/common/log.h"
#include "shim/guard/fd_log.h"

/* No number at all: not even -1, which programs do pass to close(). */
#define NO_DESCRIPTOR INT_MIN

/* The descriptor's life, seen from one program. */
enum phase {
	PHASE_OVER,     /* the owner has closed it, or it was never ours to guard */
	PHASE_WAITING,  /* from the load to the claim */
	PHASE_CLAIMED,  /* QEMU has looked at it */
	PHASE_RELEASED, /* QEMU reads from it and writes to it */
};

/* What the calling process is to the guard. */
enum role {
	ROLE_OWNER,   /* the program that loaded the shim */
	ROLE_FORKED,  /* a child of its fork(), with memory of its own */
	ROLE_PASSIVE, /* any other child: it may share the owner's memory (vfork, clone) */
};

/* Calls that tell QEMU from a program that merely looks. */
enum touch {
	TOUCH_TYPE = 1,     /* getsockopt(SO_TYPE) */
	TOUCH_NONBLOCK = 2, /* fcntl(F_SETFL) with O_NONBLOCK */
	TOUCH_NAME = 4,     /* getpeername, getsockname */
};

/* The two numbers that the wrapped functions compare with. */
struct guard_numbers {
	atomic_int fd;
	atomic_int store;
};

extern struct guard_numbers guard_numbers;

/* Is this number none of our business? The cost of every call that is not for us. */
static inline bool guard_ignores(int fd)
{
	return fd != atomic_load_explicit(&guard_numbers.fd, memory_order_relaxed) &&
	       fd != atomic_load_explicit(&guard_numbers.store, memory_order_relaxed);
}

static inline bool guard_is_fd(int fd)
{
	return fd == atomic_load_explicit(&guard_numbers.fd, memory_order_relaxed);
}

static inline bool guard_is_store(int fd)
{
	return fd == atomic_load_explicit(&guard_numbers.store, memory_order_relaxed);
}

/**
 * guard_on_load() - The first gate: nothing of the program has run, if we are first
 * @argc:	As the loader gives it to constructors
 * @argv:	Likewise
 * @envp:	Likewise; our entries are found, and in a program that mends moved to the end
 * @first:	We are first
 */
void guard_on_load(int argc, char **argv, char **envp, bool first);

/* The second gate: constructors have run, main() comes next. */
void guard_before_main(void);

/* What the calling process is to the guard. */
enum role guard_role(void);

/*
 * The calling process is the child of a fork(), with memory of its own: it goes on as the owner
 * would, or guards nothing where the connection is in use already.
 */
void guard_forked(void);

enum phase guard_phase(void);

/* Is this descriptor the connection? */
bool guard_is_connection(int fd);

/* Is the connection on the guarded number, and may it still be lost? */
bool guard_holds_connection(void);

/**
 * guard_touched() - A call on the guarded number that QEMU makes when it takes it
 * @touch:	Which
 *
 * At the first one the number is filled if it is empty. The claim, once what was seen is QEMU's
 * pattern: it asks for the type and makes it non-blocking (net/socket.c, net/stream.c). Who only
 * looks, as Python's socket.socket(fileno=N) does, claims nothing.
 */
void guard_touched(enum touch touch);

/**
 * guard_used() - First data on the guarded number: the release, behind a claim
 *
 * Empties the store, sets close-on-exec, takes our entries out of the environment.
 */
void guard_used(void);

/* What the guard has done about a number that is to be closed. */
enum closing {
	CLOSING_GOES_ON, /* nothing: the close is the program's affair */
	CLOSING_REFUSED, /* the connection is on the number, and has to stay there */
};

/**
 * guard_closing() - The guarded number is about to be closed
 * @loss:	Who does it, and how
 *
 * Until the claim, in a program that mends, the connection stays on the number, or comes back to it
 * from the spare; never by a call that waits.
 */
enum closing guard_closing(const struct loss *loss);

/* Once more behind a call that has closed the number all the same. */
void guard_put_back(void);

/* Something other than the connection comes onto the guarded number, or is copied there. */
void guard_overwriting(int from, const struct loss *loss);

/* The connection on the guarded number is marked close-on-exec, or is to be closed in a child. */
void guard_losing(const struct loss *loss);

/**
 * guard_keeps_store() - Somebody wants to close the store
 * @loss:	Who, and how
 *
 * Return: true if it is to be left alone; false after 64 tries of one process
 */
bool guard_keeps_store(const struct loss *loss);

/* Something else comes onto the store's number: move it out of the way, for @call. */
void guard_move_store(const char *call);

#endif /* QRAP_GUARD_H */
