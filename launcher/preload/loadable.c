/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the shim is, and whether a program can take it: ld.so(8) and execve(2) in advance. */
#include "launcher/preload/loadable.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "launcher/preload/find_shim.h"
#include "launcher/preload/privileges.h"
#include "launcher/preload/qemu_path.h"
#include "launcher/preload/script.h"

/* What ends an entry of LD_PRELOAD, in any libc, and what ld.so expands in one (ld.so(8)). */
#define UNFIT_IN_PATH " :\t\n\v\f\r$"

/* Libraries and versions of the shim that are looked at; it has two or three. */
#define LIBRARIES_MAX 16
#define VERSIONS_MAX  64

/* Seldom called, with large variables: in its caller's frame, what is called next is pages away. */
#define OWN_FRAME __attribute__((noinline))

enum verdict {
	VERDICT_FITS,
	VERDICT_STATIC, /* harmless, and without effect on that program */
	VERDICT_UNFIT,
};

static enum verdict check_found(struct preload *preload, struct qemu *found, int depth);
static enum verdict check_file(struct preload *preload, const char *path, int depth);

static enum verdict unfit(struct preload *preload, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static enum verdict unfit(struct preload *preload, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(preload->reason, sizeof(preload->reason), format, args);
	va_end(args);
	return VERDICT_UNFIT;
}

bool preload_find_shim(struct preload *preload)
{
	preload->reason[0] = '\0';
	preload->runtime[0] = '\0';
	preload->is_open = shims_find(NULL, preload->shim, &preload->elf, preload->reason,
				      sizeof(preload->reason));
	return preload->is_open;
}

static bool begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Whose libc is this dynamic loader's or library's name? NULL: cannot be told. */
static const char *libc_of_name(const char *name)
{
	if (begins(name, "ld-musl-") || begins(name, "libc.musl-") || !strcmp(name, "libc.so"))
		return "musl";
	if (begins(name, "ld-linux") || begins(name, "ld64.so.") || begins(name, "ld.so.") ||
	    !strcmp(name, "libc.so.6"))
		return "glibc";
	return NULL;
}

/* The libc that a program or library is linked with, in a word, or NULL. */
static const char *find_libc(const struct elf *elf, const char *interpreter)
{
	const char *libc = libc_of_name(base_name(interpreter));
	char name[ELF_NAME_MAX];

	for (size_t i = 0; !libc && elf_needed(elf, i, name); i++)
		libc = libc_of_name(name);
	return libc;
}

static const char *machine_name(uint16_t machine)
{
	switch (machine) {
	case EM_386:
		return "i386";
	case EM_X86_64:
		return "x86-64";
	case EM_ARM:
		return "arm";
	case EM_AARCH64:
		return "aarch64";
	case EM_PPC64:
		return "ppc64";
	case EM_RISCV:
		return "riscv";
	case EM_S390:
		return "s390";
	default:
		return "another machine";
	}
}

/* ELF class, byte order and machine: ld.so would say so on stderr, and go on without the shim. */
static enum verdict check_machine(struct preload *preload, const struct elf *elf,
				  const struct elf *shim, const char *path)
{
	const unsigned char *its = elf->header.e_ident, *ours = shim->header.e_ident;

	if (shims_same_kind(elf, shim))
		return VERDICT_FITS;
	if (elf->machine != shim->machine)
		return unfit(preload, "%s is a program for %s, the shim is for %s", path,
			     machine_name(elf->machine), machine_name(shim->machine));
	if (its[EI_CLASS] != ours[EI_CLASS])
		return unfit(preload, "%s is a %d-bit program, the shim is for %d-bit ones", path,
			     its[EI_CLASS] == ELFCLASS64 ? 64 : 32,
			     ours[EI_CLASS] == ELFCLASS64 ? 64 : 32);
	return unfit(preload, "%s is a program of the other byte order", path);
}

/* A dynamic loader that is run as a program, with the real one as its argument, is not static. */
static bool is_loader(const struct elf *elf)
{
	char name[ELF_NAME_MAX];

	return elf_soname(elf, name) && libc_of_name(name);
}

/* Is a version of glibc's, or of a library that comes with it, as late as another one? */
static bool is_as_late(const char *version, const char *other)
{
	static const char prefix[] = "GLIBC_2.";

	return begins(version, prefix) && begins(other, prefix) && strverscmp(version, other) >= 0;
}

/* What a program needs itself is there, with all that is older: without, it would not run at all.
 */
static bool needs_as_much(const struct elf *elf, const char *library, const char *version)
{
	char own[ELF_NAME_MAX];

	for (size_t i = 0; i < VERSIONS_MAX && elf_version_needed(elf, library, i, own); i++) {
		if (is_as_late(own, version))
			return true;
	}
	return false;
}

/* Looks into the library that lies beside the dynamic loader; one that is elsewhere is not known.
 */
static OWN_FRAME enum verdict check_library(struct preload *preload, const char *interpreter,
					    const char *library, const char *version)
{
	char directory[PATH_MAX], path[2 * PATH_MAX];
	enum verdict verdict = VERDICT_FITS;
	struct elf elf;

	if (!realpath(interpreter, directory))
		return VERDICT_FITS;
	*strrchr(directory, '/') = '\0';
	snprintf(path, sizeof(path), "%s/%s", directory, library);
	if (elf_open(path, &elf))
		return VERDICT_FITS;
	if (elf_version_missing(&elf, version))
		verdict = unfit(preload, "%s lacks %s, which the shim needs", path, version);
	elf_close(&elf);
	return verdict;
}

/**
 * check_versions() - Has the program's libc what the shim needs? Without, ld.so would kill it.
 * @preload:	@reason is filled if not
 * @elf:	The program
 * @shim:	The shim
 * @interpreter: The program's dynamic loader; its libc is where that one is
 */
static enum verdict check_versions(struct preload *preload, const struct elf *elf,
				   const struct elf *shim, const char *interpreter)
{
	char library[ELF_NAME_MAX], version[ELF_NAME_MAX];
	enum verdict verdict = VERDICT_FITS;

	for (size_t i = 0; i < LIBRARIES_MAX && elf_needed(shim, i, library); i++) {
		for (size_t j = 0; j < VERSIONS_MAX && verdict == VERDICT_FITS &&
				   elf_version_needed(shim, library, j, version);
		     j++) {
			if (!needs_as_much(elf, library, version))
				verdict = check_library(preload, interpreter, library, version);
		}
	}
	return verdict;
}

/* A sanitizer's runtime checks that it is first, and ends the program if it is not. */
static bool is_sanitizer(const char *name)
{
	static const char *const runtimes[] = { "libasan.", "libhwasan.", "liblsan.", "libtsan.",
						"libclang_rt.asan" };

	for (size_t i = 0; i < sizeof(runtimes) / sizeof(runtimes[0]); i++) {
		if (begins(name, runtimes[i]))
			return true;
	}
	return false;
}

static void find_runtime(struct preload *preload, const struct elf *elf)
{
	char name[ELF_NAME_MAX];

	for (size_t i = 0; elf_needed(elf, i, name); i++) {
		if (is_sanitizer(name)) {
			strcpy(preload->runtime, name);
			return;
		}
	}
}

static enum verdict check_libc(struct preload *preload, const struct elf *elf,
			       const struct elf *shim, const char *path, const char *interpreter)
{
	const char *its = find_libc(elf, interpreter), *ours = find_libc(shim, "");

	if (its && ours && strcmp(its, ours))
		return unfit(preload, "%s is linked with %s, the shim with %s", path, its, ours);
	return check_versions(preload, elf, shim, interpreter);
}

static enum verdict check_loading(struct preload *preload, const struct elf *elf,
				  const struct elf *shim, const char *path)
{
	char interpreter[PATH_MAX];
	enum verdict verdict = check_machine(preload, elf, shim, path);

	/* Of another class, only that much can be read. */
	if (verdict != VERDICT_FITS || !elf->native)
		return verdict;
	if (is_loader(elf))
		return check_libc(preload, elf, shim, path, path);
	if (!elf_interpreter(elf, interpreter, sizeof(interpreter))) {
		unfit(preload, "%s is %s: no library can be loaded into it", path,
		      elf_is_pie(elf) ? "static-pie" : "static");
		return VERDICT_STATIC;
	}
	if (access(interpreter, X_OK))
		return unfit(preload, "the dynamic loader of %s, %s: %s", path, interpreter,
			     strerror(errno));
	verdict = check_libc(preload, elf, shim, path, interpreter);
	if (verdict == VERDICT_FITS)
		find_runtime(preload, elf);
	return verdict;
}

/* The shim that was found for us. */
static int open_shim(struct preload *preload, struct elf *shim)
{
	if (!preload->is_open)
		return elf_open(preload->shim, shim);
	*shim = preload->elf;
	preload->is_open = false;
	return 0;
}

/* Takes the one for programs of the other kind instead, if it is there. */
static OWN_FRAME void change_shim(struct preload *preload, const struct elf *elf, struct elf *shim)
{
	char other[PATH_MAX], reason[sizeof(preload->reason)];
	struct elf found;

	if (!shims_find(elf, other, &found, reason, sizeof(reason)))
		return;
	elf_close(shim);
	*shim = found;
	strcpy(preload->shim, other);
}

/* That one, or the one for programs of the other kind. */
static int open_shim_for(struct preload *preload, const struct elf *elf, struct elf *shim)
{
	int ret = open_shim(preload, shim);

	if (!ret && !shims_same_kind(elf, shim))
		change_shim(preload, elf, shim);
	return ret;
}

static enum verdict check_program(struct preload *preload, const struct elf *elf, const char *path)
{
	const char *privileges = privileges_gained(path);
	enum verdict verdict;
	struct elf shim;

	if (privileges)
		return unfit(preload,
			     "%s gains privileges at exec (%s): libraries of others are "
			     "not loaded into it",
			     path, privileges);
	if (open_shim_for(preload, elf, &shim))
		return unfit(preload, "%s cannot be read", preload->shim);
	verdict = check_loading(preload, elf, &shim, path);
	elf_close(&shim);
	return verdict;
}

/* The program that env(1) runs may have the shim only if env itself may, and the other way round.
 */
static enum verdict check_script(struct preload *preload, const struct script *script,
				 const char *path, int depth)
{
	struct qemu command;
	enum verdict verdict;

	if (!depth)
		return unfit(preload, "%s: too many interpreters, one for the other", path);
	if (access(script->interpreter, X_OK))
		return unfit(preload, "the interpreter of %s, %s: %s", path, script->interpreter,
			     strerror(errno));
	verdict = check_file(preload, script->interpreter, depth - 1);
	if (verdict == VERDICT_UNFIT || !script->command[0])
		return verdict;
	if (qemu_find_command(script->command, &command))
		return unfit(preload, "the interpreter of %s, %s: not found", path,
			     script->command);
	return check_found(preload, &command, depth - 1);
}

static enum verdict check_elf(struct preload *preload, struct elf *elf, const char *path)
{
	enum verdict verdict = check_program(preload, elf, path);

	elf_close(elf);
	return verdict;
}

static enum verdict check_file(struct preload *preload, const char *path, int depth)
{
	struct script script;
	enum verdict verdict;
	struct elf elf;
	int ret = elf_open(path, &elf);

	if (!ret)
		return check_elf(preload, &elf, path);
	if (script_read(path, &script)) {
		verdict = check_script(preload, &script, path, depth);
		/* The shim is for what the script runs, whatever runs the script. */
		return verdict == VERDICT_STATIC ? VERDICT_FITS : verdict;
	}
	if (ret == -EACCES)
		return VERDICT_FITS;
	if (ret == -ENOEXEC)
		return unfit(preload, "%s is no program that can be looked into", path);
	return unfit(preload, "%s: %s", path, strerror(-ret));
}

static enum verdict check_found(struct preload *preload, struct qemu *found, int depth)
{
	if (!found->is_open)
		return check_file(preload, found->path, depth);
	found->is_open = false;
	return check_elf(preload, &found->elf, found->path);
}

static enum verdict check(struct preload *preload, struct qemu *program)
{
	enum verdict verdict;

	preload->reason[0] = '\0';
	preload->runtime[0] = '\0';
	if (strpbrk(preload->shim, UNFIT_IN_PATH)) {
		qemu_forget(program);
		return unfit(preload,
			     "LD_PRELOAD takes no path with a blank, a colon or a dollar: "
			     "%s",
			     preload->shim);
	}
	verdict = check_found(preload, program, SCRIPT_DEPTH);
	if (verdict == VERDICT_FITS)
		preload->reason[0] = '\0';
	return verdict;
}

bool preload_check(struct preload *preload, struct qemu *program)
{
	return check(preload, program) == VERDICT_FITS;
}

/* Does the shim fit what a static wrapper is told to run: its first argument, or a QEMU in them? */
static OWN_FRAME bool check_wrapped(struct preload *preload, char **args)
{
	struct preload inner = *preload;
	struct qemu command;

	for (size_t i = 0; args[i]; i++) {
		if ((i && !qemu_is_name(args[i])) || qemu_find_command(args[i], &command))
			continue;
		if (!preload_check(&inner, &command))
			continue;
		*preload = inner;
		return true;
	}
	return false;
}

bool preload_check_command(struct preload *preload, struct qemu *program, char **args)
{
	enum verdict verdict = check(preload, program);

	return verdict == VERDICT_FITS ||
	       (verdict == VERDICT_STATIC && check_wrapped(preload, args));
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
		if (!is_sanitizer(slash ? slash + 1 : entry))
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
