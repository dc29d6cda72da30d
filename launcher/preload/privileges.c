/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What execve(2) and capabilities(7) say of set-user-ID programs and file capabilities. */
#include "launcher/preload/privileges.h"

#include <endian.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#define CAPABILITIES "security.capability"

/* Words of struct vfs_cap_data, all little-endian; its versions have three, five or six of them. */
enum { WORD_FLAGS, WORD_PERMITTED, WORD_INHERITABLE, WORD_PERMITTED_HIGH, WORDS = 6 };

static bool has_capabilities(const char *path)
{
	uint32_t words[WORDS] = { 0 };

	if (getxattr(path, CAPABILITIES, words, sizeof(words)) <= 0)
		return false;
	return (le32toh(words[WORD_FLAGS]) & VFS_CAP_FLAGS_EFFECTIVE) || words[WORD_PERMITTED] ||
	       words[WORD_PERMITTED_HIGH];
}

/* Mounted nosuid: neither bits nor capabilities count there. */
static bool is_nosuid(const char *path)
{
	struct statvfs filesystem;

	return !statvfs(path, &filesystem) && (filesystem.f_flag & ST_NOSUID);
}

const char *privileges_gained(const char *path)
{
	struct stat st;
	bool bits_count;

	if (geteuid() != getuid() || getegid() != getgid())
		return "the caller has them";
	if (stat(path, &st) || is_nosuid(path))
		return NULL;
	bits_count = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1;
	if (bits_count && (st.st_mode & S_ISUID) && st.st_uid != getuid())
		return "setuid";
	/* Without group execute, the bit means mandatory locking and no more. */
	if (bits_count && (st.st_mode & S_ISGID) && (st.st_mode & S_IXGRP) && st.st_gid != getgid())
		return "setgid";
	if (getuid() && has_capabilities(path))
		return "file capabilities";
	return NULL;
}
