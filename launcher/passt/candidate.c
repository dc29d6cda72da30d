/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/passt/candidate.h"

#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

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

size_t candidates_name(struct candidate candidates[CANDIDATES_MAX], const char *socket)
{
	size_t i;

	memset(candidates, 0, CANDIDATES_MAX * sizeof(*candidates));
	if (socket) {
		if (strlen(socket) > PASST_PATH_MAX)
			return 0;
		strcpy(candidates[0].path, socket);
		return 1;
	}
	for (i = 0; i < CANDIDATES_MAX; i++) {
		struct text path;

		text_start(&path, candidates[i].path, sizeof(candidates[i].path));
		text_format(&path, CANDIDATE_PREFIX "%d" CANDIDATE_SUFFIX, (int)i + 1);
	}
	return CANDIDATES_MAX;
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
	struct candidate seen = { .told = candidate->told, .silent_till = candidate->silent_till };

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
	struct statfs fs;

	if (row->file != (uint32_t)candidate->file)
		return false;
	if (row->device == candidate->device)
		return true;
	/* To stat(2), but not to the kernel, each subvolume of btrfs has a device of its own. */
	return !strcmp(candidate->path, row->path) && !statfs(candidate->path, &fs) &&
	       (uint32_t)fs.f_type == BTRFS_SUPER_MAGIC;
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
		} else if (row->peer) {
			candidate->in_use = true;
			candidate->client = row->peer;
		}
		return;
	}
}

int candidates_look_up(struct candidate *candidates, size_t count, size_t limit)
{
	struct look_up look_up = { .candidates = candidates, .count = count };

	return sockets_read(limit, note_row, &look_up);
}
