/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Learning that a file appears: inotify(7) on its directory, with raw system calls. */
#ifndef QRAP_DIR_WATCH_H
#define QRAP_DIR_WATCH_H

#include <stdbool.h>

/**
 * dir_watch_add() - Watch the directory of a file; once more costs nothing
 * @fd:		inotify descriptor, non-blocking
 * @path:	Path of the file, at most PASST_PATH_MAX bytes. It may lead to another directory
 *than the last time, which is watched as well then
 *
 * Return: 0, or -errno: the directory cannot be watched now
 */
int dir_watch_add(int fd, const char *path);

/* Reads what has happened: may the file at @path have appeared, or changed its mode? */
bool dir_watch_read(int fd, const char *path);

#endif /* QRAP_DIR_WATCH_H */
