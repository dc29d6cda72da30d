/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/passt/forwards.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* So many ports of a command line are looked at: it may name a range of thousands. */
#define PORTS_MAX 1024

/* Length of an address in a table of the kernel's: 32-bit words in hexadecimal digits. */
#define TABLE_ADDRESS_MAX 32

/**
 * struct port - A port of one address that passt is to listen on
 * @word:	Of the user's
 * @option:	Of passt, before @word; NULL where the word is QEMU's or ours
 * @address:	Address; with family AF_UNSPEC all of IPv4 and IPv6
 * @udp:	UDP, else TCP
 * @number:	Port
 * @seen:	Somebody listens there
 */
struct port {
	const char *word;
	const char *option;
	struct sockaddr_storage address;
	bool udp;
	uint16_t number;
	bool seen;
};

/**
 * struct ports - All of them
 * @arena:	Where they are kept
 * @list:	Array
 * @count:	Its length
 */
struct ports {
	struct arena *arena;
	struct port *list;
	size_t count;
};

/* An address with a port, as bind(2) takes it: its length, or 0 for what is no address. */
static socklen_t set_address(struct sockaddr_storage *to, const char *address, uint16_t port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)to;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)to;

	memset(to, 0, sizeof(*to));
	if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		return sizeof(*v4);
	}
	if (inet_pton(AF_INET6, address, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		return sizeof(*v6);
	}
	return 0;
}

