/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the shim for a program is. */
#include "launcher/preload/find_shim.h"

#include <elf.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "shim/common/elf_note.h"

#define SHIM_NAME "qrap_preload.so"

bool shims_same_kind(const struct elf *program, const struct elf *library)
{
	const unsigned char *its = program->header.e_ident, *ours = library->header.e_ident;

	return program->machine == library->machine && its[EI_CLASS] == ours[EI_CLASS] &&
	       its[EI_DATA] == ours[EI_DATA];
}

/* Debian's name for that kind of program (the multiarch tuple), or NULL. */
static const char *triplet(const struct elf *program)
{
	static const struct {
		uint16_t machine;
		unsigned char class, data;
		const char *name;
	} kinds[] = {
		{ EM_X86_64, ELFCLASS64, ELFDATA2LSB, "x86_64-linux-gnu" },
		{ EM_X86_64, ELFCLASS32, ELFDATA2LSB, "x86_64-linux-gnux32" },
		{ EM_386, ELFCLASS32, ELFDATA2LSB, "i386-linux-gnu" },
		{ EM_AARCH64, ELFCLASS64, ELFDATA2LSB, "aarch64-linux-gnu" },
		{ EM_ARM, ELFCLASS32, ELFDATA2LSB, "arm-linux-gnueabihf" },
		{ EM_PPC64, ELFCLASS64, ELFDATA2LSB, "powerpc64le-linux-gnu" },
		{ EM_RISCV, ELFCLASS64, ELFDATA2LSB, "riscv64-linux-gnu" },
		{ EM_S390, ELFCLASS64, ELFDATA2MSB, "s390x-linux-gnu" },
	};
	const unsigned char *ident = program->header.e_ident;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].machine == program->machine && kinds[i].class == ident[EI_CLASS] &&
		    kinds[i].data == ident[EI_DATA])
			return kinds[i].name;
	}
	return NULL;
}

/* Our own header, where the linker has put it into memory. */
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

/* Length of the directory that a path is in, without the slash; 0 without one. */
static size_t above(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? (size_t)(slash - path) : 0;
}

/* Directory of this program, without links and without a slash at the end. */
static bool find_own_directory(char directory[PATH_MAX])
{
	ssize_t len = readlink("/proc/self/exe", directory, PATH_MAX - 1);
	const char *started = (const char *)getauxval(AT_EXECFN);

	if (len >= 0)
		directory[len] = '\0';
	else if (!started || !realpath(started, directory))
		return false;
	directory[above(directory)] = '\0';
	return true;
}

/**
 * struct hunt - The search for one shim
 * @program:	Whose it is to be, or NULL for anybody's
 * @shim:	Path that is being looked at
 * @elf:	Its file, open once it is found
 * @reason:	Why the last one that was there will not do
 * @size:	Size of @reason in bytes
 */
struct hunt {
	const struct elf *program;
	char *shim;
	struct elf *elf;
	char *reason;
	size_t size;
};

/* Is it of our version? Of another class it cannot be read, and has come with us, we hope. */
static bool is_ours(struct hunt *hunt)
{
	char version[sizeof(QRAP_VERSION)] = "";
	long len;

	if (!hunt->elf->native)
		return true;
	len = elf_note(hunt->elf, NOTE_OWNER, NOTE_SHIM, version, sizeof(version));
	if (len == sizeof(version) && !memcmp(version, QRAP_VERSION, sizeof(version)))
		return true;
	snprintf(hunt->reason, hunt->size, "%s is not of this version (" QRAP_VERSION ")",
		 hunt->shim);
	return false;
}

static bool is_for_program(struct hunt *hunt)
{
	if (!hunt->program || shims_same_kind(hunt->program, hunt->elf))
		return true;
	snprintf(hunt->reason, hunt->size, "%s is for programs of another kind of machine",
		 hunt->shim);
	return false;
}

/* Is there a shim for the program below the directory, of which the first @len bytes count? */
static bool try(struct hunt *hunt, const char *directory, size_t len, const char *below)
{
	int ret;

	if (snprintf(hunt->shim, PATH_MAX, "%.*s%s/" SHIM_NAME, (int)len, directory, below) >=
	    PATH_MAX)
		return false;
	ret = elf_open(hunt->shim, hunt->elf);
	if (ret == -ENOENT || ret == -ENOTDIR)
		return false;
	if (ret) {
		snprintf(hunt->reason, hunt->size, "%s: %s", hunt->shim, strerror(-ret));
		return false;
	}
	if (is_for_program(hunt) && is_ours(hunt))
		return true;
	elf_close(hunt->elf);
	return false;
}

static bool try_all(struct hunt *hunt, const char *own)
{
	const char *kind = hunt->program ? triplet(hunt->program) : NULL;
	size_t up = above(own);
	char debian[64];

	snprintf(debian, sizeof(debian), "/lib/%s/qrap", kind ? kind : "");
	if (*own && (try(hunt, own, up, "/lib/qrap") || try(hunt, own, up, "/lib64/qrap") ||
		     (kind && try(hunt, own, up, debian)) || try(hunt, own, strlen(own), "")))
		return true;
	return try(hunt, QRAP_SHIMDIR, strlen(QRAP_SHIMDIR), "");
}

bool shims_find(const struct elf *program, char shim[PATH_MAX], struct elf *elf, char *reason,
		size_t size)
{
	struct hunt hunt = {
		.program = program, .shim = shim, .elf = elf, .reason = reason, .size = size
	};
	const struct elf self = { .header = __ehdr_start, .machine = __ehdr_start.e_machine };
	char own[PATH_MAX] = "";

	reason[0] = '\0';
	if (!find_own_directory(own))
		own[0] = '\0';
	if (!program)
		hunt.program = &self;
	if (try_all(&hunt, own)) {
		reason[0] = '\0';
		return true;
	}
	if (!reason[0])
		snprintf(reason, size, "no " SHIM_NAME " in %s/../lib/qrap, %s and " QRAP_SHIMDIR,
			 own, own);
	shim[0] = '\0';
	return false;
}
