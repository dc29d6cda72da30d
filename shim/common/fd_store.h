/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The store keeps a spare of the connection: one end of a socket pair whose other end is closed,
 * with the connection queued in it as an SCM_RIGHTS message (unix(7)). A look duplicates it;
 * emptying takes the message itself, and then every copy of the store that any program inherited
 * is empty, so that passt sees the end of the VM whatever is still alive.
 *
 * With the spare lies a note (memfd_create(2)): a program that is seen to lose the connection
 * leaves its name there, for the program that finds it gone. It gets through where an environment
 * does not: out of a vfork child, and past a shell that keeps its variables elsewhere. The open log
 * file lies there, for programs whose user may not open it or whose root is another one, and the
 * supervisor's control socket, each where there is one. With --watch --keep it is the watched
 * descriptors that lie there, and no connection.
 */
#ifndef QRAP_FD_STORE_H
#define QRAP_FD_STORE_H

#include "shim/common/handoff.h"

/* Longest note, without its NUL. */
#define STORE_NOTE_MAX 127

/* What the message in the store carries, as far as it is there. */
enum stored_fd {
	STORED_CONNECTION,
	STORED_NOTE,
	STORED_LOG,     /* the log file, open to be written at its end */
	STORED_CONTROL, /* the supervisor's control socket */
	STORED_WATCHED, /* --watch --keep: the first of the handoff's descriptors */
	STORED_FDS = STORED_WATCHED + WATCH_MAX
};

/**
 * store_create() - Put a spare of the connection into a new store, which survives exec
 * @handoff:	Connection wanted, none where it has no identity; @store is the number for it,
 *		whatever that holds is replaced, or -1 for one out of the way: at least 64 below
 *		the soft limit of open files (valgrind keeps those), at most 1023 unless that is
 *		taken. Store and identity are filled
 * @log:	Open log file that goes along, or -1
 * @control:	Control socket that goes along, or -1
 *
 * Return: 0, or -errno and no store
 */
int store_create(struct handoff *handoff, int log, int control);

/**
 * store_find() - Find the store among the open descriptors
 * @handoff:	Says where it was and what it is
 *
 * Programs may have moved it (posix_spawn's closefrom in a child): the number is only where the
 * search begins.
 *
 * Return: its number, or -1
 */
int store_find(const struct handoff *handoff);

/*
 * A duplicate of what is in the store, with close-on-exec, or -1 where there is none: what is there
 * stays where it is.
 */
int store_look(int store, enum stored_fd wanted);

/* Leaves a note in place of the last one; what is longer than STORE_NOTE_MAX is cut. */
void store_leave_note(int store, const char *note);

/* Fills @note, of STORE_NOTE_MAX + 1 bytes: "" if there is none. */
void store_read_note(int store, char *note);

/* Empties the store, for all who hold a copy of it, and closes this one. */
void store_empty(int store);

/* Moves the store to the highest free number but @avoid; the old one is closed: new or -errno. */
int store_move(int store, int avoid);

#endif /* QRAP_FD_STORE_H */
