/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Patch mode: replace the network devices on QEMU's command line by one that is on our passt. */
#ifndef QRAP_REWRITE_H
#define QRAP_REWRITE_H

#include <stdbool.h>
#include <stddef.h>

struct arena;

/**
 * struct netargs_request - A command line to rewrite
 * @qemu:	Name of QEMU, for what the arguments do not tell ("/usr/bin/qemu-system-s390x")
 * @args:	QEMU's arguments without argv[0], NULL-terminated
 * @model:	NIC to add, "same" for the removed one's, or NULL for the machine's virtio-net
 * @is_open:	Is this descriptor number open in the caller? (injected, for tests)
 */
struct netargs_request {
	const char *qemu;
	char **args;
	const char *model;
	bool (*is_open)(int fd);
};

/**
 * struct netargs_change - One change, for people
 * @line:	"removed -net user: ...", "added ...", "carried over mac=...: ...", with its reason
 * @notable:	Said as a warning on every run, not only by --dry-run: a second NIC was removed, ...
 */
struct netargs_change {
	char *line;
	bool notable;
};

/**
 * struct netargs_result - The command line that came out
 * @args:	New arguments without argv[0], NULL-terminated; words that stay are the same
 * pointers
 * @fd:		Descriptor number that the new netdev speaks of
 * @changes:	What was changed and why, in order
 * @count:	How many
 * @memory:	What all this is kept in
 */
struct netargs_result {
	char **args;
	int fd;
	struct netargs_change *changes;
	size_t count;
	struct arena *memory;
};

/**
 * netargs_starts_guest() - Does this command line start a guest?
 * @args:	QEMU's arguments without argv[0], NULL-terminated
 *
 * Not for -version, -help, -h, -machine none, -device help and the other help values: such a run
 * goes straight to QEMU. Decided from the parsed line.
 *
 * Return: true if it does
 */
bool netargs_starts_guest(char **args);

/**
 * netargs_rewrite() - Replace the network devices
 * @request:	What to rewrite
 * @result:	Filled on success
 *
 * Linear in the length of the command line; the stack used does not depend on it. Without memory
 * the program ends with a message and STATUS_FAILED.
 *
 * Return: 0; -ENOSPC if there is no free PCI address for the device ("Couldn't find free
 *	   address for device")
 */
int netargs_rewrite(const struct netargs_request *request, struct netargs_result *result);

/* Gives back all that a successful netargs_rewrite() filled in; words of the request stay. */
void netargs_free(struct netargs_result *result);

#endif /* QRAP_REWRITE_H */
