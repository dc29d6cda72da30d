/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/start/choose_passt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/base/memory.h"
#include "launcher/base/message.h"
#include "launcher/start/supervisor.h"
#include "shim/common/sys.h"

/*
 * How long to try again where a passt is in use: its client may just be closing. Longer where there
 * will be no other.
 */
#define BUSY_MS      1000
#define BUSY_ONLY_MS 2500

/* Between two tries to have a port that is taken. */
#define PAUSE_MS 50

/**
 * struct choice - The passt that is being chosen
 * @options:	What was asked for
 * @line:	What the line promises
 * @observer:	Socket to who observes the guest, or -1
 * @connection:	To it
 * @discovery:	What was looked for
 * @search:	What was seen where one was looked for
 * @failure:	Why a private one was not started
 */
struct choice {
	const struct settings *options;
	struct rewrite_result *line;
	int observer;
	struct connection *connection;
	struct discovery discovery;
	struct search search;
	struct supervisor_failure failure;
};

/* Is a private passt the only one that will do? */
static bool wants_private(const struct settings *options)
{
	return options->passt.choice == PASST_PRIVATE || options->publish.forward_count;
}

/* Is it one that is found, or none? */
static bool wants_found(const struct settings *options)
{
	return options->socket || options->passt.choice == PASST_OFF;
}

static struct passt_request make_request(const struct settings *options,
					 const struct rewrite_result *line, int observer)
{
	const bool has_command = options->passt.choice == PASST_PRIVATE &&
				 strcmp(options->passt.command, PASST_COMMAND) != 0;

	return (struct passt_request) {
		.log = &options->log,
		.command = has_command ? options->passt.command : NULL,
		.network = &line->network,
		.observer = observer,
	};
}

/* A port that is taken may be that of a VM which is just ending, like a passt that is in use. */
static bool start_private(struct choice *choice)
{
	const struct passt_request request =
		make_request(choice->options, choice->line, choice->observer);
	const int64_t until = sys_now_ms() + BUSY_MS;

	while (supervisor_start(&request, choice->connection, &choice->failure)) {
		if (!choice->failure.taken || sys_now_ms() >= until)
			return false;
		sys_poll(NULL, 0, PAUSE_MS);
	}
	return true;
}

static bool find(struct choice *choice)
{
	const struct settings *options = choice->options;

	choice->discovery = (struct discovery) {
		.log = &options->log,
		.socket = options->socket,
		.wait_ms = options->wait_ms,
		.busy_ms = wants_found(options) ? BUSY_ONLY_MS : BUSY_MS,
		.trust = &options->trust,
	};
	return !discover(&choice->discovery, &choice->search, choice->connection);
}

/* A log file that cannot be written is a warning, once. */
static void tell_file(const struct log *log, const struct log_event *event, const char *msg)
{
	struct log file_only = *log;
	int ret;

	/* On stderr it has been said, in a line that scripts wait for. */
	file_only.level = LOG_QUIET;
	ret = log_event(&file_only, event, "%s", msg);
	if (ret && event->kind == EVENT_CONNECTED)
		message_warning(log, "Couldn't write the log file %s: %s", log->file,
				strerror(-ret));
}

static void tell_found(const struct choice *choice)
{
	const struct log *log = &choice->options->log;
	const char *path = choice->connection->path, *promised = choice->line->promised;
	const struct log_event event = { .kind = EVENT_CONNECTED, .socket = path };
	char msg[sizeof(choice->connection->path) + 32];

	snprintf(msg, sizeof(msg), "Connected to %s", path);
	message(log, LOG_NORMAL, "%s", msg);
	tell_file(log, &event, msg);
	if (promised && *choice->failure.text)
		message_warning(
			log, "no passt can be started (%s), so this one is used, and lost is: %s",
			choice->failure.text, promised);
	else if (promised)
		message_warning(log,
				"lost, as this passt was not started for it: %s; --passt has it",
				promised);
}

static void set_variable(const struct forward *forward)
{
	char name[32], port[8];

	snprintf(name, sizeof(name), "QRAP_PORT_%d%s", forward->guest_port,
		 forward->udp ? "_UDP" : "");
	snprintf(port, sizeof(port), "%d", forward->host_port);
	setenv(name, port, 1);
}

void choose_passt_variables(const struct guest_network *network)
{
	/* The first one for a port of the guest is its variable. */
	for (unsigned int i = network->forward_count; i > 0; i--)
		set_variable(&network->forwards[i - 1]);
}

