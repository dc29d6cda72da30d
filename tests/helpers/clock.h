/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A clock that nobody sets, for tests' programs. */
#ifndef QRAP_TESTS_CLOCK_H
#define QRAP_TESTS_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Microseconds since some time in the past. */
static inline int64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000000) + ts.tv_nsec / 1000;
}

/* The same in milliseconds. */
static inline int64_t now_ms(void)
{
	return now_us() / 1000;
}

#endif /* QRAP_TESTS_CLOCK_H */
