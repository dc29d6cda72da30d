/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/start/program.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "launcher/base/message.h"
#include "launcher/base/words.h"
#include "launcher/preload/loadable.h"
#include "launcher/preload/qemu_path.h"
#include "launcher/start/exec.h"
#include "shim/common/fd_args.h"
#include "shim/common/handoff.h"

/* Where the links are, beside the shim; one of them stands for all. */
#define LINKS      "bin"
#define LINK       "kvm"
#define UNSET_PATH "/bin:/usr/bin"

/* PATH with the directory of our links in front, or NULL after a message. */
static char *make_path(const struct log *log)
{
	const char *path = getenv("PATH");
	struct preload preload;
	char *link, *value = NULL;
	int len;

	preload_find(&preload, "/proc/self/exe", NULL);
	len = (int)(path_name(preload.shim) - preload.shim);
	if (!len || memchr(preload.shim, ':', (size_t)len)) {
		message_error(log, "No directory with QEMU's names: %s", preload.reason);
		return NULL;
	}
	if (asprintf(&link, "%.*s" LINKS "/" LINK, len, preload.shim) < 0)
		return NULL;
	if (access(link, X_OK))
		message_error(log, "No directory with QEMU's names: %s: %s", link, strerror(errno));
	else if (asprintf(&value, "%.*s" LINKS ":%s", len, preload.shim, path ? path : UNSET_PATH) <
		 0)
		value = NULL;
	free(link);
	return value;
}

int run_program(const struct settings *options)
{
	const struct log *log = &options->log;
	char **words = options->command;
	char *path = make_path(log);
	struct qemu program;

	if (!path)
		return STATUS_FAILED;
	/* Before PATH is another one. */
	program_find(words[0], &program);
	message(log, options->dry_run ? LOG_NORMAL : LOG_TRACE,
		"qrap: QEMU's names lead to qrap: %.*s is first in PATH", (int)strcspn(path, ":"),
		path);
	if (options->dry_run) {
		command_print(words);
		return 0;
	}
	if (setenv("PATH", path, 1)) {
		message_error(log, "PATH: %s", strerror(errno));
		return STATUS_FAILED;
	}
	return command_failed(log, &program, command_try(&program, words));
}

bool program_has_connection(const struct settings *options)
{
	const char *value = getenv(HANDOFF_VARIABLE), *number = getenv(FD_VARIABLE);
	struct handoff handoff = { .fd = number ? atoi(number) : -1 };

	if (!options->is_qemu || (!number && !value) || (value && !handoff_read(value, &handoff)))
		return false;
	for (char **arg = options->command; *arg; arg++) {
		if (arg_names_fd(*arg, handoff.fd))
			return true;
	}
	return false;
}
