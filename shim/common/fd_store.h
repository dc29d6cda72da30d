/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The locker keeps a spare of the connection: one end of a socket pair whose other end is closed,
 * with the connection queued in it as an SCM_RIGHTS message (unix(7)). A look duplicates it;
 * emptying takes the message itself, and then every copy of the locker that any program inherited
 * is empty, so that passt sees the end of the VM whoever is still alive.
 *
 * With the spare lies a note (memfd_create(2)): whoever is seen to lose the connection leaves his
 * name there, for the program that finds it gone. It gets through where an environment does not:
 * out of a vfork child, and past a shell that keeps its variables elsewhere.
 */
#ifndef QRAP_FD_STORE_H
#define QRAP_FD_STORE_H

#include <stddef.h>

/* Longest note, without its NUL. */
#define LOCKER_NOTE_MAX 127

/**
 * locker_create() - Put a spare of a connection into a new locker
 * @connection:	Descriptor to keep a spare of
 * @number:	Number wanted for the locker, whatever it holds now is replaced; or -1 for one out
 *		of the way: at least 64 below the soft limit of open files (valgrind keeps those),
 *		at most 1023 unless that is taken
 * @avoid:	Number that must not be used, or -1
 *
 * The locker survives exec.
 *
 * Return: number of the locker, or -errno
 */
int locker_create(int connection, int number, int avoid);

/**
 * locker_look() - Take a duplicate out, leaving the spare where it is
 * @locker:	Number of the locker
 *
 * Return: duplicate with close-on-exec, or -errno (-ENOENT: it is empty)
 */
int locker_look(int locker);

/* Leaves a note in place of the last one; what is longer than LOCKER_NOTE_MAX is cut. */
void locker_leave_note(int locker, const char *note);

/**
 * locker_read_note() - Read the note
 * @locker:	Number of the locker
 * @note:	Filled, "" if there is none: LOCKER_NOTE_MAX + 1 bytes
 */
void locker_read_note(int locker, char *note);

/* Empties the locker, for all who hold a copy of it, and closes this one. */
void locker_empty(int locker);

/* Gives the locker another number, out of the way of all numbers below: new number or -errno. */
int locker_move(int locker, int avoid);

#endif /* QRAP_FD_STORE_H */
