/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the log says about the descriptor until QEMU has it: who did what to it, what was found on
 * its number, where it came back from.
 */
#ifndef QRAP_FD_LOG_H
#define QRAP_FD_LOG_H

#include <stdbool.h>

#include "shim/common/handoff.h"
#include "shim/common/log.h"

/**
 * struct fd_log - What all of these events speak of
 * @handoff:	The descriptor, and the store where notes are left
 * @log:	Where events go
 * @exe:	Path of this program
 * @culprit:	The note of who lost the connection, or ""
 */
struct fd_log {
	const struct handoff *handoff;
	const struct log *log;
	const char *exe;
	const char *culprit;
};

/**
 * struct loss - The connection is closed or replaced, seen as it happens
 * @kind:	EVENT_CLOSED, EVENT_OVERWRITTEN or EVENT_CLOEXEC
 * @call:	Function called
 * @where:	Address that called it
 * @in_child:	It is to happen in a child (posix_spawn), where we are not called
 */
struct loss {
	enum log_kind kind;
	const char *call;
	const void *where;
	bool in_child;
};

/* This program starts, with @found on the number. */
void fd_log_program(const struct fd_log *fd_log, const char *found, bool mends);

/*
 * This program starts, with @found on the observed number @fd, or -1 for all that no such event
 * before this one was about. @script is what it runs, or NULL.
 */
void fd_log_observes(const struct fd_log *fd_log, int fd, const char *found, const char *script);

/* What is observed on number @fd is there again, in place of @found. */
void fd_log_put_on(const struct fd_log *fd_log, int fd, const char *found);

/**
 * fd_log_hop() - Remember where the connection was last, and where it was missed first
 * @fd_log:	This program
 * @handoff:	@well and @gone are brought up to date
 * @is_well:	The connection is on its number
 */
void fd_log_hop(const struct fd_log *fd_log, struct handoff *handoff, bool is_well);

/*
 * A loss of number @fd; word of the connection's is left in the store for the program that finds it
 * out. @found is what comes there instead, or NULL.
 */
void fd_log_loss(const struct fd_log *fd_log, int fd, const char *found, const struct loss *loss);

/* A loss that was made good on the spot; a warning unless it is one of many. */
void fd_log_put_back(const struct fd_log *fd_log, const struct loss *loss, bool is_first);

/* The store was closed @tries times and is given up. */
void fd_log_gave_way(const struct fd_log *fd_log, const struct loss *loss, int tries);

/* The store has moved to number @store (or it is -errno), since @call wanted its old one. */
void fd_log_moved(const struct fd_log *fd_log, int store, const char *call);

/* Something else is on the number, and stays. */
void fd_log_left(const struct fd_log *fd_log, const char *found);

/* What became of a connection that was gone. */
enum remedy {
	REMEDY_FOUND, /* fd_log_restored() comes next */
	REMEDY_WAIT,  /* QEMU starts without it and gets it later */
	REMEDY_NONE,  /* QEMU has no network */
};

/**
 * fd_log_lost() - The connection is gone
 * @fd_log:	Of the program that misses it
 * @found:	What is on the number instead; NULL if there has never been a connection
 * @remedy:	What became of it
 * @error:	Why passt could not be reached, an errno, unless it is REMEDY_FOUND
 */
void fd_log_lost(const struct fd_log *fd_log, const char *found, enum remedy remedy, int error);

/* The connection is gone, and cannot be taken from its @keeper, by errno @error. */
void fd_log_held(const struct fd_log *fd_log, const char *found, const char *keeper, int error);

/* The connection is back on its number: from where, in words. */
void fd_log_restored(const struct fd_log *fd_log, const char *found, const char *origin);

/* The shim itself has made the first connection: there was none to lose. */
void fd_log_connected(const struct fd_log *fd_log);

/* The program that the launcher became has failed, and the descriptor was not taken in it. */
void fd_log_ended(const struct fd_log *fd_log, int status);

/* This program does without the shim, as the filter would kill it for @call. */
void fd_log_filtered(const struct fd_log *fd_log, const char *call);

/**
 * fd_log_environment() - A program is executed in an environment without the shim
 * @fd_log:	By which
 * @call:	Function called
 * @path:	Which program
 * @reason:	Why nothing is added, or NULL: the shim's variables go along
 */
void fd_log_environment(const struct fd_log *fd_log, const char *call, const char *path,
			const char *reason);

/* QEMU becomes the program at @path, which gets the connection, or is to make one. */
void fd_log_exec(const struct fd_log *fd_log, const char *path, bool with_connection);

/* ... but could not: @error is the errno. */
void fd_log_not_executed(const struct fd_log *fd_log, const char *path, int error);

/* A program that has lost an observed descriptor becomes the one at @path, which may never say so.
 */
void fd_log_executes(const struct fd_log *fd_log, const char *path);

/* "PROGRAM uses descriptor N" and the like: the owner's steps. */
void fd_log_step(const struct fd_log *fd_log, enum log_kind kind, const char *does,
		 const char *call);

#endif /* QRAP_FD_LOG_H */
