/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/link/link_log.h"

#include "shim/common/text.h"

/* With what the supervisor said. */
#define WHAT_BYTES 640

/**
 * struct reason - A reason
 * @name:	In the log
 * @words:	What has happened, behind "passt at PATH "; a format for the detail
 * @detail:	Offset of the event's member for that, or 0
 */
static const struct reason {
	const char *name;
	const char *words;
	size_t detail;
} reasons[DOWN_REASONS] = {
	[DOWN_CLOSED] = { "closed", "has closed the connection", 0 },
	[DOWN_BAD_LENGTH] = { "bad-length", "sent a frame of %lld bytes, which cannot be",
			      offsetof(struct log_event, length) },
	[DOWN_STALLED] = { "stalled", "stopped in the middle of a frame", 0 },
	[DOWN_FROM_START] = { "from-start", "could not be reached at the start", 0 },
	[DOWN_ABSENT] = { "absent", "does not listen", 0 },
	[DOWN_UNWATCHED] = { "unwatched",
			     "does not listen, and its directory cannot be watched from here "
			     "(errno %lld)",
			     offsetof(struct log_event, error) },
	[DOWN_IN_USE] = { "in-use", "is in use by another client", 0 },
	[DOWN_SHORT_LIVED] = { "closes-at-once",
			       "closes new connections at once: it may be in use by another client",
			       0 },
	[DOWN_NOT_TRUSTED] = { "not-trusted", "runs as uid %lld, whom --trust does not name",
			       offsetof(struct log_event, uid) },
	[DOWN_FORBIDDEN] = { "no-permission", "may not be connected to from here (errno %lld)",
			     offsetof(struct log_event, error) },
	[DOWN_SYMLINK] = { "symbolic-link",
			   "is a symbolic link that anybody may have put there, and is not "
			   "followed",
			   0 },
	[DOWN_OTHER_ROOT] = { "changed-root",
			      "cannot be reached from here: QEMU has changed its root, or has "
			      "another from the start",
			      0 },
	[DOWN_NOT_STARTED] = { "not-started", "does not start again: ", 0 },
	[DOWN_FAILED] = { "failed", "cannot be connected to (errno %lld)",
			  offsetof(struct log_event, error) },
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
	struct log_event event = {
		.kind = EVENT_LINK_DOWN,
		.severity = SEVERITY_WARNING,
		.fd = link_log->fd,
		.socket = link_log->path,
		.action = link_log->final ? "none" : "waiting",
		.reason = r->name,
		.length = -1,
		.uid = -1,
	};
	char what[WHAT_BYTES];
	struct text t;

	if (r->detail)
		*(int64_t *)((char *)&event + r->detail) = detail;
	text_start(&t, what, sizeof(what));
	text_format(&t, r->words, (long long)detail);
	if (reason == DOWN_NOT_STARTED)
		text_add(&t, link_log->said);
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
