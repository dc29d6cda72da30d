/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guard of the connection in one program: it looks at its number when the shim is loaded and
 * before main(), restores it where this program is to use it, and is done when QEMU has taken it.
 */
#ifndef QRAP_GUARD_H
#define QRAP_GUARD_H

#include <stdatomic.h>
#include <stdbool.h>

#include "shim/guard/exec_target.h"
#include "shim/guard/fd_log.h"

/* Why a number is watched. */
enum fd_role {
	ROLE_CONNECTION, /* QEMU expects the connection there */
	ROLE_STORE,      /* the store is there: programs do not see it */
	ROLE_OBSERVED,   /* --watch: what happens to it is told, and happens */
	ROLE_NONE,       /* it is not */
};

#define WATCHED_BITS 1024
#define WORD_BITS    (8 * sizeof(unsigned long))

/* A bit for the remainder of each number that is or was watched. */
extern atomic_ulong watched_bits[WATCHED_BITS / WORD_BITS];

/* Why @fd is watched, where its bit is set. */
enum fd_role guard_role(int fd);

/* The lowest watched number from @first to @last, or -1. */
int guard_lowest(unsigned first, unsigned last);

/* The number of the connection or of the store, or -1. */
int guard_number(enum fd_role role);

/* Why @fd is watched. All that a call on another number costs. */
static inline enum fd_role watched_role(int fd)
{
	unsigned bit = (unsigned)fd % WATCHED_BITS;
	unsigned long word =
		atomic_load_explicit(&watched_bits[bit / WORD_BITS], memory_order_relaxed);

	return word >> bit % WORD_BITS & 1 ? guard_role(fd) : ROLE_NONE;
}

/* Calls that tell QEMU from a program that merely looks. */
enum touch {
	TOUCH_TYPE = 1,     /* getsockopt(SO_TYPE) */
	TOUCH_NONBLOCK = 2, /* fcntl(F_SETFL) with O_NONBLOCK */
	TOUCH_NAME = 4,     /* getpeername, getsockname */
};

/**
 * guard_on_load() - First look: nothing of the program has run, if we are first
 * @argc:	As the loader gives it to constructors
 * @argv:	Likewise
 * @envp:	Likewise; our entries are found, and in a program that restores moved to the end
 * @first:	We are first
 */
void guard_on_load(int argc, char **argv, char **envp, bool first);

/* Second look: constructors have run, main() comes next. */
void guard_before_main(void);

/*
 * The calling process is the child of a fork(), with memory of its own: it goes on as the owner
 * would, or guards nothing where the connection is in use already.
 */
void guard_forked(void);

/* Is this descriptor the connection? */
bool guard_is_connection(int fd);

/* Is @fd something else than what is watched on number @to, where that is a program's to lose? */
bool guard_would_lose(int fd, int to);

/**
 * guard_touched() - A call that QEMU makes when it takes the connection
 * @fd:		On which number
 * @touch:	Which call
 *
 * At the first one the guarded number is filled if it is empty. The claim, once what was seen is
 * QEMU's pattern: it asks for the type and makes it non-blocking (net/socket.c, net/stream.c). A
 * program that only looks, as Python's socket.socket(fileno=N) does, claims nothing.
 */
void guard_touched(int fd, enum touch touch);

/**
 * guard_used() - Data is sent or received: the first on the guarded number is the release
 * @fd:		On which number
 *
 * Behind a claim, or in the QEMU that the handoff names. Empties the store, sets close-on-exec,
 * takes our entries out of the environment.
 */
void guard_used(int fd);

/* What becomes of a call. */
enum call_fate {
	CALL_GOES_ON, /* it is made */
	CALL_KEPT,    /* it is not made, and succeeds: the connection has to stay where it is */
	CALL_HIDDEN,  /* it is not made, and fails with EBADF: the store is nobody's to see */
};

/**
 * guard_lose() - A number is about to be closed, or marked close-on-exec
 * @fd:		Which
 * @loss:	What call, and from where
 *
 * Until the claim, in a program that restores, a call that closes the connection is not made: it
 * stays on its number, or comes back to it from the spare; never by a call that waits. The store
 * stays until one process has tried to close it 64 times, or a daemon that is not on the way once.
 *
 * Return: what is to become of the call
 */
enum call_fate guard_lose(int fd, const struct loss *loss);

/*
 * @from is about to be copied onto @to, which puts the store out of the way. Return: CALL_HIDDEN
 * where @from is the store, else CALL_GOES_ON
 */
enum call_fate guard_replace(int from, int to, const struct loss *loss);

/**
 * struct exec_step - A program is about to be executed
 * @call:	Function called
 * @target:	What it executes
 * @argv:	Its words, or NULL
 * @envp:	Its environment, or NULL: the caller's, and what it is to be from guard_exec() on
 * @spawns:	In a child that the libc makes, where nothing of ours runs before
 * @wanted:	The caller's environment
 * @copy:	The one that is given instead, or NULL
 * @filled:	The connection has been put on its number for it
 * @unmarked:	Its close-on-exec has been taken away
 * @hands_on:	It is QEMU's live update
 */
struct exec_step {
	const char *call;
	struct exec_target target;
	char *const *argv;
	char *const *envp;
	bool spawns;
	char *const *wanted;
	char **copy;
	bool filled;
	bool unmarked;
	bool hands_on;
};

/**
 * guard_exec() - A program is about to be executed, by this process or by a child of it
 * @step:	@envp is what to give it
 *
 * A program on the way to QEMU, whose words name the number or a QEMU, has the shim's variables
 * whatever has become of its environment. Where it cannot load the shim, the connection itself is
 * on its number. All others get what their caller wants.
 *
 * Where QEMU, which uses the connection, executes itself anew (its live update, migration mode
 * cpr-exec), the new one finds all as the first one did: the connection on its number, a store, our
 * variables.
 */
void guard_exec(struct exec_step *step);

/**
 * guard_exec_done() - The call is back: in this process that is a failure
 * @step:	As guard_exec() has left it
 * @error:	errno, or 0 where a child was made
 *
 * Nothing of what was done stays. errno is kept.
 *
 * Return: the call is to be made once more, since without what was added it may succeed
 */
bool guard_exec_done(struct exec_step *step, int error);

/* This program ends, with that status for exit(3). */
void guard_ends(int status);

/* Is the connection on its number, still or again, from the spare? Never waits. */
bool guard_put_back(void);

#endif /* QRAP_GUARD_H */
