/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/report/journal.h"

#include <errno.h>
#include <search.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/base/json.h"

/* Lines of ours have at most PIPE_BUF bytes, 4096. What is longer is not looked into. */
#define LINE_MAX_BYTES 65536

/* How each line of ours begins. */
#define LINE_BEGIN "{\"v\":"

static enum log_kind find_kind(const char *name)
{
	unsigned kind = 0;

	while (kind < EVENT_KINDS && strcmp(name, log_kind_names[kind]))
		kind++;
	return (enum log_kind)kind;
}

static bool read_members(struct arena *arena, const char *text, const struct log_member *table,
			 void *base);

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
		/* Whole seconds will do. Unsigned: the file may have any number. */
		*(uint64_t *)value = (uint64_t)strtoll(json->value, NULL, 10) * 1000000;
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
	*event = (struct log_event) { .kind = EVENT_KINDS, .fd = -1 };
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

/* Is it seen for the first time? It is the last one then. */
static bool is_new_run(const char *run, void **runs)
{
	char *name;

	if (tfind(run, runs, compare_runs))
		return false;
	name = strdup(run);
	if (name)
		tsearch(name, runs, compare_runs);
	return true;
}

/**
 * struct search - Which run is wanted
 * @run:	Its name, or NULL for the last one
 * @seen:	Names of all that have begun, a tree
 */
struct search {
	const char *run;
	void *seen;
};

/* Does the run that is wanted begin with this event? */
static bool begins_wanted(const struct journey *journey, const struct log_event *event,
			  struct search *search)
{
	if (search->run)
		return !journey->run && !strcmp(event->run, search->run);
	return is_new_run(event->run, &search->seen);
}

static enum line take_line(struct journey *journey, const char *line, struct search *search)
{
	struct arena *before = journey->arena;
	struct log_event event, *kept;
	enum line kind = read_event(line, before, &event);

	/* Events of a later release are no concern of ours. */
	if (kind != LINE_OURS || event.kind == EVENT_KINDS)
		return kind;
	if (begins_wanted(journey, &event, search)) {
		*journey = (struct journey) { .arena = arena_new() };
		/* Once more, with its texts in memory that stays. */
		read_event(line, journey->arena, &event);
		journey->run = event.run;
		arena_free(before);
	}
	if (!journey->run || strcmp(event.run, journey->run))
		return kind;
	kept = arena_get(journey->arena, sizeof(*kept));
	*kept = event;
	journey_add(journey, kept);
	return kind;
}

/* On a full disk a line may have been cut off, and the next one written right behind it. */
static void take_lines(struct journey *journey, const char *line, size_t lines[LINE_KINDS],
		       struct search *search)
{
	while (line) {
		enum line kind = take_line(journey, line, search);

		lines[kind]++;
		line = kind == LINE_DAMAGED ? strstr(line + 1, LINE_BEGIN) : NULL;
	}
}

/* The next line, cut where it is too long, and its length before; false at the end of the file. */
static bool read_line(FILE *file, char *line, size_t *len)
{
	int c;

	*len = 0;
	while ((c = getc_unlocked(file)) != EOF && c != '\n') {
		if (*len < LINE_MAX_BYTES)
			line[*len] = (char)c;
		++*len;
	}
	line[*len < LINE_MAX_BYTES ? *len : LINE_MAX_BYTES] = '\0';
	return c != EOF || *len;
}

int journal_read(FILE *file, const char *run, struct journey *journey, size_t lines[LINE_KINDS])
{
	char *line = malloc(LINE_MAX_BYTES + 1);
	struct search search = { .run = run };
	size_t len;
	int error;

	*journey = (struct journey) { .arena = arena_new() };
	memset(lines, 0, LINE_KINDS * sizeof(*lines));
	if (!line)
		return -ENOMEM;
	while (read_line(file, line, &len)) {
		if (len > strlen(line))
			lines[LINE_DAMAGED]++;
		else if (*line)
			take_lines(journey, line, lines, &search);
	}
	error = feof(file) ? 0 : -errno;
	tdestroy(search.seen, free);
	free(line);
	return error;
}
