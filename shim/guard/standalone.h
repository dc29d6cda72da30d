/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The shim without the launcher, for a QEMU that is started otherwise: the user sets LD_PRELOAD,
 * and QRAP_FD and QRAP_SOCKET instead of the handoff. The first program that finds these makes a
 * handoff out of them, and those that follow know no difference.
 */
#ifndef QRAP_STANDALONE_H
#define QRAP_STANDALONE_H

#include <stdbool.h>

#include "shim/common/handoff.h"
#include "shim/common/log.h"

/**
 * standalone_handoff() - Make a handoff out of the user's variables
 * @envp:	Environment; the handoff takes the place of QRAP_FD there
 * @handoff:	Filled
 * @log:	Where it is said what is wrong with a variable
 *
 * QRAP_FD		descriptor number on which QEMU expects the connection, 3 or more
 * QRAP_SOCKET		path of passt's socket; may be missing where the number is connected
 * QRAP_LOG, QRAP_LOG_FILE, QRAP_RECONNECT
 *			as the launcher knows them
 * QRAP_TRUST		"any" or uids, separated by commas; no names
 *
 * A connected stream socket on the number is taken as it is, and a spare of it is made. Otherwise
 * the first program that restores connects to the socket.
 *
 * Return: true if there is a handoff
 */
bool standalone_handoff(char **envp, struct handoff *handoff, const struct log *log);

#endif /* QRAP_STANDALONE_H */
