/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A socket that may be a passt's, and what can be known of it without connecting. */
#ifndef QRAP_CANDIDATE_H
#define QRAP_CANDIDATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "shim/common/passt.h"

/* Names that passt itself picks when it is given none, from 1 on: tap.c of passt, UNIX_SOCK_PATH.
 */
#define CANDIDATE_PREFIX "/tmp/passt_"
#define CANDIDATE_SUFFIX ".socket"
#define CANDIDATES_MAX   99

enum candidate_state {
	CANDIDATE_OPEN,          /* nothing speaks against connecting */
	CANDIDATE_MISSING,       /* no such file */
	CANDIDATE_TOO_LONG,      /* a path longer than a UNIX socket's can be */
	CANDIDATE_NOT_SOCKET,    /* another kind of file */
	CANDIDATE_NOT_STREAM,    /* a datagram socket or the like */
	CANDIDATE_LINK,          /* a symbolic link that anybody may have put there */
	CANDIDATE_NOT_TRUSTED,   /* belongs to, or is served by, somebody who is not trusted */
	CANDIDATE_NO_PERMISSION, /* we may not connect */
	CANDIDATE_STALE,         /* its passt is gone */
	CANDIDATE_IN_USE,        /* its passt has a client */
	CANDIDATE_SILENT,        /* connected, and no answer */
	CANDIDATE_NOT_PASST,     /* an answer that is no frame */
	CANDIDATE_VHOST_USER,    /* a passt that speaks vhost-user */
	CANDIDATE_FAILED,        /* another error: @error */
};

/**
 * struct candidate - A socket that may be a passt's
 * @path:	Its path
 * @state:	What is known about it
 * @error:	errno that goes with CANDIDATE_FAILED
 * @uid:	Whose it is: owner of the file, once connected of the process that listens
 * @made:	When the file was made
 * @device:	Device of the file
 * @file:	Inode number of the file
 * @listener:	Inode number of the socket that listens there, or 0
 * @client:	Inode number of its client's socket, or 0
 * @listens:	The kernel knows a socket that listens there
 * @in_use:	The kernel knows a connection to it
 * @told:	For a search: the state that was traced last
 * @silent_till: For a search: not to be tried again before that time
 */
struct candidate {
	char path[PASST_PATH_MAX + 1];
	enum candidate_state state;
	int error;
	uid_t uid;
	struct timespec made;
	dev_t device;
	ino_t file;
	uint32_t listener;
	uint32_t client;
	bool listens;
	bool in_use;
	enum candidate_state told;
	int64_t silent_till;
};

/* What a state is called in messages: "in use", "stale", ... */
const char *candidate_state_name(enum candidate_state state);

/* The state that an error of connect(2), send(2) or recv(2) stands for: @error is an errno. */
enum candidate_state candidate_state_of_error(int error);

/**
 * candidates_name() - Set the paths of the sockets to look at
 * @candidates:	Filled; all else is zero
 * @socket:	The only one, or NULL for those that passt picks by itself
 *
 * Return: how many, or 0 for a path that is too long
 */
size_t candidates_name(struct candidate candidates[CANDIDATES_MAX], const char *socket);

/**
 * candidate_look() - Look at the file: is it a socket, and whose?
 * @candidate:	Its path is set; all but @told and @silent_till is filled anew
 * @trust:	Whose passt may be used
 *
 * A symbolic link is not followed in a directory that everybody can write to.
 */
void candidate_look(struct candidate *candidate, const struct passt_trust *trust);

/**
 * candidates_look_up() - Ask the kernel who listens and who is connected
 * @candidates:	Those that candidate_look() found open are filled in
 * @count:	How many
 * @limit:	As for sockets_read()
 *
 * Sockets are told by device and inode of their file, since the same path may mean another file in
 * another mount namespace.
 *
 * Return: as sockets_read(); what was not seen need not be missing
 */
int candidates_look_up(struct candidate *candidates, size_t count, size_t limit);

#endif /* QRAP_CANDIDATE_H */
