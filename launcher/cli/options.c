/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Our own options and their variables; what follows them decides how we were called. */
#include "launcher/cli/options.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "launcher/base/message.h"
#include "launcher/base/words.h"
#include "launcher/cli/values.h"
#include "launcher/cmdline/parse/qemu_options.h"
#include "launcher/preload/qemu_path.h"
#include "shim/common/elf_note.h"

/* Standard input, output and error are not QEMU's network. */
#define FD_LOWEST 3

/* What a passt that was started by root turns into, and how an unmapped user looks. */
#define UID_NOBODY 65534

/* Called by a name that begins so, the rest of it is QEMU's. */
#define LINK_PREFIX "qrap-"

/**
 * struct own_option - One of our own options
 * @name:	With its dashes
 * @value:	How --help shows its value: " NAME" must have one, "[=NAME]" may, else it has none
 * @variable:	Environment variable that does the same, or NULL
 * @mode:	What qrap is to do then; MODE_PATCH: that stays as it is
 * @read:	Reads the value; NULL: it has none
 * @member:	Offset of what it fills in, in struct settings
 * @fallback:	Value where none is given
 * @help:	What it does, in a few words
 */
struct own_option {
	const char *name;
	const char *value;
	const char *variable;
	enum mode mode;
	value_reader *read;
	size_t member;
	const char *fallback;
	const char *help;
};

#define MEMBER(name) offsetof(struct settings, name)

/*
 * All there is to know of an option: parser and --help are made of it; README, manual and
 * completion are held to it.
 */
static const struct own_option options[] = {
	{ "--socket", " PATH", "QRAP_SOCKET", MODE_PATCH, value_socket, MEMBER(socket), NULL,
	  "use this socket, probe no other" },
	{ "--passt", "[=COMMAND]", "QRAP_PASST", MODE_PATCH, value_passt, MEMBER(passt),
	  PASST_COMMAND, "a passt for this VM; off, auto, try" },
	{ "--publish", " PORT", "QRAP_PUBLISH", MODE_PATCH, value_publish, MEMBER(publish), NULL,
	  "forward [ADDR:][HPORT:]PORT[/udp]" },
	{ "--wait", " SECONDS", "QRAP_WAIT", MODE_PATCH, value_wait, MEMBER(wait_ms), NULL,
	  "wait that long for a free passt" },
	{ "--trust", " WHO", "QRAP_TRUST", MODE_PATCH, value_trust, MEMBER(trust), NULL,
	  "users whose passt may be used, any" },
	{ "--qemu", " COMMAND", "QRAP_QEMU", MODE_PATCH, value_qemu, MEMBER(qemu), NULL,
	  "the QEMU to run" },
	{ "--model", " NAME", "QRAP_MODEL", MODE_PATCH, value_text, MEMBER(model), NULL,
	  "the NIC to add; same: as removed" },
	{ "--guard", " on|off", "QRAP_GUARD", MODE_PATCH, value_switch, MEMBER(guard), NULL,
	  "keep the connection on its number" },
	{ "--reconnect", " on|off", "QRAP_RECONNECT", MODE_PATCH, value_switch, MEMBER(reconnect),
	  NULL, "reconnect when passt restarts" },
	{ "--log", " LEVEL", "QRAP_LOG", MODE_PATCH, value_log, MEMBER(log.level), NULL,
	  "quiet, normal or trace, on stderr" },
	{ "--log-file", " PATH", "QRAP_LOG_FILE", MODE_PATCH, value_path, MEMBER(log.file), NULL,
	  "append all events as JSON Lines" },
	{ "--ready", " WHAT", NULL, MODE_PATCH, value_ready, MEMBER(job), NULL,
	  "the guest is: tcp:PORT, frame, console:TEXT" },
	{ "--run", " COMMAND", NULL, MODE_PATCH, value_run, MEMBER(job), NULL,
	  "once it is, run this; with --report: ID of a run" },
	{ "--timeout", " SECONDS", NULL, MODE_PATCH, value_timeout, MEMBER(job), NULL,
	  "end all after that long, status 124" },
	{ "--result", " FILE", NULL, MODE_PATCH, value_result, MEMBER(job), NULL,
	  "write what became of it, as JSON" },
	{ "--dry-run", "", NULL, MODE_PATCH, value_flag, MEMBER(dry_run), "",
	  "print the command, run nothing" },
	{ "--list", "[=json]", NULL, MODE_LIST, value_list, MEMBER(json), "table",
	  "list the passt sockets of this host" },
	{ "--check", " [QEMU_CMD]", NULL, MODE_CHECK, NULL, 0, "",
	  "can the connection be guarded in that QEMU?" },
	{ "--report", " FILE", NULL, MODE_REPORT, value_text, MEMBER(file), NULL,
	  "who lost the descriptor, from a log file" },
	{ "--json", "", NULL, MODE_PATCH, value_flag, MEMBER(json), "",
	  "with --report: one JSON object" },
	{ "--watch", " FDS", NULL, MODE_WATCH, value_text, MEMBER(watch), NULL,
	  "who loses or keeps these, in any command" },
	{ "--until", " NAME", NULL, MODE_PATCH, value_text, MEMBER(until), NULL,
	  "with --watch: they are for this program" },
	{ "--keep", "", NULL, MODE_PATCH, value_flag, MEMBER(keep), "",
	  "with --watch: put them back, too" },
	{ "--grace", " SECONDS", NULL, MODE_PATCH, value_wait, MEMBER(grace_ms), NULL,
	  "with --watch: for what is left, 0.5" },
	{ "--error-exitcode", " N", NULL, MODE_PATCH, value_status, MEMBER(error_status), NULL,
	  "with --watch: if one is not intact" },
};

