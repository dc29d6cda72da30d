/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ports of this host that a private passt is to listen on: those of struct guest_network, and
 * those that its command line names. Are they free before it starts, and are they its own after?
 */
#ifndef QRAP_FORWARDS_H
#define QRAP_FORWARDS_H

#include "launcher/base/guest_network.h"
#include "launcher/base/memory.h"

/**
 * forwards_choose() - Choose a free port for each forward that has none
 * @network:	Forwards; @host_port of those is filled
 * @chosen:	One for each: true for those that got one here, or here before, when others are
 *		chosen for them if they are not free any more
 *
 * Return: false where another one was chosen for none
 */
bool forwards_choose(const struct guest_network *network, bool *chosen);

/**
 * forwards_check() - Look at all of them
 * @arena:	For the text
 * @network:	Forwards
 * @words:	Passt's command line
 * @started:	It has started: does somebody listen there? Else: is each of them free?
 *
 * passt says nothing where it leaves out one of several ports, or IPv4. Of the command line what is
 * not for all addresses, or for no single ports ("all", "~22", "%eth0"), is passed over.
 *
 * Return: NULL, or what is wrong, with the word of the user's that asked for it
 */
const char *forwards_check(struct arena *arena, const struct guest_network *network,
			   char *const *words, bool started);

#endif /* QRAP_FORWARDS_H */
