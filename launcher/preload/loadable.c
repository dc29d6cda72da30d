/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ld.so(8), execve(2) and capabilities(7), in advance. */
#include "launcher/preload/loadable.h"

#include <elf.h>
#include <endian.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

/* What ends an entry of LD_PRELOAD, in any libc, and what ld.so expands in one (ld.so(8)). */
#define UNFIT_IN_PATH " :\t\n\v\f\r$"

#define CAPABILITIES "security.capability"

/* Words of struct vfs_cap_data, all little-endian; its versions have three, five or six of them. */
enum { WORD_FLAGS, WORD_PERMITTED, WORD_INHERITABLE, WORD_PERMITTED_HIGH, WORDS = 6 };

bool preload_find_shim(struct preload *preload)
{
	struct elf self;

	preload->reason[0] = '\0';
	preload->runtime[0] = '\0';
	elf_read_self(&self);
	return shim_find(&self, preload->shim, &preload->elf, preload->reason);
}

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

/*
 * What gives exec of that program privileges which its caller has not, in a word, or NULL: as
 * security/commoncap.c of Linux sets AT_SECURE, for this user. A security module may have reasons
 * of its own, which only an exec tells.
 */
static const char *privileges_gained(const char *path)
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

/* ELF class, byte order and machine: ld.so would say so on stderr, and go on without the shim. */
static bool check_kind(struct preload *preload, const char *path, const struct elf *elf)
{
	const struct elf *shim = &preload->elf;

	if (elf_same_kind(elf, shim))
		return true;
	if (elf->machine != shim->machine)
		return unfit(preload->reason, "%s is a program for %s, the shim is for %s", path,
			     machine_name(elf->machine), machine_name(shim->machine));
	if (elf->class != shim->class)
		return unfit(preload->reason, "%s is a %d-bit program, the shim is for %d-bit ones",
			     path, elf->class == ELFCLASS64 ? 64 : 32,
			     shim->class == ELFCLASS64 ? 64 : 32);
	return unfit(preload->reason, "%s is a program of the other byte order", path);
}

/* Takes the shim for programs of another kind, if it is there. */
static void change_shim(struct preload *preload, const struct elf *elf)
{
	char path[PATH_MAX], reason[REASON_MAX];
	struct elf shim;

	if (!shim_find(elf, path, &shim, reason))
		return;
	strcpy(preload->shim, path);
	preload->elf = shim;
}

/* An ELF file. Nothing is loaded into a static one: that is no harm. */
static bool check_elf(struct preload *preload, const char *path, const struct elf *elf)
{
	const char *privileges = privileges_gained(path);
	const char *libc = preload->elf.libc;

	if (privileges)
		return unfit(preload->reason,
			     "%s gains privileges at exec (%s): libraries of others are not loaded "
			     "into it",
			     path, privileges);
	if (!elf_same_kind(elf, &preload->elf))
		change_shim(preload, elf);
	if (!check_kind(preload, path, elf))
		return false;
	if (elf->interpreter[0] && access(elf->interpreter, X_OK))
		return unfit(preload->reason, "the dynamic loader of %s, %s: %s", path,
			     elf->interpreter, strerror(errno));
	if (elf->libc && libc && strcmp(elf->libc, libc))
		return unfit(preload->reason, "%s is linked with %s, the shim with %s", path,
			     elf->libc, libc);
	if (elf->sanitizer[0])
		strcpy(preload->runtime, elf->sanitizer);
	return true;
}

/* The file at which the chain ends by an error. */
static bool explain_error(struct preload *preload, const struct chain_file *file)
{
	if (file->error == ELOOP)
		return unfit(preload->reason, "%s: too many interpreters, one for the other",
			     file->path);
	if (file->error == ENOEXEC)
		return unfit(preload->reason, "%s is no program that can be looked into",
			     file->path);
	if (file->script)
		return unfit(preload->reason, "the interpreter of %s, %s: %s", file->script->path,
			     file->path, strerror(file->error));
	return unfit(preload->reason, "%s: %s", file->path, strerror(file->error));
}

bool preload_check_chain(struct preload *preload, const struct chain *chain)
{
	const struct chain_file *last = &chain->files[chain->count - 1];

	preload->reason[0] = '\0';
	preload->runtime[0] = '\0';
	if (strpbrk(preload->shim, UNFIT_IN_PATH))
		return unfit(preload->reason,
			     "LD_PRELOAD takes no path with a blank, a colon or a dollar: %s",
			     preload->shim);
	for (const struct chain_file *file = chain->files; file <= last; file++) {
		if (file->is_elf && !check_elf(preload, file->path, &file->elf))
			return false;
	}
	if (last->error)
		return explain_error(preload, last);
	if (last->is_elf && !last->script && elf_is_static(&last->elf))
		return unfit(preload->reason, "%s is %s: no library can be loaded into it",
			     last->path, last->elf.is_pie ? "static-pie" : "static");
	return true;
}

bool preload_check_command(struct preload *preload, const struct qemu *program, char **args)
{
	struct chain chain;

	chain_find(&chain, program->path, args);
	return preload_check_chain(preload, &chain);
}

bool preload_check(struct preload *preload, const struct qemu *program)
{
	return preload_check_command(preload, program, NULL);
}

/* Length of the entries of sanitizers that @list begins with, with what separates them. */
static size_t sanitizers_length(const char *list)
{
	size_t len = 0;

	for (;;) {
		size_t blanks = strspn(list + len, " :");
		const char *entry = list + len + blanks;
		size_t size = strcspn(entry, " :");
		const char *slash = memrchr(entry, '/', size);

		/* Sanitizers' names have no separator in them: what matches is in the entry. */
		if (!elf_is_sanitizer(slash ? slash + 1 : entry))
			return len;
		len += blanks + size;
	}
}

/* Is @entry one of the entries of @list? */
static bool has_entry(const char *list, const char *entry)
{
	size_t size;

	for (; *list; list += size) {
		list += strspn(list, " :");
		size = strcspn(list, " :");
		if (size == strlen(entry) && !memcmp(list, entry, size))
			return true;
	}
	return false;
}

char *preload_value(const struct preload *preload, const char *current)
{
	const char *list = current ? current : "";
	int first = (int)sanitizers_length(list);
	const char *runtime = first ? "" : preload->runtime;
	const char *rest = current ? current + first : "";
	char *value;

	if (has_entry(list, preload->shim))
		return strdup(list);
	rest += strspn(rest, " :");
	if (asprintf(&value, "%.*s%s%s%s%s%s", first, list, runtime, first || *runtime ? ":" : "",
		     preload->shim, *rest ? ":" : "", rest) < 0)
		return NULL;
	return value;
}
