/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/start/exec.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "launcher/base/message.h"
#include "launcher/base/words.h"

char **command_words(const char *name, char **args)
{
	size_t count = 0;
	char **words;

	while (args[count])
		count++;
	words = calloc(count + 2, sizeof(*words));
	if (!words)
		return NULL;
	words[0] = (char *)name;
	memcpy(words + 1, args, count * sizeof(*words));
	return words;
}

void command_print(char *const *words)
{
	words_print(stdout, words);
	putchar('\n');
}

int command_try(const struct qemu *qemu, char **words)
{
	int error;

	execv(qemu->path, words);
	error = errno;
	if (error == ENOEXEC) {
		char **script = command_words("/bin/sh", words);

		if (script) {
			script[1] = (char *)qemu->path;
			execv("/bin/sh", script);
		}
	}
	return error;
}

int command_failed(const struct log *log, const struct qemu *qemu, int error)
{
	message_error(log, "Couldn't run %s: %s", qemu->path, strerror(error));
	return error == ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_RUN;
}
