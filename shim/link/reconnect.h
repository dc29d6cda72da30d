/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The thread that notices the end of the link, looks for a new passt on the same path and tells of
 * both in the log. It never touches the number that QEMU uses: a socket goes there in QEMU's own
 * thread only (relink.c), which this one makes recv by ringing the placeholder's bell.
 *
 * It runs from the release on and not from the first end of a link: QEMU does not read while the
 * VM is paused or the NIC takes nothing, and then nobody else would notice.
 */
#ifndef QRAP_RECONNECT_H
#define QRAP_RECONNECT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "shim/common/handoff.h"
#include "shim/common/log.h"

/* Why QEMU's thread took the link down. */
enum link_end {
	LINK_END_CLOSED,     /* passt has closed its end, or is gone */
	LINK_END_BAD_LENGTH, /* a length that cannot be */
	LINK_END_STALLED,    /* half a frame, and nothing more */
};

/**
 * struct seek - What QEMU's thread and the seeking one share
 * @ready:	Connected socket for QEMU's thread to take, or -1
 * @down:	No connection is on the number, but the placeholder, or one that has ended for good
 * @stop:	The owner has closed the number
 * @end:	enum link_end of the last link that QEMU's thread took down
 * @bad_length: ... and the length that could not be
 * @dropped:	Frames of the guest dropped since the link was up
 * @padded:	Frames of passt's that broke off and were completed, since the link was up
 * @spoken:	The guest has sent a frame
 */
struct seek {
	atomic_int ready;
	atomic_bool down;
	atomic_bool stop;
	atomic_int end;
	atomic_uint bad_length;
	atomic_uint dropped;
	atomic_uint padded;
	atomic_bool spoken;
};

extern struct seek seek;

/**
 * seek_start() - Start the thread
 * @handoff:	Passt's path, trust, what to do when passt ends; read only now
 * @log:	Where events go
 * @bell:	The other end of the placeholder: bytes that arrive here wake the thread, bytes sent
 *		wake QEMU. Becomes the thread's.
 * @linked:	The number holds a connection, not the placeholder
 *
 * Return: 0, or -errno: @bell is still the caller's
 */
int seek_start(const struct handoff *handoff, const struct log *log, int bell, bool linked);

/* Wakes whoever reads at the other end of this end of the placeholder. */
void seek_ring(int bell);

#endif /* QRAP_RECONNECT_H */
