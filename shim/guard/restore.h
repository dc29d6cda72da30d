/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Getting the connection back: from the store, else from passt. */
#ifndef QRAP_RESTORE_H
#define QRAP_RESTORE_H

#include <stdbool.h>

#include "shim/common/handoff.h"

/* Where the connection came back from. */
enum saver {
	SAVER_NONE,       /* nowhere */
	SAVER_SPARE,      /* the store */
	SAVER_SAME_PASST, /* a new connection to the same passt */
};

/* In words, for the log and for people: "the spare", ... */
const char *saver_name(enum saver saver);

/**
 * restore_find_store() - Find the store among the open descriptors
 * @handoff:	Says where it was and what it is
 *
 * Programs may have moved it (posix_spawn's closefrom in a child): the number is only where the
 * search begins.
 *
 * Return: its number, or -1
 */
int restore_find_store(const struct handoff *handoff);

/**
 * restore_from_store() - Put the spare on the number, over whatever is there
 * @handoff:	Connection wanted; the store's number is brought up to date
 *
 * A spare whose peer has hung up is not used. Never waits.
 *
 * Return: true if the connection is on the number
 */
bool restore_from_store(struct handoff *handoff);

/**
 * restore_connection() - Put the connection back on its number, over whatever is there
 * @handoff:	Connection wanted; connection, store and passt are brought up to date
 * @error:	Filled with an errno where passt was tried and did not help
 *
 * From the spare, else from passt, waiting at most 3 s for it to listen.
 *
 * Return: where it came from; SAVER_NONE leaves the number as it was
 */
enum saver restore_connection(struct handoff *handoff, int *error);

/* Makes a store for what is on the number, where the old one is, if there is one. */
void restore_renew_store(struct handoff *handoff);

#endif /* QRAP_RESTORE_H */