/* Tries to have a port as passt would: 0 and the address that it got, or errno. */
static int try_bind(struct sockaddr_storage *address, socklen_t len, bool udp)
{
	int fd = socket(address->ss_family, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
	const int yes = 1;
	int error = 0;

	if (fd < 0)
		return errno;
	/* What is left of connections is in nobody's way. Two of UDP would get it both. */
	if (!udp)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (address->ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof(yes));
	if (bind(fd, (struct sockaddr *)address, len) ||
	    getsockname(fd, (struct sockaddr *)address, &len))
		error = errno;
	close(fd);
	return error;
}

static int try_port(const char *address, uint16_t port, bool udp)
{
	struct sockaddr_storage to;
	socklen_t len = set_address(&to, address, port);

	return len ? try_bind(&to, len, udp) : 0;
}

bool forwards_choose(const struct guest_network *network, bool *chosen)
{
	struct sockaddr_storage to;
	bool any = false;

	for (unsigned i = 0; i < network->forward_count; i++) {
		struct forward *f = &network->forwards[i];
		socklen_t len = set_address(&to, f->address, 0);

		if (f->host_port && (!chosen[i] || !try_port(f->address, f->host_port, f->udp)))
			continue;
		chosen[i] = true;
		if (!len || try_bind(&to, len, f->udp))
			continue;
		any = true;
		/* The port is at the same place in both (ip(7), ipv6(7)). */
		f->host_port = ntohs(((struct sockaddr_in *)&to)->sin_port);
	}
	return any;
}

static void add_port(struct ports *ports, const struct port *port)
{
	ports->list = arena_grow(ports->arena, ports->list, ports->count, sizeof(*port));
	ports->list[ports->count++] = *port;
}

/* The ports of passt's [ADDRESS/]FIRST[-LAST][:...],... */
static void add_spec(struct ports *ports, struct port port)
{
	const char *slash = strchr(port.word, '/');
	const char *at = slash ? slash + 1 : port.word;
	unsigned long first, last;
	char *end;

	if (strpbrk(port.word, "~%") ||
	    (slash &&
	     !set_address(&port.address,
			  arena_copy(ports->arena, port.word, (size_t)(slash - port.word)), 0)))
		return;
	for (; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
		first = strtoul(at, &end, 10);
		last = *end == '-' ? strtoul(end + 1, NULL, 10) : first;
		for (; first && first <= last && last <= UINT16_MAX; first++) {
			port.number = (uint16_t)first;
			if (ports->count < PORTS_MAX)
				add_port(ports, &port);
		}
	}
}

/* The value of the option @names, a letter and a word, at *@words, which is moved on to it. */
static const char *option_value(char *const **words, const char *letter, const char *name)
{
	const char *word = **words;
	size_t len = strlen(name);

	if (!strncmp(word, letter, 2) && word[2])
		return word + 2;
	if (!strncmp(word, name, len) && word[len] == '=')
		return word + len + 1;
	if ((!strcmp(word, letter) || !strcmp(word, name)) && (*words)[1])
		return *++*words;
	return NULL;
}

/* Those of the network first: they are on the command line as well, which has not their word. */
static void list_ports(struct ports *ports, const struct guest_network *network, char *const *words)
{
	for (unsigned i = 0; i < network->forward_count; i++) {
		const struct forward *f = &network->forwards[i];
		struct port port = { .word = f->word, .udp = f->udp, .number = f->host_port };

		if (set_address(&port.address, f->address, 0))
			add_port(ports, &port);
	}
	for (; *words; words++) {
		struct port port = { .option = "-t ",
				     .word = option_value(&words, "-t", "--tcp-ports") };

		if (!port.word) {
			port.udp = true;
			port.option = "-u ";
			port.word = option_value(&words, "-u", "--udp-ports");
		}
		if (port.word)
			add_spec(ports, port);
	}
}

/* Can passt have it? Without IPv6, or IPv4, it does without. */
static int check_free(const struct port *port)
{
	struct sockaddr_storage to = port->address;
	int error;

	if (to.ss_family == AF_UNSPEC) {
		error = try_port("0.0.0.0", port->number, port->udp);
		if (error != EADDRINUSE && error != EACCES)
			error = try_port("::", port->number, port->udp);
		return error == EADDRINUSE || error == EACCES ? error : 0;
	}
	((struct sockaddr_in *)&to)->sin_port = htons(port->number);
	return try_bind(&to,
			to.ss_family == AF_INET ? sizeof(struct sockaddr_in)
						: sizeof(struct sockaddr_in6),
			port->udp);
}

/* An address as the kernel's tables have it. */
static void table_address(char out[TABLE_ADDRESS_MAX + 1], const struct sockaddr_storage *address)
{
	uint32_t words[4] = { 0 };
	int count = address->ss_family == AF_INET ? 1 : 4;

	if (count == 1)
		memcpy(words, &((const struct sockaddr_in *)address)->sin_addr, 4);
	else
		memcpy(words, &((const struct sockaddr_in6 *)address)->sin6_addr, 16);
	for (int i = 0; i < count; i++)
		sprintf(out + 8 * i, "%08X", words[i]);
}

/* A line of such a table: somebody has @local and @number. */
static void see(struct ports *ports, const char *local, unsigned number, bool udp)
{
	char wanted[TABLE_ADDRESS_MAX + 1];

	for (size_t i = 0; i < ports->count; i++) {
		struct port *port = &ports->list[i];

		if (port->number != number || port->udp != udp)
			continue;
		table_address(wanted, &port->address);
		port->seen |= port->address.ss_family == AF_UNSPEC ? !local[strspn(local, "0")]
								   : !strcmp(wanted, local);
	}
}

/* Sees all who listen: proc(5), /proc/net/tcp. Return: false without the table. */
static bool read_table(struct ports *ports, const char *file, bool udp)
{
	FILE *table = fopen(file, "re");
	const bool is_there = table != NULL;
	char line[512], local[TABLE_ADDRESS_MAX + 1];
	unsigned number, state;

	while (table && fgets(line, sizeof(line), table)) {
		if (sscanf(line, " %*[0-9]: %32[0-9A-F]:%x %*[0-9A-F]:%*x %x", local, &number,
			   &state) == 3 &&
		    (udp || state == 0x0A))
			see(ports, local, number, udp);
	}
	if (table)
		fclose(table);
	return is_there;
}

/* Who listens on what? Without the kernel's tables it cannot be known, and all seems well. */
static void look_at_tables(struct ports *ports)
{
	bool ipv4 = read_table(ports, "/proc/net/tcp", false) &&
		    read_table(ports, "/proc/net/udp", true);

	read_table(ports, "/proc/net/tcp6", false);
	read_table(ports, "/proc/net/udp6", true);
	for (size_t i = 0; i < ports->count; i++)
		ports->list[i].seen |= !ipv4;
}

/* What is wrong with it? NULL: nothing. */
static const char *trouble_with(const struct port *port, bool started)
{
	int error;

	if (started)
		return port->seen ? NULL : "passt does not listen there";
	error = check_free(port);
	return error ? strerror(error) : NULL;
}

const char *forwards_check(struct arena *arena, const struct guest_network *network,
			   char *const *words, bool started)
{
	struct ports ports = { .arena = arena };

	list_ports(&ports, network, words);
	if (started && ports.count)
		look_at_tables(&ports);
	for (size_t i = 0; i < ports.count; i++) {
		const struct port *port = &ports.list[i];
		const char *trouble = trouble_with(port, started);

		if (trouble)
			return arena_format(arena, "%s%s: %s port %u: %s",
					    port->option ? port->option : "", port->word,
					    port->udp ? "UDP" : "TCP", port->number, trouble);
	}
	return NULL;
}
