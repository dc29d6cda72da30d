/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a descriptor number holds, and whether it is still the same thing. */
#ifndef QRAP_FD_IDENTITY_H
#define QRAP_FD_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct identity - What tells one open socket, or one file, from all others of this host
 * @cookie:	SO_COOKIE (Linux 4.6), or 0 where the kernel gives none; of an eventfd and the like,
 *		which all have one inode, identity_anonymous()
 * @dev:	st_dev of fstat
 * @ino:	st_ino of fstat; 0: no identity
 */
struct identity {
	uint64_t cookie;
	uint64_t dev;
	uint64_t ino;
};

/* Fills @id; false, and all zero, where @fd is not open. */
bool descriptor_identity(int fd, struct identity *id);

/*
 * A number for what has no inode of its own, made of what /proc says of descriptor @fd in process
 * @pid, or in this one for 0: its kind, and which eventfd it is (Linux 5.2). Never 0.
 */
uint64_t identity_anonymous(int pid, int fd);

/* Is @fd still what @id was taken of? A program may close it and open another file there. */
bool descriptor_is(int fd, const struct identity *id);

/* Same open socket? Two without identity are never the same. */
bool identity_same(const struct identity *a, const struct identity *b);

/* Is @fd a stream socket with a peer? */
bool descriptor_is_stream(int fd);

/* What descriptor_name() says of a number that is not open. */
#define FOUND_NOTHING "nothing"

/* What @fd holds, in words for messages: FOUND_NOTHING, "another stream socket", "a file", ... */
const char *descriptor_name(int fd);

/* Has the peer of the socket @fd hung up? Looks without reading. */
bool descriptor_hung_up(int fd);

#endif /* QRAP_FD_IDENTITY_H */
