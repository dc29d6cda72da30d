/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Our own options and their variables; what follows them decides how we were called. */
#include "launcher/cli/options.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "launcher/base/message.h"
#include "launcher/cli/values.h"
#include "launcher/cmdline/parse/qemu_options.h"
#include "launcher/preload/qemu_path.h"

/* Standard input, output and error are not QEMU's network. */
#define FD_LOWEST 3

/* Called by a name that begins so, the rest of it is QEMU's. */
#define LINK_PREFIX "qrap-"

/* Index of the setting whose option is @word up to a "=", or -1. */
static int find_setting(const char *word)
{
	size_t len = strcspn(word, "=");

	for (int i = 0; i < SETTINGS; i++) {
		if (strlen(settings[i].option) == len && !strncmp(settings[i].option, word, len))
			return i;
	}
	return -1;
}

/* Is @word one slip away from @option: a letter more, less, other, or two exchanged? */
static bool is_slip(const char *word, const char *option)
{
	size_t same = 0;

	while (word[same] && word[same] == option[same])
		same++;
	word += same;
	option += same;
	if (!*word)
		return strlen(option) == 1;
	if (!*option)
		return strlen(word) == 1;
	if (!strcmp(word + 1, option) || !strcmp(word, option + 1) || !strcmp(word + 1, option + 1))
		return true;
	return word[1] && word[0] == option[1] && word[1] == option[0] &&
	       !strcmp(word + 2, option + 2);
}

/**
 * is_foreign() - May an option that is not one of ours be QEMU's?
 * @options:	For the message
 * @word:	A word that begins with two dashes
 *
 * QEMU takes two dashes as well, so it may be. It knows no "=" in an option, though (QEMU's
 * softmmu/vl.c, lookup_opt), and no option of any QEMU is one slip away from one of ours.
 *
 * Return: false, after a message, if it can only be meant for us
 */
static bool is_foreign(const struct settings *options, const char *word)
{
	for (int i = 0; i < SETTINGS; i++) {
		if (is_slip(word, settings[i].option)) {
			message_error(&options->log,
				      "unknown option %s: is it %s? (if it is QEMU's, put -- "
				      "before it)",
				      word, settings[i].option);
			return false;
		}
	}
	if (strchr(word, '=')) {
		message_error(&options->log,
			      "unknown option %.*s: not one of qrap's, and QEMU's take no \"=\"; "
			      "see qrap --help",
			      (int)strcspn(word, "="), word);
		return false;
	}
	if (!cmdline_knows(word + 2)) {
		message_error(&options->log,
			      "unknown option %s: neither qrap's nor QEMU's; see qrap --help "
			      "(if this QEMU has it, put -- before it)",
			      word);
		return false;
	}
	return true;
}

/* The value of the option in words[0], or NULL after a message. */
static const char *find_value(const struct settings *options, const struct setting *setting,
			      char **words)
{
	const char *value = strchr(words[0], '=');

	if (value && setting->takes == TAKES_NOTHING) {
		message_error(&options->log, "%s takes no value", setting->option);
		return NULL;
	}
	if (value)
		value++;
	else
		value = setting->takes == TAKES_VALUE ? words[1] : setting->fallback;
	if (!value || (!*value && setting->takes != TAKES_NOTHING)) {
		message_error(&options->log, "%s needs a value", setting->option);
		return NULL;
	}
	return value;
}

/**
 * read_options() - Collect our own options
 * @options:	For messages
 * @words:	Arguments
 * @given:	Filled for each setting that is there; the last one wins
 *
 * Return: number of words that were ours, or -1 after a message
 */
static int read_options(const struct settings *options, char **words, struct given *given)
{
	int i = 0;

	while (words[i] && !strncmp(words[i], "--", 2)) {
		int which = find_setting(words[i]);
		const char *value;

		if (!words[i][2])
			return i + 1;
		if (which < 0)
			return is_foreign(options, words[i]) ? i : -1;
		value = find_value(options, &settings[which], words + i);
		if (!value)
			return -1;
		given[which] = (struct given) { value, settings[which].option };
		i += value == words[i + 1] ? 2 : 1;
	}
	return i;
}

/* An option beats its variable; one way to a passt beats the variables of both. */
static void read_variables(struct given *given)
{
	bool socket_known = given[SETTING_SOCKET].value || given[SETTING_PASST].value;

	for (int i = 0; i < SETTINGS; i++) {
		const char *value;

		if (!settings[i].variable || given[i].value)
			continue;
		if (socket_known && (i == SETTING_SOCKET || i == SETTING_PASST))
			continue;
		/* Reads nothing where exec gained privileges (AT_SECURE). */
		value = secure_getenv(settings[i].variable);
		if (value && *value)
			given[i] = (struct given) { value, settings[i].variable };
	}
}

static int apply_all(struct settings *options, const struct given *given)
{
	for (int i = 0; i < SETTINGS; i++) {
		if (given[i].value && settings[i].apply(options, &given[i]))
			return -1;
	}
	if (options->socket && options->passt) {
		message_error(&options->log, "%s and %s exclude each other",
			      given[SETTING_SOCKET].source, given[SETTING_PASST].source);
		return -1;
	}
	return 0;
}

enum number { NUMBER_NONE, NUMBER_WITH_JUNK, NUMBER_WHOLE };

/* Any base that strtol knows; what does not fit becomes LONG_MAX. */
static enum number read_number(const char *word, long *number)
{
	char *end;

	if (!word)
		return NUMBER_NONE;
	*number = strtol(word, &end, 0);
	if (end == word || *word == '-')
		return NUMBER_NONE;
	return *end ? NUMBER_WITH_JUNK : NUMBER_WHOLE;
}

