/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the log says about the link: events link-down, link-up and first-frame. */
#ifndef QRAP_LINK_LOG_H
#define QRAP_LINK_LOG_H

#include <stdint.h>

#include "shim/common/log.h"

/*
 * Why the link is down: `reason` of the event link-down. The first ones end a link, the others
 * are told, each once, while it stays away.
 */
enum down_reason {
	DOWN_CLOSED,      /* "closed": passt has closed its end, or is gone */
	DOWN_BAD_LENGTH,  /* "bad-length": it sent what is no frame */
	DOWN_STALLED,     /* "stalled": it sent half a frame, and nothing more */
	DOWN_FROM_START,  /* "from-start": QEMU started without a link */
	DOWN_ABSENT,      /* "absent": nobody listens */
	DOWN_UNWATCHED,   /* "unwatched": nobody listens, and the directory cannot be watched */
	DOWN_IN_USE,      /* "in-use": passt serves another client */
	DOWN_SHORT_LIVED, /* "closes-at-once": a new link does not last */
	DOWN_NOT_TRUSTED, /* "not-trusted": another user's */
	DOWN_FORBIDDEN,   /* "no-permission": we may not connect */
	DOWN_SYMLINK,     /* "symbolic-link": one that anybody may have put there */
	DOWN_OTHER_ROOT,  /* "changed-root": the path leads elsewhere in QEMU */
	DOWN_NOT_STARTED, /* "not-started": there is no new private one, as its supervisor says */
	DOWN_FAILED,      /* "failed": anything else */
	DOWN_REASONS
};

/**
 * struct link_log - What all of them speak of
 * @log:	Where to
 * @fd:		QEMU's number
 * @path:	Passt's socket, "" for a private one
 * @final:	There is nothing to reconnect to, or it is not wanted
 * @said:	What the supervisor of a private one has said
 */
struct link_log {
	const struct log *log;
	int fd;
	const char *path;
	bool final;
	const char *said;
};

/**
 * link_log_down() - The link is down, or stays so for a new reason
 * @link_log:	Of which link
 * @reason:	Why
 * @detail:	The length that could not be, the uid that is not trusted, or an errno
 */
void link_log_down(const struct link_log *link_log, enum down_reason reason, uint32_t detail);

/**
 * link_log_up() - The link is up again
 * @link_log:	Of which link
 * @away_ms:	Milliseconds that it was down
 * @dropped:	Frames of the guest that were dropped meanwhile
 * @padded:	Frames of passt's that broke off and were completed
 */
void link_log_up(const struct link_log *link_log, int64_t away_ms, unsigned dropped,
		 unsigned padded);

/* The guest has sent its first frame. */
void link_log_first_frame(const struct link_log *link_log);

#endif /* QRAP_LINK_LOG_H */
