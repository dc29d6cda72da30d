/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/passt/list.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "launcher/base/message.h"
#include "launcher/passt/passt_process.h"
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

/* What a line of either form says of a socket. */
enum column { PATH, STATE, PID, USER, AGE, CLIENT, COLUMNS };

/* Room for each: paths, names and numbers are shorter. */
#define CELL_SIZE USER_NAME_MAX

static const struct {
	const char *name;
	bool is_text;
} columns[COLUMNS] = {
	[PATH] = { "path", true }, [STATE] = { "state", true }, [PID] = { "pid", false },
	[USER] = { "user", true }, [AGE] = { "age", false },    [CLIENT] = { "client", false },
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
	size_t count = candidates_name(list->candidates, options->socket);
	size_t i;

	if (!count) {
		message_error(&options->log, "%s: too long a path for a UNIX socket",
			      options->socket);
		return -1;
	}
	for (i = 0; i < count; i++) {
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
		switch (passt_serves(&list->process, &list->candidates[i])) {
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

/* A time in its largest unit: "5s", "12m", "3h", "2d". */
static void write_age(char *cell, size_t size, int64_t seconds)
{
	static const struct {
		int seconds;
		char unit;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
	size_t i = 0;

	while (i < 3 && seconds < units[i].seconds)
		i++;
	snprintf(cell, size, "%lld%c", (long long)(seconds / units[i].seconds), units[i].unit);
}

/* Writes the cells of a line; those of what is not known are left empty. */
static void write_cells(const struct list *list, size_t i, char cells[COLUMNS][CELL_SIZE])
{
	const struct candidate *candidate = &list->candidates[i];
	const struct process *server = &list->rows[i].server;
	const struct process *client = &list->rows[i].client;
	bool json = list->options->json;
	int64_t seconds = age(list, i);

	memset(cells, 0, COLUMNS * CELL_SIZE);
	snprintf(cells[PATH], CELL_SIZE, "%s", candidate->path);
	snprintf(cells[STATE], CELL_SIZE, "%s", state_name(list, i));
	if (server->pid)
		snprintf(cells[PID], CELL_SIZE, "%d", (int)server->pid);
	/* User of the passt, or else owner of the file. */
	user_name(server->pid ? server->uid : candidate->uid, cells[USER]);
	if (seconds >= 0 && json)
		snprintf(cells[AGE], CELL_SIZE, "%lld", (long long)seconds);
	else if (seconds >= 0)
		write_age(cells[AGE], CELL_SIZE, seconds);
	if (client->pid && json)
		snprintf(cells[CLIENT], CELL_SIZE, "%d", (int)client->pid);
	else if (client->pid)
		snprintf(cells[CLIENT], CELL_SIZE, "%d (%s)", (int)client->pid, client->name);
}

/* Prints a line of the table: its first column is as wide as the longest path. */
static void print_line(char cells[COLUMNS][CELL_SIZE], int width)
{
	message_answer("%-*s  %-11s %-8s %-11s %-5s %s", width, cells[PATH], cells[STATE],
		       *cells[PID] ? cells[PID] : "-", cells[USER], *cells[AGE] ? cells[AGE] : "-",
		       *cells[CLIENT] ? cells[CLIENT] : "-");
}

/* Prints an object of the array. */
static void print_object(char cells[COLUMNS][CELL_SIZE])
{
	char buf[4 * CELL_SIZE];
	struct text text;
	size_t i;

	for (i = 0; i < COLUMNS; i++) {
		text_start(&text, buf, sizeof(buf));
		if (columns[i].is_text)
			text_add_json(&text, cells[i]);
		else
			text_add(&text, *cells[i] ? cells[i] : "null");
		printf("%c\"%s\":%s", i ? ',' : '{', columns[i].name, buf);
	}
	putchar('}');
}

static void print_table(const struct list *list)
{
	char cells[COLUMNS][CELL_SIZE] = { "PATH", "STATE", "PID", "USER", "AGE", "CLIENT" };
	int width = (int)strlen("PATH");
	size_t i;

	for (i = 0; i < list->count; i++) {
		if (width < (int)strlen(list->candidates[i].path))
			width = (int)strlen(list->candidates[i].path);
	}
	print_line(cells, width);
	for (i = 0; i < list->count; i++) {
		write_cells(list, i, cells);
		print_line(cells, width);
	}
}

static void print_json(const struct list *list)
{
	char cells[COLUMNS][CELL_SIZE];
	size_t i;

	putchar('[');
	for (i = 0; i < list->count; i++) {
		write_cells(list, i, cells);
		fputs(i ? ",\n" : "\n", stdout);
		print_object(cells);
	}
	puts(list->count ? "\n]" : "]");
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
