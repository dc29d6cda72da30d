/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --list: the passt sockets of this host, without connecting to any. */
#include "launcher/passt/list.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "launcher/base/message.h"
#include "launcher/passt/candidate.h"
#include "launcher/passt/server.h"
#include "launcher/passt/users.h"
#include "shim/common/sys.h"
#include "shim/common/text.h"

/**
 * struct row - What is known of the processes at a socket
 * @server:	Its passt; its @pid is 0 where it is not known
 * @client:	Who is connected; its @pid is 0 where that is not known
 * @guess:	A process that may be its passt
 * @guesses:	How many of them there are
 */
struct row {
	struct process server;
	struct process client;
	struct process guess;
	unsigned guesses;
};

/**
 * struct list - The list
 * @options:	As for list_sockets()
 * @candidates:	Sockets that exist
 * @rows:	For each of them
 * @count:	How many
 * @process:	The process that is being looked at
 */
struct list {
	const struct settings *options;
	struct candidate candidates[CANDIDATES_MAX];
	struct row rows[CANDIDATES_MAX];
	size_t count;
	struct process process;
};

/* Is it a socket, or something that pretends to be one? */
static bool is_listed(const struct candidate *candidate)
{
	return candidate->state == CANDIDATE_OPEN || candidate->state == CANDIDATE_NOT_TRUSTED ||
	       candidate->state == CANDIDATE_LINK;
}

/* Looks at the files, and keeps those that are of interest: 0, or -1 after a message. */
static int find_files(struct list *list)
{
	const struct settings *options = list->options;
	size_t count = candidates_count(options->socket);
	size_t i;

	if (!count) {
		message_error(&options->log, "%s: too long a path for a UNIX socket",
			      options->socket);
		return -1;
	}
	for (i = 0; i < count; i++) {
		candidate_name(&list->candidates[i], i, options->socket);
		candidate_look(&list->candidates[i], &options->trust);
		if (is_listed(&list->candidates[i]))
			list->candidates[list->count++] = list->candidates[i];
	}
	return 0;
}

/* Notes the process where it holds a socket that matters; never ends the search through it. */
static bool note_inode(uint32_t inode, void *arg)
{
	struct list *list = arg;
	size_t i;

	for (i = 0; inode && i < list->count; i++) {
		if (inode == list->candidates[i].listener)
			list->rows[i].server = list->process;
		/* Those who inherited the connection have higher numbers, as a rule. */
		if (inode == list->candidates[i].client && !list->rows[i].client.pid)
			list->rows[i].client = list->process;
	}
	return false;
}

/* A passt that lets nobody look at its descriptors: its arguments tell, or its age may. */
static void guess_server(struct list *list)
{
	struct row *row;
	size_t i;

	for (i = 0; i < list->count; i++) {
		if (!list->candidates[i].listens)
			continue;
		row = &list->rows[i];
		switch (server_serves(&list->process, &list->candidates[i])) {
		case HOLDS:
			row->server = list->process;
			break;
		case HOLDS_UNKNOWN:
			row->guess = list->process;
			row->guesses++;
			break;
		default:
			break;
		}
	}
}

static bool visit_process(pid_t pid, void *arg)
{
	struct list *list = arg;

	if (process_read(pid, &list->process) &&
	    process_holds(pid, note_inode, list) == HOLDS_UNKNOWN && list->process.passt)
		guess_server(list);
	return true;
}

/* Is this the only process that may serve this socket, and the only socket that it may serve? */
static bool guess_is_good(const struct list *list, const struct row *row)
{
	size_t i;

	if (row->server.pid || row->guesses != 1)
		return false;
	for (i = 0; i < list->count; i++) {
		const struct row *other = &list->rows[i];

		if (other->server.pid == row->guess.pid ||
		    (other != row && !other->server.pid && other->guess.pid == row->guess.pid))
			return false;
	}
	return true;
}

static void accept_guesses(struct list *list)
{
	size_t i;

	for (i = 0; i < list->count; i++) {
		if (guess_is_good(list, &list->rows[i]))
			list->rows[i].server = list->rows[i].guess;
	}
}

/* What would happen to somebody who tried to use it, in the words of the manual. */
static const char *state_name(const struct list *list, size_t i)
{
	const struct candidate *candidate = &list->candidates[i];
	const struct process *server = &list->rows[i].server;

	if (candidate->state != CANDIDATE_OPEN ||
	    (server->pid && !passt_trusted(&list->options->trust, server->uid)))
		return "not-trusted";
	if (!candidate->listens && !candidate->in_use)
		return "stale";
	if (server->vhost_user)
		return "vhost-user";
	if (candidate->in_use)
		return "in-use";
	/* Another user's, by the mode of its file: connect(2) would say EACCES. */
	if (faccessat(AT_FDCWD, candidate->path, W_OK, AT_EACCESS))
		return "not-trusted";
	return "free";
}

