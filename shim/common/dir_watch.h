/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Learning that a file appears: inotify(7) on its directory, with raw system calls. */
#ifndef QRAP_DIR_WATCH_H
#define QRAP_DIR_WATCH_H

#include <stdbool.h>

/**
 * struct dir_watch - The directory of a file that is waited for
 * @fd:		inotify descriptor, readable when something happened in the directory; or -1
 * @wd:		Watch of the directory, or negative: not watched now
 */
struct dir_watch {
	int fd;
	int wd;
};

/**
 * dir_watch_open() - Watch the directory, if it is not watched: it may be there by now
 * @watch:	Both members -1 at first; dir_watch_close() ends it in any case
 * @path:	Path of the file, of a socket: unix(7) lets it have 107 bytes
 *
 * Return: 0, or -errno: the directory cannot be watched now
 */
int dir_watch_open(struct dir_watch *watch, const char *path);

/* Reads what has happened: may the file at @path have appeared, or changed its mode? */
bool dir_watch_read(struct dir_watch *watch, const char *path);

void dir_watch_close(struct dir_watch *watch);

#endif /* QRAP_DIR_WATCH_H */
