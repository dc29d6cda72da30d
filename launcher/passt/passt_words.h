/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line of a private passt: what the user gave, and what the guest was promised. */
#ifndef QRAP_PASST_WORDS_H
#define QRAP_PASST_WORDS_H

#include "launcher/base/guest_network.h"
#include "launcher/base/memory.h"
#include "shim/common/log.h"

/**
 * struct passt_request - Which private passt is wanted
 * @log:	For messages
 * @command:	Its command line, split as sh(1) splits words; NULL: passt, and the guest finds what
 *		QEMU's user networking has: 10.0.2.15/24, the host at 10.0.2.2, DNS at 10.0.2.3
 * @network:	What it has to offer; with @command only that is added
 * @observer:	Socket to who observes the guest: its supervisor passes on what the shim tells, and
 *		what comes from there; or -1
 */
struct passt_request {
	const struct log *log;
	const char *command;
	const struct guest_network *network;
	int observer;
};

/* Options that not every release of passt has: bits of @lacks. */
enum passt_lack {
	LACKS_DNS_HOST = 1,
	LACKS_HOSTNAME = 2,
	LACKS_FQDN = 4,
};

/**
 * passt_words() - Make its command line
 * @arena:	Where the words are kept
 * @request:	What is wanted
 * @lacks:	What this passt does not know, bits of enum passt_lack; 0 for the newest
 * @trouble:	Filled on failure: why there can be none
 *
 * Routes and resolv.conf(5) of this host decide what it takes to have what QEMU's user networking
 * has; a forward whose port is still 0 is written like that.
 *
 * Return: NULL-terminated words, or NULL
 */
char **passt_words(struct arena *arena, const struct passt_request *request, unsigned lacks,
		   const char **trouble);

/*
 * The option that passt did not know, by what it said: a bit of enum passt_lack, or 0 for none of
 * these.
 */
unsigned passt_lack_in(const char *said);

/* What is lost without these options, as a text that is kept in the arena; NULL: nothing. */
char *passt_lost(struct arena *arena, const struct passt_request *request, unsigned lacks);

/*
 * The command line as a shell reads it, for --dry-run: that of the newest passt. NULL where there
 * can be none, with the reason in @trouble.
 */
char *passt_words_text(struct arena *arena, const struct passt_request *request,
		       const char **trouble);

#endif /* QRAP_PASST_WORDS_H */
