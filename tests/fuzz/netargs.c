/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Patch mode: whatever the command line is, what comes out has one network on passt, has all else
 * unchanged and in order, and comes out the same when it goes in again with no other network on it.
 * What is to stay isolated stays so, and what was promised makes sense.
 *
 * Input: a byte that chooses QEMU, model and open descriptors, then the words, with a line end
 * behind each. Bytes from 0x80 on stand for the texts below.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "launcher/base/memory.h"
#include "launcher/cmdline/parse/inventory.h"
#include "launcher/cmdline/parse/starts_guest.h"
#include "launcher/cmdline/rewrite/rewrite.h"
#include "shim/common/fd_args.h"

#define WORDS_MAX 256

static const char *const texts[] = {
	"-device\n",
	"-netdev\n",
	"-nic\n",
	"-net\n",
	"-M\n",
	"-machine\n",
	"-object\n",
	"-set\n",
	"-append\n",
	"-S\n",
	"--device\n",
	"-nodefaults\n",
	"virtio-net-pci",
	"virtio-net",
	"e1000",
	"e1000e",
	"rtl8139",
	"usb-net",
	"virtio-net-ccw",
	"virtio-net-device",
	"ne2k_isa",
	"pcie-root-port",
	"pci-bridge",
	"virtio-blk-pci",
	"vfio-pci",
	"rocker",
	"user",
	"socket",
	"nic",
	"none",
	"hubport",
	"tap",
	",netdev=",
	",id=",
	",bus=",
	",addr=",
	",mac=",
	",macaddr=",
	",model=",
	",driver=",
	",type=",
	",failover=on",
	",fd=",
	",failover_pair_id=",
	",multifunction=on",
	"pci.",
	"pcie.0",
	"q35",
	"pc",
	"isapc",
	"microvm",
	"virt",
	"s390-ccw-virtio",
	"SS-5",
	"raspi3b",
	"filter-dump",
	"{\"driver\":\"",
	"\",\"netdev\":\"",
	"\",\"id\":\"",
	"\",\"bus\":\"",
	"\",\"addr\":\"",
	"\"}\n",
	"{\"type\":\"",
	"device.",
	"netdev.",
	".mac=",
	"52:54:00:00:00:01",
	"fds=5:6",
	"\"fd\":\"",
	"-version\n",
	"help",
	"0x",
	"-add-fd\n",
	"fd=",
	"ports[0]=",
	"-readconfig\n",
	",name=",
	",,",
	"net0",
	"hostnet0",
	",hostfwd=tcp::",
	",hostfwd=udp:127.0.0.1:",
	"-:22",
	"-redir\n",
	"{\"str\":\"",
	",restrict=on",
	",net=10.",
	",host=",
	",dnssearch=",
	",ipv4=",
	",ipv6=",
	"off",
	",vlan=",
	",hubid=0",
	",smb=",
	"bridge",
	"-smb\n",
};

static const char *const qemus[] = {
	"qemu-system-x86_64",  "kvm",
	"qemu-system-s390x",   "/usr/bin/qemu-system-aarch64",
	"qemu-system-ppc64",   "qemu-system-sparc",
	"qemu-system-riscv64", "",
};

static const char *const models[] = { NULL,    NULL,     NULL,      "same",
				      "e1000", "virtio", "usb-net", "virtio-net-ccw" };

static int closed_below;

static bool is_open(int fd)
{
	return fd >= 5 && fd < closed_below;
}

/* Cuts the input into words. */
static char **make_words(struct arena *arena, const uint8_t *data, size_t size)
{
	char **words = arena_get(arena, (WORDS_MAX + 1) * sizeof(*words));
	struct buffer all = { .arena = arena };
	size_t count = 0;

	for (size_t i = 0; i < size; i++) {
		size_t text = data[i] - 0x80u;

		if (data[i] < 0x80 && data[i])
			buffer_add_char(&all, (char)data[i]);
		else if (data[i] && text < sizeof(texts) / sizeof(texts[0]))
			buffer_add_text(&all, texts[text]);
	}
	for (char *at = all.text; at && *at && count < WORDS_MAX; count++) {
		words[count] = at;
		at += strcspn(at, "\n");
		if (*at)
			*at++ = '\0';
	}
	return words;
}

/* May the option that begins with this word be removed? Never by its value alone. */
static bool is_removable(const char *word)
{
	static const char *const names[] = { "device", "netdev", "nic",  "net",   "object",
					     "set",    "redir",  "tftp", "bootp", "smb" };
	size_t dashes = strspn(word, "-");

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if ((dashes == 1 || dashes == 2) && !strcmp(word + dashes, names[i]))
			return true;
	}
	return false;
}

