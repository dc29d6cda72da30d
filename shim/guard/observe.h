/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qrap --watch: descriptors that are looked at, and put back only with --keep. A program says at
 * its start which of them are not there, then what it does to them.
 */
#ifndef QRAP_OBSERVE_H
#define QRAP_OBSERVE_H

#include "shim/guard/guard.h"

/* Where number @fd is in the handoff's set, or -1. */
int observe_index(const struct handoff *handoff, int fd);

/* Is descriptor @fd what is to be on @number? */
bool observe_is_same(const struct handoff *handoff, int fd, int number);

/*
 * This program starts: those that are lost by now are told, each, and put back if it is to have
 * them and they are in the store; then that all others are there.
 */
void observe_start(const struct fd_log *fd_log, int argc, char **argv);

/* The calling process is the child of a fork(): what its parent has lost, that has told. */
void observe_forked(void);

/*
 * Number @fd is lost, to what is on @from unless that is -1. A loop that puts it aside and back
 * each time round (a shell's "echo >file") is told of once. @is_passive: in a child that may share
 * our memory.
 */
void observe_loss(const struct fd_log *fd_log, int fd, int from, const struct loss *loss,
		  bool is_passive);

/*
 * A program is about to be executed. Nothing is changed, but that the one of --until has the shim's
 * variables whatever has become of its environment.
 */
void observe_exec(const struct fd_log *fd_log, struct exec_step *step, bool is_passive);

#endif /* QRAP_OBSERVE_H */
