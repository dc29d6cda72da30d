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

static int refuse(const struct settings *options, const struct given *given, const char *wanted)
{
	message_error(&options->log, "%s: \"%s\" is not %s", given->source, given->value, wanted);
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

static int apply_socket(struct settings *options, const struct given *given)
{
	const char *absolute = make_absolute(given->value);

	if (strlen(given->value) > PASST_PATH_MAX) {
		message_error(
			&options->log, "%s: path of %zu bytes, a UNIX socket has at most %zu: %s",
			given->source, strlen(given->value), (size_t)PASST_PATH_MAX, given->value);
		return -1;
	}
	options->socket = strlen(absolute) <= PASST_PATH_MAX ? absolute : given->value;
	return 0;
}

static int apply_passt(struct settings *options, const struct given *given)
{
	options->passt = given->value;
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

static int apply_wait(struct settings *options, const struct given *given)
{
	options->wait_ms = read_seconds(given->value);
	if (options->wait_ms < 0)
		return refuse(options, given, "a number of seconds from 0 to 86400");
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

static int trust_one(struct settings *options, const struct given *given, const char *who)
{
	struct passt_trust *trust = &options->trust;
	uid_t uid;

	if (!strcmp(who, "any")) {
		trust->any = true;
		return 0;
	}
	if (!find_uid(who, &uid)) {
		message_error(&options->log, "%s: no user \"%s\" on this host", given->source, who);
		return -1;
	}
	if (trust->count == PASST_TRUST_MAX) {
		message_error(&options->log, "%s: more than %d users", given->source,
			      PASST_TRUST_MAX);
		return -1;
	}
	trust->uids[trust->count++] = uid;
	return 0;
}

static int apply_trust(struct settings *options, const struct given *given)
{
	char *list = strdup(given->value);
	char *rest = list, *who;
	int ret = list ? 0 : -1;

	memset(&options->trust, 0, sizeof(options->trust));
	while (!ret && (who = strsep(&rest, ",")))
		ret = trust_one(options, given, who);
	free(list);
	return ret;
}

/* Our own passt and root's, which may become nobody's; see --runas in passt(1). */
static void trust_default(struct passt_trust *trust)
{
	memset(trust, 0, sizeof(*trust));
	trust->uids[trust->count++] = 0;
	trust->uids[trust->count++] = getuid() ? getuid() : UID_NOBODY;
}

bool settings_names_qrap(const char *command)
{
	const char *slash = strrchr(command, '/');

	return !strcmp(slash ? slash + 1 : command, "qrap");
}

static int apply_qemu(struct settings *options, const struct given *given)
{
	if (settings_names_qrap(given->value))
		return refuse(options, given, "a QEMU");
	options->qemu = given->value;
	return 0;
}

static int apply_model(struct settings *options, const struct given *given)
{
	options->model = given->value;
	return 0;
}

static int read_switch(const struct settings *options, const struct given *given, bool *on)
{
	if (strcmp(given->value, "on") && strcmp(given->value, "off"))
		return refuse(options, given, "on or off");
	*on = !strcmp(given->value, "on");
	return 0;
}

static int apply_guard(struct settings *options, const struct given *given)
{
	return read_switch(options, given, &options->guard);
}

static int apply_reconnect(struct settings *options, const struct given *given)
{
	return read_switch(options, given, &options->reconnect);
}

static int apply_log(struct settings *options, const struct given *given)
{
	static const char *const levels[] = {
		[LOG_QUIET] = "quiet",
		[LOG_NORMAL] = "normal",
		[LOG_TRACE] = "trace",
	};

	for (unsigned i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (!strcmp(given->value, levels[i])) {
			options->log.level = (enum log_level)i;
			return 0;
		}
	}
	return refuse(options, given, "quiet, normal or trace");
}

static int apply_log_file(struct settings *options, const struct given *given)
{
	options->log.file = make_absolute(given->value);
	return 0;
}

static int apply_dry_run(struct settings *options, const struct given *given)
{
	(void)given;
	options->dry_run = true;
	return 0;
}

static int choose(struct settings *options, const struct given *given, enum mode mode)
{
	if (options->mode != MODE_PATCH) {
		message_error(&options->log, "%s: only one of --list, --check and --report",
			      given->source);
		return -1;
	}
	options->mode = mode;
	return 0;
}

static int apply_list(struct settings *options, const struct given *given)
{
	options->json = !strcmp(given->value, "json");
	if (!options->json && strcmp(given->value, "table"))
		return refuse(options, given, "json");
	return choose(options, given, MODE_LIST);
}

static int apply_check(struct settings *options, const struct given *given)
{
	return choose(options, given, MODE_CHECK);
}

static int apply_report(struct settings *options, const struct given *given)
{
	options->file = given->value;
	return choose(options, given, MODE_REPORT);
}

const struct setting settings[SETTINGS] = {
	[SETTING_LOG] = { "--log", "QRAP_LOG", TAKES_VALUE, NULL, apply_log },
	[SETTING_SOCKET] = { "--socket", "QRAP_SOCKET", TAKES_VALUE, NULL, apply_socket },
	[SETTING_PASST] = { "--passt", "QRAP_PASST", TAKES_OPTIONAL, "passt", apply_passt },
	[SETTING_QEMU] = { "--qemu", "QRAP_QEMU", TAKES_VALUE, NULL, apply_qemu },
	{ "--wait", "QRAP_WAIT", TAKES_VALUE, NULL, apply_wait },
	{ "--trust", "QRAP_TRUST", TAKES_VALUE, NULL, apply_trust },
	{ "--model", "QRAP_MODEL", TAKES_VALUE, NULL, apply_model },
	{ "--guard", "QRAP_GUARD", TAKES_VALUE, NULL, apply_guard },
	{ "--reconnect", "QRAP_RECONNECT", TAKES_VALUE, NULL, apply_reconnect },
	{ "--log-file", "QRAP_LOG_FILE", TAKES_VALUE, NULL, apply_log_file },
	{ "--dry-run", NULL, TAKES_NOTHING, "", apply_dry_run },
	{ "--list", NULL, TAKES_OPTIONAL, "table", apply_list },
	{ "--check", NULL, TAKES_NOTHING, "", apply_check },
	{ "--report", NULL, TAKES_VALUE, NULL, apply_report },
};

void settings_default(struct settings *options)
{
	memset(options, 0, sizeof(*options));
	options->mode = MODE_PATCH;
	options->log.level = LOG_NORMAL;
	options->log.fd = -1;
	options->guard = true;
	options->reconnect = true;
	options->fd = -1;
	trust_default(&options->trust);
}