static int check_number(const struct settings *options, long number, const char *word)
{
	struct rlimit limit;

	if (number < FD_LOWEST) {
		message_error(&options->log,
			      "descriptor %s: 0, 1 and 2 are taken, use one from %d on", word,
			      FD_LOWEST);
		return -1;
	}
	if (number > INT_MAX ||
	    (!getrlimit(RLIMIT_NOFILE, &limit) && (rlim_t)number >= limit.rlim_cur)) {
		message_error(&options->log,
			      "descriptor %s is beyond the limit of open files: use a smaller "
			      "one, or raise the limit (ulimit -n)",
			      word);
		return -1;
	}
	return 0;
}

/**
 * is_mistyped() - Was "5x COMMAND" meant to be a descriptor number and a command?
 * @words:	A word that begins with a number, and one without a dash
 *
 * QEMU takes words without a dash for disk images, and 5x may be one: not if there is no such
 * file and what follows can be run.
 */
static bool is_mistyped(char **words)
{
	struct qemu command;

	return access(words[0], F_OK) && !qemu_find_command(words[1], &command);
}

/* A number and a command: explicit mode. Anything else is for QEMU, and stays patch mode. */
static int decide(struct settings *options, char **words)
{
	long number;
	enum number kind = read_number(words[0], &number);
	bool has_command = words[0] && words[1] && words[1][0] != '-';

	if (kind == NUMBER_WHOLE && !has_command)
		message_warning(&options->log,
				"no command after \"%s\": it goes to QEMU, as a disk image",
				words[0]);
	if (kind == NUMBER_NONE || !has_command)
		return 0;
	if (kind == NUMBER_WITH_JUNK) {
		if (!is_mistyped(words))
			return 0;
		message_error(&options->log, "\"%s\" before the command %s is not a number",
			      words[0], words[1]);
		return -1;
	}
	if (check_number(options, number, words[0]))
		return -1;
	options->mode = MODE_EXPLICIT;
	options->fd = (int)number;
	options->command = words + 1;
	return 0;
}

/* --list and --report take no arguments, --check takes a command. */
static int check_rest(const struct settings *options, char **words)
{
	int most = options->mode == MODE_CHECK ? 1 : 0;

	if (!words[0] || (most && !words[1]))
		return 0;
	message_error(&options->log, "unexpected argument \"%s\"", words[most]);
	return -1;
}

/* Called as qrap-NAME, patch mode's QEMU is NAME; argv[0] may be anything (libvirt chooses it). */
static const char *name_in_link(const char *argv0)
{
	const char *slash = strrchr(argv0, '/');
	const char *name = slash ? slash + 1 : argv0;

	if (strncmp(name, LINK_PREFIX, strlen(LINK_PREFIX)))
		return NULL;
	name += strlen(LINK_PREFIX);
	return *name && !settings_names_qrap(name) ? name : NULL;
}

int options_parse(int argc, char **argv, struct settings *options)
{
	struct given given[SETTINGS] = { 0 };
	char **words = argv + (argc > 0);
	const char *first = argc > 1 ? argv[1] : "";
	int own;

	settings_default(options);
	options->command = words;
	if (!strcmp(first, "--help") || !strcmp(first, "--version")) {
		options->mode = strcmp(first, "--help") ? MODE_VERSION : MODE_HELP;
		return 0;
	}
	own = read_options(options, words, given);
	if (own < 0)
		return STATUS_FAILED;
	words += own;
	options->command = words;
	if (argc > 0 && !given[SETTING_QEMU].value)
		given[SETTING_QEMU] = (struct given) { name_in_link(argv[0]), argv[0] };
	read_variables(given);
	if (apply_all(options, given))
		return STATUS_FAILED;
	if (options->mode != MODE_PATCH)
		return check_rest(options, words) ? STATUS_FAILED : 0;
	return decide(options, words) ? STATUS_FAILED : 0;
}

void options_help(void)
{
	fputs("Usage: qrap [OPTION]... [QEMU_ARG]...\n"
	      "       qrap [OPTION]... FDNUM QEMU_CMD [QEMU_ARG]...\n"
	      "Starts QEMU with its network on a passt(1) that is free: finds QEMU and gives it\n"
	      "a NIC, or leaves the connection on descriptor FDNUM and the command as it is.\n"
	      "Options come first, -- ends them; the variable in brackets does the same.\n"
	      "\n"
	      "  --socket PATH       use this socket, probe no other      [QRAP_SOCKET]\n"
	      "  --passt[=COMMAND]   run a passt for this VM alone        [QRAP_PASST]\n"
	      "  --wait SECONDS      wait that long for a free passt      [QRAP_WAIT]\n"
	      "  --trust WHO         users whose passt may be used, any   [QRAP_TRUST]\n"
	      "  --qemu COMMAND      the QEMU to run                      [QRAP_QEMU]\n"
	      "  --model NAME        the NIC to add; same: as removed     [QRAP_MODEL]\n"
	      "  --guard on|off      keep the connection on its number    [QRAP_GUARD]\n"
	      "  --reconnect on|off  reconnect when passt restarts        [QRAP_RECONNECT]\n"
	      "  --log LEVEL         quiet, normal or trace, on stderr    [QRAP_LOG]\n"
	      "  --log-file PATH     append all events as JSON Lines      [QRAP_LOG_FILE]\n"
	      "  --dry-run           print the command, run nothing\n"
	      "  --list[=json]       list the passt sockets of this host\n"
	      "  --check [QEMU_CMD]  can the connection be guarded in that QEMU?\n"
	      "  --report FILE       who lost the descriptor, from a log file\n"
	      "  --help, --version   as the first argument only\n"
	      "Exit status: QEMU's; 125 qrap failed, 126 QEMU cannot be run, 127 no QEMU.\n",
	      stdout);
}