#define OPTIONS ((int)(sizeof(options) / sizeof(options[0])))

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
	while (*word && *word == *option) {
		word++;
		option++;
	}
	if ((*word && !strcmp(word + 1, option)) || (*option && !strcmp(word, option + 1)))
		return true;
	if (!*word || !*option)
		return false;
	return !strcmp(word + 1, option + 1) ||
	       (word[0] == option[1] && word[1] == option[0] && !strcmp(word + 2, option + 2));
}

/**
 * check_foreign() - May an option that is not one of ours be QEMU's?
 * @log:	For the message
 * @word:	A word that begins with two dashes
 *
 * QEMU takes two dashes as well, so it may be. It knows no "=" in an option, though (QEMU's
 * softmmu/vl.c, lookup_opt), and what it does not know may be one slip away from one of ours.
 *
 * Return: 0, or -1 after a message if it can only be meant for us
 */
static int check_foreign(const struct log *log, const char *word)
{
	for (int i = 0; i < OPTIONS && !qemu_option_is_known(word + 2); i++) {
		if (is_slip(word, options[i].name))
			return message_error(log,
					     "unknown option %s: is it %s? (if it is QEMU's, put "
					     "-- before it)",
					     word, options[i].name);
	}
	if (strchr(word, '='))
		return message_error(log,
				     "unknown option %.*s: not one of qrap's, and QEMU's take no "
				     "\"=\"; see qrap --help",
				     (int)strcspn(word, "="), word);
	if (!qemu_option_is_known(word + 2))
		return message_error(log,
				     "unknown option %s: neither qrap's nor QEMU's; see qrap "
				     "--help (if this QEMU has it, put -- before it)",
				     word);
	return 0;
}

/* Takes the option in words[0]. Return: how many words that are, or -1 after a message */
static int take_option(const struct log *log, const struct own_option *option, char **words,
		       struct given *given)
{
	const bool must = option->value[0] == ' ' && option->value[1] != '[';
	const bool may = option->value[0] == '[' || must;
	const char *value = strchr(words[0], '=');
	char *list;
	int taken;

	if (value && !may)
		return message_error(log, "%s takes no value", option->name);
	if (value)
		value++;
	else
		value = must ? words[1] : option->fallback;
	if (!value || (!*value && may))
		return message_error(log, "%s needs a value", option->name);
	taken = value == words[1] ? 2 : 1;
	/* Those that may be repeated. */
	if (given->text && (option->read == value_publish || option->read == value_ready)) {
		if (asprintf(&list, option->read == value_ready ? "%s\n%s" : "%s,%s", given->text,
			     value) < 0)
			return message_error(log, "%s: %s", option->name, strerror(ENOMEM));
		value = list;
	}
	*given = (struct given) { value, option->name };
	return taken;
}

