/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control socket: what the supervisor of a private passt (launcher/start/supervisor.h) and
 * those who use that passt say to each other. First the launcher has the other end; it goes along
 * with the spare (fd_store.h), until QEMU takes both. One message is one packet: its kind, then
 * data.
 */
#ifndef QRAP_CONTROL_H
#define QRAP_CONTROL_H

#include <stddef.h>
#include <sys/types.h>

enum control_kind {
	/* To the supervisor. */
	CONTROL_START = 1, /* start a passt, after the end of the one there may be */
	CONTROL_OWNER,     /* the end of the process that sends this is that of the VM */
	/* From it: what becomes of a start, in this order. */
	CONTROL_CONNECTION, /* with a connection to a passt that is starting */
	CONTROL_WARNING,    /* with a text */
	CONTROL_READY,      /* it serves; data as supervisor.c has it */
	CONTROL_FAILED,     /* it does not, and the connection has ended; with a text */
	CONTROL_TAKEN,      /* the same: a port is not to be had */
	/* To a job (launcher/job), where the handoff says that somebody observes; and from it. */
	CONTROL_FRAME,      /* the guest has sent its first frame */
	CONTROL_SERVES,     /* a service of the guest's has answered; its TCP port, a uint16_t */
	CONTROL_ENOUGH,     /* all is known that was wanted */
	CONTROL_SUPERVISOR, /* to a job: the sender is a passt's supervisor, and ends with the VM */
};

/* Longest text that is sent, without its NUL; longer ones are cut. */
#define CONTROL_TEXT_MAX 511

/**
 * struct control_msg - One message that was received
 * @kind:	Which
 * @fd:		Descriptor that came with it, close-on-exec; or -1
 * @sender:	Process that sent it, where the receiver has set SO_PASSCRED; 0 if that is not known
 * @len:	Length of its data, as far as there was room for it
 */
struct control_msg {
	enum control_kind kind;
	int fd;
	pid_t sender;
	size_t len;
};

/**
 * control_send() - Send a message, without waiting
 * @control:	One end
 * @kind:	Which
 * @data:	Data, or NULL
 * @len:	Its length
 * @fd:		Descriptor that goes along, or -1
 *
 * Return: 0 or -errno
 */
int control_send(int control, enum control_kind kind, const void *data, size_t len, int fd);

/**
 * control_receive() - Receive a message
 * @control:	One end
 * @msg:	Filled
 * @data:	Filled with its data, and a NUL behind that
 * @size:	Bytes there is room for
 * @flags:	Of recvmsg(2): 0 or MSG_DONTWAIT
 *
 * Return: 0, or -errno: EAGAIN, ECONNRESET where nobody has the other end any more
 */
int control_receive(int control, struct control_msg *msg, char *data, size_t size, int flags);

#endif /* QRAP_CONTROL_H */
