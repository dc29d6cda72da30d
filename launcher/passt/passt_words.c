/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/passt/passt_words.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/base/words.h"

/* Where passt finds its end of the connection: behind the standard streams. */
#define PASST_FD_S "3"

/* QEMU's user networking: net/slirp.c; the last one is what its router is seen as. */
#define DEFAULT_ADDRESS "10.0.2.15"
#define DEFAULT_PREFIX  24
#define DEFAULT_GATEWAY "10.0.2.2"
#define DEFAULT_DNS     "10.0.2.3"
#define DEFAULT_MAC     "52:55:0a:00:02:02"

/**
 * struct words - A command line that is put together
 * @arena:	Where it is kept
 * @list:	The words so far
 * @count:	How many
 */
struct words {
	struct arena *arena;
	char **list;
	size_t count;
};

static void add(struct words *w, const char *word)
{
	w->list = arena_grow(w->arena, w->list, w->count, sizeof(*w->list));
	w->list[w->count++] = (char *)word;
}

/* An option with its value; nothing where there is none. */
static void add_option(struct words *w, const char *option, const char *value)
{
	if (!value)
		return;
	add(w, option);
	add(w, value);
}

/* Is there a default route, by another interface than lo? Lines of /proc/net/route, proc(5). */
static bool has_route(bool ipv6)
{
	FILE *routes = fopen(ipv6 ? "/proc/net/ipv6_route" : "/proc/net/route", "re");
	char line[512], name[64], to[64], length[64];
	bool found = false;
	int n;

	while (!found && routes && fgets(line, sizeof(line), routes)) {
		if (ipv6)
			n = sscanf(line, "%63s %63s %*s %*s %*s %*s %*s %*s %*s %63s", to, length,
				   name);
		else
			n = sscanf(line, "%63s %63s %*s %*s %*s %*s %*s %63s", name, to, length);
		found = n == 3 && !to[strspn(to, "0")] && !length[strspn(length, "0")] &&
			strcmp(name, "lo") != 0;
	}
	if (routes)
		fclose(routes);
	return found;
}

/* The first nameserver with an IPv4 address in resolv.conf(5); NULL: there is none. */
static const char *find_nameserver(struct arena *arena)
{
	FILE *file = fopen("/etc/resolv.conf", "re");
	char line[512], address[64];
	struct in_addr binary;
	const char *found = NULL;

	while (!found && file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, " nameserver %63s", address) == 1 &&
		    inet_pton(AF_INET, address, &binary) == 1)
			found = arena_copy(arena, address, strlen(address));
	}
	if (file)
		fclose(file);
	return found;
}

/*
 * Without --dns-host, -D has passt forget resolv.conf, and answers get lost. Then the lease names
 * the host's own nameserver, or the gateway where that is on loopback.
 */
static void add_dns(struct words *w, const char *dns, bool named, unsigned lacks)
{
	const char *nameserver = find_nameserver(w->arena);

	if (lacks & LACKS_DNS_HOST) {
		if (named || !nameserver || strncmp(nameserver, "127.", 4) != 0)
			add_option(w, "--dns-forward", dns);
		return;
	}
	add_option(w, "-D", dns);
	add_option(w, "--dns-forward", dns);
	add_option(w, "--dns-host", nameserver);
}

/* Addresses of the guest's network: those that were named, and with @all those of QEMU's own. */
static void add_addresses(struct words *w, const struct guest_network *n, bool all, unsigned lacks)
{
	unsigned prefix = n->prefix ? n->prefix : DEFAULT_PREFIX;
	const char *dns = n->dns ? n->dns : DEFAULT_DNS;

	add_option(w, "-a", n->address || !all ? n->address : DEFAULT_ADDRESS);
	if (all || n->prefix)
		add_option(w, "-n", arena_format(w->arena, "%u", prefix));
	add_option(w, "-g", n->gateway || !all ? n->gateway : DEFAULT_GATEWAY);
	if (all || n->dns)
		add_dns(w, dns, n->dns, lacks);
}

