/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The UNIX sockets that the kernel knows, from sock_diag(7): who listens on which file, and who is
 * connected.
 */
#ifndef QRAP_UNIX_DIAG_H
#define QRAP_UNIX_DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "launcher/base/memory.h"

/**
 * struct socket_row - One UNIX socket that is bound to a file, or was accepted from one that is
 * @path:	Path as it was given to bind(2): another mount namespace may mean another file
 * @device:	Device of that file, as stat(2) has it on most file systems
 * @file:	Inode number of that file, cut to 32 bits
 * @inode:	Inode number of the socket itself, as in /proc/PID/fd, or 0: not accepted yet
 * @peer:	Inode number of the socket it is connected to, or 0: that one is closed
 * @listens:	It listens; if not, it is one end of a connection
 */
struct socket_row {
	const char *path;
	dev_t device;
	uint32_t file;
	uint32_t inode;
	uint32_t peer;
	bool listens;
};

/**
 * struct sockets - UNIX stream sockets of this network namespace
 * @arena:	Where they are kept
 * @rows:	Those with a path
 * @count:	How many
 * @seen:	How many there are, with a path or without
 */
struct sockets {
	struct arena *arena;
	struct socket_row *rows;
	size_t count;
	size_t seen;
};

/**
 * sockets_read() - Ask the kernel for them, connecting to none
 * @sockets:	@arena is set, the rest zero; filled, as far as it gets
 * @limit:	Give up after about that many sockets of the host
 *
 * Return: 0, or -errno: a kernel without CONFIG_UNIX_DIAG, or one who may not ask it
 */
int sockets_read(struct sockets *sockets, size_t limit);

#endif /* QRAP_UNIX_DIAG_H */
