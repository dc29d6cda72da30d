/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which passt serves a socket, and what it speaks there. */
#include "launcher/passt/server.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Between a passt's start, or its move into the background, and its socket: no more than that. */
#define START_MS 2000

/* A passt that moves into the background gets a number that is that close, as a rule. */
#define BACKGROUND_PIDS 16

static bool is_listener(uint32_t inode, void *arg)
{
	const struct candidate *candidate = arg;

	return inode == candidate->listener;
}

static bool same_path(const char *path, const struct candidate *candidate)
{
	struct stat st;

	if (!strcmp(path, candidate->path))
		return true;
	/* A relative one is relative to a directory that we do not know. */
	return path[0] == '/' && !stat(path, &st) && st.st_dev == candidate->device &&
	       st.st_ino == candidate->file;
}

static bool has_default_name(const struct candidate *candidate)
{
	static const char prefix[] = "/tmp/passt_";

	return !strncmp(candidate->path, prefix, sizeof(prefix) - 1);
}

enum holding server_serves(const struct process *process, const struct candidate *candidate)
{
	enum holding holding = HOLDS_UNKNOWN;
	int64_t made_ms;

	if (candidate->listener)
		holding = process_holds(process->pid, is_listener, (void *)candidate);
	if (holding != HOLDS_UNKNOWN)
		return holding;
	/* Newer passt makes its socket first, and then changes from root to another user. */
	if (process->uid != candidate->uid && candidate->uid)
		return HOLDS_NOT;
	if (process->socket[0])
		return same_path(process->socket, candidate) ? HOLDS : HOLDS_NOT;
	if (!has_default_name(candidate))
		return HOLDS_NOT;
	made_ms = candidate->made.tv_sec * 1000LL + candidate->made.tv_nsec / 1000000;
	return llabs(process->started_ms - made_ms) > START_MS ? HOLDS_NOT : HOLDS_UNKNOWN;
}

/* Is a plain passt, and none of the other kind, where the listener or its child must be? */
static bool plain_passt_at(pid_t listener)
{
	struct process process;
	bool plain = false;
	int i;

	for (i = 0; listener > 0 && i <= BACKGROUND_PIDS; i++) {
		if (!process_peek_passt(listener + i, &process))
			continue;
		if (process.vhost_user)
			return false;
		plain = true;
		if (!i)
			break;
	}
	return plain;
}

struct question {
	const struct candidate *candidate;
	pid_t listener;
	enum vhost_user answer;
};

static bool ask_process(pid_t pid, void *arg)
{
	struct question *question = arg;
	struct process process;
	enum holding holding;

	if (!process_read_passt(pid, &process) || !process.vhost_user)
		return true;
	holding = server_serves(&process, question->candidate);
	if (holding == HOLDS || (holding == HOLDS_UNKNOWN && pid == question->listener))
		question->answer = VHOST_USER_YES;
	else if (holding == HOLDS_UNKNOWN)
		question->answer = VHOST_USER_MAYBE;
	return question->answer != VHOST_USER_YES;
}

enum vhost_user server_speaks_vhost_user(const struct candidate *candidate, pid_t listener)
{
	struct question question = { .candidate = candidate, .listener = listener };

	/* The usual case, without a look at all processes of the host. */
	if (plain_passt_at(listener))
		return VHOST_USER_NO;
	processes_each(ask_process, &question);
	return question.answer;
}
