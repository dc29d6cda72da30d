/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Getting the connection back onto its number, over whatever is there. */
#ifndef QRAP_RESTORE_H
#define QRAP_RESTORE_H

#include <stdbool.h>

#include "shim/common/fd_store.h"
#include "shim/common/handoff.h"

/* Where the connection came back from, for the log and for people. */
#define FROM_STORE "the spare"
#define FROM_PASST "a new connection to the same passt"

/**
 * restore_stored() - Put what is in the store on a number
 * @store:	The store, or -1
 * @what:	Which of what it holds; a connection whose peer has hung up is of no use
 * @number:	Where it is to be
 * @id:		What it has to be
 *
 * Return: true if it is there
 */
bool restore_stored(int store, enum stored_fd what, int number, const struct identity *id);

/**
 * restore_from_store() - Put the spare on the number
 * @handoff:	Connection wanted; the store's number is brought up to date
 *
 * A spare whose peer has hung up is not used. Never waits.
 *
 * Return: true if the connection is on the number
 */
bool restore_from_store(struct handoff *handoff);

/* The same with the store on this number, and the handoff stays as it is. */
bool restore_spare(const struct handoff *handoff, int store);

/* Puts @fd on the number as the connection, with a store of its own: 0, or -errno. @fd is gone. */
int restore_as(int fd, struct handoff *handoff);

/**
 * restore_from_passt() - Put a new connection to the same passt on the number
 * @handoff:	Which passt; connection and store are brought up to date
 *
 * Waits at most 3 s for it to listen.
 *
 * Return: 0, or -errno, and the number is as it was
 */
int restore_from_passt(struct handoff *handoff);

#endif /* QRAP_RESTORE_H */
