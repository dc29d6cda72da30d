/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the value of each of our own options is read. */
#include "launcher/cli/values.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "launcher/base/memory.h"
#include "launcher/base/message.h"
#include "launcher/base/settings.h"
#include "launcher/base/words.h"
#include "launcher/job/result.h"
#include "launcher/passt/users.h"
#include "shim/common/passt.h"

/* A day: longer than anybody waits, and far from where milliseconds overflow an int. */
#define WAIT_MAX_SECONDS 86400

static int refuse(const struct log *log, const struct given *given, const char *wanted)
{
	return message_error(log, "%s: \"%s\" is not %s", given->source, given->text, wanted);
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

int value_text(const struct log *log, const struct given *given, void *member)
{
	(void)log;
	*(const char **)member = given->text;
	return 0;
}

int value_path(const struct log *log, const struct given *given, void *member)
{
	(void)log;
	*(const char **)member = make_absolute(given->text);
	return 0;
}

int value_flag(const struct log *log, const struct given *given, void *member)
{
	(void)log;
	(void)given;
	*(bool *)member = true;
	return 0;
}

int value_switch(const struct log *log, const struct given *given, void *member)
{
	if (strcmp(given->text, "on") && strcmp(given->text, "off"))
		return refuse(log, given, "on or off");
	*(bool *)member = !strcmp(given->text, "on");
	return 0;
}

int value_socket(const struct log *log, const struct given *given, void *member)
{
	const char *absolute = make_absolute(given->text);

	if (strlen(given->text) > PASST_PATH_MAX)
		return message_error(
			log, "%s: path of %zu bytes, a UNIX socket has at most %zu: %s",
			given->source, strlen(given->text), (size_t)PASST_PATH_MAX, given->text);
	*(const char **)member = strlen(absolute) <= PASST_PATH_MAX ? absolute : given->text;
	return 0;
}

int value_passt(const struct log *log, const struct given *given, void *member)
{
	static const char *const names[] = {
		[PASST_AUTO] = "auto",
		[PASST_OFF] = "off",
		[PASST_TRY] = "try",
	};
	struct passt_option *option = member;

	(void)log;
	option->choice = PASST_AUTO;
	while (option->choice < PASST_PRIVATE && strcmp(given->text, names[option->choice]))
		option->choice++;
	option->command = given->text;
	return 0;
}

static bool read_port(const char *text, uint16_t *port)
{
	unsigned long number = strtoul(text, NULL, 10);

	*port = (uint16_t)number;
	return *text && !text[strspn(text, "0123456789")] && number > 0 && number <= UINT16_MAX;
}

/* Takes the address in front, which has a dot in it or brackets around it: what follows, or NULL.
 */
static char *take_address(char *spec, const char **address)
{
	char *end = *spec == '[' ? strchr(spec, ']') : strchr(spec, ':');
	unsigned char binary[16];

	*address = "127.0.0.1";
	if (*spec != '[' && (!end || !memchr(spec, '.', (size_t)(end - spec))))
		return spec;
	if (!end || (*spec == '[' && end[1] != ':'))
		return NULL;
	*end = '\0';
	*address = spec + (*spec == '[');
	if (inet_pton(*spec == '[' ? AF_INET6 : AF_INET, *address, binary) != 1)
		return NULL;
	return end + (*spec == '[' ? 2 : 1);
}

/* [ADDR:][HPORT:]GPORT[/udp]; it is taken to pieces. */
static bool read_forward(char *spec, struct forward *forward)
{
	char *protocol = strchr(spec, '/'), *colon;

	if (protocol) {
		*protocol = '\0';
		if (strcmp(protocol + 1, "udp"))
			return false;
		forward->udp = true;
	}
	spec = take_address(spec, &forward->address);
	colon = spec ? strchr(spec, ':') : NULL;
	if (colon) {
		*colon = '\0';
		if (!read_port(spec, &forward->host_port))
			return false;
		spec = colon + 1;
	}
	return spec && read_port(spec, &forward->guest_port);
}

int value_publish(const struct log *log, const struct given *given, void *member)
{
	struct guest_network *network = member;
	struct arena *arena = arena_new();
	size_t len = strlen(given->text);
	char *rest = arena_copy(arena, given->text, len), *spec;
	struct forward *forward = arena_get(arena, (len + 1) * sizeof(*forward));

	network->forwards = forward;
	for (; (spec = strsep(&rest, ",")); forward++) {
		forward->word = arena_format(arena, "%s %s", given->source, spec);
		for (struct forward *other = network->forwards; other < forward; other++) {
			if (!strcmp(other->word, forward->word))
				return message_error(log, "%s: twice", forward->word);
		}
		if (!read_forward(spec, forward))
			return message_error(log,
					     "%s: not [ADDR:][HPORT:]PORT[/udp], with ports from 1 "
					     "to 65535",
					     forward->word);
		network->forward_count++;
	}
	return 0;
}

int value_wait(const struct log *log, const struct given *given, void *member)
{
	const char *text = given->text;
	char *end;
	double seconds = strtod(text, &end);

	/* strtod also knows signs, exponents, hexadecimal digits and "inf". */
	if (text[strspn(text, "0123456789.")] || end == text || *end || seconds > WAIT_MAX_SECONDS)
		return refuse(log, given, "a number of seconds from 0 to 86400");
	/* Milliseconds, rounded up. */
	*(int *)member = (int)(seconds * 1000 + 0.999);
	return 0;
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

int value_trust(const struct log *log, const struct given *given, void *member)
{
	struct passt_trust *trust = member;
	char *list = strdup(given->text);
	char *rest = list, *who;
	int ret = list ? 0 : -1;
	uid_t uid;

	memset(trust, 0, sizeof(*trust));
	while (!ret && (who = strsep(&rest, ","))) {
		if (!strcmp(who, "any"))
			trust->any = true;
		else if (!find_uid(who, &uid))
			ret = message_error(log, "%s: no user \"%s\" on this host", given->source,
					    who);
		else if (trust->count == PASST_TRUST_MAX)
			ret = message_error(log, "%s: more than %d users", given->source,
					    PASST_TRUST_MAX);
		else
			trust->uids[trust->count++] = uid;
	}
	free(list);
	return ret;
}

int value_qemu(const struct log *log, const struct given *given, void *member)
{
	if (!strcmp(path_name(given->text), "qrap"))
		return refuse(log, given, "a QEMU");
	return value_text(log, given, member);
}

int value_log(const struct log *log, const struct given *given, void *member)
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
	return refuse(log, given, "quiet, normal or trace");
}

int value_list(const struct log *log, const struct given *given, void *member)
{
	bool json = !strcmp(given->text, "json");

	*(bool *)member = json;
	return json || !strcmp(given->text, "table") ? 0 : refuse(log, given, "json");
}

int value_status(const struct log *log, const struct given *given, void *member)
{
	char *end;
	long status = strtol(given->text, &end, 10);

	if (!isdigit((unsigned char)*given->text) || *end || status > 255)
		return refuse(log, given, "an exit status from 0 to 255");
	*(int *)member = (int)status;
	return 0;
}

int value_run(const struct log *log, const struct given *given, void *member)
{
	struct job_settings *job = member;

	if (!given->text[strspn(given->text, " \t\n")])
		return refuse(log, given, "a command");
	job->run = given->text;
	return 0;
}

/* One thing to be ready: @what is kept. */
static bool read_ready(const char *what, struct job_settings *job)
{
	static const char tcp[] = "tcp:", console[] = "console:";

	if (!strcmp(what, "frame"))
		return job->frame = true;
	if (!strncmp(what, console, strlen(console))) {
		job->console = what + strlen(console);
		return *job->console;
	}
	return !strncmp(what, tcp, strlen(tcp)) &&
	       read_port(what + strlen(tcp), &job->ports[job->port_count++]);
}

/* Several options are lines here; in each a comma is between two things, but for console's text. */
int value_ready(const struct log *log, const struct given *given, void *member)
{
	struct arena *arena = arena_new();
	size_t len = strlen(given->text);
	char *lines = arena_copy(arena, given->text, len), *line, *what;
	struct job_settings *job = member;

	job->ports = arena_get(arena, (len + 1) * sizeof(*job->ports));
	while ((line = strsep(&lines, "\n"))) {
		while (line) {
			what = !strncmp(line, "console:", strlen("console:")) ? strsep(&line, "\n")
									      : strsep(&line, ",");
			if (!strncmp(what, "udp:", strlen("udp:")))
				return message_error(log,
						     "%s %s: nothing tells that a service of UDP "
						     "is there; console:TEXT may",
						     given->source, what);
			if (!read_ready(what, job))
				return message_error(log,
						     "%s: \"%s\" is not tcp:PORT, frame or "
						     "console:TEXT",
						     given->source, what);
		}
	}
	return 0;
}

int value_timeout(const struct log *log, const struct given *given, void *member)
{
	struct job_settings *job = member;
	int ret = value_wait(log, given, &job->timeout_ms);

	if (!ret && !job->timeout_ms)
		ret = refuse(log, given, "more than 0 seconds");
	return ret;
}

int value_result(const struct log *log, const struct given *given, void *member)
{
	struct job_settings *job = member;
	const char *file = make_absolute(given->text);

	if (result_check(log, file))
		return -1;
	job->result = file;
	return 0;
}
