/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a descriptor number holds, and whether it is still the same thing. */
#ifndef QRAP_FD_IDENTITY_H
#define QRAP_FD_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct identity - What tells one open socket from all others of this host
 * @cookie:	SO_COOKIE (Linux 4.6), or 0 where the kernel gives none
 * @dev:	st_dev of fstat
 * @ino:	st_ino of fstat; 0: no identity
 */
struct identity {
	uint64_t cookie;
	uint64_t dev;
	uint64_t ino;
};

/* What a number holds, seen without reading from it. */
enum descriptor_kind {
	DESCRIPTOR_EMPTY,  /* nothing: EBADF */
	DESCRIPTOR_STREAM, /* a stream socket with a peer */
	DESCRIPTOR_SOCKET, /* any other socket */
	DESCRIPTOR_FILE,   /* regular file or directory */
	DESCRIPTOR_DEVICE, /* character or block device */
	DESCRIPTOR_PIPE,   /* pipe or FIFO */
	DESCRIPTOR_OTHER,  /* eventfd, epoll and the like */
};

/* Fills @id; false, and all zero, where @fd is not open. */
bool descriptor_identity(int fd, struct identity *id);

/* Is @fd still what @id was taken of? A program may close it and open another file there. */
bool descriptor_is(int fd, const struct identity *id);

/* Same open socket? Two without identity are never the same. */
bool identity_same(const struct identity *a, const struct identity *b);

/* What kind of thing @fd holds. */
enum descriptor_kind descriptor_kind(int fd);

/* The kind in words, for messages: "nothing", "a stream socket", ... */
const char *descriptor_kind_name(enum descriptor_kind kind);

/* Has the peer of the socket @fd hung up? Looks without reading. */
bool descriptor_hung_up(int fd);

#endif /* QRAP_FD_IDENTITY_H */
