/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hostfwd= and -redir: a port of the host that leads to the guest. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/cmdline/parse/promises.h"

#define ANY_ADDRESS "0.0.0.0"

const char *ipv4_normalize(struct arena *arena, const char *text)
{
	char name[INET_ADDRSTRLEN];
	struct in_addr address;

	if (!inet_aton(text, &address) || !inet_ntop(AF_INET, &address, name, sizeof(name)))
		return NULL;
	return arena_copy(arena, name, strlen(name));
}

/* What stands in front of the next @separator, which *@at is moved behind; NULL if there is none.
 */
static const char *field(struct arena *arena, const char **at, char separator)
{
	const char *begin = *at, *end = strchr(begin, separator);

	if (!end)
		return NULL;
	*at = end + 1;
	return arena_copy(arena, begin, (size_t)(end - begin));
}

/* A port as QEMU reads it: in any base, and an empty one is 0. */
static bool read_port(const char *text, long least, uint16_t *out)
{
	char *end;
	long number = strtol(text, &end, 0);

	*out = (uint16_t)number;
	return !*end && number >= least && number <= UINT16_MAX;
}

const char *hostfwd_parse(struct arena *arena, const char *text, bool redir, struct forward *out,
			  const char **guest)
{
	const char *protocol = field(arena, &text, ':');
	const char *host = protocol && !redir ? field(arena, &text, ':') : "";
	const char *port = protocol && host ? field(arena, &text, redir ? ':' : '-') : NULL;

	*guest = port ? field(arena, &text, ':') : NULL;
	if (!*guest)
		return redir ? "it is not [tcp|udp]:HOSTPORT:[GUESTADDR]:GUESTPORT"
			     : "it is not [tcp|udp]:[HOSTADDR]:[HOSTPORT]-[GUESTADDR]:GUESTPORT";
	if (*protocol && strcmp(protocol, "tcp") && strcmp(protocol, "udp"))
		return "its protocol is neither tcp nor udp";
	*out = (struct forward) { .address = ipv4_normalize(arena, *host ? host : ANY_ADDRESS),
				  .udp = !strcmp(protocol, "udp") };
	if (!out->address)
		return "the host's address is no IPv4 address";
	if (!read_port(port, 0, &out->host_port))
		return "the host's port is not 0 to 65535";
	*guest = ipv4_normalize(arena, **guest ? *guest : ANY_ADDRESS);
	if (!*guest)
		return "the guest's address is no IPv4 address";
	if (!strcmp(*guest, ANY_ADDRESS))
		*guest = NULL;
	return read_port(text, 1, &out->guest_port) ? NULL : "the guest's port is not 1 to 65535";
}
