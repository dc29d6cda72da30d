/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/base/message.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shim/common/sys.h"
#include "shim/common/text.h"

/* Longest reason of a failure that the log gets. */
#define ERROR_MAX 1024

static char first_error[ERROR_MAX];

const char *message_first_error(void)
{
	return first_error;
}

/* A line on stdout, or else on stderr. */
static void __attribute__((format(printf, 2, 0)))
say(bool on_stdout, const char *format, va_list args)
{
	char *line;
	int len = vasprintf(&line, format, args);

	if (len < 0)
		return;
	/* Arguments and names of files are quoted in it. */
	text_blank_controls(line, (size_t)len);
	line[len++] = '\n';
	if (on_stdout) {
		fwrite(line, 1, (size_t)len, stdout);
		/* In order with what stderr gets. */
		fflush(stdout);
	} else {
		/* A stderr that is closed, full or a broken pipe keeps no guest from starting. */
		sys_write_quietly(STDERR_FILENO, line, (size_t)len);
	}
	free(line);
}

int message(const struct log *log, enum log_level least, const char *format, ...)
{
	va_list args;

	if (least == LOG_QUIET && !first_error[0]) {
		va_start(args, format);
		vsnprintf(first_error, sizeof(first_error), format + strlen("qrap: "), args);
		va_end(args);
	}
	if (log->level < least)
		return -1;
	va_start(args, format);
	say(false, format, args);
	va_end(args);
	return -1;
}

void message_answer(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(true, format, args);
	va_end(args);
}

bool message_all_answered(const struct log *log)
{
	if (!fflush(stdout) && !ferror(stdout))
		return true;
	message_error(log, "Couldn't write all of it to standard output");
	return false;
}
