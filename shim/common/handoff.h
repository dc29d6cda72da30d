/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The handoff between launcher and shim: one environment variable, QRAP_SHIM. Its first part has
 * fields of fixed width, so that a new connection can be written over the old one in place, in
 * whatever process finds that out.
 */
#ifndef QRAP_HANDOFF_H
#define QRAP_HANDOFF_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/common/fd_identity.h"
#include "shim/common/log.h"
#include "shim/common/passt.h"

#define HANDOFF_VARIABLE "QRAP_SHIM"

/* Longest name of a program with its process; what is longer is cut. */
#define HANDOFF_HOP_MAX 47

/**
 * struct handoff - What the launcher hands over to the shim of every program that follows
 * @fd:		Number on which QEMU expects the connection
 * @socket:	Identity of the connection
 * @store:	Number of the store, or -1
 * @store_id:	Identity of the store
 * @passt:	Path of the socket of passt, "" for a private one
 * @well:	"PROGRAM, pid N": the last one that had the connection on its number, or ""
 * @gone:	... and the first one after it that had not, or ""
 * @run:	Number of this start
 * @level:	What stderr gets
 * @private_passt: Connected by a socket pair: there is nothing to reconnect to
 * @reconnect:	Keep the link when passt restarts
 * @qemu_dev:	Device of QEMU's executable; QEMU mends whatever its arguments say
 * @qemu_ino:	Inode of QEMU's executable, or 0 if unknown
 * @trust:	Whose passt may be used
 * @log_file:	Path of the log file, "" for none; the last one, as most of it is never touched
 */
struct handoff {
	int fd;
	struct identity socket;
	int store;
	struct identity store_id;
	char passt[PASST_PATH_MAX + 1];
	char well[HANDOFF_HOP_MAX + 1];
	char gone[HANDOFF_HOP_MAX + 1];
	uint64_t run;
	enum log_level level;
	bool private_passt;
	bool reconnect;
	uint64_t qemu_dev;
	uint64_t qemu_ino;
	struct passt_trust trust;
	char log_file[PATH_MAX];
};

/* Bytes that hold any handoff, with the NUL. */
#define HANDOFF_SIZE (PATH_MAX + 1024)

/**
 * handoff_write() - Write a handoff as the value of its variable
 * @handoff:	What to write
 * @out:	Where to: HANDOFF_SIZE bytes
 *
 * Return: length without the NUL; the first part has the same length for every handoff
 */
size_t handoff_write(const struct handoff *handoff, char *out);

/**
 * handoff_read() - Read the variable's value
 * @value:	Text after "QRAP_SHIM="
 * @handoff:	Filled when it is sound; what is behind the end of @log_file stays
 *
 * Return: true if every field is as handoff_write() makes it, false for anything else
 */
bool handoff_read(const char *value, struct handoff *handoff);

/**
 * handoff_update() - Write the members up to @gone over an existing value, in place
 * @value:	Value that handoff_read() accepted
 * @handoff:	What to write; its other members are ignored
 */
void handoff_update(char *value, const struct handoff *handoff);

#endif /* QRAP_HANDOFF_H */
