/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line of a private passt: passt_words [lacks=BITS] [command=WORDS] [NAME=VALUE]...
 * [tcp|udp ADDRESS HOST_PORT GUEST_PORT]... prints what a shell would need to run it, or why there
 * is none. NAME is a member of struct guest_network.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/passt/passt_words.h"

static struct forward forwards[8];
static const char *search[8];
static struct guest_network network = { .forwards = forwards };
static struct passt_request request = { .network = &network };
static unsigned lacks;

static const struct {
	const char *name;
	const char **text;
} names[] = {
	{ "command=", &request.command },   { "address=", &network.address },
	{ "gateway=", &network.gateway },   { "dns=", &network.dns },
	{ "hostname=", &network.hostname }, { "domainname=", &network.domainname },
};

static void add_search(const char *name)
{
	size_t i = 0;

	while (search[i])
		i++;
	search[i] = name;
	network.search = search;
}

static void take(const char *word)
{
	const char *value = strchr(word, '=') + 1;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strncmp(word, names[i].name, (size_t)(value - word)))
			*names[i].text = value;
	}
	if (!strncmp(word, "prefix=", 7))
		network.prefix = (unsigned)atoi(value);
	network.no_ipv4 |= !strcmp(word, "ipv4=off");
	network.no_ipv6 |= !strcmp(word, "ipv6=off");
	if (!strncmp(word, "search=", 7))
		add_search(value);
	if (!strncmp(word, "lacks=", 6))
		lacks = (unsigned)atoi(value);
}

int main(int argc, char **argv)
{
	struct arena *arena = arena_new();
	const char *trouble, *lost;
	char **words;

	for (int i = 1; i < argc; i++) {
		if (strchr(argv[i], '=')) {
			take(argv[i]);
			continue;
		}
		forwards[network.forward_count++] = (struct forward) {
			.word = argv[i],
			.udp = !strcmp(argv[i], "udp"),
			.address = argv[i + 1],
			.host_port = (uint16_t)atoi(argv[i + 2]),
			.guest_port = (uint16_t)atoi(argv[i + 3]),
		};
		i += 3;
	}
	words = passt_words(arena, &request, lacks, &trouble);
	for (char **word = words; word && *word; word++)
		printf("%s%c", *word, word[1] ? ' ' : '\n');
	if (!words)
		printf("none: %s\n", trouble);
	lost = passt_lost(arena, &request, lacks);
	if (lost)
		printf("lost: %s\n", lost);
	arena_free(arena);
	return 0;
}
