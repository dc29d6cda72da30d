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
 * struct row - A socket that exists, and what is known of the processes at it
 * @candidate:	The socket
 * @server:	Its passt; its @pid is 0 where it is not known
 * @client:	Who is connected; its @pid is 0 where that is not known
 * @keeper:	Who has a spare of the connection, and perhaps no more; likewise
 * @guess:	A process that may be its passt
 * @guesses:	How many of them there are
 * @state:	What would happen to somebody who tried to use it, in the words of the manual
 */
struct row {
	struct candidate candidate;
	struct process server;
	struct process client;
	struct process keeper;
	struct process guess;
	unsigned guesses;
	const char *state;
};

/**
 * struct private_row - A passt that one VM has for itself
 * @server:	The passt
 * @client:	The VM; its @pid is 0 where it is gone
 * @network:	Ports of this host that lead to it
 */
struct private_row {
	struct process server;
	struct process client;
	struct guest_network network;
};

/**
 * struct list - The list
 * @options:	As for list_sockets()
 * @rows:	Sockets that exist
 * @count:	How many
 * @arena:	Where what follows is kept
 * @privates:	Private ones
 * @private_count: How many
 * @width:	Length of the longest path, for the table
 * @process:	The process that is being looked at
 * @handoff:	What was handed over to it
 */
struct list {
	const struct settings *options;
	struct row rows[CANDIDATES_MAX];
	size_t count;
	struct arena *arena;
	struct private_row *privates;
	size_t private_count;
	int width;
	struct process process;
	struct handoff handoff;
};

/* What a line of either form says of a socket. */
enum column { PATH, STATE, PID, USER, AGE, CLIENT, COLUMNS };

/* Room for each: a path may become six times as long as a string of JSON. */
#define CELL_SIZE 1024

/* Looks at the files, and keeps those that are sockets or pretend to be. */
static void find_files(struct list *list)
{
	const struct settings *options = list->options;
	size_t count = options->socket ? 1 : CANDIDATES_MAX;

	for (size_t i = 0; i < count; i++) {
		struct candidate *candidate = &list->rows[list->count].candidate;

		candidate_look(candidate, options->socket, i, &options->trust);
		if (candidate->state == CANDIDATE_OPEN || candidate->state == CANDIDATE_LINK ||
		    candidate->state == CANDIDATE_NOT_TRUSTED)
			list->count++;
	}
}

/* Who listens and who is connected: 0, or -errno after a message. */
static int find_sockets(struct list *list)
{
	struct sockets sockets = { .arena = arena_new() };
	int ret = sockets_read(&sockets, SIZE_MAX);

	for (size_t i = 0; i < list->count; i++)
		candidate_look_up(&list->rows[i].candidate, &sockets);
	arena_free(sockets.arena);
	if (ret)
		message_error(&list->options->log,
			      "can't read the kernel's table of UNIX sockets: %s", strerror(-ret));
	return ret;
}

/* Notes the process where it holds a socket that matters. */
static void note_inode(uint32_t inode, void *arg)
{
	struct list *list = arg;

	for (struct row *row = list->rows; inode && row < list->rows + list->count; row++) {
		if (inode == row->candidate.listener)
			row->server = list->process;
		/* Those who inherited the connection have higher numbers, as a rule. */
		if (inode == row->candidate.client && !row->client.pid)
			row->client = list->process;
		/* The spare is a message in flight, which no process has open: the handoff says of
		 * what. */
		if (inode == list->handoff.store_id.ino && !row->keeper.pid &&
		    row->candidate.client == list->handoff.socket.ino)
			row->keeper = list->process;
	}
}

/* A passt that lets nobody look at its descriptors: its arguments tell, or its age may. */
static void guess_server(struct list *list)
{
	for (struct row *row = list->rows; row < list->rows + list->count; row++) {
		enum serves serves = SERVES_NOT;

		if (row->candidate.listener)
			serves = passt_serves(&list->process, &row->candidate);
		if (serves == SERVES) {
			row->server = list->process;
		} else if (serves == SERVES_MAYBE) {
			row->guess = list->process;
			row->guesses++;
		}
	}
}

