/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which passt the guest comes to: one that is found, a private one, or none. */
#ifndef QRAP_CHOOSE_PASST_H
#define QRAP_CHOOSE_PASST_H

#include "launcher/base/settings.h"
#include "launcher/cmdline/rewrite/rewrite.h"
#include "launcher/passt/discover.h"

/**
 * choose_passt() - Connect to the passt that this start is to use
 * @options:	What was asked for
 * @line:	What the line promises; explicit mode's promises nothing. Ports that were to be
 *chosen are filled in.
 * @observer:	Socket to who wants to know what the guest sends (shim/common/control.h), or -1
 * @connection:	Filled on success; @path is "" for a private one
 *
 * --socket means that one, --passt=off one that is found, --passt and --publish a private one. Else
 * a line that promises something has a private one, and one that is found where none can be started
 * here; any other line has one that is found, and a private one where none is free.
 *
 * What was chosen is said, and is in the log; forwards are in the environment, as QRAP_PORT_GPORT.
 *
 * Return: 0; 1 after a warning where there is none and --passt=try has the line run as it is; -1
 * after a message
 */
int choose_passt(const struct settings *options, struct rewrite_result *line, int observer,
		 struct connection *connection);

/* --publish and what the line promises, as one: 0, or -1 after a message. Before choose_passt(). */
int choose_passt_publish(const struct settings *options, struct guest_network *network);

/* The forwards' host ports as QRAP_PORT_GPORT, for who is started next. */
void choose_passt_variables(const struct guest_network *network);

/* --dry-run: says which passt that would be. Return: 0, or -1 after a message */
int choose_passt_dry(const struct settings *options, struct rewrite_result *line);

#endif /* QRAP_CHOOSE_PASST_H */
