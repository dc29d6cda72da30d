/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/preload/find_shim.h"

#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "shim/common/elf_note.h"

#define SHIM_NAME "qrap_preload.so"

bool unfit(char reason[REASON_MAX], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(reason, REASON_MAX, format, args);
	va_end(args);
	return false;
}

/**
 * struct kind - Programs that one shim is for
 * @machine:	e_machine
 * @class:	ELF class
 * @order:	Byte order
 * @name:	Name of the machine, for people
 * @triplet:	Debian's name for such programs (the multiarch tuple)
 */
struct kind {
	uint16_t machine;
	unsigned char class, order;
	const char *name;
	const char *triplet;
};

static const struct kind kinds[] = {
	{ EM_X86_64, ELFCLASS64, ELFDATA2LSB, "x86-64", "x86_64-linux-gnu" },
	{ EM_X86_64, ELFCLASS32, ELFDATA2LSB, "x86-64", "x86_64-linux-gnux32" },
	{ EM_386, ELFCLASS32, ELFDATA2LSB, "i386", "i386-linux-gnu" },
	{ EM_AARCH64, ELFCLASS64, ELFDATA2LSB, "aarch64", "aarch64-linux-gnu" },
	{ EM_ARM, ELFCLASS32, ELFDATA2LSB, "arm", "arm-linux-gnueabihf" },
	{ EM_PPC64, ELFCLASS64, ELFDATA2LSB, "ppc64", "powerpc64le-linux-gnu" },
	{ EM_RISCV, ELFCLASS64, ELFDATA2LSB, "riscv", "riscv64-linux-gnu" },
	{ EM_S390, ELFCLASS64, ELFDATA2MSB, "s390", "s390x-linux-gnu" },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

const char *machine_name(uint16_t machine)
{
	for (size_t i = 0; i < KINDS; i++) {
		if (kinds[i].machine == machine)
			return kinds[i].name;
	}
	return "another machine";
}

static const char *find_triplet(const struct elf *program)
{
	for (size_t i = 0; i < KINDS; i++) {
		if (kinds[i].machine == program->machine && kinds[i].class == program->class &&
		    kinds[i].order == program->order)
			return kinds[i].triplet;
	}
	return NULL;
}

/* Cuts a path before its last slash. */
static void cut_name(char *path)
{
	char *slash = strrchr(path, '/');

	if (slash)
		*slash = '\0';
}

/* Directory of this program, without links, and the one above it; both "" if it is not known. */
static void find_own_directory(char own[PATH_MAX], char above[PATH_MAX])
{
	ssize_t len = readlink("/proc/self/exe", own, PATH_MAX - 1);
	const char *started = (const char *)getauxval(AT_EXECFN);

	if (len >= 0)
		own[len] = '\0';
	else if (!started || !realpath(started, own))
		own[0] = '\0';
	cut_name(own);
	strcpy(above, own);
	cut_name(above);
}

/* Is it of our version? Of another class it cannot be read, and has come with us, we hope. */
static bool is_our_version(const struct elf *shim)
{
	return !shim->native || (shim->note == NOTE_SHIM && !strcmp(shim->version, QRAP_VERSION));
}

/* Is that file a shim for the program? Leaves @reason as it is if there is no such file. */
static bool is_shim_for(const struct elf *program, const char *path, struct elf *shim,
			char reason[REASON_MAX])
{
	int ret = elf_read(path, shim);

	if (ret == -ENOENT || ret == -ENOTDIR)
		return false;
	if (ret)
		return unfit(reason, "%s: %s", path, strerror(-ret));
	if (!elf_same_kind(program, shim))
		return unfit(reason, "%s is for programs of another kind of machine", path);
	if (!is_our_version(shim))
		return unfit(reason, "%s is not of this version (" QRAP_VERSION ")", path);
	return true;
}

bool shim_find(const struct elf *program, char path[PATH_MAX], struct elf *shim,
	       char reason[REASON_MAX])
{
	const char *triplet = find_triplet(program);
	char own[PATH_MAX], above[PATH_MAX], debian[64];
	const struct {
		const char *directory, *below;
	} places[] = {
		{ above, "/lib/qrap" },
		{ above, "/lib64/qrap" },
		{ above, triplet ? debian : "/lib/qrap" },
		{ own, "" },
		{ QRAP_SHIMDIR, "" },
	};

	find_own_directory(own, above);
	snprintf(debian, sizeof(debian), "/lib/%s/qrap", triplet ? triplet : "");
	reason[0] = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		int len = snprintf(path, PATH_MAX, "%s%s/" SHIM_NAME, places[i].directory,
				   places[i].below);

		if (len < PATH_MAX && is_shim_for(program, path, shim, reason)) {
			reason[0] = '\0';
			return true;
		}
	}
	path[0] = '\0';
	if (reason[0])
		return false;
	return unfit(reason, "no " SHIM_NAME " in %s/../lib/qrap, %s and %s", own, own,
		     QRAP_SHIMDIR);
}
