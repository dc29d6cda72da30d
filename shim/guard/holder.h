/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who holds the connection, where both it and the store are gone here: a program that has made a
 * child, closed all in it unseen, and waits for it. By /proc, among the processes that this one
 * comes from.
 */
#ifndef QRAP_HOLDER_H
#define QRAP_HOLDER_H

#include <stdbool.h>
#include <sys/types.h>

#include "shim/common/handoff.h"

/* Longest name of a process (proc(5), comm), with its NUL. */
#define HOLDER_NAME_SIZE 16

/**
 * struct holder - A process that has what is lost here
 * @pid:	Which
 * @name:	What it is called
 * @fd:		Its number of the connection, or -1
 * @store:	Its number of the store, or -1
 */
struct holder {
	pid_t pid;
	char name[HOLDER_NAME_SIZE];
	int fd;
	int store;
};

/* Return: true if there is one, and @holder is filled; else its @pid is 0 */
bool holder_find(const struct handoff *handoff, struct holder *holder);

/**
 * holder_take() - Take from it what it has: pidfd_getfd(2), Linux 5.6
 * @holder:	From holder_find()
 * @handoff:	Brought up to date: the store is taken, or made anew
 *
 * It keeps its own. Only who may trace a process may do this (ptrace(2)).
 *
 * Return: 0 and the connection is on its number, or -errno
 */
int holder_take(const struct holder *holder, struct handoff *handoff);

#endif /* QRAP_HOLDER_H */
