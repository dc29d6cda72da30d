/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/cmdline/parse/promises.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/base/json.h"

/* What passt has nothing like. Until QEMU 3, vlan said which hub, and bootp was an option. */
static const char lost_keys[] = "bootfile|bootp|guestfwd|ipv6-dns|ipv6-host|ipv6-net|ipv6-prefix|"
				"ipv6-prefixlen|smb|smbserver|"
				"tftp|tftp-server-name|vlan";

static const char kept_keys[] =
	"dhcpstart|dns|dnssearch|domainname|host|hostfwd|hostname|ip|ipv4|ipv6|net|redir";

/* The guest's address where the line names none, as with QEMU. */
#define GUEST_ADDRESS "10.0.2.15"

/**
 * struct promise - A word of user networking
 * @key:	Its key; "redir" is an option
 * @value:	Its value
 * @word:	As it stands on the line
 */
struct promise {
	const char *key;
	const char *value;
	const char *word;
};

static void join(struct promises *promises, struct buffer *list, const char *word)
{
	list->arena = promises->arena;
	if (list->len)
		buffer_add_text(list, ", ");
	buffer_add_text(list, word);
}

/* The first thing that is wrong is the one that is told. */
static void refuse(struct promises *promises, const char *word, const char *why)
{
	if (!promises->error)
		promises->error = arena_format(promises->arena, "%s: %s", word, why);
}

static void add_word(struct promises *promises, const char *key, const char *value,
		     const char *word)
{
	struct promise promise = { key, value, word };

	if (name_in(key, "vlan") && promises->hub_stays)
		return;
	if (name_in(key, lost_keys) || (name_in(key, "hostfwd") && name_in(value, "unix:*")))
		join(promises, &promises->lost, word);
	if (!name_in(key, kept_keys) || name_in(value, "unix:*"))
		return;
	promises->words =
		arena_grow(promises->arena, promises->words, promises->count, sizeof(promise));
	promises->words[promises->count++] = promise;
}

/* KEY=VALUE. A list in JSON is one of objects with a member "str" (QEMU's qapi/net.json, String).
 */
static void add_property(struct promises *promises, const struct property *property)
{
	const char *key = property->key, *list = property->value;
	struct json_reader reader = { .at = list };
	struct json_member member;

	if (!property->literal || *list != '[') {
		add_word(promises, key, list, arena_format(promises->arena, "%s=%s", key, list));
		return;
	}
	while ((list = strchr(reader.at, '{'))) {
		json_begin(&reader, promises->arena, list);
		while (json_next(&reader, &member) > 0) {
			if (!strcmp(member.key, "str"))
				add_word(promises, key, member.value,
					 arena_format(promises->arena, "%s=%s", key, member.value));
		}
	}
}

void promises_add(struct promises *promises, const struct item *item)
{
	const struct qemu_option *option = &item->option;

	for (size_t i = 0; i < item->properties.count; i++)
		add_property(promises, &item->properties.list[i]);
	if (item->role == ROLE_LEGACY)
		add_word(promises, option->name, option->value,
			 arena_format(promises->arena, "%s %s", option->word, option->value));
}

/* Bits of a network of which only the address is told, as QEMU guesses them (its net/slirp.c). */
static int class_bits(uint32_t address)
{
	if (address < 0x80000000)
		return 8;
	if (address >> 20 == 0xac1)
		return 12;
	return address < 0xc0000000 || address >> 16 == 0xc0a8 ? 16 : 28;
}

/* ADDRESS, ADDRESS/BITS or ADDRESS/MASK: number of bits, or -1 if it is none of these. */
static int parse_network(struct arena *arena, const char *text, uint32_t *network)
{
	size_t len = strcspn(text, "/");
	struct in_addr address, mask;
	long bits;
	char *end;

	if (!inet_aton(arena_copy(arena, text, len), &address))
		return -1;
	*network = ntohl(address.s_addr);
	if (!text[len])
		return class_bits(*network);
	bits = strtol(text + len + 1, &end, 10);
	if (!*end)
		return bits >= 4 && bits <= 32 ? (int)bits : -1;
	if (!inet_aton(text + len + 1, &mask))
		return -1;
	/* Bits of a mask are in a row. */
	bits = __builtin_popcount(mask.s_addr);
	return bits >= 4 && ntohl(mask.s_addr) == UINT32_MAX << (32 - bits) ? (int)bits : -1;
}

