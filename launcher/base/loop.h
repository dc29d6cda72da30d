/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Waiting for several descriptors at once, until a deadline. */
#ifndef QRAP_LOOP_H
#define QRAP_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct loop_source - Something to wait for
 * @fd:		Descriptor to be readable or hung up, or -1 for nothing (any more)
 * @ready:	Called when it is: true to end the loop. It may change @fd.
 * @arg:	For @ready
 */
struct loop_source {
	int fd;
	bool (*ready)(struct loop_source *source);
	void *arg;
};

#define LOOP_SOURCES_MAX 8

/**
 * loop_run() - Wait, and call those that are ready
 * @sources:	At most LOOP_SOURCES_MAX
 * @count:	How many
 * @deadline:	Time at which to end, in milliseconds of sys_now_ms()
 *
 * Return: true if one of them ended it, false at the deadline
 */
bool loop_run(struct loop_source *sources, size_t count, int64_t deadline);

#endif /* QRAP_LOOP_H */
