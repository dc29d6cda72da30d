/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/job/ready.h"

#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "launcher/base/memory.h"

/* How often is connected. */
#define PROBE_MS 50

static const struct forward *find_forward(const struct guest_network *network, uint16_t port)
{
	for (unsigned i = 0; i < network->forward_count; i++) {
		const struct forward *forward = &network->forwards[i];

		if (forward->guest_port == port && !forward->udp)
			return forward;
	}
	return NULL;
}

bool ready_init(struct ready *ready, const struct job_settings *job,
		const struct guest_network *network, uint16_t *missing)
{
	*ready = (struct ready) {
		.frame = job->frame || (job->run && !settings_has_ready(job)),
		.console = job->console,
		.ports = arena_get(arena_new(), (job->port_count + 1) * sizeof(*ready->ports)),
		.port_count = job->port_count,
	};
	for (unsigned i = 0; i < job->port_count; i++) {
		struct ready_port *port = &ready->ports[i];

		*port = (struct ready_port) { .port = job->ports[i], .fd = -1 };
		port->forward = find_forward(network, port->port);
		if (port->forward)
			continue;
		*missing = port->port;
		return false;
	}
	return true;
}

bool ready_serves(struct ready *ready, uint16_t port)
{
	bool wanted = false;

	for (unsigned i = 0; i < ready->port_count; i++) {
		if (ready->ports[i].port == port)
			wanted = ready->ports[i].serves = true;
	}
	return wanted;
}

bool ready_is(const struct ready *ready)
{
	for (unsigned i = 0; i < ready->port_count; i++) {
		if (!ready->ports[i].serves)
			return false;
	}
	return (!ready->frame || ready->has_frame) && (!ready->console || ready->has_console);
}

/* Ends a connection by a reset: socket(7), SO_LINGER. */
static void close_probe(struct ready_port *port)
{
	if (port->fd >= 0)
		close(port->fd);
	port->fd = -1;
}

static void probe(struct ready_port *port)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM };
	const struct linger reset = { .l_onoff = 1 };
	struct addrinfo *to;
	char number[8];

	snprintf(number, sizeof(number), "%u", port->forward->host_port);
	if (getaddrinfo(port->forward->address, number, &hints, &to))
		return;
	port->fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(port->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	/*
	 * Whatever comes of it: the guest's answer is what counts, and the shim sees that. An
	 * address that stands for all of the host's leads to its loopback.
	 */
	(void)!connect(port->fd, to->ai_addr, to->ai_addrlen);
	freeaddrinfo(to);
}

int64_t ready_probe(struct ready *ready, int64_t now)
{
	bool waits = false;

	for (unsigned i = 0; i < ready->port_count; i++) {
		struct ready_port *port = &ready->ports[i];

		waits |= !port->serves;
		if (ready->has_frame && now >= ready->next_ms) {
			close_probe(port);
			if (!port->serves)
				probe(port);
		}
	}
	if (!waits || !ready->has_frame)
		return INT64_MAX;
	if (now >= ready->next_ms)
		ready->next_ms = now + PROBE_MS;
	return ready->next_ms;
}

void ready_end(struct ready *ready)
{
	for (unsigned i = 0; i < ready->port_count; i++)
		close_probe(&ready->ports[i]);
}
