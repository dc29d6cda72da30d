/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A socket that may be a passt's, and what can be known of it without connecting. */
#include "launcher/passt/candidate.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "launcher/passt/unix_diag.h"
#include "shim/common/text.h"

const char *candidate_state_name(enum candidate_state state)
{
	static const char *const names[] = {
		[CANDIDATE_OPEN] = "free",
		[CANDIDATE_MISSING] = "missing",
		[CANDIDATE_TOO_LONG] = "path too long",
		[CANDIDATE_NOT_SOCKET] = "not a socket",
		[CANDIDATE_NOT_STREAM] = "not a stream socket",
		[CANDIDATE_LINK] = "symbolic link",
		[CANDIDATE_NOT_TRUSTED] = "not trusted",
		[CANDIDATE_NO_PERMISSION] = "permission denied",
		[CANDIDATE_STALE] = "stale",
		[CANDIDATE_IN_USE] = "in use",
		[CANDIDATE_SILENT] = "silent",
		[CANDIDATE_NOT_PASST] = "not a passt",
		[CANDIDATE_VHOST_USER] = "vhost-user",
		[CANDIDATE_FAILED] = "failed",
	};

	return names[state];
}

enum candidate_state candidate_state_of_error(int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
		return CANDIDATE_MISSING;
	case ENAMETOOLONG:
		return CANDIDATE_TOO_LONG;
	case EPROTOTYPE:
		return CANDIDATE_NOT_STREAM;
	case EACCES:
	case EPERM:
		return CANDIDATE_NO_PERMISSION;
	case ECONNREFUSED:
		return CANDIDATE_STALE;
	/* passt accepts a second client and closes at once, or still has one in its backlog. */
	case EAGAIN:
	case ECONNRESET:
	case EPIPE:
		return CANDIDATE_IN_USE;
	case EPROTO:
		return CANDIDATE_NOT_PASST;
	default:
		return CANDIDATE_FAILED;
	}
}

/* By hand: 99 times snprintf would be a fifth of the instructions of a start. */
static void name_default(char path[PASST_PATH_MAX + 1], int number)
{
	struct text t;

	text_start(&t, path, PASST_PATH_MAX + 1);
	text_add(&t, CANDIDATE_PREFIX);
	text_add_int(&t, number);
	text_add(&t, CANDIDATE_SUFFIX);
}

size_t candidates_count(const char *socket)
{
	if (!socket)
		return CANDIDATES_MAX;
	return strlen(socket) <= PASST_PATH_MAX;
}

void candidate_name(struct candidate *candidate, size_t index, const char *socket)
{
	if (socket)
		strcpy(candidate->path, socket);
	else
		name_default(candidate->path, (int)index + 1);
}

/* May anybody put a file in place of this one? The sticky bit does not keep new ones out. */
static bool everybody_writes_beside(const char *path)
{
	char directory[PASST_PATH_MAX + 1];
	const char *slash = strrchr(path, '/');
	struct stat st;
	size_t len;

	if (!slash)
		return stat(".", &st) || st.st_mode & S_IWOTH;
	len = (size_t)(slash - path) + 1;
	memcpy(directory, path, len);
	directory[len] = '\0';
	return stat(directory, &st) || st.st_mode & S_IWOTH;
}

/* As stat(2), but does not follow a link that anybody may have put there: -ELOOP. */
static int look_at_file(const char *path, struct stat *st)
{
	if (lstat(path, st))
		return -errno;
	if (!S_ISLNK(st->st_mode))
		return 0;
	if (everybody_writes_beside(path))
		return -ELOOP;
	return stat(path, st) ? -errno : 0;
}

static enum candidate_state file_state(struct candidate *candidate, const struct passt_trust *trust)
{
	struct stat st;
	int ret;

	ret = look_at_file(candidate->path, &st);
	if (ret == -ELOOP)
		return CANDIDATE_LINK;
	if (ret) {
		candidate->error = -ret;
		return candidate_state_of_error(-ret);
	}
	candidate->uid = st.st_uid;
	candidate->made = st.st_mtim;
	candidate->device = st.st_dev;
	candidate->file = st.st_ino;
	if (!S_ISSOCK(st.st_mode))
		return CANDIDATE_NOT_SOCKET;
	if (!passt_trusted(trust, st.st_uid))
		return CANDIDATE_NOT_TRUSTED;
	return CANDIDATE_OPEN;
}

void candidate_look(struct candidate *candidate, const struct passt_trust *trust)
{
	struct candidate seen = { .state = CANDIDATE_OPEN };

	memcpy(seen.path, candidate->path, sizeof(seen.path));
	seen.state = file_state(&seen, trust);
	*candidate = seen;
}

struct look_up {
	struct candidate *candidates;
	size_t count;
};

static bool same_socket(const struct candidate *candidate, const struct socket_row *row)
{
	if (row->file && row->file != (uint32_t)candidate->file)
		return false;
	/* Some file systems (btrfs) have another device for stat(2) than for the kernel itself. */
	if (row->file && row->device == candidate->device)
		return true;
	return !strcmp(candidate->path, row->path);
}

/* A connection whose other end is closed already is no client any more. */
static void note_row(void *arg, const struct socket_row *row)
{
	const struct look_up *look_up = arg;
	struct candidate *candidate;
	size_t i;

	for (i = 0; i < look_up->count; i++) {
		candidate = &look_up->candidates[i];
		if (!candidate->file || !same_socket(candidate, row))
			continue;
		if (row->listens) {
			candidate->listens = true;
			candidate->listener = row->inode;
		} else if (row->peer || !row->file) {
			candidate->in_use = true;
			candidate->client = row->peer;
		}
		candidate->by_path = !row->file;
		return;
	}
}

int candidates_look_up(struct candidate *candidates, size_t count, size_t limit)
{
	struct look_up look_up = { .candidates = candidates, .count = count };

	return sockets_read(limit, note_row, &look_up);
}
