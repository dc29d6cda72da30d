/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why no passt was found, in a few lines for people. */
#include "launcher/passt/explain.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "launcher/base/message.h"
#include "launcher/passt/users.h"
#include "shim/common/text.h"

/* So many paths are named in a line; of the rest it says how many. */
#define NAMED_MAX 3

#define STATE_BIT(state) (1U << (state))

#define UNUSABLE                                                             \
	(STATE_BIT(CANDIDATE_NOT_SOCKET) | STATE_BIT(CANDIDATE_NOT_STREAM) | \
	 STATE_BIT(CANDIDATE_LINK) | STATE_BIT(CANDIDATE_NO_PERMISSION) |    \
	 STATE_BIT(CANDIDATE_NOT_PASST) | STATE_BIT(CANDIDATE_VHOST_USER) |  \
	 STATE_BIT(CANDIDATE_FAILED))

/**
 * struct list - Sockets that share an obstacle, in words
 * @states:	Bits of those states
 * @count:	How many sockets are in one of them
 * @paths:	Their paths, as far as they are named, with user or reason
 * @users:	Users that --trust would have to name
 * @paths_buf:	Room for @paths
 * @users_buf:	Room for @users
 */
struct list {
	unsigned states;
	size_t count;
	struct text paths;
	struct text users;
	char paths_buf[1024];
	char users_buf[512];
};

static void add_user(struct text *text, uid_t uid)
{
	char name[USER_NAME_MAX];

	user_name(uid, name);
	text_add(text, name);
}

/* What --trust has to be given for @uid: "any" for one who is unknown in this user namespace. */
static void add_trust(struct text *text, uid_t uid)
{
	const struct passt_trust just_this = { .count = 1, .uids = { uid } };

	if (passt_trusted(&just_this, uid))
		add_user(text, uid);
	else
		text_add(text, "any");
}

/* The same as word between commas? */
static bool has_word(const char *words, const char *word)
{
	size_t len = strlen(word);
	const char *at = words;

	while ((at = strstr(at, word))) {
		if ((at == words || at[-1] == ',') && (!at[len] || at[len] == ','))
			return true;
		at += len;
	}
	return false;
}

static void add_trust_once(struct text *users, uid_t uid)
{
	char buf[256];
	struct text user;

	text_start(&user, buf, sizeof(buf));
	add_trust(&user, uid);
	if (has_word(users->buf, buf))
		return;
	if (users->len)
		text_add(users, ",");
	text_add(users, buf);
}

/* Whose it is or what is wrong with it, where the line itself does not say so. */
static void add_remark(struct text *text, const struct candidate *candidate)
{
	if (!(STATE_BIT(candidate->state) & (UNUSABLE | STATE_BIT(CANDIDATE_NOT_TRUSTED))))
		return;
	text_add(text, " (");
	if (candidate->state == CANDIDATE_NOT_TRUSTED) {
		text_add(text, "user ");
		add_user(text, candidate->uid);
	} else if (candidate->state == CANDIDATE_FAILED) {
		text_add(text, strerror(candidate->error));
	} else {
		text_add(text, candidate_state_name(candidate->state));
	}
	text_add(text, ")");
}

static void list_make(struct list *list, unsigned states, const struct candidate *candidates,
		      size_t count)
{
	const struct candidate *end = candidates + count;

	list->states = states;
	list->count = 0;
	text_start(&list->paths, list->paths_buf, sizeof(list->paths_buf));
	text_start(&list->users, list->users_buf, sizeof(list->users_buf));

	for (; candidates < end; candidates++) {
		if (!(STATE_BIT(candidates->state) & states))
			continue;
		if (candidates->state == CANDIDATE_NOT_TRUSTED)
			add_trust_once(&list->users, candidates->uid);
		if (list->count++ >= NAMED_MAX)
			continue;
		if (list->count > 1)
			text_add(&list->paths, ", ");
		text_add(&list->paths, candidates->path);
		add_remark(&list->paths, candidates);
	}
	if (list->count > NAMED_MAX) {
		text_add(&list->paths, " and ");
		text_add_int(&list->paths, (int64_t)(list->count - NAMED_MAX));
		text_add(&list->paths, " more");
	}
}

void obstacles_report(const struct log *log, const struct candidate *candidates, size_t count)
{
	static const struct {
		unsigned states;
		const char *what;
	} kinds[] = {
		{ STATE_BIT(CANDIDATE_IN_USE), "in use by another VM" },
		{ STATE_BIT(CANDIDATE_SILENT), "no answer from" },
		{ STATE_BIT(CANDIDATE_STALE), "left behind by a passt that is gone" },
		{ UNUSABLE, "of no use" },
	};
	struct list list;
	size_t i;

	list_make(&list, STATE_BIT(CANDIDATE_MISSING), candidates, count);
	message_error(log,
		      "no passt %s (%s to %s): start one with \"passt\", or let qrap run one for "
		      "this VM with --passt",
		      list.count == count ? "found" : "is free", candidates[0].path,
		      candidates[count - 1].path);
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		list_make(&list, kinds[i].states, candidates, count);
		if (list.count)
			message_error(log, "%s: %s", kinds[i].what, list.paths.buf);
	}
	list_make(&list, STATE_BIT(CANDIDATE_NOT_TRUSTED), candidates, count);
	if (list.count)
		message_error(log, "not trusted: %s; --trust %s allows it", list.paths.buf,
			      list.users.buf);
}

void obstacles_warn(const struct log *log, const struct candidate *candidates, size_t count)
{
	struct list list;

	list_make(&list, STATE_BIT(CANDIDATE_NOT_TRUSTED), candidates, count);
	if (list.count)
		message_warning(log, "passed over, not trusted: %s; --trust %s allows it",
				list.paths.buf, list.users.buf);
}

void obstacles_report_one(const struct log *log, const struct candidate *candidate)
{
	const char *path = candidate->path;
	struct list list;

	switch (candidate->state) {
	case CANDIDATE_MISSING:
		message_error(log, "%s: no such socket; start a passt there with \"passt -s %s\"",
			      path, path);
		break;
	case CANDIDATE_STALE:
		message_error(log, "%s is stale, its passt is gone; start one with \"passt -s %s\"",
			      path, path);
		break;
	case CANDIDATE_IN_USE:
		message_error(log,
			      "%s is in use: a passt serves one VM at a time; start another one, "
			      "or wait for this one with --wait SECONDS",
			      path);
		break;
	case CANDIDATE_NOT_TRUSTED:
		list_make(&list, STATE_BIT(CANDIDATE_NOT_TRUSTED), candidate, 1);
		message_error(log, "not trusted: %s; --trust %s allows it", list.paths.buf,
			      list.users.buf);
		break;
	case CANDIDATE_LINK:
		message_error(log,
			      "%s is a symbolic link that anybody may have put there, and is not "
			      "followed; name the socket itself",
			      path);
		break;
	case CANDIDATE_VHOST_USER:
		message_error(log,
			      "%s is the socket of a passt --vhost-user, which takes no frames; "
			      "start one without that option",
			      path);
		break;
	case CANDIDATE_FAILED:
		message_error(log, "%s: %s", path, strerror(candidate->error));
		break;
	default:
		message_error(log, "%s: %s; --socket takes the socket of a passt", path,
			      candidate_state_name(candidate->state));
		break;
	}
}
