/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The handoff between launcher and shim: one environment variable, QRAP_SHIM, as
 *
 *   VERSION:IMAGE:CHECK:LOG_FILE
 *   VERSION:IMAGE:CHECK:SET:LOG_FILE
 *
 * IMAGE is struct handoff up to its log file, as it is in memory, two letters a byte. Its length
 * never changes: a new connection is written over the old one in place, in whatever process finds
 * that out. SET is the descriptors of --watch, as many of them as there are. What has another
 * version, length or check value is damaged, and nothing is guarded.
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

/* Without the launcher, or without the shim: the number alone. */
#define FD_VARIABLE "QRAP_FD"

/*
 * The trial exec of qrap --check: the launcher starts a program with the shim and this variable,
 * the number of a pipe's descriptor. A shim that was loaded writes this line to it and ends the
 * process with status 0, before anything of the program has run.
 */
#define CHECK_REPLY_VARIABLE "QRAP_CHECK"
#define CHECK_REPLY_LINE     "qrap " QRAP_VERSION "\n"

/* Most descriptors that --watch takes. */
#define WATCH_MAX 64

/* Longest name of a program with its process; what is longer is cut. */
#define HANDOFF_HOP_MAX 47

/**
 * struct watched_fd - A descriptor that is only looked at: --watch
 * @fd:		Its number
 * @id:		What is to be there
 */
struct watched_fd {
	int64_t fd;
	struct identity id;
};

/**
 * struct handoff - What the launcher hands over to the shim of every program that follows
 * @fd:		Number on which QEMU expects the connection
 * @store:	Number of the store, or -1
 * @socket:	Identity of the connection
 * @store_id:	Identity of the store
 * @run:	Number of this start
 * @qemu:	QEMU's executable, where that is known: it restores whatever its arguments say
 * @trust:	Whose passt may be used
 * @level:	What stderr gets
 * @reconnect:	Keep the link when passt restarts; not with a private one
 * @observe:	Somebody at the control socket wants to know what the guest sends
 * @runtime:	A sanitizer's runtime stands in front of the shim for the first program's sake
 * @watch_count: Length of @watch; where there is one, there is no connection
 * @passt:	Path of the socket of passt; "" for a private one, where nothing can be connected to
 * @well:	"PROGRAM, pid N": the last one that had the connection on its number, or ""; of
 *		--watch, the name of the program that its descriptors are for
 * @gone:	... and the first one after it that had not, or ""
 * @log_file:	Path of the log file, "" for none; the first one behind the image
 * @watch:	Descriptors that are only looked at
 */
struct handoff {
	int32_t fd;
	int32_t store;
	struct identity socket;
	struct identity store_id;
	uint64_t run;
	struct identity qemu;
	struct passt_trust trust;
	enum log_level level;
	bool reconnect;
	bool observe;
	bool runtime;
	uint8_t watch_count;
	_Alignas(uint32_t) char passt[PASST_PATH_MAX + 1];
	char well[HANDOFF_HOP_MAX + 1];
	char gone[HANDOFF_HOP_MAX + 1];
	char log_file[PATH_MAX];
	struct watched_fd watch[WATCH_MAX];
};

/* Bytes that hold any handoff, with the NUL. */
#define HANDOFF_SIZE (PATH_MAX + 1024 + 2 * sizeof(struct watched_fd) * WATCH_MAX)

/**
 * handoff_write() - Write a handoff as the value of its variable
 * @handoff:	What to write
 * @out:	Where to: HANDOFF_SIZE bytes
 *
 * Return: length without the NUL
 */
size_t handoff_write(const struct handoff *handoff, char *out);

/**
 * handoff_read() - Read the variable's value
 * @value:	Text after "QRAP_SHIM="
 * @handoff:	Filled when it is sound; what is behind the ends of @log_file and @watch stays
 *
 * Return: true if it is as handoff_write() makes it, false for anything else
 */
bool handoff_read(const char *value, struct handoff *handoff);

/**
 * handoff_update() - Write a handoff over an existing value, in place
 * @value:	Value of the variable; one of another version or log file stays as it is
 * @handoff:	What to write
 *
 * Needs little stack, so that a vfork child can do it.
 */
void handoff_update(char *value, const struct handoff *handoff);

#endif /* QRAP_HANDOFF_H */
