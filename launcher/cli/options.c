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
#include "shim/common/elf_note.h"

/* Standard input, output and error are not QEMU's network. */
#define FD_LOWEST 3

/* Called by a name that begins so, the rest of it is QEMU's. */
#define LINK_PREFIX "qrap-"

/**
 * struct own_option - One of our own options
 * @name:	With its dashes
 * @value:	How --help shows its value: " NAME" must have one, "[=NAME]" may, else it has none
 * @variable:	Environment variable that does the same, or NULL
 * @read:	Reads the value
 * @member:	Offset of what it fills in, in struct settings
 * @fallback:	Value where none is given
 * @help:	What it does, in a few words
 */
struct own_option {
	const char *name;
	const char *value;
	const char *variable;
	value_reader *read;
	size_t member;
	const char *fallback;
	const char *help;
};

#define MEMBER(name) offsetof(struct settings, name)

/* All there is to know of an option: parser, --help, README and completion come from here. */
static const struct own_option options[] = {
	{ "--socket", " PATH", "QRAP_SOCKET", value_socket, MEMBER(socket), NULL,
	  "use this socket, probe no other" },
	{ "--passt", "[=COMMAND]", "QRAP_PASST", value_text, MEMBER(passt), "passt",
	  "run a passt for this VM alone" },
	{ "--wait", " SECONDS", "QRAP_WAIT", value_wait, MEMBER(wait_ms), NULL,
	  "wait that long for a free passt" },
	{ "--trust", " WHO", "QRAP_TRUST", value_trust, MEMBER(trust), NULL,
	  "users whose passt may be used, any" },
	{ "--qemu", " COMMAND", "QRAP_QEMU", value_qemu, MEMBER(qemu), NULL, "the QEMU to run" },
	{ "--model", " NAME", "QRAP_MODEL", value_text, MEMBER(model), NULL,
	  "the NIC to add; same: as removed" },
	{ "--guard", " on|off", "QRAP_GUARD", value_switch, MEMBER(guard), NULL,
	  "keep the connection on its number" },
	{ "--reconnect", " on|off", "QRAP_RECONNECT", value_switch, MEMBER(reconnect), NULL,
	  "reconnect when passt restarts" },
	{ "--log", " LEVEL", "QRAP_LOG", value_log, MEMBER(log.level), NULL,
	  "quiet, normal or trace, on stderr" },
	{ "--log-file", " PATH", "QRAP_LOG_FILE", value_path, MEMBER(log.file), NULL,
	  "append all events as JSON Lines" },
	{ "--dry-run", "", NULL, value_flag, MEMBER(dry_run), "",
	  "print the command, run nothing" },
	{ "--list", "[=json]", NULL, value_list, MEMBER(json), "table",
	  "list the passt sockets of this host" },
	{ "--check", " [QEMU_CMD]", NULL, value_check, MEMBER(mode), "",
	  "can the connection be guarded in that QEMU?" },
	{ "--report", " FILE", NULL, value_report, MEMBER(file), NULL,
	  "who lost the descriptor, from a log file" },
};

#define OPTIONS ((int)(sizeof(options) / sizeof(options[0])))

static bool must_have_value(const struct own_option *option)
{
	return option->value[0] == ' ' && option->value[1] != '[';
}

static bool may_have_value(const struct own_option *option)
{
	return option->value[0] == '[' || must_have_value(option);
}