/* All words of the new line that are not the very same as before come in two pairs, or one. */
static void check_order(char **before, char **after)
{
	size_t added = 0;

	while (*after) {
		char **found = before;

		while (*found && *found != *after)
			found++;
		if (!*found) {
			assert(is_removable(after[0]) && after[1]);
			added++;
			after += 2;
			continue;
		}
		/* What was stepped over is gone: pairs of an option and its value. */
		while (before < found) {
			assert(is_removable(before[0]) && before + 1 < found);
			before += 2;
		}
		before++;
		after++;
	}
	for (; *before; before += 2)
		assert(is_removable(before[0]) && before[1]);
	assert(added == 1 || added == 2);
}

static bool is_restricted(const struct item *item)
{
	return item_is_user(item) && value_is_on(properties_get(&item->properties, "restrict"));
}

static bool has_word(char **words, const char *word)
{
	while (*words && *words != word)
		words++;
	return *words;
}

/* Where nothing restricts it, the guest is on passt; what is restricted never is. */
static void check_isolated(struct arena *arena, char **before, const struct rewrite_result *result)
{
	struct inventory inventory;

	inventory_take(arena, before, &inventory);
	for (size_t i = 0; i < inventory.count; i++) {
		if (is_restricted(&inventory.items[i]) && !inventory.items[i].file)
			assert(has_word(result->args, inventory.items[i].option.value));
	}
}

/**
 * check_network() - One network is on a descriptor that nothing else speaks of
 * @arena:	For the inventory
 * @before:	Words that went in
 * @result:	What came out
 *
 * Return: is it the only network, and are no other NICs connected?
 */
static bool check_network(struct arena *arena, char **before, const struct rewrite_result *result)
{
	const struct item *ours = NULL;
	struct inventory inventory;
	size_t others = 0;

	inventory_take(arena, result->args, &inventory);
	for (size_t i = 0; i < inventory.count; i++) {
		const struct item *item = &inventory.items[i];
		const char *value = item->option.value;
		bool is_backend = item->role == ROLE_NETDEV || item->role == ROLE_NIC;

		assert(item->role != ROLE_LEGACY);
		bool is_new = !item->file && value && !has_word(before, value);

		if (is_new && is_backend) {
			assert(!ours && mentions_descriptor(value, result->fd));
			ours = item;
			continue;
		}
		others += is_backend || item->role == ROLE_NONE || item_is_nic(item);
		if (item->file || is_new)
			continue;
		assert(!mentions_descriptor(item->option.word, result->fd));
		assert(!value || !mentions_descriptor(value, result->fd));
	}
	assert(ours && !is_open(result->fd) && result->fd >= 5);
	return others <= (ours->role == ROLE_NETDEV);
}

/* What was promised is whole. */
static void check_forwards(const struct guest_network *network)
{
	for (unsigned i = 0; i < network->forward_count; i++) {
		const struct forward *forward = &network->forwards[i];
		struct in_addr address;

		assert(inet_pton(AF_INET, forward->address, &address) == 1);
		assert(forward->guest_port && *forward->word);
	}
	assert(network->prefix <= 32 && (!network->search || *network->search));
}

static void check_stable(const struct rewrite_request *request, char **args)
{
	struct rewrite_request again = *request;
	struct rewrite_result result;
	size_t i;

	again.args = args;
	assert(!rewrite_command_line(&again, &result));
	for (i = 0; args[i] && result.args[i]; i++)
		assert(!strcmp(args[i], result.args[i]));
	assert(!args[i] && !result.args[i]);
	rewrite_free(&result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct rewrite_request request = { .is_open = is_open };
	struct rewrite_result result;
	int ret;

	if (size) {
		request.model = models[data[0] & 7];
		closed_below = data[0] & 0x80 ? 8 : 5;
	}
	request.qemu = qemus[size ? data[0] >> 3 & 7 : 0];
	request.args = make_words(arena, data + !!size, size - !!size);
	ret = rewrite_command_line(&request, &result);
	assert(!ret || ret == -ENOSPC || (ret == -EINVAL && result.error));
	if (!ret && result.stays) {
		assert(result.args == request.args && result.fd < 0);
	} else if (!ret) {
		check_order(request.args, result.args);
		check_isolated(arena, request.args, &result);
		check_forwards(&result.network);
		assert(starts_guest(result.args) || !starts_guest(request.args));
		if (check_network(arena, request.args, &result))
			check_stable(&request, result.args);
	}
	rewrite_free(&result);
	arena_free(arena);
	return 0;
}