/**
 * read_options() - Collect our own options
 * @log:	For messages
 * @words:	Arguments
 * @is_qemu:	Those that are not ours are QEMU's, whatever they are
 * @given:	Filled for each option that is there; the last one wins
 *
 * Return: number of words that were ours, or -1 after a message
 */
static int read_options(const struct log *log, char **words, bool is_qemu, struct given *given)
{
	int count = 0;

	while (words[count] && !strncmp(words[count], "--", 2)) {
		int which = find_option(words[count]), taken;

		if (!words[count][2])
			return count + 1;
		if (which < 0)
			return !is_qemu && check_foreign(log, words[count]) ? -1 : count;
		taken = take_option(log, &options[which], words + count, &given[which]);
		if (taken < 0)
			return -1;
		count += taken;
	}
	return count;
}

/* An option beats its variable. */
static void read_variables(struct given *given)
{
	for (int i = 0; i < OPTIONS; i++) {
		const char *value;

		if (!options[i].variable || given[i].text)
			continue;
		/* Reads nothing where exec gained privileges (AT_SECURE). */
		value = secure_getenv(options[i].variable);
		if (value && *value)
			given[i] = (struct given) { value, options[i].variable };
	}
}

static bool is_option(const struct given *given)
{
	return given->text && *given->source == '-';
}

/* Two ways to a passt: one on the line beats a variable, else @exclude says whether that can be. */
static int settle(const struct log *log, struct given *a, struct given *b, bool exclude)
{
	if (!a->text || !b->text)
		return 0;
	if (is_option(a) != is_option(b))
		(is_option(a) ? b : a)->text = NULL;
	else if (exclude)
		return message_error(log, "%s and %s exclude each other", a->source, b->source);
	return 0;
}

/* Is one passt asked for at most? */
static int settle_passt(struct settings *settings, struct given *given)
{
	struct given *socket = &given[find_option("--socket")];
	struct given *passt = &given[find_option("--passt")];
	struct given *publish = &given[find_option("--publish")];
	struct passt_option option = { .choice = PASST_AUTO };
	bool may_be_private;

	if (passt->text)
		value_passt(&settings->log, passt, &option);
	may_be_private = option.choice == PASST_AUTO || option.choice == PASST_PRIVATE;
	if (settle(&settings->log, socket, passt, option.choice > PASST_OFF) ||
	    settle(&settings->log, socket, publish, true) ||
	    (!may_be_private && settle(&settings->log, passt, publish, true)))
		return -1;
	settings->insists = is_option(socket) || is_option(publish) ||
			    (is_option(passt) && option.choice == PASST_PRIVATE);
	return 0;
}

static int apply(struct settings *settings, const struct own_option *option,
		 const struct given *given)
{
	if (!given->text)
		return 0;
	if (option->mode != MODE_PATCH && settings->mode != MODE_PATCH)
		return message_error(&settings->log,
				     "%s: only one of --list, --check, --report and --watch",
				     given->source);
	if (option->mode != MODE_PATCH)
		settings->mode = option->mode;
	if (!option->read)
		return 0;
	return option->read(&settings->log, given, (char *)settings + option->member);
}

static int apply_all(struct settings *settings, const struct given *given)
{
	const int first = find_option("--log");

	/* What the others say depends on that one. */
	for (int i = first; i < first + OPTIONS; i++) {
		if (apply(settings, &options[i % OPTIONS], &given[i % OPTIONS]))
			return -1;
	}
	if (settings->json && settings->mode != MODE_REPORT && settings->mode != MODE_LIST)
		return message_error(&settings->log, "--json: only with --report");
	for (int i = find_option("--until"); i <= find_option("--error-exitcode"); i++) {
		if (given[i].text && settings->mode != MODE_WATCH)
			return message_error(&settings->log, "%s: only with --watch",
					     given[i].source);
	}
	return 0;
}

