/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The supervisor: a process beside QEMU that starts a private passt, starts it again when the shim
 * asks for that, and ends it with the VM. QEMU has launcher's pid and no child.
 *
 * It has no descriptor but its control socket (shim/common/control.h), whose other end lies in the
 * store. The VM's end is that of the process which says that it is the owner. Where there is none,
 * and nobody has the other end any more, passt ends when nobody has its connection any more, and
 * the supervisor with it: so it is without the shim.
 */
#ifndef QRAP_SUPERVISOR_H
#define QRAP_SUPERVISOR_H

#include "launcher/passt/discover.h"
#include "launcher/passt/passt_words.h"
#include "shim/common/control.h"

/**
 * struct supervisor_failure - Why there is no private passt
 * @text:	In words, which do not name --passt
 * @taken:	A port is not to be had: the words name the user's
 */
struct supervisor_failure {
	char text[CONTROL_TEXT_MAX + 1];
	bool taken;
};

/**
 * supervisor_start() - Start a supervisor, and a private passt below it
 * @request:	What is wanted; each @host_port of its network that was 0 is filled
 * @connection:	Filled on success: as discover() does it, with "" for the path
 * @failure:	Filled on failure
 *
 * passt is ready: it has read what it was sent, or has at least gone into the background, which is
 * a warning. What it said is told at level trace. Call it before the connection is handed over and
 * before threads are made.
 *
 * Return: 0, or -1
 */
int supervisor_start(const struct passt_request *request, struct connection *connection,
		     struct supervisor_failure *failure);

#endif /* QRAP_SUPERVISOR_H */
