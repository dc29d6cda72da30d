/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/passt/explain.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "launcher/base/message.h"
#include "launcher/passt/users.h"

/* So many paths are named in a line; of the rest it says how many. */
#define NAMED_MAX 3

#define STATE_BIT(state) (1U << (state))

#define NOT_TRUSTED STATE_BIT(CANDIDATE_NOT_TRUSTED)

#define UNUSABLE                                                             \
	(STATE_BIT(CANDIDATE_NOT_SOCKET) | STATE_BIT(CANDIDATE_NOT_STREAM) | \
	 STATE_BIT(CANDIDATE_LINK) | STATE_BIT(CANDIDATE_NO_PERMISSION) |    \
	 STATE_BIT(CANDIDATE_NOT_PASST) | STATE_BIT(CANDIDATE_VHOST_USER) |  \
	 STATE_BIT(CANDIDATE_FAILED))

/**
 * struct group - Sockets that cannot be used for the same reason, in words
 * @count:	How many there are
 * @paths:	Their paths, as far as they are named, with user or reason
 * @users:	Users that --trust would have to name
 */
struct group {
	size_t count;
	char paths[1024];
	char users[512];
};

/* Adds to a text of @size bytes what fits. */
__attribute__((format(printf, 3, 4))) static void add(char *text, size_t size, const char *format,
						      ...)
{
	size_t len = strlen(text);
	va_list list;

	va_start(list, format);
	vsnprintf(text + len, size - len, format, list);
	va_end(list);
}

/* Is it one of the words between commas? */
static bool has_word(const char *words, const char *word)
{
	size_t len = strlen(word);

	for (; *words; words += words[0] == ',') {
		size_t n = strcspn(words, ",");

		if (n == len && !memcmp(words, word, len))
			return true;
		words += n;
	}
	return false;
}

/* What --trust has to be given for @uid: "any" for one who is unknown in this user namespace. */
static void add_trust(struct group *group, uid_t uid)
{
	const struct passt_trust just_this = { .count = 1, .uids = { uid } };
	char user[USER_NAME_MAX] = "any";

	if (passt_trusted(&just_this, uid))
		user_name(uid, user);
	if (!has_word(group->users, user))
		add(group->users, sizeof(group->users), "%s%s", *group->users ? "," : "", user);
}

/* Names it, and whose it is or what is wrong with it, where the line itself does not say so. */
static void add_path(struct group *group, const struct candidate *candidate)
{
	const char *reason = candidate_state_name(candidate->state);
	const size_t size = sizeof(group->paths);
	char user[USER_NAME_MAX];

	add(group->paths, size, "%s%s", *group->paths ? ", " : "", candidate->path);
	if (candidate->state == CANDIDATE_NOT_TRUSTED) {
		user_name(candidate->uid, user);
		add(group->paths, size, " (user %s)", user);
	} else if (STATE_BIT(candidate->state) & UNUSABLE) {
		if (candidate->state == CANDIDATE_FAILED)
			reason = strerror(candidate->error);
		add(group->paths, size, " (%s)", reason);
	}
}

static void group_make(struct group *group, unsigned states, const struct candidate *candidates,
		       size_t count)
{
	const struct candidate *end = candidates + count;

	memset(group, 0, sizeof(*group));
	for (; candidates < end; candidates++) {
		if (!(STATE_BIT(candidates->state) & states))
			continue;
		if (candidates->state == CANDIDATE_NOT_TRUSTED)
			add_trust(group, candidates->uid);
		if (group->count++ < NAMED_MAX)
			add_path(group, candidates);
	}
	if (group->count > NAMED_MAX)
		add(group->paths, sizeof(group->paths), " and %zu more", group->count - NAMED_MAX);
}

void explain_all(const struct log *log, const struct candidate *candidates, size_t count)
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
	struct group group;
	size_t i;

	group_make(&group, STATE_BIT(CANDIDATE_MISSING), candidates, count);
	message_error(log,
		      "no passt %s (%s to %s): start one with \"passt\", or let qrap run one for "
		      "this VM with --passt",
		      group.count == count ? "found" : "is free", candidates[0].path,
		      candidates[count - 1].path);
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		group_make(&group, kinds[i].states, candidates, count);
		if (group.count)
			message_error(log, "%s: %s", kinds[i].what, group.paths);
	}
	group_make(&group, NOT_TRUSTED, candidates, count);
	if (group.count)
		message_error(log, "not trusted: %s; --trust %s allows it", group.paths,
			      group.users);
}

void explain_passed_over(const struct log *log, const struct candidate *candidates, size_t count)
{
	struct group group;

	group_make(&group, NOT_TRUSTED, candidates, count);
	if (group.count)
		message_warning(log, "passed over, not trusted: %s; --trust %s allows it",
				group.paths, group.users);
}

void explain_one(const struct log *log, const struct candidate *candidate)
{
	const char *path = candidate->path;
	struct group group;

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
		group_make(&group, NOT_TRUSTED, candidate, 1);
		message_error(log, "not trusted: %s; --trust %s allows it", group.paths,
			      group.users);
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