/* Without COMMAND: what it takes on this host. Return: NULL, or why there can be no network. */
static const char *add_defaults(struct words *w, const struct guest_network *n, unsigned lacks)
{
	bool ipv4 = has_route(false), ipv6 = has_route(true);

	if (n->no_ipv4 && !ipv6)
		return "ipv4=off: this host has no IPv6 for the guest";
	if (!n->no_ipv4 && (ipv4 || !ipv6))
		add_addresses(w, n, true, lacks);
	if (ipv4 || ipv6)
		return NULL;
	/* Nowhere to go to, but the host's loopback and its forwards. */
	if (!n->no_ipv6)
		add(w, "-4");
	add_option(w, "-i", "lo");
	add_option(w, "-M", DEFAULT_MAC);
	return NULL;
}

static void add_names(struct words *w, const struct guest_network *n, unsigned lacks)
{
	struct buffer search = { .arena = w->arena };

	if (!(lacks & LACKS_HOSTNAME))
		add_option(w, "--hostname", n->hostname);
	if (n->hostname && n->domainname && !(lacks & LACKS_FQDN))
		add_option(w, "--fqdn",
			   arena_format(w->arena, "%s.%s", n->hostname, n->domainname));
	for (const char *const *name = n->search; name && *name; name++) {
		if (search.len)
			buffer_add_char(&search, ' ');
		buffer_add_text(&search, *name);
	}
	add_option(w, "-S", search.text);
}

/* One option for each: of several ports in one, a taken one is left out without a word. */
static void add_forwards(struct words *w, const struct guest_network *n)
{
	for (unsigned i = 0; i < n->forward_count; i++) {
		const struct forward *f = &n->forwards[i];

		add_option(w, f->udp ? "-u" : "-t",
			   arena_format(w->arena, "%s/%u:%u", f->address, f->host_port,
					f->guest_port));
	}
}

/* The user's words. Return: NULL, or what is wrong with them. */
static const char *add_command(struct words *w, const char *command)
{
	char **split;
	int count = words_split(command, 0, &split);

	if (count == -EINVAL)
		return arena_format(w->arena, "a quote does not end: %s", command);
	if (count == 0)
		return "no command in it; leave it out for passt";
	if (count < 0)
		return strerror(-count);
	for (int i = 0; i < count; i++)
		add(w, arena_copy(w->arena, split[i], strlen(split[i])));
	free(split);
	return NULL;
}

char **passt_words(struct arena *arena, const struct passt_request *request, unsigned lacks,
		   const char **trouble)
{
	const struct guest_network *n = request->network;
	struct words w = { .arena = arena };

	*trouble = add_command(&w, request->command ? request->command : "passt");
	if (!*trouble && n->no_ipv4 && n->no_ipv6)
		*trouble = "ipv4=off and ipv6=off leave the guest no network";
	if (!*trouble && !request->command)
		*trouble = add_defaults(&w, n, lacks);
	else if (!*trouble)
		add_addresses(&w, n, false, lacks);
	if (*trouble)
		return NULL;
	if (n->no_ipv4 || n->no_ipv6)
		add(&w, n->no_ipv4 ? "-6" : "-4");
	add_names(&w, n, lacks);
	add_forwards(&w, n);
	add_option(&w, "--fd", PASST_FD_S);
	add(&w, NULL);
	return w.list;
}

unsigned passt_lack_in(const char *said)
{
	static const char *const options[] = { "--dns-host'", "--hostname'", "--fqdn'" };

	if (!strstr(said, "unrecognized option"))
		return 0;
	for (unsigned i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (strstr(said, options[i]))
			return 1U << i;
	}
	return 0;
}

char *passt_lost(struct arena *arena, const struct passt_request *request, unsigned lacks)
{
	const struct guest_network *n = request->network;
	const char *hostname = lacks & LACKS_HOSTNAME ? n->hostname : NULL;
	bool no_domain = n->domainname && (!n->hostname || lacks & LACKS_FQDN);

	if (!hostname && !no_domain)
		return NULL;
	return arena_format(arena, "this passt cannot give the guest its name:%s%s%s%s",
			    hostname ? " hostname=" : "", hostname ? hostname : "",
			    no_domain ? " domainname=" : "", no_domain ? n->domainname : "");
}

char *passt_words_text(struct arena *arena, const struct passt_request *request,
		       const char **trouble)
{
	char **words = passt_words(arena, request, 0, trouble);
	char *joined = words ? words_join(words) : NULL;
	char *text = joined ? arena_copy(arena, joined, strlen(joined)) : NULL;

	free(joined);
	return text;
}