/* Address of a network that ends in @host, as far as it has room. */
static const char *address_in(struct arena *arena, uint32_t network, uint32_t mask, uint32_t host)
{
	struct in_addr address = { htonl((network & mask) | (host & ~mask)) };

	return ipv4_normalize(arena, inet_ntoa(address));
}

/* net= moves all addresses: QEMU's are .2.2, .2.3 and .2.15 of a network that is large enough. */
static void read_network(struct promises *promises, const struct promise *promise)
{
	struct guest_network *out = &promises->network;
	uint32_t network, mask;
	int bits = parse_network(promises->arena, promise->value, &network);

	if (bits < 0) {
		refuse(promises, promise->word, "it is no IPv4 network");
		return;
	}
	/* ip= was a network of 24 bits, before it was called net=. */
	out->prefix = name_in(promise->key, "ip") ? 24 : (unsigned)bits;
	mask = UINT32_MAX << (32 - out->prefix);
	out->gateway = address_in(promises->arena, network, mask, 0x0202);
	out->dns = address_in(promises->arena, network, mask, 0x0203);
	out->address = address_in(promises->arena, network, mask, 0x020f);
}

/* What is one of the network's members, or one more search domain. */
static void read_member(struct promises *promises, const struct promise *promise)
{
	struct guest_network *out = &promises->network;
	const struct {
		const char *key;
		const char **member;
		bool address;
	} members[] = {
		{ "dhcpstart", &out->address, true },
		{ "host", &out->gateway, true },
		{ "dns", &out->dns, true },
		{ "hostname", &out->hostname, false },
		{ "domainname", &out->domainname, false },
		{ "dnssearch", (const char **)&out->search[promises->searches], false },
	};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		if (strcmp(promise->key, members[i].key))
			continue;
		*members[i].member = members[i].address
					     ? ipv4_normalize(promises->arena, promise->value)
					     : promise->value;
		if (!*members[i].member)
			refuse(promises, promise->word, "it is no IPv4 address");
	}
	promises->searches += name_in(promise->key, "dnssearch");
}

/* One family switched on by itself switches the other one off. */
static void read_families(struct promises *promises)
{
	struct guest_network *out = &promises->network;
	const struct promise *ipv4 = NULL, *ipv6 = NULL;

	for (size_t i = 0; i < promises->count; i++) {
		if (name_in(promises->words[i].key, "ipv4"))
			ipv4 = &promises->words[i];
		if (name_in(promises->words[i].key, "ipv6"))
			ipv6 = &promises->words[i];
	}
	out->no_ipv4 = ipv4 ? value_is_off(ipv4->value) : ipv6 && value_is_on(ipv6->value);
	out->no_ipv6 = ipv6 ? value_is_off(ipv6->value) : ipv4 && value_is_on(ipv4->value);
	if (out->no_ipv4)
		join(promises, &promises->kept, ipv4 ? ipv4->word : ipv6->word);
	if (out->no_ipv6)
		join(promises, &promises->kept, ipv6 ? ipv6->word : ipv4->word);
}

static void read_forward(struct promises *promises, const struct promise *promise)
{
	struct guest_network *out = &promises->network;
	struct forward *forward = &out->forwards[out->forward_count++];
	const char *own = out->address ? out->address : GUEST_ADDRESS, *guest;
	const char *why = hostfwd_parse(promises->arena, promise->value,
					name_in(promise->key, "redir"), forward, &guest);

	forward->word = promise->word;
	if (why)
		refuse(promises, promise->word, why);
	else if (guest && strcmp(guest, own))
		join(promises, &promises->elsewhere, promise->word);
}

void promises_finish(struct promises *promises)
{
	struct guest_network *out = &promises->network;
	const char **search = arena_get(promises->arena, (promises->count + 1) * sizeof(*search));

	out->search = search;
	out->forwards = arena_get(promises->arena, (promises->count + 1) * sizeof(*out->forwards));
	/* A network gives way to the addresses that are told apart from it. */
	for (size_t i = 0; i < promises->count; i++) {
		if (name_in(promises->words[i].key, "net|ip"))
			read_network(promises, &promises->words[i]);
	}
	for (size_t i = 0; i < promises->count; i++) {
		read_member(promises, &promises->words[i]);
		if (!name_in(promises->words[i].key, "ipv4|ipv6"))
			join(promises, &promises->kept, promises->words[i].word);
	}
	read_families(promises);
	for (size_t i = 0; i < promises->count; i++) {
		if (name_in(promises->words[i].key, "hostfwd|redir"))
			read_forward(promises, &promises->words[i]);
	}
	if (!promises->searches)
		out->search = NULL;
}
