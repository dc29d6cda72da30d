/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON Lines of a log file, which may be damaged, cut off or somebody else's. */
#include "launcher/report/journal.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/base/json.h"

/* Lines of ours have at most PIPE_BUF bytes, 4096. */
#define LINE_MAX_BYTES 65536

/* Version of the lines that we read (shim/log.c). */
#define VERSION 1

/* How each of them begins. */
#define LINE_BEGIN "{\"v\":"

enum line {
	LINE_OURS,
	LINE_DAMAGED,
	LINE_FOREIGN,
	LINE_VERSION,
};

/**
 * struct reading - Where reading has got to
 * @journal:	What comes out
 * @runs:	Runs seen so far, in the order in which they began
 * @run_count:	How many
 * @arena:	Where @runs is kept
 */
struct reading {
	struct journal *journal;
	char **runs;
	size_t run_count;
	struct arena *arena;
};

/* Reads a line without its end into @line: its length, -1 at the end of the file, -2 if too long.
 */
static long read_line(FILE *file, char *line)
{
	size_t len = 0;
	int c;

	while ((c = getc_unlocked(file)) != EOF && c != '\n') {
		if (len < LINE_MAX_BYTES)
			line[len] = (char)c;
		len += len <= LINE_MAX_BYTES;
	}
	if (c == EOF && !len)
		return -1;
	if (len >= LINE_MAX_BYTES)
		return -2;
	line[len] = '\0';
	return (long)len;
}

static char *keep_text(struct arena *arena, const char *value)
{
	return arena_copy(arena, value, strlen(value));
}

static enum log_kind find_kind(const char *name)
{
	unsigned kind = 0;

	while (kind < EVENT_KINDS && strcmp(name, log_kind_name((enum log_kind)kind)))
		kind++;
	return (enum log_kind)kind;
}

static void read_caller(struct record *record, struct arena *arena, const char *value)
{
	struct json_member member;
	struct json_reader reader;

	if (!json_begin(&reader, arena, value))
		return;
	while (json_next(&reader, &member) > 0) {
		if (!strcmp(member.key, "module") && member.is_string)
			record->module = keep_text(arena, member.value);
		else if (!strcmp(member.key, "offset") && !member.is_string)
			record->offset = strtoull(member.value, NULL, 10);
	}
}

static void read_text(struct record *record, struct arena *arena, const struct json_member *member)
{
	const struct {
		const char *key;
		const char **to;
	} texts[] = {
		{ "run", &record->run },       { "event", &record->event },
		{ "exe", &record->exe },       { "socket", &record->socket },
		{ "call", &record->call },     { "found", &record->found },
		{ "action", &record->action }, { "command", &record->command },
		{ "qemu", &record->qemu },     { "msg", &record->msg },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (!strcmp(member->key, texts[i].key))
			*texts[i].to = keep_text(arena, member->value);
	}
}

/* Numbers, and what is nested. */
static void read_literal(struct record *record, struct arena *arena,
			 const struct json_member *member)
{
	const struct {
		const char *key;
		long *to;
	} numbers[] = {
		{ "v", &record->version }, { "pid", &record->pid },     { "ppid", &record->ppid },
		{ "fd", &record->fd },     { "errno", &record->error },
	};

	if (!strcmp(member->key, "ts"))
		record->seconds = strtoll(member->value, NULL, 10);
	else if (!strcmp(member->key, "caller"))
		read_caller(record, arena, member->value);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (!strcmp(member->key, numbers[i].key))
			*numbers[i].to = strtol(member->value, NULL, 10);
	}
}

/* Reads a line into @record, its parts kept in @arena. */
static enum line read_record(const char *line, struct arena *arena, struct record *record)
{
	struct json_member member;
	struct json_reader reader;
	int more;

	*record = (struct record) { .kind = EVENT_KINDS, .fd = -1 };
	if (!json_begin(&reader, arena, line))
		return LINE_DAMAGED;
	while ((more = json_next(&reader, &member)) > 0) {
		if (member.is_string)
			read_text(record, arena, &member);
		else
			read_literal(record, arena, &member);
	}
	if (more < 0)
		return LINE_DAMAGED;
	if (!record->version || !record->run || !record->event || record->pid <= 0)
		return LINE_FOREIGN;
	record->kind = find_kind(record->event);
	return record->version == VERSION ? LINE_OURS : LINE_VERSION;
}

/* Is this a run that has not been seen? */
static bool is_new(const struct reading *reading, const char *run)
{
	for (size_t i = reading->run_count; i-- > 0;) {
		if (!strcmp(reading->runs[i], run))
			return false;
	}
	return true;
}

/* A new run is the last one from now on; what is known of the one before is forgotten. */
static void begin_run(struct reading *reading, const char *run)
{
	struct journal *journal = reading->journal;

	arena_free(journal->arena);
	journal->arena = arena_new();
	journal->run = arena_copy(journal->arena, run, strlen(run));
	journal->records = NULL;
	journal->count = 0;
	reading->runs = arena_grow(reading->arena, reading->runs, reading->run_count,
				   sizeof(*reading->runs));
	reading->runs[reading->run_count++] = arena_copy(reading->arena, run, strlen(run));
}

static void add_record(struct journal *journal, const char *line)
{
	struct record record;

	/* Once more, with its parts in memory that stays. */
	read_record(line, journal->arena, &record);
	journal->records = arena_grow(journal->arena, journal->records, journal->count,
				      sizeof(*journal->records));
	journal->records[journal->count++] = record;
}

static enum line take_line(struct reading *reading, const char *line)
{
	struct arena *scratch = arena_new();
	struct record record;
	enum line kind = read_record(line, scratch, &record);

	/* Events of a later day are no concern of ours. */
	if (kind == LINE_OURS && record.kind != EVENT_KINDS) {
		if (is_new(reading, record.run))
			begin_run(reading, record.run);
		if (!strcmp(record.run, reading->journal->run))
			add_record(reading->journal, line);
	}
	arena_free(scratch);
	return kind;
}

static void count_line(struct journal *journal, enum line kind)
{
	journal->damaged += kind == LINE_DAMAGED;
	journal->foreign += kind == LINE_FOREIGN;
	journal->versions += kind == LINE_VERSION;
}

/* On a full disk a line may have been cut off, and the next one written right behind it. */
static void take_lines(struct reading *reading, const char *line)
{
	enum line kind = take_line(reading, line);

	while (kind == LINE_DAMAGED && (line = strstr(line + 1, LINE_BEGIN))) {
		count_line(reading->journal, kind);
		kind = take_line(reading, line);
	}
	count_line(reading->journal, kind);
}

int journal_read(FILE *file, struct journal *journal)
{
	struct reading reading = { .journal = journal, .arena = arena_new() };
	char *line = arena_get(reading.arena, LINE_MAX_BYTES + 1);
	long len;
	int error;

	*journal = (struct journal) { .arena = arena_new() };
	while ((len = read_line(file, line)) != -1) {
		if (len > 0 && strlen(line) == (size_t)len)
			take_lines(&reading, line);
		else if (len)
			count_line(journal, LINE_DAMAGED);
	}
	error = ferror_unlocked(file) ? -errno : 0;
	arena_free(reading.arena);
	return error;
}

void journal_free(struct journal *journal)
{
	arena_free(journal->arena);
}
