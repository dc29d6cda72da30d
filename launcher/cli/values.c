/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the value of each of our own options is read. */
#include "launcher/cli/values.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "launcher/base/message.h"
#include "launcher/base/words.h"
#include "launcher/passt/users.h"

/* A day: longer than anybody waits, and far from where milliseconds overflow an int. */
#define WAIT_MAX_SECONDS 86400

static int refuse(const struct settings *settings, const struct given *given, const char *wanted)
{
	return message_error(&settings->log, "%s: \"%s\" is not %s", given->source, given->text,
			     wanted);
}

/**
 * make_absolute() - Path that stays right when a program of the chain changes its directory
 * @path:	A path
 *
 * Return: absolute path that lives as long as the process, or @path where there is none
 */
static const char *make_absolute(const char *path)
{
	char directory[PATH_MAX];
	char *absolute;

	if (*path == '/' || !getcwd(directory, sizeof(directory)))
		return path;
	if (asprintf(&absolute, "%s/%s", strcmp(directory, "/") ? directory : "", path) < 0)
		return path;
	return absolute;
}

int value_text(struct settings *settings, const struct given *given, void *member)
{
	(void)settings;
	*(const char **)member = given->text;
	return 0;
}

int value_path(struct settings *settings, const struct given *given, void *member)
{
	(void)settings;
	*(const char **)member = make_absolute(given->text);
	return 0;
}

int value_flag(struct settings *settings, const struct given *given, void *member)
{
	(void)settings;
	(void)given;
	*(bool *)member = true;
	return 0;
}

int value_switch(struct settings *settings, const struct given *given, void *member)
{
	if (strcmp(given->text, "on") && strcmp(given->text, "off"))
		return refuse(settings, given, "on or off");
	*(bool *)member = !strcmp(given->text, "on");
	return 0;
}

int value_socket(struct settings *settings, const struct given *given, void *member)
{
	const char *absolute = make_absolute(given->text);

	if (strlen(given->text) > PASST_PATH_MAX)
		return message_error(
			&settings->log, "%s: path of %zu bytes, a UNIX socket has at most %zu: %s",
			given->source, strlen(given->text), (size_t)PASST_PATH_MAX, given->text);
	*(const char **)member = strlen(absolute) <= PASST_PATH_MAX ? absolute : given->text;
	return 0;
}

/* Seconds in milliseconds, rounded up, or -1. */
static int read_seconds(const char *text)
{
	double seconds;
	char *end;

	/* strtod also knows signs, exponents, hexadecimal digits and "inf". */
	if (text[strspn(text, "0123456789.")])
		return -1;
	seconds = strtod(text, &end);
	if (end == text || *end || seconds > WAIT_MAX_SECONDS)
		return -1;
	return (int)(seconds * 1000 + 0.999);
}

int value_wait(struct settings *settings, const struct given *given, void *member)
{
	int *ms = member;

	*ms = read_seconds(given->text);
	return *ms < 0 ? refuse(settings, given, "a number of seconds from 0 to 86400") : 0;
}

/* Numbers are uids, as they stand; names are looked up. */
static bool find_uid(const char *who, uid_t *uid)
{
	unsigned long number;

	if (!*who || who[strspn(who, "0123456789")])
		return user_uid(who, uid);
	errno = 0;
	number = strtoul(who, NULL, 10);
	*uid = (uid_t)number;
	return !errno && number < (uid_t)-1;
}

static int trust_one(const struct settings *settings, const struct given *given, const char *who,
		     struct passt_trust *trust)
{
	uid_t uid;

	if (!strcmp(who, "any")) {
		trust->any = true;
		return 0;
	}
	if (!find_uid(who, &uid))
		return message_error(&settings->log, "%s: no user \"%s\" on this host",
				     given->source, who);
	if (trust->count == PASST_TRUST_MAX)
		return message_error(&settings->log, "%s: more than %d users", given->source,
				     PASST_TRUST_MAX);
	trust->uids[trust->count++] = uid;
	return 0;
}

int value_trust(struct settings *settings, const struct given *given, void *member)
{
	struct passt_trust *trust = member;
	char *list = strdup(given->text);
	char *rest = list, *who;
	int ret = list ? 0 : -1;

	memset(trust, 0, sizeof(*trust));
	while (!ret && (who = strsep(&rest, ",")))
		ret = trust_one(settings, given, who, trust);
	free(list);
	return ret;
}

int value_qemu(struct settings *settings, const struct given *given, void *member)
{
	if (!strcmp(path_name(given->text), "qrap"))
		return refuse(settings, given, "a QEMU");
	return value_text(settings, given, member);
}

int value_log(struct settings *settings, const struct given *given, void *member)
{
	static const char *const levels[] = {
		[LOG_QUIET] = "quiet",
		[LOG_NORMAL] = "normal",
		[LOG_TRACE] = "trace",
	};

	for (unsigned i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (!strcmp(given->text, levels[i])) {
			*(enum log_level *)member = (enum log_level)i;
			return 0;
		}
	}
	return refuse(settings, given, "quiet, normal or trace");
}

int value_list(struct settings *settings, const struct given *given, void *member)
{
	bool json = !strcmp(given->text, "json");

	*(bool *)member = json;
	return json || !strcmp(given->text, "table") ? 0 : refuse(settings, given, "json");
}

int value_none(struct settings *settings, const struct given *given, void *member)
{
	(void)settings;
	(void)given;
	(void)member;
	return 0;
}
