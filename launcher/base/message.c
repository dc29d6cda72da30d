/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/base/message.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "shim/common/sys.h"
#include "shim/common/text.h"

/* Makes the line with its end, which has no NUL behind it: its length, or -1 without memory. */
static int __attribute__((format(printf, 2, 0)))
make_line(char **line, const char *format, va_list args)
{
	int len = vasprintf(line, format, args);

	if (len < 0)
		return -1;
	/* Arguments and names of files are quoted in it. */
	text_blank_controls(*line, (size_t)len);
	(*line)[len] = '\n';
	return len + 1;
}

void message(const struct log *log, enum log_level least, const char *format, ...)
{
	va_list args;
	char *line;
	int len;

	if (log->level < least)
		return;
	va_start(args, format);
	len = make_line(&line, format, args);
	va_end(args);
	if (len < 0)
		return;
	/* A stderr that is closed, full or a broken pipe keeps no guest from starting. */
	sys_write_quietly(STDERR_FILENO, line, (size_t)len);
	free(line);
}

void message_answer(const char *format, ...)
{
	va_list args;
	char *line;
	int len;

	va_start(args, format);
	len = make_line(&line, format, args);
	va_end(args);
	if (len < 0)
		return;
	fwrite(line, 1, (size_t)len, stdout);
	/* In order with what stderr gets. */
	fflush(stdout);
	free(line);
}

bool message_all_answered(const struct log *log)
{
	if (!fflush(stdout) && !ferror(stdout))
		return true;
	message_error(log, "Couldn't write all of it to standard output");
	return false;
}
