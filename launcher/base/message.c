/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages of the launcher: one line each, in one write, so that those of several stay whole. */
#include "launcher/base/message.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "shim/common/sys.h"

/* What is quoted from arguments and file names must not begin a line or drive a terminal. */
static void blank_controls(char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < ' ' || *text == 127)
			*text = '?';
	}
}

static void say(const char *prefix, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

static void say(const char *prefix, const char *format, va_list args)
{
	char *text, *line;
	int len;

	if (vasprintf(&text, format, args) < 0)
		return;
	blank_controls(text);
	len = asprintf(&line, "%s%s\n", prefix, text);
	free(text);
	if (len < 0)
		return;
	/* A stderr that is closed, full or a broken pipe keeps no guest from starting. */
	sys_write_quietly(STDERR_FILENO, line, (size_t)len);
	free(line);
}

void message_error(const struct log *log, const char *format, ...)
{
	va_list args;

	/* --log quiet, too, wants to know why nothing runs. */
	(void)log;
	va_start(args, format);
	say("qrap: ", format, args);
	va_end(args);
}

void message_warning(const struct log *log, const char *format, ...)
{
	va_list args;

	if (log->level < LOG_NORMAL)
		return;
	va_start(args, format);
	say("qrap: ", format, args);
	va_end(args);
}

void message_trace(const struct log *log, const char *format, ...)
{
	va_list args;

	if (log->level < LOG_TRACE)
		return;
	va_start(args, format);
	say("qrap: ", format, args);
	va_end(args);
}

void message_answer(const char *format, ...)
{
	va_list args;
	char *text;
	int len;

	va_start(args, format);
	len = vasprintf(&text, format, args);
	va_end(args);
	if (len < 0)
		return;
	blank_controls(text);
	printf("%s\n", text);
	/* In order with what stderr gets. */
	fflush(stdout);
	free(text);
}

bool message_all_answered(const struct log *log)
{
	if (!fflush(stdout) && !ferror(stdout))
		return true;
	message_error(log, "Couldn't write all of it to standard output");
	return false;
}

static void say_plainly(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void say_plainly(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say("", format, args);
	va_end(args);
}

void message_connected(const struct log *log, const char *path)
{
	if (log->level >= LOG_NORMAL)
		say_plainly("Connected to %s", path);
}
