/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A socket that may be a passt's, and what can be known of it without connecting. */
#ifndef QRAP_CANDIDATE_H
#define QRAP_CANDIDATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "launcher/passt/unix_diag.h"
#include "shim/common/passt.h"

/* Sockets that passt picks by itself, from 1 on: its tap.c, UNIX_SOCK_PATH. */
#define CANDIDATE_PREFIX "/tmp/passt_"
#define CANDIDATES_MAX   99

/* Behind CANDIDATE_FAILED: those that stay so, however long we wait. */
enum candidate_state {
	CANDIDATE_OPEN,          /* nothing speaks against connecting */
	CANDIDATE_MISSING,       /* no such file */
	CANDIDATE_STALE,         /* its passt is gone */
	CANDIDATE_IN_USE,        /* its passt has a client */
	CANDIDATE_SILENT,        /* connected, and no answer */
	CANDIDATE_NO_PERMISSION, /* we may not connect */
	CANDIDATE_FAILED,        /* another error: @error */
	CANDIDATE_NOT_SOCKET,    /* another kind of file */
	CANDIDATE_NOT_STREAM,    /* a datagram socket or the like */
	CANDIDATE_LINK,          /* a symbolic link that anybody may have put there */
	CANDIDATE_NOT_PASST,     /* an answer that is no frame */
	CANDIDATE_VHOST_USER,    /* a passt that speaks vhost-user */
	CANDIDATE_NOT_TRUSTED,   /* belongs to, or is served by, somebody who is not trusted */
};

/**
 * struct candidate - A socket that may be a passt's
 * @path:	Its path, once it was looked at
 * @state:	What is known about it
 * @error:	errno that goes with CANDIDATE_FAILED
 * @uid:	Whose it is: owner of the file, once connected of the process that listens
 * @made_ms:	When the file was made, in milliseconds since 1970
 * @device:	Device of the file
 * @file:	Inode number of the file, or 0
 * @listener:	Inode number of the socket that listens there, or 0
 * @client:	Inode number of its client's socket, or 0
 * @told:	For a search: the state that was traced last
 * @silent_till: For a search: not to be tried again before that time
 */
struct candidate {
	char path[PASST_PATH_MAX + 1];
	enum candidate_state state;
	int error;
	uid_t uid;
	int64_t made_ms;
	dev_t device;
	ino_t file;
	uint32_t listener;
	uint32_t client;
	enum candidate_state told;
	int64_t silent_till;
};

/* What speaks against it, in messages: "in use", "stale", the text of @error, ... */
const char *candidate_reason(const struct candidate *candidate);

/* The state that an error of stat(2), connect(2), send(2) or recv(2) stands for: an errno. */
enum candidate_state candidate_state_of_error(int error);

/**
 * candidate_look() - Look at the file: is it a socket, and whose?
 * @candidate:	All but @told and @silent_till is filled anew
 * @socket:	Its path, or NULL for one that passt picks by itself
 * @i:		... number @i + 1 of them
 * @trust:	Whose passt may be used
 *
 * A symbolic link is not followed in a directory that everybody can write to.
 */
void candidate_look(struct candidate *candidate, const char *socket, size_t i,
		    const struct passt_trust *trust);

/**
 * candidate_look_up() - Who listens there and who is connected, as the kernel knows
 * @candidate:	candidate_look() has seen its file; @listener and @client are filled in
 * @sockets:	From sockets_read()
 *
 * Sockets are told by device and inode of their file, since the same path may mean another file in
 * another mount namespace. What was not seen need not be missing.
 */
void candidate_look_up(struct candidate *candidate, const struct sockets *sockets);

#endif /* QRAP_CANDIDATE_H */
