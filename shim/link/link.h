/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The link to passt, from the release on: what QEMU sends and receives on the guarded number. QEMU
 * gives the link up at the first end of file and aborts on an EAGAIN that it does not expect
 * (net/socket.c, net/net.c: net_fill_rstate()); so on this number it sees whole frames, padding
 * that every NIC drops, and complete sends, nothing else. When passt ends, a placeholder takes the
 * connection's place until there is a new one.
 */
#ifndef QRAP_LINK_H
#define QRAP_LINK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "shim/common/handoff.h"
#include "shim/common/log.h"

/* The number that is linked, or INT_MIN: all that a call which is not for us costs. */
extern atomic_int link_number;

static inline bool link_has(int fd)
{
	return fd == atomic_load_explicit(&link_number, memory_order_relaxed);
}

/**
 * link_prepare() - Begin without a link: put the placeholder on the number
 * @fd:		Number on which QEMU expects the connection
 *
 * For a start that goes on although passt cannot be reached. QEMU takes the placeholder for a
 * connection, and soon reads from it: that is the release, where link_start() follows.
 *
 * Return: 0, or -errno
 */
int link_prepare(int fd);

/**
 * link_start() - The release: follow the frames from here on, notice the end of the link
 * @handoff:	Number, connection, passt's path, trust, what to do when passt ends; read only now
 * @log:	Where events go; must stay
 * @control:	Of a private passt: socket to its supervisor, becomes the link's; else -1
 *
 * Makes a thread. Does nothing if the number holds neither the handoff's connection nor the
 * placeholder.
 *
 * Return: 0, or -errno: the calls below must not be used then
 */
int link_start(const struct handoff *handoff, const struct log *log, int control);

/* The socket to a private passt's supervisor, for a program that follows; or -1. */
int link_control(void);

/*
 * recv, recvmsg, send and sendmsg on the linked number: arguments, result and errno are those of
 * recv(2) and send(2). The real calls are made through the next library's functions (next.h).
 */
ssize_t link_recv(int fd, void *buf, size_t len, int flags);
ssize_t link_recvmsg(int fd, struct msghdr *msg, int flags);
ssize_t link_send(int fd, const void *buf, size_t len, int flags);
ssize_t link_sendmsg(int fd, const struct msghdr *msg, int flags);

/*
 * Can a program that follows, by exec, use what is on the number? A connection that is in the
 * middle of a frame is of no use to it, where it can make another one.
 */
bool link_is_usable(void);

/**
 * link_stop() - The owner closes or replaces the number: stand down for ever
 *
 * The connection ends, whoever holds a copy of it.
 * When this returns, the thread uses no descriptor any more, the log's neither.
 */
void link_stop(void);

#endif /* QRAP_LINK_H */
