/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Waiting for a file to appear: inotify(7) on its directory. */
#ifndef QRAP_PATH_WATCH_H
#define QRAP_PATH_WATCH_H

#include <stdbool.h>

/**
 * watch_open() - Watch the directory of a file
 * @path:	Path of the file
 *
 * Return: descriptor of the watch, or -errno: then there is only the clock
 */
int watch_open(const char *path);

/**
 * watch_wait() - Wait until something happens to one of the files that matter
 * @watch:	What watch_open() returned; if negative, this is a sleep
 * @ms:		Wait that long at most, in milliseconds
 * @matters:	Does this name, without directory, matter?
 *
 * What happens to other files of the directory does not shorten the wait.
 *
 * Return: true if one of them appeared or changed its mode
 */
bool watch_wait(int watch, int ms, bool (*matters)(const char *name, const void *arg),
		const void *arg);

#endif /* QRAP_PATH_WATCH_H */
