/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/preload/qemu_path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "launcher/base/message.h"
#include "launcher/preload/elf.h"
#include "shim/common/elf_note.h"

/* Where exec looks without a PATH (execvp(3)). */
#define DEFAULT_PATH "/bin:/usr/bin"

/* Where Red Hat's distributions keep it, out of PATH. */
#define REDHAT_QEMU "/usr/libexec/qemu-kvm"

bool qemu_is_name(const char *word)
{
	const char *name = path_name(word);

	return !strcmp(name, "qemu") || !strcmp(name, "kvm") || !strncmp(name, "qemu-", 5);
}

/* Installed as "kvm", by a link or as a copy, we would run ourselves for ever. */
static bool is_launcher(const char *path, const struct stat *st)
{
	struct stat self;
	struct elf elf;

	if (!elf_read(path, &elf))
		return elf.note == NOTE_LAUNCHER;
	/* What cannot be read can be ourselves all the same. */
	return !stat("/proc/self/exe", &self) && self.st_dev == st->st_dev &&
	       self.st_ino == st->st_ino;
}

/* Can it be run? As qemu_find_command(); ourselves under another name are not found. */
static int check_command(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return errno == ENOENT || errno == ENOTDIR ? STATUS_NOT_FOUND : STATUS_CANNOT_RUN;
	if (!S_ISREG(st.st_mode)) {
		errno = S_ISDIR(st.st_mode) ? EISDIR : EACCES;
		return STATUS_CANNOT_RUN;
	}
	if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS))
		return STATUS_CANNOT_RUN;
	/* By its own name qrap is a command like any other: nested, with a number of its own. */
	if (strcmp(path_name(path), "qrap") && is_launcher(path, &st)) {
		errno = ENOENT;
		return STATUS_NOT_FOUND;
	}
	return 0;
}

/* Puts DIRECTORY/COMMAND into @path; an empty directory is the current one. */
static bool join_path(char *path, const char *directory, size_t len, const char *command)
{
	int ret = snprintf(path, PATH_MAX, "%.*s/%s", len ? (int)len : 1, len ? directory : ".",
			   command);

	return ret > 0 && ret < PATH_MAX;
}

/**
 * struct qemu_search - What a search has found up to now
 * @status:	As qemu_find_command(): what cannot be run is kept, and does not end the search
 * @error:	errno that goes with it
 * @best:	What was found with that status
 */
struct qemu_search {
	int status;
	int error;
	struct qemu best;
};

/* Keeps what one place gave, unless an earlier one gave as much. */
static void keep_best(struct qemu_search *search, int status, const struct qemu *found)
{
	if (status == STATUS_NOT_FOUND || status == search->status)
		return;
	search->status = status;
	search->error = errno;
	search->best = *found;
}

static int end_search(const struct qemu_search *search, struct qemu *qemu)
{
	*qemu = search->best;
	errno = search->error;
	return search->status;
}

static int search_path(const char *command, struct qemu *qemu)
{
	struct qemu_search search = { .status = STATUS_NOT_FOUND,
				      .error = ENOENT,
				      .best = { .name = command } };
	const char *directory = getenv("PATH");
	size_t len;

	for (directory = directory ? directory : DEFAULT_PATH; search.status;
	     directory += len + 1) {
		len = strcspn(directory, ":");
		if (len < PATH_MAX && join_path(qemu->path, directory, len, command))
			keep_best(&search, check_command(qemu->path), qemu);
		if (!directory[len])
			break;
	}
	return end_search(&search, qemu);
}

int qemu_find_command(const char *command, struct qemu *qemu)
{
	qemu->name = command;
	qemu->path[0] = '\0';
	if (!*command || strlen(command) >= sizeof(qemu->path)) {
		errno = ENOENT;
		return STATUS_NOT_FOUND;
	}
	if (!strchr(command, '/'))
		return search_path(command, qemu);
	strcpy(qemu->path, command);
	return check_command(command);
}

bool qemu_find_in_words(char *const *words, struct qemu *qemu)
{
	for (; *words; words++) {
		if (qemu_is_name(*words) && !qemu_find_command(*words, qemu))
			return true;
	}
	return false;
}

/* QEMU's name for the machine that we run on: uname(2) has other names for some. */
static const char *qemu_machine(const char *machine)
{
	static const struct {
		const char *prefix; /* of what uname(2) says */
		const char *name;
	} names[] = {
		{ "i386", "i386" },   { "i486", "i386" },       { "i586", "i386" },
		{ "i686", "i386" },   { "aarch64", "aarch64" }, { "arm", "arm" },
		{ "ppc64", "ppc64" }, { "ppc", "ppc" },         { "parisc", "hppa" },
		{ "sh4", "sh4" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strncmp(machine, names[i].prefix, strlen(names[i].prefix)))
			return names[i].name;
	}
	/* The kernel's name is the same for both byte orders there. */
	if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ && !strcmp(machine, "mips"))
		return "mipsel";
	if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ && !strcmp(machine, "mips64"))
		return "mips64el";
	return machine;
}

/* "qemu-system-ARCH", in memory that lives as long as the process, or NULL. */
static const char *system_emulator(void)
{
	struct utsname host;
	char *name;

	if (uname(&host) || asprintf(&name, "qemu-system-%s", qemu_machine(host.machine)) < 0)
		return NULL;
	return name;
}

int qemu_find_default(struct qemu *qemu)
{
	const char *const names[] = { "kvm", "qemu-kvm", system_emulator(), REDHAT_QEMU };
	struct qemu_search search = { .status = STATUS_NOT_FOUND, .error = ENOENT };

	for (size_t i = 0; search.status && i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i])
			keep_best(&search, qemu_find_command(names[i], qemu), qemu);
	}
	return end_search(&search, qemu);
}
