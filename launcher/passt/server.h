/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which passt serves a socket, and what it speaks there. */
#ifndef QRAP_SERVER_H
#define QRAP_SERVER_H

#include "launcher/passt/candidate.h"
#include "launcher/passt/passt_process.h"

/**
 * server_serves() - Is it this passt that serves this socket?
 * @process:	The passt
 * @candidate:	The socket
 *
 * By the descriptors it holds, where we may look; else by the path that it was given; else it may
 * be the one if it started when the socket's file was made.
 *
 * Return: HOLDS_UNKNOWN if it may be
 */
enum holding server_serves(const struct process *process, const struct candidate *candidate);

enum vhost_user { VHOST_USER_NO, VHOST_USER_MAYBE, VHOST_USER_YES };

/**
 * server_speaks_vhost_user() - Is this the socket of a passt --vhost-user?
 * @candidate:	The socket
 * @listener:	Process that made it listen, as SO_PEERCRED tells: it may be gone, or 0
 *
 * To such a passt an Ethernet frame is a broken message, and its end.
 *
 * Return: VHOST_USER_MAYBE if there is such a passt, and it may be this one
 */
enum vhost_user server_speaks_vhost_user(const struct candidate *candidate, pid_t listener);

#endif /* QRAP_SERVER_H */
