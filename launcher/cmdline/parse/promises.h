/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What QEMU's user networking has promised the guest, and what of that passt can keep. */
#ifndef QRAP_PROMISES_H
#define QRAP_PROMISES_H

#include "launcher/base/guest_network.h"
#include "launcher/base/memory.h"
#include "launcher/cmdline/parse/inventory.h"

/**
 * struct promises - What options of user networking say
 * @arena:	Where it is kept
 * @hub_stays:	It was on a hub that stays, so that "vlan" is not lost
 * @words:	All that was said and passt may keep, for promises_finish()
 * @count:	How many
 * @searches:	Search domains so far
 * @network:	What a private passt can keep
 * @kept:	The words of that, with ", " between them; no text: there are none
 * @lost:	The words of what no passt can keep
 * @elsewhere:	The words of forwards to another address than the guest's
 * @error:	The first word that QEMU or passt would refuse, and why; or NULL
 */
struct promises {
	struct arena *arena;
	bool hub_stays;
	struct promise *words;
	size_t count;
	size_t searches;
	struct guest_network network;
	struct buffer kept;
	struct buffer lost;
	struct buffer elsewhere;
	const char *error;
};

/* Adds what an option of user networking, or one of its own before QEMU 3, says. */
void promises_add(struct promises *promises, const struct item *item);

/* To be called when all are added. Takes time in proportion to what there is. */
void promises_finish(struct promises *promises);

/**
 * hostfwd_parse() - Read a forward as QEMU does (its net/slirp.c, slirp_hostfwd())
 * @arena:	Where addresses are kept
 * @text:	[tcp|udp]:[HOST]:[PORT]-[GUEST]:PORT, or of -redir [tcp|udp]:PORT:[GUEST]:PORT
 * @redir:	It is that of -redir
 * @out:	Filled but for its word; an empty HOST is 0.0.0.0
 * @guest:	GUEST, or NULL where that is the guest's first address
 *
 * Return: NULL, or what is wrong with it
 */
const char *hostfwd_parse(struct arena *arena, const char *text, bool redir, struct forward *out,
			  const char **guest);

/* An IPv4 address as inet_aton(3) reads it, in its usual form; NULL if it is none. */
const char *ipv4_normalize(struct arena *arena, const char *text);

#endif /* QRAP_PROMISES_H */
