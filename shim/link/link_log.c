/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the log says about the link. */
#include "shim/link/link_log.h"

#include <errno.h>

#include "shim/common/text.h"

#define MSG_BYTES  512
#define MORE_BYTES 128

static const char *reason_name(enum down_reason reason)
{
	static const char *const names[DOWN_REASONS] = {
		[DOWN_CLOSED] = "closed",           [DOWN_BAD_LENGTH] = "bad-length",
		[DOWN_STALLED] = "stalled",         [DOWN_FROM_START] = "from-start",
		[DOWN_ABSENT] = "absent",           [DOWN_UNWATCHED] = "unwatched",
		[DOWN_IN_USE] = "in-use",           [DOWN_SHORT_LIVED] = "closes-at-once",
		[DOWN_NOT_TRUSTED] = "not-trusted", [DOWN_FORBIDDEN] = "no-permission",
		[DOWN_FAILED] = "failed",
	};

	return names[reason];
}

/* What has happened, in words that follow "passt at PATH ". */
static void add_reason(struct text *t, enum down_reason reason, uint32_t detail)
{
	switch (reason) {
	case DOWN_CLOSED:
		text_add(t, "has closed the connection");
		break;
	case DOWN_BAD_LENGTH:
		text_add(t, "sent a frame of ");
		text_add_int(t, detail);
		text_add(t, " bytes, which cannot be");
		break;
	case DOWN_STALLED:
		text_add(t, "stopped in the middle of a frame");
		break;
	case DOWN_FROM_START:
		text_add(t, "could not be reached at the start");
		break;
	case DOWN_ABSENT:
		text_add(t, "does not listen");
		break;
	case DOWN_UNWATCHED:
		text_add(t, "does not listen, and its directory cannot be watched from here"
			    " (errno ");
		text_add_int(t, detail);
		text_add(t, ")");
		break;
	case DOWN_IN_USE:
		text_add(t, "is in use by another client");
		break;
	case DOWN_SHORT_LIVED:
		text_add(t, "closes new connections at once: it may be in use by another client");
		break;
	case DOWN_NOT_TRUSTED:
		text_add(t, "runs as uid ");
		text_add_int(t, detail);
		text_add(t, ", whom --trust does not name");
		break;
	case DOWN_FORBIDDEN:
		text_add(t, "may not be connected to from here (errno ");
		text_add_int(t, detail);
		text_add(t, ")");
		break;
	default:
		text_add(t, "cannot be connected to (errno ");
		text_add_int(t, detail);
		text_add(t, ")");
		break;
	}
}

static void add_passt(struct text *t, const struct link_log *link_log)
{
	text_add(t, *link_log->path ? "passt at " : "the private passt");
	text_add(t, link_log->path);
	text_add(t, " ");
}

static const char *consequence(const struct link_log *link_log, enum down_reason reason)
{
	if (link_log->final)
		return ": from now on the guest has no network";
	if (reason <= DOWN_FROM_START)
		return ": the guest has no network until it is back";
	return ": still waiting";
}

static bool is_error(enum down_reason reason)
{
	return reason == DOWN_UNWATCHED || reason >= DOWN_FORBIDDEN;
}

/* ,"name":N */
static void add_member(struct text *t, const char *name, int64_t n)
{
	text_add(t, t->len ? ",\"" : "\"");
	text_add(t, name);
	text_add(t, "\":");
	text_add_int(t, n);
}

void link_log_down(const struct link_log *link_log, enum down_reason reason, uint32_t detail)
{
	char msg[MSG_BYTES], more[MORE_BYTES];
	struct text t, m;
	const struct log_event event = {
		.kind = EVENT_LINK_DOWN,
		.severity = SEVERITY_WARNING,
		.msg = msg,
		.fd = link_log->fd,
		.socket = link_log->path,
		.action = link_log->final ? "none" : "waiting",
		.error = is_error(reason) ? (int)detail : 0,
		.more = more,
	};

	text_start(&t, msg, sizeof(msg));
	add_passt(&t, link_log);
	add_reason(&t, reason, detail);
	text_add(&t, consequence(link_log, reason));
	text_start(&m, more, sizeof(more));
	text_add(&m, "\"reason\":");
	text_add_json(&m, reason_name(reason));
	if (reason == DOWN_BAD_LENGTH)
		add_member(&m, "length", detail);
	if (reason == DOWN_NOT_TRUSTED)
		add_member(&m, "uid", detail);
	log_event(link_log->log, &event);
}

void link_log_up(const struct link_log *link_log, int64_t away_ms, unsigned dropped,
		 unsigned padded)
{
	char msg[MSG_BYTES], more[MORE_BYTES];
	struct text t, m;
	/* Who was told that it went wants to be told that it is back. */
	const struct log_event event = {
		.kind = EVENT_LINK_UP,
		.severity = SEVERITY_WARNING,
		.msg = msg,
		.fd = link_log->fd,
		.socket = link_log->path,
		.more = more,
	};

	text_start(&t, msg, sizeof(msg));
	add_passt(&t, link_log);
	text_add(&t, "is back after ");
	text_add_int(&t, away_ms);
	text_add(&t, " ms: the guest has its network again (frames dropped: ");
	text_add_int(&t, dropped);
	text_add(&t, ")");
	text_start(&m, more, sizeof(more));
	add_member(&m, "away_ms", away_ms);
	add_member(&m, "dropped", dropped);
	add_member(&m, "padded", padded);
	log_event(link_log->log, &event);
}

void link_log_first_frame(const struct link_log *link_log)
{
	const struct log_event event = {
		.kind = EVENT_FIRST_FRAME,
		.msg = "the guest has sent its first frame",
		.fd = link_log->fd,
		.socket = link_log->path,
	};

	log_event(link_log->log, &event);
}