/* How long its passt, or else its file, has been there, in seconds; -1 where that says nothing. */
static int64_t age(const struct list *list, size_t i)
{
	const struct process *server = &list->rows[i].server;
	int64_t now_ms = sys_wall_us() / 1000;
	int64_t since_ms;

	if (!list->candidates[i].listens)
		return -1;
	since_ms = server->pid ? server->started_ms : list->candidates[i].made.tv_sec * 1000LL;
	return now_ms > since_ms ? (now_ms - since_ms) / 1000 : 0;
}

/* User of the passt, or else owner of the file: by name, or by number where there is none. */
static void server_user(const struct list *list, size_t i, char name[USER_NAME_MAX])
{
	const struct process *server = &list->rows[i].server;

	user_name(server->pid ? server->uid : list->candidates[i].uid, name);
}

static void print_json_number(const char *name, int64_t value, bool known)
{
	if (known)
		printf(",\"%s\":%lld", name, (long long)value);
	else
		printf(",\"%s\":null", name);
}

static void print_json_text(const char *name, const char *value)
{
	char buf[1024];
	struct text text;

	text_start(&text, buf, sizeof(buf));
	text_add_json(&text, value);
	printf("\"%s\":%s", name, buf);
}

static void print_json(const struct list *list)
{
	const struct row *row;
	char user[USER_NAME_MAX];
	size_t i;

	putchar('[');
	for (i = 0; i < list->count; i++) {
		row = &list->rows[i];
		server_user(list, i, user);
		printf("%s\n{", i ? "," : "");
		print_json_text("path", list->candidates[i].path);
		putchar(',');
		print_json_text("state", state_name(list, i));
		print_json_number("pid", row->server.pid, row->server.pid);
		putchar(',');
		print_json_text("user", user);
		print_json_number("age", age(list, i), age(list, i) >= 0);
		print_json_number("client", row->client.pid, row->client.pid);
		putchar('}');
	}
	puts(list->count ? "\n]" : "]");
}

/* A time in its largest unit: "5s", "12m", "3h", "2d"; "-" where it is not known. */
static void print_age(int64_t seconds)
{
	static const struct {
		int seconds;
		char unit;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
	char buf[32] = "0s";
	size_t i = 0;

	while (i < 3 && seconds < units[i].seconds)
		i++;
	snprintf(buf, sizeof(buf), "%lld%c", (long long)(seconds / units[i].seconds),
		 units[i].unit);
	printf("%-6s", seconds < 0 ? "-" : buf);
}

static void print_pid(pid_t pid)
{
	if (pid)
		printf("%-9d", (int)pid);
	else
		printf("%-9s", "-");
}

static void print_table(const struct list *list)
{
	const struct process *client;
	int width = (int)strlen("PATH");
	char user[USER_NAME_MAX];
	size_t i;

	for (i = 0; i < list->count; i++) {
		if (width < (int)strlen(list->candidates[i].path))
			width = (int)strlen(list->candidates[i].path);
	}
	printf("%-*s  %-12s%-9s%-12s%-6s%s\n", width, "PATH", "STATE", "PID", "USER", "AGE",
	       "CLIENT");
	for (i = 0; i < list->count; i++) {
		client = &list->rows[i].client;
		server_user(list, i, user);
		printf("%-*s  %-12s", width, list->candidates[i].path, state_name(list, i));
		print_pid(list->rows[i].server.pid);
		printf("%-11s ", user);
		print_age(age(list, i));
		if (client->pid)
			printf("%d (%s)\n", (int)client->pid, client->name);
		else
			puts("-");
	}
}

static bool any_free(const struct list *list)
{
	size_t i;

	for (i = 0; i < list->count; i++) {
		if (!strcmp(state_name(list, i), "free"))
			return true;
	}
	return false;
}

int list_sockets(const struct settings *options)
{
	struct list list = { .options = options };
	int ret;

	if (find_files(&list))
		return STATUS_FAILED;
	ret = candidates_look_up(list.candidates, list.count, 0);
	if (ret < 0) {
		message_error(&options->log, "can't read the kernel's table of UNIX sockets: %s",
			      strerror(-ret));
		return STATUS_FAILED;
	}
	processes_each(visit_process, &list);
	accept_guesses(&list);

	if (options->json)
		print_json(&list);
	else
		print_table(&list);
	return any_free(&list) ? 0 : 1;
}
