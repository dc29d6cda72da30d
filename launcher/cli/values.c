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
#include "launcher/passt/users.h"

/* A day: longer than anybody waits, and far from where milliseconds overflow an int. */
#define WAIT_MAX_SECONDS 86400

/* What a passt that was started by root turns into, and how an unmapped user looks. */
#define UID_NOBODY 65534

static int refuse(const struct settings *settings, const struct given *given, const char *wanted)
{
	message_error(&settings->log, "%s: \"%s\" is not %s", given->source, given->text, wanted);
	return -1;
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

	if (strlen(given->text) > PASST_PATH_MAX) {
		message_error(
			&settings->log, "%s: path of %zu bytes, a UNIX socket has at most %zu: %s",
			given->source, strlen(given->text), (size_t)PASST_PATH_MAX, given->text);
		return -1;
	}
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
	int ms = read_seconds(given->text);

	*(int *)member = ms;
	if (ms < 0)
		return refuse(settings, given, "a number of seconds from 0 to 86400");
	return 0;
}

/* Numbers are uids, as they stand; names are looked up. */
static bool find_uid(const char *who, uid_t *uid)
{
	char *end;
	unsigned long number;

	if (who[strspn(who, "0123456789")] == '\0') {
		errno = 0;
		number = strtoul(who, &end, 10);
		*uid = (uid_t)number;
		return end != who && !errno && number < (uid_t)-1;
	}
	return user_uid(who, uid);
}

static int trust_one(const struct settings *settings, const struct given *given, const char *who,
		     struct passt_trust *trust)
{
	uid_t uid;

	if (!strcmp(who, "any")) {
		trust->any = true;
		return 0;
	}
	if (!find_uid(who, &uid)) {
		message_error(&settings->log, "%s: no user \"%s\" on this host", given->source,
			      who);
		return -1;
	}
	if (trust->count == PASST_TRUST_MAX) {
		message_error(&settings->log, "%s: more than %d users", given->source,
			      PASST_TRUST_MAX);
		return -1;
	}
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

void value_default_trust(struct passt_trust *trust)
{
	memset(trust, 0, sizeof(*trust));
	trust->uids[trust->count++] = 0;
	trust->uids[trust->count++] = getuid() ? getuid() : UID_NOBODY;
}

bool value_names_qrap(const char *command)
{
	const char *slash = strrchr(command, '/');

	return !strcmp(slash ? slash + 1 : command, "qrap");
}

int value_qemu(struct settings *settings, const struct given *given, void *member)
{
	if (value_names_qrap(given->text))
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

static int choose(struct settings *settings, const struct given *given, enum mode mode)
{
	if (settings->mode != MODE_PATCH) {
		message_error(&settings->log, "%s: only one of --list, --check and --report",
			      given->source);
		return -1;
	}
	settings->mode = mode;
	return 0;
}

int value_list(struct settings *settings, const struct given *given, void *member)
{
	bool json = !strcmp(given->text, "json");

	*(bool *)member = json;
	if (!json && strcmp(given->text, "table"))
		return refuse(settings, given, "json");
	return choose(settings, given, MODE_LIST);
}

int value_check(struct settings *settings, const struct given *given, void *member)
{
	(void)member;
	return choose(settings, given, MODE_CHECK);
}

int value_report(struct settings *settings, const struct given *given, void *member)
{
	*(const char **)member = given->text;
	return choose(settings, given, MODE_REPORT);
}
