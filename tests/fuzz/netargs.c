/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Patch mode: whatever the command line is, what comes out has one NIC on one netdev, has all else
 * unchanged and in order, and comes out the same when it goes in again.
 *
 * Input: a byte that chooses QEMU, model and open descriptors, then the words, with a line end
 * behind each. Bytes from 0x80 on stand for the texts below.
 */
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
	static const char *const names[] = { "device", "netdev", "nic", "net", "object", "set" };
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

/* One NIC on one netdev, on a descriptor that nothing else speaks of; others are on none. */
static void check_network(struct arena *arena, const struct rewrite_result *result)
{
	const struct item *nic = NULL, *netdev = NULL;
	struct inventory inventory;

	inventory_take(arena, result->args, &inventory);
	for (size_t i = 0; i < inventory.count; i++) {
		const struct item *item = &inventory.items[i];

		if (item == inventory.nic)
			nic = item;
		else if (item_is_nic(item))
			assert(!item->connected && (!nic || item->role == ROLE_NET_NIC));
		if (item->role == ROLE_NETDEV || item->role == ROLE_NIC) {
			assert(!netdev);
			netdev = item;
			assert(mentions_descriptor(item->option.value, result->fd));
		}
		if (item == nic || item == netdev || item->file)
			continue;
		assert(!mentions_descriptor(item->option.word, result->fd));
		assert(!item->option.value || !mentions_descriptor(item->option.value, result->fd));
	}
	assert(nic && netdev);
	assert(nic == netdev ||
	       !strcmp(properties_get(&nic->properties, "netdev"), item_id(netdev)));
	assert(!is_open(result->fd) && result->fd >= 5);
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
	assert(!ret || ret == -ENOSPC);
	if (!ret) {
		check_order(request.args, result.args);
		check_network(arena, &result);
		assert(starts_guest(result.args) || !starts_guest(request.args));
		check_stable(&request, result.args);
		rewrite_free(&result);
	}
	arena_free(arena);
	return 0;
}
