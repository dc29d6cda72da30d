/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Patch mode: replace the network devices on QEMU's command line by one that is on our passt. */
#ifndef QRAP_REWRITE_H
#define QRAP_REWRITE_H

#include <stdbool.h>
#include <stddef.h>

#include "launcher/base/guest_network.h"
#include "launcher/base/memory.h"

/**
 * struct rewrite_request - A command line to rewrite
 * @qemu:	Name of QEMU, for what the arguments do not tell ("/usr/bin/qemu-system-s390x")
 * @args:	QEMU's arguments without argv[0], NULL-terminated
 * @model:	NIC to add, "same" for the removed one's, or NULL for the machine's virtio-net
 * @is_open:	Is this descriptor number open in the caller? (injected, for tests)
 */
struct rewrite_request {
	const char *qemu;
	char **args;
	const char *model;
	bool (*is_open)(int fd);
};

/**
 * struct change - One change
 * @line:	"removed -net user: ...", "added ...", "carried over mac=...: ...", with its reason
 * @notable:	Said as a warning on every run, not only by --dry-run: a second NIC was removed, ...
 */
struct change {
	char *line;
	bool notable;
};

/* All changes, in order. */
struct changes {
	struct change *list;
	size_t count;
};

/**
 * struct rewrite_result - The command line that came out
 * @args:	New arguments without argv[0], NULL-terminated; words that stay are the same
 *		pointers
 * @fd:		Descriptor number that the new netdev speaks of
 * @stays:	Why nothing moves to passt, with the word that says so; @args are those that went
 *		in, and @fd is -1. NULL: the guest comes to passt
 * @network:	What the options that were removed have promised
 * @promised:	The words of all that, with ", " between them: what a passt that is found does not
 *		give. NULL: nothing was promised
 * @error:	What is wrong with which word; NULL: nothing
 * @changes:	What was changed and why
 * @memory:	What all this is kept in
 */
struct rewrite_result {
	char **args;
	int fd;
	const char *stays;
	struct guest_network network;
	const char *promised;
	const char *error;
	struct changes changes;
	struct arena *memory;
};

/**
 * rewrite_command_line() - Replace the network devices
 * @request:	What to rewrite
 * @result:	Filled on success
 *
 * A pure function but for configuration files, which are read. Linear in the length of the command
 * line, where PCI bridges are few; the stack used does not depend on it. Without memory the program
 * ends with a message and STATUS_FAILED.
 *
 * Return: 0; -ENOSPC if there is no free PCI address for the device ("Couldn't find free
 *	   address for device"); -EINVAL for a word that QEMU or passt would refuse: @result has
 *	   error
 */
int rewrite_command_line(const struct rewrite_request *request, struct rewrite_result *result);

/* Gives back all that rewrite_command_line() filled in; words of the request stay. */
void rewrite_free(struct rewrite_result *result);

#endif /* QRAP_REWRITE_H */
