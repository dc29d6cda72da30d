/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/passt/discover.h"

#include <errno.h>
#include <string.h>

#include "launcher/base/message.h"
#include "launcher/passt/users.h"
#include "shim/common/sys.h"
#include "shim/common/text.h"

/* The pause between two searches is that part of the time that was waited already, in limits. */
#define PAUSE_PART   16
#define PAUSE_MIN_MS 4
#define PAUSE_MAX_MS 100

/* So many paths are named in a line; of the rest it says how many. */
#define NAMED_MAX 3

/* How long to go on searching, in milliseconds from the start. */
static int64_t search_ms(const struct search *search)
{
	if (search->wanted->socket && search->candidates[0].state > CANDIDATE_FAILED)
		return 0;
	if (search->wanted->wait_ms)
		return search->wanted->wait_ms;
	return search_found(search, CANDIDATE_IN_USE) ? search->wanted->busy_ms : 0;
}

/* Searches until something is found or there is no point in going on: descriptor, or -1. */
static int search_on(struct search *search)
{
	const int64_t start = sys_now_ms();
	int fd;

	while ((fd = search_once(search)) < 0) {
		int64_t waited = sys_now_ms() - start;
		int64_t left = search_ms(search) - waited;
		int64_t pause = PAUSE_MIN_MS + waited / PAUSE_PART;

		if (left <= 0)
			break;
		if (pause > PAUSE_MAX_MS)
			pause = PAUSE_MAX_MS;
		sys_poll(NULL, 0, (int)(pause < left ? pause : left));
	}
	return fd;
}

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

/* What --trust has to be given for the owner: "any" where it is unknown in this user namespace. */
static void add_user(struct text *users, const struct candidate *candidates, size_t i)
{
	const uid_t uid = candidates[i].uid;
	const struct passt_trust just_this = { .count = 1, .uids = { uid } };
	char user[USER_NAME_MAX] = "any";

	for (size_t j = 0; j < i; j++) {
		if (candidates[j].state == CANDIDATE_NOT_TRUSTED && candidates[j].uid == uid)
			return;
	}
	if (passt_trusted(&just_this, uid))
		user_name(uid, user);
	text_format(users, "%s%s", users->len ? "," : "", user);
}

/* Names it, and whose it is or what is wrong with it, where the line itself does not say so. */
static void add_path(struct text *paths, const struct candidate *candidate)
{
	char user[USER_NAME_MAX];

	text_format(paths, "%s%s", paths->len ? ", " : "", candidate->path);
	if (candidate->state == CANDIDATE_NOT_TRUSTED) {
		user_name(candidate->uid, user);
		text_format(paths, " (user %s)", user);
	} else if (candidate->state >= CANDIDATE_NO_PERMISSION) {
		text_format(paths, " (%s)", candidate_reason(candidate));
	}
}

/* Puts together those whose states are @first to @last. */
static void group_make(struct group *group, enum candidate_state first, enum candidate_state last,
		       const struct candidate *candidates, size_t count)
{
	struct text paths, users;

	group->count = 0;
	text_start(&paths, group->paths, sizeof(group->paths));
	text_start(&users, group->users, sizeof(group->users));
	for (size_t i = 0; i < count; i++) {
		if (candidates[i].state < first || candidates[i].state > last)
			continue;
		if (candidates[i].state == CANDIDATE_NOT_TRUSTED)
			add_user(&users, candidates, i);
		if (group->count++ < NAMED_MAX)
			add_path(&paths, &candidates[i]);
	}
	if (group->count > NAMED_MAX)
		text_format(&paths, " and %d more", (int)(group->count - NAMED_MAX));
}

/* Tells of those that are not trusted, if any: as a warning where another one was found. */
static void explain_not_trusted(const struct log *log, const struct candidate *candidates,
				size_t count, bool found)
{
	struct group group;

	group_make(&group, CANDIDATE_NOT_TRUSTED, CANDIDATE_NOT_TRUSTED, candidates, count);
	if (group.count && found)
		message_warning(log, "passed over, not trusted: %s; --trust %s allows it",
				group.paths, group.users);
	else if (group.count)
		message_error(log, "not trusted: %s; --trust %s allows it", group.paths,
			      group.users);
}

/* Says why none of the default sockets could be used, and what to do: at most 6 lines. */
static void explain_all(const struct log *log, const struct candidate *candidates, size_t count,
			const char *no_private)
{
	const char *last = candidates[count - 1].path;
	static const struct {
		enum candidate_state first;
		enum candidate_state last;
		const char *what;
	} kinds[] = {
		{ CANDIDATE_IN_USE, CANDIDATE_IN_USE, "in use by another VM" },
		{ CANDIDATE_SILENT, CANDIDATE_SILENT, "no answer from" },
		{ CANDIDATE_STALE, CANDIDATE_STALE, "left behind by a passt that is gone" },
		{ CANDIDATE_NO_PERMISSION, CANDIDATE_VHOST_USER, "of no use" },
	};
	struct group group;

	group_make(&group, CANDIDATE_MISSING, CANDIDATE_MISSING, candidates, count);
	if (no_private)
		message_error(log, "no passt %s (%s to %s), and none can be started: %s",
			      group.count == count ? "found" : "is free", candidates[0].path, last,
			      no_private);
	else
		message_error(log,
			      "no passt %s (%s to %s): start one with \"passt\", or let qrap run "
			      "one for this VM with --passt",
			      group.count == count ? "found" : "is free", candidates[0].path, last);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		group_make(&group, kinds[i].first, kinds[i].last, candidates, count);
		if (group.count)
			message_error(log, "%s: %s", kinds[i].what, group.paths);
	}
	explain_not_trusted(log, candidates, count, false);
}

/* Says why the one socket that the user named could not be used, and what to do: one line. */
static void explain_one(const struct log *log, const struct candidate *candidate)
{
	const char *path = candidate->path;

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
		explain_not_trusted(log, candidate, 1, false);
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
		message_error(log, "%s: %s", path, candidate_reason(candidate));
		break;
	default:
		message_error(log, "%s: %s; --socket takes the socket of a passt", path,
			      candidate_reason(candidate));
		break;
	}
}

int discover(const struct discovery *discovery, struct search *search, struct connection *found)
{
	int fd;

	*search = (struct search) { .wanted = discovery,
				    .count = discovery->socket ? 1 : CANDIDATES_MAX };
	fd = search_on(search);
	if (fd < 0)
		return -1;
	/* As QEMU expects it: no longer non-blocking. */
	if (fcntl(fd, F_SETFL, 0)) {
		search->found->state = CANDIDATE_FAILED;
		search->found->error = errno;
		close(fd);
		return -1;
	}
	explain_not_trusted(discovery->log, search->candidates,
			    (size_t)(search->found - search->candidates), true);
	found->fd = fd;
	strcpy(found->path, search->found->path);
	return 0;
}

void discover_explain(const struct search *search, const char *no_private)
{
	if (search->wanted->socket)
		explain_one(search->wanted->log, &search->candidates[0]);
	else
		explain_all(search->wanted->log, search->candidates, search->count, no_private);
}

void discover_passed_over(const struct search *search)
{
	explain_not_trusted(search->wanted->log, search->candidates, search->count, true);
}
