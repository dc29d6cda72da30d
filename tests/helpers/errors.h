/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Errors that end a test's program. */
#ifndef QRAP_TESTS_ERRORS_H
#define QRAP_TESTS_ERRORS_H

#include <stdio.h>
#include <stdlib.h>

/* Says what has failed, with errno, and ends with status 1. */
static inline _Noreturn void die(const char *what)
{
	perror(what);
	exit(1);
}

/* The result of a system call, which must not be an error. */
static inline int check(int ret, const char *what)
{
	if (ret < 0)
		die(what);
	return ret;
}

#endif /* QRAP_TESTS_ERRORS_H */
