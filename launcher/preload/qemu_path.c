/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finding QEMU: as a shell looks commands up, and never qrap itself under another name. */
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

void qemu_forget(struct qemu *qemu)
{
	if (qemu->is_open)
		elf_close(&qemu->elf);
	qemu->is_open = false;
}

/* Installed as "kvm", by a link or as a copy, we would run ourselves for ever. */
static bool is_launcher(struct qemu *qemu, const struct stat *st)
{
	struct stat self;
	char version[1];

	qemu->is_open = !elf_open(qemu->path, &qemu->elf);
	/* What cannot be read can be ourselves all the same. */
	if (!qemu->is_open)
		return !stat("/proc/self/exe", &self) && self.st_dev == st->st_dev &&
		       self.st_ino == st->st_ino;
	if (elf_note(&qemu->elf, NOTE_OWNER, NOTE_LAUNCHER, version, sizeof(version)) < 0)
		return false;
	qemu_forget(qemu);
	return true;
}

bool qemu_is_name(const char *word)
{
	const char *slash = strrchr(word, '/');
	const char *name = slash ? slash + 1 : word;

	return !strcmp(name, "qemu") || !strcmp(name, "kvm") || !strncmp(name, "qemu-", 5);
}

/* Nested on purpose, by its own name, qrap is a command like any other: it has its own number. */
static bool has_own_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return !strcmp(slash ? slash + 1 : path, "qrap");
}

/* Can that file be run? 0, STATUS_NOT_FOUND (also for ourselves) or STATUS_CANNOT_RUN with errno.
 */
static int judge(struct qemu *qemu)
{
	const char *path = qemu->path;
	struct stat st;

	if (stat(path, &st))
		return errno == ENOENT || errno == ENOTDIR ? STATUS_NOT_FOUND : STATUS_CANNOT_RUN;
	if (!S_ISREG(st.st_mode)) {
		errno = S_ISDIR(st.st_mode) ? EISDIR : EACCES;
		return STATUS_CANNOT_RUN;
	}
	if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS))
		return STATUS_CANNOT_RUN;
	if (!has_own_name(path) && is_launcher(qemu, &st))
		return STATUS_NOT_FOUND;
	return 0;
}

/* Puts DIRECTORY/COMMAND into @path; an empty directory is the current one. */
static bool join(char *path, const char *directory, size_t len, const char *command)
{
	int ret = snprintf(path, PATH_MAX, "%.*s/%s", len ? (int)len : 1, len ? directory : ".",
			   command);

	return ret > 0 && ret < PATH_MAX;
}

/**
 * settle() - Take over what one place gave, unless an earlier one gave as much
 * @best:	Status up to now
 * @status:	This one's
 * @error:	errno that goes with @best
 *
 * What cannot be run is remembered, and does not end the search.
 *
 * Return: true if this one is to be remembered
 */
static bool settle(int *best, int status, int *error)
{
	if (status == STATUS_NOT_FOUND || *best == status)
		return false;
	*error = errno;
	*best = status;
	return true;
}

static int search_path(const char *command, struct qemu *qemu)
{
	const char *directory = getenv("PATH"), *refused = NULL;
	int best = STATUS_NOT_FOUND, error = ENOENT;
	size_t len;

	for (directory = directory ? directory : DEFAULT_PATH; best; directory += len + 1) {
		len = strcspn(directory, ":");
		if (len < PATH_MAX && join(qemu->path, directory, len, command) &&
		    settle(&best, judge(qemu), &error))
			refused = directory;
		if (!directory[len])
			break;
	}
	if (best)
		qemu->path[0] = '\0';
	if (best && refused)
		join(qemu->path, refused, strcspn(refused, ":"), command);
	errno = error;
	return best;
}

int qemu_find_command(const char *command, struct qemu *qemu)
{
	qemu->name = command;
	qemu->path[0] = '\0';
	qemu->is_open = false;
	if (!*command || strlen(command) >= sizeof(qemu->path))
		return STATUS_NOT_FOUND;
	if (!strchr(command, '/'))
		return search_path(command, qemu);
	strcpy(qemu->path, command);
	return judge(qemu);
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
	int best = STATUS_NOT_FOUND, error = ENOENT;
	struct qemu candidate;

	qemu->name = NULL;
	qemu->path[0] = '\0';
	qemu->is_open = false;
	for (size_t i = 0; best && i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i] && settle(&best, qemu_find_command(names[i], &candidate), &error))
			*qemu = candidate;
	}
	errno = error;
	return best;
}