static void tell_private(const struct choice *choice)
{
	const struct log *log = &choice->options->log;
	const struct guest_network *network = &choice->line->network;
	const struct log_event connected = { .kind = EVENT_CONNECTED };
	struct log_event event = { .kind = EVENT_STARTED };
	char buf[2048], one[256];
	struct text all, text;

	text_start(&all, buf, sizeof(buf));
	text_add(&all, "Started passt for this VM");
	tell_file(log, &connected, "Connected to a passt of its own");
	tell_file(log, &event, buf);
	for (unsigned int i = 0; i < network->forward_count; i++) {
		const struct forward *forward = &network->forwards[i];

		text_start(&text, one, sizeof(one));
		forward_add_text(&text, forward);
		text_format(&all, "%s%s", i ? ", " : ": ", one);
		event = (struct log_event) {
			.kind = EVENT_PUBLISHED,
			.address = forward->address,
			.port = forward->host_port,
			.guest_port = forward->guest_port,
			.protocol = forward->udp ? "udp" : "tcp",
		};
		tell_file(log, &event, one);
	}
	choose_passt_variables(network);
	message(log, LOG_NORMAL, "%s", buf);
}

/* What is published is one more promise. Two that want the same port are an error. */
int choose_passt_publish(const struct settings *options, struct guest_network *network)
{
	const struct guest_network *publish = &options->publish;
	const unsigned int count = network->forward_count + publish->forward_count;
	struct forward *all = arena_get(arena_new(), (count + 1) * sizeof(*all));

	for (unsigned int i = 0; i < count; i++) {
		all[i] = i < network->forward_count ? network->forwards[i]
						    : publish->forwards[i - network->forward_count];
		for (unsigned int j = 0; j < i; j++) {
			if (all[i].host_port && all[i].host_port == all[j].host_port &&
			    all[i].udp == all[j].udp)
				return message_error(&options->log,
						     "%s and %s: the same port of the host",
						     all[j].word, all[i].word);
		}
	}
	network->forwards = all;
	network->forward_count = count;
	return 0;
}

/* There is no private one, and no other will do: -1. */
static int explain_private(const struct choice *choice)
{
	const struct settings *options = choice->options;
	const struct log *log = &options->log;
	const char *text = choice->failure.text;

	if (options->passt.choice == PASST_PRIVATE)
		return message_error(log, "--passt: %s", text);
	/* The words are the user's. */
	if (choice->failure.taken && options->publish.forward_count)
		return message_error(log, "%s", text);
	if (choice->failure.taken)
		return message_error(log,
				     "%s; if a passt that is there is what has it, --passt=off "
				     "uses that one",
				     text);
	return message_error(log, "%s: %s", options->publish.forwards[0].word, text);
}

/* There is none of both: -1, and why. */
static int explain_neither(const struct choice *choice)
{
	const char *why = choice->failure.text, *promised = choice->line->promised;

	if (*why && promised)
		why = arena_format(arena_new(), "%s; one is wanted for %s", why, promised);
	discover_explain(&choice->search, *why ? why : NULL);
	return -1;
}

/* What promises something looks for no passt of others unless there is no other way. */
int choose_passt(const struct settings *options, struct rewrite_result *line, int observer,
		 struct connection *connection)
{
	struct choice choice = {
		.options = options, .line = line, .observer = observer, .connection = connection
	};
	const bool private_first =
		wants_private(options) || (line->promised && !wants_found(options));

	if (private_first && start_private(&choice)) {
		tell_private(&choice);
		return 0;
	}
	if (wants_private(options) || choice.failure.taken)
		return explain_private(&choice);
	if (find(&choice)) {
		connection->control = observer;
		tell_found(&choice);
		return 0;
	}
	if (!private_first && !wants_found(options) && start_private(&choice)) {
		discover_passed_over(&choice.search);
		tell_private(&choice);
		return 0;
	}
	if (options->passt.choice != PASST_TRY || options->mode != MODE_PATCH ||
	    settings_has_job(options))
		return explain_neither(&choice);
	message_warning(&options->log,
			"no passt is free, and none can be started (%s): QEMU runs as it is",
			choice.failure.text);
	return 1;
}

int choose_passt_dry(const struct settings *options, struct rewrite_result *line)
{
	const bool is_private = wants_private(options) || line->promised;
	const struct passt_request request = make_request(options, line, -1);
	const char *trouble, *text;

	if (choose_passt_publish(options, &line->network))
		return -1;
	if (wants_found(options))
		return 0;
	text = passt_words_text(arena_new(), &request, &trouble);
	if (!text)
		return message_error(&options->log, "--passt: %s", trouble);
	message_warning(&options->log, "%spasst would run: %s",
			is_private ? "" : "a passt that is free, else ", text);
	return 0;
}
