/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/report/journal.h"

#include <errno.h>
#include <search.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/base/json.h"

/* Lines of ours have at most PIPE_BUF bytes, 4096. */
#define LINE_MAX_BYTES 65536

/* How each line of ours begins. */
#define LINE_BEGIN "{\"v\":"

/**
 * struct reading - Where reading has got to
 * @journal:	What comes out
 * @runs:	Runs seen so far, a tree of tsearch(3)
 * @arena:	Where their names are kept
 */
struct reading {
	struct journal *journal;
	void *runs;
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

static enum log_kind find_kind(const char *name)
{
	unsigned kind = 0;

	while (kind < EVENT_KINDS && strcmp(name, log_kind_name((enum log_kind)kind)))
		kind++;
	return (enum log_kind)kind;
}

static bool read_members(struct arena *arena, const char *text, const struct log_member *table,
			 void *base);

/* Seconds as microseconds; whole seconds will do. A time that cannot be is 0. */
static int64_t read_time(const char *text)
{
	const int64_t most = INT64_MAX / 1000000;
	long long seconds = strtoll(text, NULL, 10);

	return seconds < 0 || seconds > most ? 0 : (int64_t)seconds * 1000000;
}

static void read_value(struct arena *arena, const struct json_member *json,
		       const struct log_member *member, void *value)
{
	if (json->is_string != (member->type == LOG_TEXT))
		return;
	switch (member->type) {
	case LOG_TEXT:
		*(const char **)value = json->value;
		break;
	case LOG_NUMBER:
		*(int64_t *)value = strtoll(json->value, NULL, 10);
		break;
	case LOG_TIME:
		*(int64_t *)value = read_time(json->value);
		break;
	case LOG_OBJECT:
		read_members(arena, json->value, member->members, value);
		break;
	}
}

/* Reads an object into the struct at @base; members that are not in the table are passed over. */
static bool read_members(struct arena *arena, const char *text, const struct log_member *table,
			 void *base)
{
	struct json_reader reader;
	struct json_member json;
	int more;

	if (!json_begin(&reader, arena, text))
		return false;
	while ((more = json_next(&reader, &json)) > 0) {
		const struct log_member *member = table;

		while (*member->name && strcmp(member->name, json.key))
			member++;
		if (*member->name)
			read_value(arena, &json, member, (char *)base + member->offset);
	}
	return more == 0;
}

/* Reads a line into @event, its texts kept in @arena. */
static enum line read_event(const char *line, struct arena *arena, struct log_event *event)
{
	*event = (struct log_event) { .kind = EVENT_KINDS };
	if (!read_members(arena, line, log_members, event))
		return LINE_DAMAGED;
	if (!event->version || !event->run || !event->event || event->pid <= 0)
		return LINE_FOREIGN;
	event->kind = find_kind(event->event);
	return event->version == LOG_VERSION ? LINE_OURS : LINE_VERSION;
}

static int compare_runs(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* A run that was not seen yet is the last one from now on; the one before is forgotten. */
static void note_run(struct reading *reading, const char *run)
{
	struct journal *journal = reading->journal;
	size_t len = strlen(run);

	if (tfind(run, &reading->runs, compare_runs))
		return;
	tsearch(arena_copy(reading->arena, run, len), &reading->runs, compare_runs);
	arena_free(journal->arena);
	journal->arena = arena_new();
	journal->run = arena_copy(journal->arena, run, len);
	journal->events = NULL;
	journal->count = 0;
}

static void add_event(struct journal *journal, const char *line)
{
	journal->events = arena_grow(journal->arena, journal->events, journal->count,
				     sizeof(*journal->events));
	/* Once more, with its texts in memory that stays. */
	read_event(line, journal->arena, &journal->events[journal->count++]);
}

static enum line take_line(struct reading *reading, const char *line)
{
	struct arena *scratch = arena_new();
	struct log_event event;
	enum line kind = read_event(line, scratch, &event);

	/* Events of a later day are no concern of ours. */
	if (kind == LINE_OURS && event.kind != EVENT_KINDS) {
		note_run(reading, event.run);
		if (!strcmp(event.run, reading->journal->run))
			add_event(reading->journal, line);
	}
	arena_free(scratch);
	return kind;
}

/* On a full disk a line may have been cut off, and the next one written right behind it. */
static void take_lines(struct reading *reading, const char *line)
{
	enum line kind = take_line(reading, line);

	while (kind == LINE_DAMAGED && (line = strstr(line + 1, LINE_BEGIN))) {
		reading->journal->lines[kind]++;
		kind = take_line(reading, line);
	}
	reading->journal->lines[kind]++;
}

/* The names are the arena's. */
static void keep(void *run)
{
	(void)run;
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
			journal->lines[LINE_DAMAGED]++;
	}
	error = ferror_unlocked(file) ? -errno : 0;
	tdestroy(reading.runs, keep);
	arena_free(reading.arena);
	return error;
}

void journal_free(struct journal *journal)
{
	arena_free(journal->arena);
}