/* A private passt has no socket file. */
static void add_private(struct list *list, pid_t vm)
{
	struct private_row *row;

	list->privates = arena_grow(list->arena, list->privates, list->private_count, sizeof(*row));
	row = &list->privates[list->private_count++];
	row->server = list->process;
	if (!process_read(vm, &row->client))
		row->client.pid = 0;
	passt_forwards(row->server.pid, list->arena, &row->network);
}

static void visit_process(pid_t pid, void *arg)
{
	struct list *list = arg;
	pid_t vm;

	if (!process_read(pid, &list->process))
		return;
	vm = list->options->socket ? 0 : passt_vm(&list->process);
	if (!process_handoff(pid, &list->handoff))
		memset(&list->handoff, 0, sizeof(list->handoff));
	if (vm)
		add_private(list, vm);
	else if (!process_sockets(pid, note_inode, list) && list->process.passt)
		guess_server(list);
}

/* Is this the only process that may serve this socket, and the only socket that it may serve? */
static bool guess_is_good(const struct list *list, const struct row *row)
{
	const struct row *other;

	if (row->server.pid || row->guesses != 1)
		return false;
	for (other = list->rows; other < list->rows + list->count; other++) {
		if (other->server.pid == row->guess.pid ||
		    (other != row && !other->server.pid && other->guess.pid == row->guess.pid))
			return false;
	}
	return true;
}

static const char *state_name(const struct row *row, const struct passt_trust *trust)
{
	const struct candidate *candidate = &row->candidate;

	if (candidate->state != CANDIDATE_OPEN ||
	    (row->server.pid && !passt_trusted(trust, row->server.uid)))
		return "not-trusted";
	if (!candidate->listener && !candidate->client)
		return "stale";
	if (row->server.vhost_user)
		return "vhost-user";
	if (candidate->client)
		return "in-use";
	/* Another user's, by the mode of its file: connect(2) would say EACCES. */
	if (faccessat(AT_FDCWD, candidate->path, W_OK, AT_EACCESS))
		return "not-trusted";
	return "free";
}

/* Fills in what follows from all that was seen: is one of them free? */
static bool conclude(struct list *list)
{
	bool any_free = false;

	list->width = (int)strlen("PATH");
	for (struct row *row = list->rows; row < list->rows + list->count; row++) {
		int len = (int)strlen(row->candidate.path);

		if (guess_is_good(list, row))
			row->server = row->guess;
		row->state = state_name(row, &list->options->trust);
		any_free |= !strcmp(row->state, "free");
		if (list->width < len)
			list->width = len;
	}
	return any_free;
}

static void write_text(char *cell, const char *value, bool json)
{
	struct text text;

	text_start(&text, cell, CELL_SIZE);
	if (json)
		text_add_json(&text, value);
	else
		text_add(&text, value);
}

