/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The thread that notices the end of the link, looks for a new passt on the same path and tells of
 * both in the log. It never touches the number that QEMU uses: a socket goes there in QEMU's own
 * thread only (link.c), which this one makes recv by a byte through the placeholder.
 *
 * It runs from the release on and not from the first end of a link: QEMU does not read while the
 * VM is paused or the NIC takes nothing, and then nobody else would notice.
 */
#ifndef QRAP_RECONNECT_H
#define QRAP_RECONNECT_H

#include <stdatomic.h>
#include <stdbool.h>

#include "shim/common/fd_identity.h"
#include "shim/common/handoff.h"
#include "shim/common/log.h"

/* Where the link stands, as QEMU's thread sees it, and as the reconnecting one does. */
enum link_state {
	LINK_DOWN,  /* the placeholder is on the number; another connection is looked for */
	LINK_TRIAL, /* the reconnecting thread's alone: connected, and has to last */
	LINK_UP,    /* on the number; for the reconnecting thread: has lasted, too */
	LINK_OVER,  /* down for good, and QEMU is told so */
};

/**
 * struct reconnect - What QEMU's thread and the reconnecting one share
 * @ready:	Connected socket for QEMU's thread to take, or -1
 * @ready_id:	What that is; set before it
 * @state:	enum link_state of QEMU's thread
 * @stop:	QEMU has closed the number
 * @reason:	enum down_reason of the last link that QEMU's thread took down
 * @bad_length: ... and the length that could not be
 * @dropped:	Frames of the guest dropped since the link was up
 * @padded:	Frames of passt's that broke off and were completed, since the link was up
 * @guest_sent:	The guest has sent a frame
 * @enough:	Nobody wants to know any more what the guest sends
 */
struct reconnect {
	atomic_int ready;
	struct identity ready_id;
	atomic_int state;
	atomic_bool stop;
	atomic_int reason;
	atomic_uint bad_length;
	atomic_uint dropped;
	atomic_uint padded;
	atomic_bool guest_sent;
	atomic_bool enough;
};

extern struct reconnect reconnect;

/**
 * reconnect_start() - Start the thread; @state of struct reconnect is set already
 * @handoff:	Passt's path, trust, what to do when passt ends; read only now
 * @log:	Where events go
 * @wake_fd:	The other end of the placeholder: bytes that arrive here wake the thread, bytes sent
 *		wake QEMU. Becomes the thread's.
 * @wake_id:	What that is. When the number is something else, a program has closed what it does
 *		not know: the thread ends, and touches none of its numbers
 * @control:	Of a private passt: socket to its supervisor, which is asked for a new connection
 *		and told that this process is the VM; in a job, the same without @passt's path
 *		being empty; else -1. Stays the caller's.
 *
 * Return: 0, or -errno: @wake_fd is still the caller's
 */
int reconnect_start(const struct handoff *handoff, const struct log *log, int wake_fd,
		    const struct identity *wake_id, int control);

/* Wakes whoever waits at the other end of @fd, which is an end of the placeholder. */
void reconnect_wake(int fd);

/* Reads, and forgets, the bytes that woke whoever waits for @fd, an end of the placeholder. */
void reconnect_read_wakes(int fd);

#endif /* QRAP_RECONNECT_H */
