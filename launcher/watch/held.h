/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who still has the watched descriptors when the command has ended: a look into /proc. */
#ifndef QRAP_HELD_H
#define QRAP_HELD_H

#include "launcher/watch/watched.h"

/* Longest name of a program that the kernel has, and a NUL (TASK_COMM_LEN). */
#define HOLDER_NAME_MAX 16

/**
 * struct holder - A process that has a descriptor's file open
 * @pid:	Its number, 0: there is none
 * @parent:	Its parent
 * @program:	Its name
 * @fd:		Its number for that file
 * @age_ms:	How long it has been running
 * @more:	How many other processes have it, too
 * @last:	The last one that was counted
 */
struct holder {
	int pid;
	int parent;
	char program[HOLDER_NAME_MAX];
	int fd;
	int64_t age_ms;
	int more;
	int last;
};

/**
 * held_find() - Look through all descendants of this process
 * @list:	Watched descriptors
 * @count:	How many
 * @holders:	Filled, one for each
 *
 * Return: how many are held; -1 without /proc, or where that says nothing of children
 */
int held_find(const struct watched *list, int count, struct holder *holders);

/* Of a process: fills all but @fd and @more. */
void held_read_process(int pid, struct holder *holder);

#endif /* QRAP_HELD_H */
