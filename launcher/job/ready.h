/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When is the guest ready: what --ready names, and what of it has been seen. */
#ifndef QRAP_READY_H
#define QRAP_READY_H

#include <stdbool.h>
#include <stdint.h>

#include "launcher/base/guest_network.h"
#include "launcher/base/settings.h"

/**
 * struct ready_port - A service of the guest's that has to answer
 * @port:	Of the guest, TCP
 * @forward:	What leads there; its host port may be filled later
 * @fd:		Connection that is being tried, or -1
 * @serves:	It has answered
 */
struct ready_port {
	uint16_t port;
	const struct forward *forward;
	int fd;
	bool serves;
};

/**
 * struct ready - All that is waited for
 * @frame:	The guest's first frame is waited for, since nothing else is
 * @console:	A text of QEMU's output is
 * @ports:	Services
 * @port_count:	How many
 * @has_frame:	The guest has spoken
 * @has_console: The text was there
 * @next_ms:	Time of the next connections
 */
struct ready {
	bool frame;
	bool console;
	struct ready_port *ports;
	unsigned port_count;
	bool has_frame;
	bool has_console;
	int64_t next_ms;
};

/**
 * ready_init() - What has to be there?
 * @ready:	Filled
 * @job:	Says so; a command without --ready waits for the first frame
 * @network:	Forwards, for the ports
 * @missing:	Filled on failure
 *
 * Return: false where no forward leads to a port: @missing
 */
bool ready_init(struct ready *ready, const struct job_settings *job,
		const struct guest_network *network, uint16_t *missing);

/* The guest's service on this port has answered: is it one that was waited for? */
bool ready_serves(struct ready *ready, uint16_t port);

/* Is all there? */
bool ready_is(const struct ready *ready);

/**
 * ready_probe() - Connect to the services that have not answered yet, when it is time
 * @ready:	What is waited for
 * @now:	sys_now_ms()
 *
 * A guest speaks only when spoken to. passt sends one SYN for each connection and never again: so
 * there is a new one each time, and the old one ends by a reset, which a service that serves only
 * once does not take for its client.
 *
 * Return: the time of the next, or INT64_MAX
 */
int64_t ready_probe(struct ready *ready, int64_t now);

/* Nothing is probed any more. */
void ready_end(struct ready *ready);

#endif /* QRAP_READY_H */
