/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What happens when a program closes, replaces or marks a watched number. Each function stands for
 * the wrapped one of the same name, takes its arguments and returns as it does; @where is the
 * address that it was called from.
 */
#ifndef QRAP_INTERCEPT_H
#define QRAP_INTERCEPT_H

#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>

int intercept_close(int fd, const void *where);
int intercept_fclose(FILE *stream, int fd, const void *where);

/* Calls that name a whole range: it is closed in parts, around the numbers that stay. */
int intercept_close_range(unsigned first, unsigned last, int flags, const void *where);
void intercept_closefrom(int first, const void *where);

/* dup2() is dup3() without flags, but for @from == @to. */
int intercept_dup(int from, int to, int flags, bool is_dup3, const void *where);

/* What posix_spawn() is to do in the child, without ever calling us there. */
int intercept_addclose(posix_spawn_file_actions_t *actions, int fd, const void *where);
int intercept_adddup2(posix_spawn_file_actions_t *actions, int from, int to, const void *where);
int intercept_addclosefrom(posix_spawn_file_actions_t *actions, int first, const void *where);

/* Before fcntl() and ioctl(). Return: false if the call must fail with EBADF, unmade. */
bool intercept_fcntl(int fd, int command, long arg, const void *where);
bool intercept_ioctl(int fd, unsigned long request, const void *where);

#endif /* QRAP_INTERCEPT_H */