/* What does not fit into a long is LONG_MAX. */
static int check_number(const struct log *log, long number, const char *word)
{
	struct rlimit limit;

	if (number < FD_LOWEST)
		return message_error(log, "descriptor %s: 0, 1 and 2 are taken, use one from %d on",
				     word, FD_LOWEST);
	if (number > INT_MAX ||
	    (!getrlimit(RLIMIT_NOFILE, &limit) && (rlim_t)number >= limit.rlim_cur))
		return message_error(log,
				     "descriptor %s is beyond the limit of open files: use a "
				     "smaller one, or raise the limit (ulimit -n)",
				     word);
	return 0;
}

/* Does the first word name a program: a QEMU, unless --qemu names one, or what may start one? */
static bool take_program(struct settings *settings, char **words, const struct given *qemu)
{
	const char *word = words[0];
	struct qemu found;
	bool is_program = program_find(word, &found);

	if (qemu_is_emulator(word) && (is_program || strchr(word, '/') || access(word, F_OK))) {
		if (!qemu->text || strcmp(qemu->source, "--qemu"))
			settings->qemu = word;
		settings->command = words + 1;
		return true;
	}
	if (is_program)
		settings->mode = MODE_PROGRAM;
	return is_program;
}

/**
 * decide() - What do the words behind our options mean?
 * @settings:	Filled; where they are QEMU's arguments it stays as it is
 * @words:	What follows our options
 * @qemu:	Value of --qemu
 *
 * Explicit mode is a number, in any base that strtol(3) knows, and a command; a program may come
 * first, too; anything else is for QEMU. It takes words without a dash for disk images, and 5x may
 * be one: it was meant as a number if there is no such file and what follows can be run.
 *
 * Return: 0, or -1 after a message
 */
static int decide(struct settings *settings, char **words, const struct given *qemu)
{
	const char *word = words[0] ? words[0] : "";
	const char *command = *word ? words[1] : NULL;
	struct qemu found;
	char *end;
	long number = strtol(word, &end, 0);

	if (*word == '-' || (*end && take_program(settings, words, qemu)) || end == word)
		return 0;
	if (!command || *command == '-') {
		if (!*end)
			message_warning(&settings->log,
					"no command after \"%s\": it goes to QEMU, as a disk image",
					word);
		return 0;
	}
	if (*end && (!access(word, F_OK) || qemu_find_command(command, &found)))
		return 0;
	if (*end)
		return message_error(&settings->log, "\"%s\" before the command %s is not a number",
				     word, command);
	if (check_number(&settings->log, number, word))
		return -1;
	settings->mode = MODE_EXPLICIT;
	settings->fd = (int)number;
	settings->command = words + 1;
	return 0;
}

/* A job is about one QEMU, which we start. */
static int check_job(const struct settings *settings)
{
	if (settings->job.result && !settings_has_job(settings))
		return message_error(&settings->log,
				     "--result is that of a job: --run, --ready or --timeout");
	if (settings_has_job(settings) && settings->mode == MODE_PROGRAM)
		return message_error(&settings->log,
				     "%s is no QEMU: --run, --ready and --timeout are about one "
				     "that qrap starts itself",
				     settings->command[0]);
	return 0;
}

/* --list and --report take no arguments, --check and --watch a command, the latter with its own. */
static int check_rest(const struct settings *settings, char **words)
{
	int most = settings->mode == MODE_CHECK ? 1 : 0;

	if (settings->mode == MODE_WATCH)
		return words[0] ? 0 : message_error(&settings->log, "--watch needs a command");
	if (!words[0] || (most && !words[1]))
		return 0;
	return message_error(&settings->log, "unexpected argument \"%s\"", words[most]);
}

/*
 * Called as qrap-NAME, patch mode's QEMU is NAME; called by QEMU's own name it is the next one of
 * that name, where kvm and qemu-kvm stand for any QEMU of this host. argv[0] may be anything
 * (libvirt chooses it).
 */
