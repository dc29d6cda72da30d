/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What happens when a program closes, replaces or marks a number that we care about. Each function
 * stands for the wrapped one of the same name, takes its arguments and returns as it does; @where
 * is the address that it was called from.
 */
#ifndef QRAP_INTERCEPT_H
#define QRAP_INTERCEPT_H

#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>

int intercept_close(int fd, const void *where);
int intercept_fclose(FILE *stream, int fd, const void *where);
/* Calls that name a whole range: the store is stepped over, the number treated by itself. */
int intercept_close_range(unsigned first, unsigned last, int flags, const void *where);
void intercept_closefrom(int first, const void *where);
/* dup2() is dup3() without flags, but for @from == @to. */
int intercept_dup(int from, int to, int flags, bool is_dup3, const void *where);

/* What posix_spawn() is to do in the child, without ever calling us there. */
int intercept_addclose(posix_spawn_file_actions_t *actions, int fd, const void *where);
int intercept_adddup2(posix_spawn_file_actions_t *actions, int from, int to, const void *where);
int intercept_addclosefrom(posix_spawn_file_actions_t *actions, int first, const void *where);

/**
 * intercept_mark() - A descriptor is marked close-on-exec, by fcntl() or ioctl()
 * @fd:		One of our numbers
 * @call:	Name of the function
 * @where:	Its caller
 *
 * Return: false if the call must fail with EBADF: the store is not there
 */
bool intercept_mark(int fd, const char *call, const void *where);

#endif /* QRAP_INTERCEPT_H */
