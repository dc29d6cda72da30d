/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ld.so(8), execve(2) and capabilities(7), in advance. */
#include "launcher/preload/loadable.h"

#include <endian.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "launcher/base/words.h"
#include "shim/common/elf_note.h"

#define SHIM_NAME "qrap_preload.so"

/* What ends an entry of LD_PRELOAD, in any libc, and what ld.so expands in one (ld.so(8)). */
#define UNFIT_IN_PATH " :\t\n\v\f\r$"

/* What separates its entries. */
#define SEPARATORS " :"

/**
 * struct kind - Programs that one shim is for
 * @machine:	e_machine
 * @class:	ELF class
 * @order:	Byte order
 * @name:	Name of the machine, for people
 * @directory:	Where Debian has the shim for them, below the prefix (the multiarch tuple)
 */
struct kind {
	uint16_t machine;
	unsigned char class, order;
	const char *name;
	const char *directory;
};

/* The last one is what all others are. */
static const struct kind kinds[] = {
	{ EM_X86_64, ELFCLASS64, ELFDATA2LSB, "x86-64", "/lib/x86_64-linux-gnu/qrap" },
	{ EM_X86_64, ELFCLASS32, ELFDATA2LSB, "x86-64", "/lib/x86_64-linux-gnux32/qrap" },
	{ EM_386, ELFCLASS32, ELFDATA2LSB, "i386", "/lib/i386-linux-gnu/qrap" },
	{ EM_AARCH64, ELFCLASS64, ELFDATA2LSB, "aarch64", "/lib/aarch64-linux-gnu/qrap" },
	{ EM_ARM, ELFCLASS32, ELFDATA2LSB, "arm", "/lib/arm-linux-gnueabihf/qrap" },
	{ EM_PPC64, ELFCLASS64, ELFDATA2LSB, "ppc64", "/lib/powerpc64le-linux-gnu/qrap" },
	{ EM_RISCV, ELFCLASS64, ELFDATA2LSB, "riscv", "/lib/riscv64-linux-gnu/qrap" },
	{ EM_S390, ELFCLASS64, ELFDATA2MSB, "s390", "/lib/s390x-linux-gnu/qrap" },
	{ EM_NONE, ELFCLASSNONE, ELFDATANONE, "another machine", "/lib/qrap" },
};

bool preload_refuse(struct preload *preload, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(preload->reason, sizeof(preload->reason), format, args);
	va_end(args);
	return false;
}

static const struct kind *find_kind(const struct elf *elf)
{
	const struct kind *kind = kinds;

	while (kind->machine && (kind->machine != elf->machine || kind->class != elf->class ||
				 kind->order != elf->order))
		kind++;
	return kind;
}

/* Can both be in one process? */
static bool is_same_kind(const struct elf *program, const struct elf *library)
{
	return program->machine == library->machine && program->class == library->class &&
	       program->order == library->order;
}

/* Is that file a shim for the program? Leaves @reason as it is if there is no such file. */
static bool is_shim_for(struct preload *preload, const struct elf *program)
{
	const char *path = preload->shim;
	struct elf *shim = &preload->elf;
	int ret = elf_read(path, shim);

	if (ret == -ENOENT || ret == -ENOTDIR)
		return false;
	if (ret)
		return preload_refuse(preload, "%s: %s", path, strerror(-ret));
	if (!is_same_kind(program, shim))
		return preload_refuse(preload, "%s is for programs of another kind of machine",
				      path);
	/* Of another class it cannot be read, and has come with us, we hope. */
	if (shim->native && (shim->note != NOTE_SHIM || strcmp(shim->version, QRAP_VERSION)))
		return preload_refuse(preload, "%s is not of this version (" QRAP_VERSION ")",
				      path);
	return true;
}

/* Looks for the shim for programs of that kind, @self is this program's file. */
static bool find_shim(struct preload *preload, const struct elf *program, const char *self)
{
	const int own = (int)(path_name(self) - self) - 1;
	const char *slash = memrchr(self, '/', (size_t)own);
	const int above = slash ? (int)(slash - self) : 0;
	const struct {
		int len; /* of this program's path */
		const char *below;
	} places[] = {
		{ above, "/lib/qrap" },
		{ above, "/lib64/qrap" },
		{ above, find_kind(program)->directory },
		{ own, "" },
		{ 0, QRAP_SHIMDIR },
	};

	preload_refuse(preload, "no " SHIM_NAME " in %.*s/../lib/qrap, %.*s and %s", own, self, own,
		       self, QRAP_SHIMDIR);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		int len = snprintf(preload->shim, PATH_MAX, "%.*s%s/" SHIM_NAME, places[i].len,
				   self, places[i].below);

		if (len < PATH_MAX && is_shim_for(preload, program)) {
			preload->reason[0] = '\0';
			return true;
		}
	}
	preload->shim[0] = '\0';
	return false;
}

static bool has_capabilities(const char *path)
{
	struct vfs_cap_data caps = { 0 };

	if (getxattr(path, "security.capability", &caps, sizeof(caps)) <= 0)
		return false;
	return (le32toh(caps.magic_etc) & VFS_CAP_FLAGS_EFFECTIVE) || caps.data[0].permitted ||
	       caps.data[1].permitted;
}

/*
 * What gives exec of that program privileges which its caller has not, in a word, or NULL: as
 * security/commoncap.c of Linux sets AT_SECURE, for this user. A security module may have reasons
 * of its own, which only an exec tells.
 */