/* How long it has been there since then: in its largest unit, or in seconds. */
static void write_age(char *cell, int64_t since_ms, bool json)
{
	static const struct {
		int seconds;
		char unit;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
	int64_t seconds = (sys_wall_us() / 1000 - since_ms) / 1000;
	size_t i = 0;

	if (seconds < 0)
		seconds = 0;
	while (i < 3 && seconds < units[i].seconds)
		i++;
	if (json)
		snprintf(cell, CELL_SIZE, "%lld", (long long)seconds);
	else
		snprintf(cell, CELL_SIZE, "%lld%c", (long long)seconds / units[i].seconds,
			 units[i].unit);
}

/* Prints a line of the table or an object, with what is to follow it. */
static void print_cells(const struct list *list, char cells[COLUMNS][CELL_SIZE], const char *end)
{
	const bool json = list->options->json;

	message_answer(json ? "{\"path\":%-*s,\"state\":%s,\"pid\":%s,\"user\":%s,\"age\":%s,"
			      "\"client\":%s%s"
			    : "%-*s  %-11s %-8s %-11s %-5s %s%s",
		       json ? 0 : list->width, cells[PATH], cells[STATE], cells[PID], cells[USER],
		       cells[AGE], cells[CLIENT], end);
}

/* What both kinds of rows have: state, passt or else the owner of the file, and client: @what it
 * has. */
static void write_cells(const struct list *list, char cells[COLUMNS][CELL_SIZE], const char *state,
			const struct process *server, uid_t uid, const struct process *client,
			const char *what)
{
	const bool json = list->options->json;
	char user[USER_NAME_MAX];

	for (int i = 0; i < COLUMNS; i++)
		strcpy(cells[i], json ? "null" : "-");
	write_text(cells[STATE], state, json);
	user_name(server->pid ? server->uid : uid, user);
	write_text(cells[USER], user, json);
	if (server->pid)
		snprintf(cells[PID], CELL_SIZE, "%d", (int)server->pid);
	if (client->pid && json)
		snprintf(cells[CLIENT], CELL_SIZE, "%d", (int)client->pid);
	else if (client->pid)
		snprintf(cells[CLIENT], CELL_SIZE, "%d (%s)%s", (int)client->pid, client->name,
			 what);
}

static void print_row(const struct list *list, const struct row *row, const char *end)
{
	const struct process *server = &row->server;
	const bool json = list->options->json, is_keeper = !row->client.pid;
	char cells[COLUMNS][CELL_SIZE];

	write_cells(list, cells, row->state, server, row->candidate.uid,
		    is_keeper ? &row->keeper : &row->client,
		    is_keeper ? ", with a spare only" : "");
	write_text(cells[PATH], row->candidate.path, json);
	if (row->candidate.listener)
		write_age(cells[AGE], server->pid ? server->started_ms : row->candidate.made_ms,
			  json);
	print_cells(list, cells, end);
}

/* A private one: its ports are behind all else. */
static void print_private(const struct list *list, const struct private_row *row, const char *end)
{
	const bool json = list->options->json;
	char cells[COLUMNS][CELL_SIZE], port[CELL_SIZE];
	struct buffer ports = { .arena = list->arena };
	struct text text;

	write_cells(list, cells, "private", &row->server, 0, &row->client, "");
	write_age(cells[AGE], row->server.started_ms, json);
	buffer_add_text(&ports, json ? ",\"ports\":[" : "");
	for (unsigned int i = 0; i < row->network.forward_count; i++) {
		text_start(&text, port, sizeof(port));
		forward_add_text(&text, &row->network.forwards[i]);
		buffer_add_text(&ports, !json ? ", " : i ? ",\"" : "\"");
		buffer_add_text(&ports, port);
		buffer_add_text(&ports, json ? "\"" : "");
	}
	buffer_add_text(&ports, json ? "]" : "");
	buffer_add_text(&ports, end);
	print_cells(list, cells, ports.text);
}

static void print(const struct list *list)
{
	char headings[COLUMNS][CELL_SIZE] = { "PATH", "STATE", "PID", "USER", "AGE", "CLIENT" };
	const bool json = list->options->json;
	const size_t count = list->count + list->private_count;

	if (!json)
		print_cells(list, headings, "");
	else
		message_answer("%s", count ? "[" : "[]");
	for (size_t i = 0; i < count; i++) {
		const char *end = !json ? "" : i + 1 < count ? "}," : "}";

		if (i < list->count)
			print_row(list, &list->rows[i], end);
		else
			print_private(list, &list->privates[i - list->count], end);
	}
	if (json && count)
		message_answer("]");
}

int list_sockets(const struct settings *options)
{
	struct list list = { .options = options, .arena = arena_new() };
	bool any_free;

	find_files(&list);
	if (find_sockets(&list))
		return STATUS_FAILED;
	processes_each(visit_process, &list);
	any_free = conclude(&list);
	print(&list);
	return any_free ? 0 : 1;
}
