/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/passt/candidate.h"

#include <errno.h>
#include <libgen.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "shim/common/text.h"

const char *candidate_reason(const struct candidate *candidate)
{
	static const char *const names[] = {
		[CANDIDATE_OPEN] = "free",
		[CANDIDATE_MISSING] = "missing",
		[CANDIDATE_STALE] = "stale",
		[CANDIDATE_IN_USE] = "in use",
		[CANDIDATE_SILENT] = "silent",
		[CANDIDATE_NO_PERMISSION] = "permission denied",
		[CANDIDATE_NOT_SOCKET] = "not a socket",
		[CANDIDATE_NOT_STREAM] = "not a stream socket",
		[CANDIDATE_LINK] = "symbolic link",
		[CANDIDATE_NOT_PASST] = "not a passt",
		[CANDIDATE_VHOST_USER] = "vhost-user",
		[CANDIDATE_NOT_TRUSTED] = "not trusted",
	};

	if (candidate->state == CANDIDATE_FAILED)
		return strerror(candidate->error);
	return names[candidate->state];
}

enum candidate_state candidate_state_of_error(int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
		return CANDIDATE_MISSING;
	case ELOOP:
		return CANDIDATE_LINK;
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

/* As stat(2), but does not follow a link that anybody may have put there: 0 or an errno. */
static int look_at_file(const char *path, struct stat *st)
{
	char copy[PASST_PATH_MAX + 1];
	struct stat beside;

	if (lstat(path, st))
		return errno;
	if (!S_ISLNK(st->st_mode))
		return 0;
	strcpy(copy, path);
	/* The sticky bit does not keep new files out. */
	if (stat(dirname(copy), &beside) || beside.st_mode & S_IWOTH)
		return ELOOP;
	return stat(path, st) ? errno : 0;
}

void candidate_look(struct candidate *candidate, const char *socket, size_t i,
		    const struct passt_trust *trust)
{
	struct text path;
	struct stat st;

	*candidate = (struct candidate) { .told = candidate->told,
					  .silent_till = candidate->silent_till };
	text_start(&path, candidate->path, sizeof(candidate->path));
	if (socket)
		text_add(&path, socket);
	else
		text_format(&path, CANDIDATE_PREFIX "%d.socket", (int)i + 1);

	candidate->error = look_at_file(candidate->path, &st);
	if (candidate->error) {
		candidate->state = candidate_state_of_error(candidate->error);
		return;
	}
	candidate->uid = st.st_uid;
	candidate->made_ms = st.st_mtim.tv_sec * 1000LL + st.st_mtim.tv_nsec / 1000000;
	candidate->device = st.st_dev;
	candidate->file = st.st_ino;
	if (!S_ISSOCK(st.st_mode))
		candidate->state = CANDIDATE_NOT_SOCKET;
	else if (!passt_trusted(trust, st.st_uid))
		candidate->state = CANDIDATE_NOT_TRUSTED;
}

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

void candidate_look_up(struct candidate *candidate, const struct sockets *sockets)
{
	for (size_t i = 0; i < sockets->count; i++) {
		const struct socket_row *row = &sockets->rows[i];

		if (!same_socket(candidate, row))
			continue;
		/* A connection whose other end is closed already is no client any more. */
		if (row->listens)
			candidate->listener = row->inode;
		else if (row->peer)
			candidate->client = row->peer;
	}
}