static const char *privileges_gained(const char *path)
{
	struct statvfs filesystem;
	struct stat st;
	bool bits_count;

	if (geteuid() != getuid() || getegid() != getgid())
		return "the caller has them";
	/* Mounted nosuid: neither bits nor capabilities count there. */
	if (stat(path, &st) || (!statvfs(path, &filesystem) && (filesystem.f_flag & ST_NOSUID)))
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

	if (is_same_kind(elf, shim))
		return true;
	if (elf->machine != shim->machine)
		return preload_refuse(preload, "%s is a program for %s, the shim is for %s", path,
				      find_kind(elf)->name, find_kind(shim)->name);
	if (elf->class != shim->class)
		return preload_refuse(
			preload, "%s is a %d-bit program, the shim is for %d-bit ones", path,
			elf->class == ELFCLASS64 ? 64 : 32, shim->class == ELFCLASS64 ? 64 : 32);
	return preload_refuse(preload, "%s is a program of the other byte order", path);
}

/* An ELF file. Nothing is loaded into a static one: that is no harm. */
static bool check_elf(struct preload *preload, const char *path, const struct elf *elf)
{
	const char *privileges = privileges_gained(path);
	const char *libc = preload->elf.libc;

	if (privileges)
		return preload_refuse(preload,
				      "%s gains privileges at exec (%s): libraries of others are "
				      "not loaded into it",
				      path, privileges);
	if (!elf->is_static && !check_kind(preload, path, elf))
		return false;
	if (elf->interpreter[0] && access(elf->interpreter, X_OK))
		return preload_refuse(preload, "the dynamic loader of %s, %s: %s", path,
				      elf->interpreter, strerror(errno));
	if (elf->libc && libc && strcmp(elf->libc, libc))
		return preload_refuse(preload, "%s is linked with %s, the shim with %s", path,
				      elf->libc, libc);
	if (elf->sanitizer[0])
		strcpy(preload->runtime, elf->sanitizer);
	return true;
}

/* The file at which the chain ends by an error. */
static bool explain_error(struct preload *preload, const struct chain_file *file)
{
	if (file->error == ELOOP)
		return preload_refuse(preload, "%s: too many interpreters, one for the other",
				      file->path);
	if (file->error == ENOEXEC)
		return preload_refuse(preload, "%s is no program that can be looked into",
				      file->path);
	if (file->script)
		return preload_refuse(preload, "the interpreter of %s, %s: %s", file->script->path,
				      file->path, strerror(file->error));
	return preload_refuse(preload, "%s: %s", file->path, strerror(file->error));
}

static bool check_chain(struct preload *preload)
{
	const struct chain *chain = &preload->chain;
	const struct chain_file *last = &chain->files[chain->count - 1];

	if (strpbrk(preload->shim, UNFIT_IN_PATH))
		return preload_refuse(preload,
				      "LD_PRELOAD takes no path with a blank, a colon or a "
				      "dollar: %s",
				      preload->shim);
	for (const struct chain_file *file = chain->files; file <= last; file++) {
		if (file->is_elf && !check_elf(preload, file->path, &file->elf))
			return false;
	}
	if (last->error)
		return explain_error(preload, last);
	if (!last->script && last->elf.is_static)
		return preload_refuse(preload, "%s is %s: no library can be loaded into it",
				      last->path, last->elf.is_pie ? "static-pie" : "static");
	return true;
}

bool preload_find(struct preload *preload, const char *path, char *const *args)
{
	const struct chain_file *file;
	char self[PATH_MAX];
	struct elf own;

	preload->runtime[0] = '\0';
	chain_find(&preload->chain, path, args);
	if (!realpath("/proc/self/exe", self) && !realpath((char *)getauxval(AT_EXECFN), self))
		strcpy(self, "/");
	file = &preload->chain.files[preload->chain.count - 1];
	while (!file->is_elf && file > preload->chain.files)
		file--;
	/* Is there none for such programs, then the check says so of ours. */
	if (!file->is_elf || !find_shim(preload, &file->elf, self)) {
		elf_read(self, &own);
		if (!find_shim(preload, &own, self))
			return false;
	}
	return check_chain(preload);
}

char *preload_value(const struct preload *preload, const char *current)
{
	const char *list = current ? current : "";
	const char *rest = list, *runtime = preload->runtime;
	bool leading = true;
	char *value;
	size_t len;

	for (const char *entry = list; *(entry += strspn(entry, SEPARATORS)); entry += len) {
		const char *slash;

		len = strcspn(entry, SEPARATORS);
		if (len == strlen(preload->shim) && !memcmp(entry, preload->shim, len))
			return strdup(list);
		/* Sanitizers' names have no separator in them: what matches is in the entry. */
		slash = memrchr(entry, '/', len);
		leading = leading && elf_is_sanitizer(slash ? slash + 1 : entry);
		if (leading)
			rest = entry + len;
	}
	len = (size_t)(rest - list);
	if (len)
		runtime = "";
	rest += strspn(rest, SEPARATORS);
	if (asprintf(&value, "%.*s%s%s%s%s%s", (int)len, list, runtime, len || *runtime ? ":" : "",
		     preload->shim, *rest ? ":" : "", rest) < 0)
		return NULL;
	return value;
}
