/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/link/link_log.h"

#include "shim/common/text.h"

#define WHAT_BYTES 128

/* What a reason's detail is: the member of the event that it goes to. */
enum detail {
	DETAIL_NONE,
	DETAIL_LENGTH,
	DETAIL_UID,
	DETAIL_ERROR,
};

/**
 * struct reason - A reason
 * @name:	In the log
 * @words:	What has happened, behind "passt at PATH "; a format for the detail
 * @detail:	What that is
 */
static const struct reason {
	const char *name;
	const char *words;
	enum detail detail;
} reasons[DOWN_REASONS] = {
	[DOWN_CLOSED] = { "closed", "has closed the connection", DETAIL_NONE },
	[DOWN_BAD_LENGTH] = { "bad-length", "sent a frame of %lld bytes, which cannot be",
			      DETAIL_LENGTH },
	[DOWN_STALLED] = { "stalled", "stopped in the middle of a frame", DETAIL_NONE },
	[DOWN_FROM_START] = { "from-start", "could not be reached at the start", DETAIL_NONE },
	[DOWN_ABSENT] = { "absent", "does not listen", DETAIL_NONE },
	[DOWN_UNWATCHED] = { "unwatched",
			     "does not listen, and its directory cannot be watched from here "
			     "(errno %lld)",
			     DETAIL_ERROR },
	[DOWN_IN_USE] = { "in-use", "is in use by another client", DETAIL_NONE },
	[DOWN_SHORT_LIVED] = { "closes-at-once",
			       "closes new connections at once: it may be in use by another client",
			       DETAIL_NONE },
	[DOWN_NOT_TRUSTED] = { "not-trusted", "runs as uid %lld, whom --trust does not name",
			       DETAIL_UID },
	[DOWN_FORBIDDEN] = { "no-permission", "may not be connected to from here (errno %lld)",
			     DETAIL_ERROR },
	[DOWN_SYMLINK] = { "symbolic-link",
			   "is a symbolic link that anybody may have put there, and is not "
			   "followed",
			   DETAIL_NONE },
	[DOWN_OTHER_ROOT] = { "changed-root",
			      "cannot be reached from here: QEMU has changed its root, or has "
			      "another from the start",
			      DETAIL_NONE },
	[DOWN_FAILED] = { "failed", "cannot be connected to (errno %lld)", DETAIL_ERROR },
};

static const char *passt_name(const struct link_log *link_log)
{
	return *link_log->path ? "passt at " : "the private passt";
}

static const char *consequence(const struct link_log *link_log, enum down_reason reason)
{
	if (link_log->final)
		return "from now on the guest has no network";
	if (reason <= DOWN_FROM_START)
		return "the guest has no network until it is back";
	return "still waiting";
}

void link_log_down(const struct link_log *link_log, enum down_reason reason, uint32_t detail)
{
	const struct reason *r = &reasons[reason];
	const struct log_event event = {
		.kind = EVENT_LINK_DOWN,
		.severity = SEVERITY_WARNING,
		.fd = link_log->fd,
		.socket = link_log->path,
		.action = link_log->final ? "none" : "waiting",
		.error = r->detail == DETAIL_ERROR ? (int64_t)detail : 0,
		.reason = r->name,
		.length = r->detail == DETAIL_LENGTH ? (int64_t)detail : -1,
		.uid = r->detail == DETAIL_UID ? (int64_t)detail : -1,
	};
	char what[WHAT_BYTES];
	struct text t;

	text_start(&t, what, sizeof(what));
	text_format(&t, r->words, (long long)detail);
	log_event(link_log->log, &event, "%s%s %s: %s", passt_name(link_log), link_log->path, what,
		  consequence(link_log, reason));
}

void link_log_up(const struct link_log *link_log, int64_t away_ms, unsigned dropped,
		 unsigned padded)
{
	/* A warning said that the link is down: its end is worth one, too. */
	const struct log_event event = {
		.kind = EVENT_LINK_UP,
		.severity = SEVERITY_WARNING,
		.fd = link_log->fd,
		.socket = link_log->path,
		.away_ms = away_ms,
		.dropped = dropped,
		.padded = padded,
	};

	log_event(link_log->log, &event,
		  "%s%s is back after %lld ms: the guest has its network again (frames dropped: "
		  "%d)",
		  passt_name(link_log), link_log->path, (long long)away_ms, (int)dropped);
}

void link_log_first_frame(const struct link_log *link_log)
{
	const struct log_event event = {
		.kind = EVENT_FIRST_FRAME,
		.fd = link_log->fd,
		.socket = link_log->path,
	};

	log_event(link_log->log, &event, "the guest has sent its first frame");
}
