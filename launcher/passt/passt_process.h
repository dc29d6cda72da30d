/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The processes of this host, which of them are passt, and which socket they serve, as far as /proc
 * lets us look: proc(5).
 */
#ifndef QRAP_PASST_PROCESS_H
#define QRAP_PASST_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "launcher/base/guest_network.h"
#include "launcher/base/memory.h"
#include "launcher/passt/candidate.h"
#include "shim/common/handoff.h"

/* What ps(1) shows of the supervisor of a private passt, its parent, with the VM's pid. */
#define SUPERVISOR_TITLE "qrap: passt of %d"

/**
 * struct process - A process
 * @pid:	Its number
 * @parent:	That of its parent
 * @uid:	User it runs as
 * @started_ms:	When it started, in milliseconds since 1970
 * @name:	Its name, as ps(1) shows it
 * @passt:	It is a passt, by the name it was run under; else the rest is empty
 * @vhost_user:	Started with --vhost-user: it expects vhost-user messages, not frames
 * @socket:	What --socket names, or "" for a path that passt picked
 */
struct process {
	pid_t pid;
	pid_t parent;
	uid_t uid;
	int64_t started_ms;
	char name[32];
	bool passt;
	bool vhost_user;
	char socket[PASST_PATH_MAX + 1];
};

/**
 * process_read() - Read about a process: is it a passt, and of which kind?
 * @pid:	Its number
 * @process:	Filled if there is one
 *
 * By its command line: passt lets nobody trace it, so that most of /proc/PID is root's.
 *
 * Return: false if there is none
 */
bool process_read(pid_t pid, struct process *process);

/* The VM's pid, if this is a private passt of qrap's, or 0. */
pid_t passt_vm(const struct process *process);

/**
 * passt_forwards() - The ports of this host that a passt has on its command line
 * @pid:	Its number
 * @arena:	Where they are kept
 * @network:	@forwards and @forward_count are filled
 *
 * Those with an address and single ports, [ADDR/]HPORT[:GPORT], as a private one of ours has them.
 */
void passt_forwards(pid_t pid, struct arena *arena, struct guest_network *network);

/* Visits the inode numbers of all sockets that a process holds: false if we may not look. */
bool process_sockets(pid_t pid, void (*visit)(uint32_t inode, void *arg), void *arg);

/* The handoff that a process was executed with: false if there is none, or we may not look. */
bool process_handoff(pid_t pid, struct handoff *handoff);

/* Visits all processes. */
void processes_each(void (*visit)(pid_t pid, void *arg), void *arg);

enum serves { SERVES_NOT, SERVES, SERVES_MAYBE };

/**
 * passt_serves() - Is it this passt that serves this socket?
 * @process:	The passt
 * @candidate:	The socket
 *
 * By the descriptors it holds, where we may look; else by the path that it was given; else it may
 * be the one if it started when the socket's file was made.
 */
enum serves passt_serves(const struct process *process, const struct candidate *candidate);

enum vhost_user { VHOST_USER_NO, VHOST_USER_MAYBE, VHOST_USER_YES };

/**
 * passt_speaks_vhost_user() - Is this the socket of a passt --vhost-user?
 * @candidate:	The socket
 * @listener:	Process that made it listen, as SO_PEERCRED tells: it may be gone, or 0
 *
 * To such a passt an Ethernet frame is a broken message, and its end.
 *
 * Return: VHOST_USER_MAYBE if there is such a passt, and it may be this one
 */
enum vhost_user passt_speaks_vhost_user(const struct candidate *candidate, pid_t listener);

#endif /* QRAP_PASST_PROCESS_H */
