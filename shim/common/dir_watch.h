/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Learning that a file appears: inotify(7) on its directory, with raw system calls. */
#ifndef QRAP_DIR_WATCH_H
#define QRAP_DIR_WATCH_H

#include <stdbool.h>

#include "shim/common/passt.h"

/**
 * struct dir_watch - A file that is waited for
 * @fd:		inotify descriptor, readable when something happened in the directory; or -1
 * @watch:	Watch of the directory, or negative: not watched now
 * @path:	Directory, its end overwritten by a NUL
 * @name:	Name of the file in it
 */
struct dir_watch {
	int fd;
	int watch;
	char path[PASST_PATH_MAX + 1];
	const char *name;
};

/**
 * dir_watch_open() - Begin to wait for a file
 * @appear:	Filled; dir_watch_close() ends it in any case
 * @path:	Path of the file, at most PASST_PATH_MAX bytes
 *
 * Return: 0, or -errno: the directory cannot be watched now
 */
int dir_watch_open(struct dir_watch *appear, const char *path);

/**
 * dir_watch_retry() - Watch the directory, if it is not watched: it may be there by now
 * @appear:	What dir_watch_open() filled
 *
 * Return: 0, or -errno
 */
int dir_watch_retry(struct dir_watch *appear);

/* Reads all that happened: has the file appeared, or changed its mode? */
bool dir_watch_read(struct dir_watch *appear);

void dir_watch_close(struct dir_watch *appear);

#endif /* QRAP_DIR_WATCH_H */
