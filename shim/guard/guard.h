/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guard of the connection in one program: it looks at its number when the shim is loaded and
 * before main(), restores it where this program is to use it, and is done when QEMU has taken it.
 */
#ifndef QRAP_GUARD_H
#define QRAP_GUARD_H

#include <stdbool.h>

#include "shim/common/handoff.h"
#include "shim/common/log.h"
#include "shim/guard/fd_log.h"
#include "shim/guard/watched.h"

/* The descriptor's life, seen from one program. */
enum phase {
	PHASE_OVER,     /* the owner has closed it, or it was never ours to guard */
	PHASE_WAITING,  /* from the load to the claim */
	PHASE_CLAIMED,  /* QEMU has looked at it */
	PHASE_RELEASED, /* QEMU reads from it and writes to it */
};

/* What the calling process is to the guard. */
enum process {
	PROCESS_OWNER,   /* the one that loaded the shim */
	PROCESS_FORKED,  /* a child of its fork(), with memory of its own */
	PROCESS_PASSIVE, /* any other child: it may share the owner's memory (vfork, clone) */
};

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

/* What the calling process is to the guard. */
enum process guard_process(void);

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
 * pattern: it asks for the type and makes it non-blocking (net/socket.c, net/stream.c). A program
 * that only looks, as Python's socket.socket(fileno=N) does, claims nothing.
 */
void guard_touched(enum touch touch);

/**
 * guard_used() - First data on the guarded number: the release, behind a claim
 *
 * Empties the store, sets close-on-exec, takes our entries out of the environment.
 */
void guard_used(void);

/* What becomes of a call on a watched number. */
enum call_fate {
	CALL_GOES_ON, /* it is made */
	CALL_KEPT,    /* it is not made, and succeeds: the connection has to stay where it is */
	CALL_HIDDEN,  /* it is not made, and fails with EBADF: the store is nobody's to see */
};

/**
 * guard_close() - A number is about to be closed
 * @fd:		Which; one that is not watched is of no interest
 * @loss:	What call, and from where
 *
 * Until the claim, in a program that restores, the connection stays on its number, or comes back to
 * it from the spare; never by a call that waits. The store stays until one process has tried to
 * close it 64 times.
 *
 * Return: what is to become of the call
 */
enum call_fate guard_close(int fd, const struct loss *loss);

/* A number is marked close-on-exec, or is to be closed in a child: as guard_close(), but goes on.
 */
enum call_fate guard_lose(int fd, const struct loss *loss);

/* @from is about to be copied onto @to, which puts the store out of the way. */
void guard_replace(int from, int to, const struct loss *loss);

/**
 * guard_exec() - This process is about to become another program
 * @path:	Which, for the log
 * @envp:	The environment that it is to have
 *
 * Where QEMU, which uses the connection, executes itself anew (its live update, migration mode
 * cpr-exec), the new one finds all as the first one did: the connection on its number, a store, our
 * variables.
 *
 * Return: the environment to give it: @envp, or another one
 */
char *const *guard_exec(const char *path, char *const *envp);

/* The program behind guard_exec() could not be executed: all is as it was. errno is kept. */
void guard_exec_failed(const char *path);

/* Once more behind a call that has closed the connection's number all the same. */
void guard_put_back(void);

#endif /* QRAP_GUARD_H */