/* Index of the option that is @word up to a "=", or -1. */
static int find_option(const char *word)
{
	size_t len = strcspn(word, "=");

	for (int i = 0; i < OPTIONS; i++) {
		if (strlen(options[i].name) == len && !strncmp(options[i].name, word, len))
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
 * @settings:	For the message
 * @word:	A word that begins with two dashes
 *
 * QEMU takes two dashes as well, so it may be. It knows no "=" in an option, though (QEMU's
 * softmmu/vl.c, lookup_opt), and no option of any QEMU is one slip away from one of ours.
 *
 * Return: false, after a message, if it can only be meant for us
 */
static bool is_foreign(const struct settings *settings, const char *word)
{
	for (int i = 0; i < OPTIONS; i++) {
		if (is_slip(word, options[i].name)) {
			message_error(&settings->log,
				      "unknown option %s: is it %s? (if it is QEMU's, put -- "
				      "before it)",
				      word, options[i].name);
			return false;
		}
	}
	if (strchr(word, '=')) {
		message_error(&settings->log,
			      "unknown option %.*s: not one of qrap's, and QEMU's take no \"=\"; "
			      "see qrap --help",
			      (int)strcspn(word, "="), word);
		return false;
	}
	if (!qemu_option_is_known(word + 2)) {
		message_error(&settings->log,
			      "unknown option %s: neither qrap's nor QEMU's; see qrap --help "
			      "(if this QEMU has it, put -- before it)",
			      word);
		return false;
	}
	return true;
}

/* The value of the option in words[0], or NULL after a message. */
static const char *find_value(const struct settings *settings, const struct own_option *option,
			      char **words)
{
	const char *value = strchr(words[0], '=');

	if (value && !may_have_value(option)) {
		message_error(&settings->log, "%s takes no value", option->name);
		return NULL;
	}
	if (value)
		value++;
	else
		value = must_have_value(option) ? words[1] : option->fallback;
	if (!value || (!*value && may_have_value(option))) {
		message_error(&settings->log, "%s needs a value", option->name);
		return NULL;
	}
	return value;
}

/**
 * read_options() - Collect our own options
 * @settings:	For messages
 * @words:	Arguments
 * @given:	Filled for each option that is there; the last one wins
 *
 * Return: number of words that were ours, or -1 after a message
 */
static int read_options(const struct settings *settings, char **words, struct given *given)
{
	int i = 0;

	while (words[i] && !strncmp(words[i], "--", 2)) {
		int which = find_option(words[i]);
		const char *value;

		if (!words[i][2])
			return i + 1;
		if (which < 0)
			return is_foreign(settings, words[i]) ? i : -1;
		value = find_value(settings, &options[which], words + i);
		if (!value)
			return -1;
		given[which] = (struct given) { value, options[which].name };
		i += value == words[i + 1] ? 2 : 1;
	}
	return i;
}

/* An option beats its variable; one way to a passt beats the variables of both. */
static void read_variables(struct given *given)
{
	int socket = find_option("--socket"), passt = find_option("--passt");
	bool way_is_known = given[socket].text || given[passt].text;

	for (int i = 0; i < OPTIONS; i++) {
		const char *value;

		if (!options[i].variable || given[i].text)
			continue;
		if (way_is_known && (i == socket || i == passt))
			continue;
		/* Reads nothing where exec gained privileges (AT_SECURE). */
		value = secure_getenv(options[i].variable);
		if (value && *value)
			given[i] = (struct given) { value, options[i].variable };
	}
}

static int apply_one(struct settings *settings, int which, const struct given *given)
{
	if (!given[which].text)
		return 0;
	return options[which].read(settings, &given[which],
				   (char *)settings + options[which].member);
}

static int apply_all(struct settings *settings, const struct given *given)
{
	/* What the others say depends on it. */
	int ret = apply_one(settings, find_option("--log"), given);

	for (int i = 0; !ret && i < OPTIONS; i++)
		ret = apply_one(settings, i, given);
	if (!ret && settings->socket && settings->passt) {
		message_error(&settings->log, "%s and %s exclude each other",
			      given[find_option("--socket")].source,
			      given[find_option("--passt")].source);
		return -1;
	}
	return ret;
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

static int check_number(const struct settings *settings, long number, const char *word)
{
	struct rlimit limit;

	if (number < FD_LOWEST) {
		message_error(&settings->log,
			      "descriptor %s: 0, 1 and 2 are taken, use one from %d on", word,
			      FD_LOWEST);
		return -1;
	}
	if (number > INT_MAX ||
	    (!getrlimit(RLIMIT_NOFILE, &limit) && (rlim_t)number >= limit.rlim_cur)) {
		message_error(&settings->log,
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
static int decide(struct settings *settings, char **words)
{
	long number;
	enum number kind = read_number(words[0], &number);
	bool has_command = words[0] && words[1] && words[1][0] != '-';

	if (kind == NUMBER_WHOLE && !has_command)
		message_warning(&settings->log,
				"no command after \"%s\": it goes to QEMU, as a disk image",
				words[0]);
	if (kind == NUMBER_NONE || !has_command)
		return 0;
	if (kind == NUMBER_WITH_JUNK) {
		if (!is_mistyped(words))
			return 0;
		message_error(&settings->log, "\"%s\" before the command %s is not a number",
			      words[0], words[1]);
		return -1;
	}
	if (check_number(settings, number, words[0]))
		return -1;
	settings->mode = MODE_EXPLICIT;
	settings->fd = (int)number;
	settings->command = words + 1;
	return 0;
}

/* --list and --report take no arguments, --check takes a command. */
static int check_rest(const struct settings *settings, char **words)
{
	int most = settings->mode == MODE_CHECK ? 1 : 0;

	if (!words[0] || (most && !words[1]))
		return 0;
	message_error(&settings->log, "unexpected argument \"%s\"", words[most]);
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
	return *name && !value_names_qrap(name) ? name : NULL;
}

static void fill_defaults(struct settings *settings)
{
	memset(settings, 0, sizeof(*settings));
	settings->mode = MODE_PATCH;
	settings->log.level = LOG_NORMAL;
	settings->log.fd = -1;
	settings->guard = true;
	settings->reconnect = true;
	settings->fd = -1;
	value_default_trust(&settings->trust);
}

int options_parse(int argc, char **argv, struct settings *settings)
{
	struct given given[OPTIONS] = { 0 };
	char **words = argv + (argc > 0);
	const char *first = argc > 1 ? argv[1] : "";
	int qemu = find_option("--qemu");
	int own;

	fill_defaults(settings);
	settings->command = words;
	if (!strcmp(first, "--help") || !strcmp(first, "--version")) {
		settings->mode = strcmp(first, "--help") ? MODE_VERSION : MODE_HELP;
		return 0;
	}
	own = read_options(settings, words, given);
	if (own < 0)
		return STATUS_FAILED;
	words += own;
	settings->command = words;
	if (argc > 0 && !given[qemu].text)
		given[qemu] = (struct given) { name_in_link(argv[0]), argv[0] };
	read_variables(given);
	if (apply_all(settings, given))
		return STATUS_FAILED;
	if (settings->mode != MODE_PATCH)
		return check_rest(settings, words) ? STATUS_FAILED : 0;
	return decide(settings, words) ? STATUS_FAILED : 0;
}

void options_help(void)
{
	fputs("Usage: qrap [OPTION]... [QEMU_ARG]...\n"
	      "       qrap [OPTION]... FDNUM QEMU_CMD [QEMU_ARG]...\n"
	      "Starts QEMU with its network on a passt(1) that is free: finds QEMU and gives it\n"
	      "a NIC, or leaves the connection on descriptor FDNUM and the command as it is.\n"
	      "Options come first, -- ends them; the variable in brackets does the same.\n\n",
	      stdout);
	for (const struct own_option *o = options; o < options + OPTIONS; o++) {
		int width = printf("  %s%s", o->name, o->value);

		if (o->variable)
			printf("%*s%-36s [%s]\n", 22 - width, "", o->help, o->variable);
		else
			printf("%*s%s\n", 22 - width, "", o->help);
	}
	fputs("  --help, --version   as the first argument only\n"
	      "Exit status: QEMU's; 125 qrap failed, 126 QEMU cannot be run, 127 no QEMU.\n",
	      stdout);
}

/* What tells the launcher, under whatever name and in whatever copy, from QEMU. */
static const struct note note NOTE_SECTION = {
	.owner_size = sizeof(NOTE_OWNER),
	.desc_size = sizeof(QRAP_VERSION),
	.type = NOTE_LAUNCHER,
	.owner = NOTE_OWNER,
	.desc = QRAP_VERSION,
};

void options_version(void)
{
	printf("qrap %s\n", note.desc);
}