static const char *name_in_link(const char *argv0)
{
	const char *name = path_name(argv0);
	const char *variable = secure_getenv("QRAP_QEMU");
	struct qemu found;

	if (variable && !strcmp(path_name(variable), name))
		return NULL;
	if (!strncmp(name, "qemu-system-", strlen("qemu-system-")))
		return name;
	if (qemu_is_emulator(name))
		return qemu_find_command(name, &found) ? NULL : name;
	if (strncmp(name, LINK_PREFIX, strlen(LINK_PREFIX)))
		return NULL;
	name += strlen(LINK_PREFIX);
	return *name && strcmp(name, "qrap") ? name : NULL;
}

/* What was asked for by options is asked for by variables; those that are beaten go. */
static int export_options(const struct settings *settings, const struct given *given)
{
	for (int i = 0; i < OPTIONS; i++) {
		const struct own_option *o = &options[i];
		const char *value = given[i].text;

		if (!o->variable)
			continue;
		/* As it was made absolute. */
		if (value && (o->read == value_path || o->read == value_socket))
			value = *(const char *const *)((const char *)settings + o->member);
		if (value ? setenv(o->variable, value, 1) : unsetenv(o->variable))
			return message_error(&settings->log, "%s: %s", o->variable,
					     strerror(errno));
	}
	return 0;
}

int options_parse(int argc, char **argv, struct settings *settings)
{
	struct given given[OPTIONS] = { 0 };
	char **words = argv + (argc > 0);
	const char *first = argc > 1 ? argv[1] : "";
	int qemu = find_option("--qemu");
	int own;

	*settings = (struct settings) {
		.mode = MODE_PATCH,
		.log = { .level = LOG_NORMAL, .fd = -1 },
		.trust = { .count = 2, .uids = { 0, getuid() ? getuid() : UID_NOBODY } },
		.guard = true,
		.reconnect = true,
		.grace_ms = 500,
		.error_status = -1,
		.fd = -1,
		.command = words,
	};
	settings->is_qemu = argc > 0 && qemu_is_emulator(argv[0]);
	if (!settings->is_qemu && (!strcmp(first, "--help") || !strcmp(first, "--version"))) {
		settings->mode = strcmp(first, "--help") ? MODE_VERSION : MODE_HELP;
		return 0;
	}
	own = read_options(&settings->log, words, settings->is_qemu, given);
	if (own < 0)
		return STATUS_FAILED;
	words += own;
	settings->command = words;
	if (argc > 0 && !given[qemu].text)
		given[qemu] = (struct given) { name_in_link(argv[0]), argv[0] };
	read_variables(given);
	if (settle_passt(settings, given) || apply_all(settings, given))
		return STATUS_FAILED;
	if (settings->mode != MODE_PATCH)
		return check_rest(settings, words) ? STATUS_FAILED : 0;
	if (settings->is_qemu)
		return 0;
	if (decide(settings, words, &given[qemu]) || check_job(settings))
		return STATUS_FAILED;
	if (settings->mode == MODE_PROGRAM && export_options(settings, given))
		return STATUS_FAILED;
	return 0;
}

/* Does it mean something with the option before it only? */
static bool is_companion(const struct own_option *option)
{
	return !strncmp(option->help, "with --", strlen("with --"));
}

void options_help(void)
{
	fputs("Usage: qrap [OPTION]... [QEMU] [QEMU_ARG]...\n"
	      "       qrap [OPTION]... PROGRAM [ARG]...\n"
	      "       qrap [OPTION]... FDNUM QEMU_CMD [QEMU_ARG]...\n"
	      "Puts QEMU on passt(1): gives it a NIC there, or each QEMU that PROGRAM starts by\n"
	      "name, or leaves the connection on descriptor FDNUM and the command as it is.\n"
	      "Options come first, -- ends them; the variable in brackets does the same.\n\n",
	      stdout);
	for (const struct own_option *o = options; o < options + OPTIONS; o++) {
		int width;

		if (is_companion(o)) {
			printf("%s[%s%s]%s", is_companion(o - 1) ? " " : "    ", o->name, o->value,
			       o + 1 < options + OPTIONS && is_companion(o + 1) ? "" : "\n");
			continue;
		}
		width = printf("  %s%s", o->name, o->value);
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
