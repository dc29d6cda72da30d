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
#include "launcher/base/words.h"
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

bool qemu_is_emulator(const char *word)
{
	const char *name = path_name(word);

	return !strcmp(name, "kvm") || !strcmp(name, "qemu-kvm") ||
	       !strncmp(name, "qemu-system-", strlen("qemu-system-"));
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

/* Goes through PATH for a file about which the answer is no worse than @worst: returns it. */
static int search_path(const char *command, int worst, struct qemu *qemu)
{
	const char *directory = getenv("PATH");
	size_t len;
	int size, status;

	for (directory = directory ? directory : DEFAULT_PATH;; directory += len + 1) {
		len = strcspn(directory, ":");
		/* An empty one is the current directory. */
		size = snprintf(qemu->path, sizeof(qemu->path), "%.*s/%s", len ? (int)len : 1,
				len ? directory : ".", command);
		status = size < PATH_MAX ? check_command(qemu->path) : STATUS_NOT_FOUND;
		if (status <= worst)
			return status;
		if (!directory[len])
			return STATUS_NOT_FOUND;
	}
}

int qemu_find_command(const char *command, struct qemu *qemu)
{
	const bool is_path = strchr(command, '/');
	int status = STATUS_NOT_FOUND;

	qemu->name = command;
	if (is_path && strlen(command) < sizeof(qemu->path)) {
		strcpy(qemu->path, command);
		return check_command(command);
	}
	if (*command && !is_path) {
		status = search_path(command, 0, qemu);
		if (status)
			status = search_path(command, STATUS_CANNOT_RUN, qemu);
	}
	if (status == STATUS_NOT_FOUND) {
		qemu->path[0] = '\0';
		errno = ENOENT;
	}
	return status;
}

/* A text without "#!" is none, although a shell would run it: so a disk image stays one. */
static bool is_program(const char *path)
{
	struct elf elf;
	int ret = elf_read(path, &elf);

	/* What may be run and not read is no disk image either. */
	return !ret || ret == -EACCES || !strncmp(elf.text, "#!", 2);
}

bool program_find(const char *word, struct qemu *program)
{
	struct stat st;

	program->name = word;
	if (stat(word, &st) || (S_ISDIR(st.st_mode) && !strchr(word, '/')))
		return !strchr(word, '/') && !qemu_find_command(word, program) &&
		       is_program(program->path);
	snprintf(program->path, sizeof(program->path), "%s", word);
	return !check_command(word) && is_program(word);
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

int qemu_find(const struct settings *settings, struct qemu *qemu)
{
	static char emulator[80];
	const char *const names[] = { "kvm", "qemu-kvm", emulator, REDHAT_QEMU };
	const int worst[] = { 0, STATUS_CANNOT_RUN };
	const char *command = settings->mode == MODE_PATCH ? NULL : settings->command[0];
	struct utsname host = { 0 };

	if (!command)
		command = settings->qemu;
	if (command)
		return qemu_find_command(command, qemu);
	uname(&host);
	snprintf(emulator, sizeof(emulator), "qemu-system-%s", qemu_machine(host.machine));
	for (size_t i = 0; i < 2; i++) {
		for (size_t j = 0; j < sizeof(names) / sizeof(names[0]); j++) {
			int status = qemu_find_command(names[j], qemu);

			if (status <= worst[i])
				return status;
		}
	}
	*qemu = (struct qemu) { .name = NULL };
	errno = ENOENT;
	return STATUS_NOT_FOUND;
}
