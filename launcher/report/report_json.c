/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/report/report_json.h"

#include <string.h>

#include "launcher/base/message.h"
#include "shim/common/text.h"

/* A string, where there is one; bytes of the log that are no UTF-8 become U+FFFD. */
static void add_string(struct buffer *out, const char *text)
{
	/* At most six bytes for each, the quotes, and a NUL. */
	size_t size = 6 * strlen(text) + 3;
	struct text json;

	text_start(&json, arena_get(out->arena, size), size);
	text_add_json(&json, text);
	buffer_add(out, json.buf, json.len);
}

/* What begins a member of an object, or an element of an array, which has no @name. */
static void begin(struct buffer *out, const char *name)
{
	if (out->len && !strchr("{[", out->text[out->len - 1]))
		buffer_add_char(out, ',');
	if (!name)
		return;
	add_string(out, name);
	buffer_add_char(out, ':');
}

static void add_text(struct buffer *out, const char *name, const char *value)
{
	if (!value)
		return;
	begin(out, name);
	add_string(out, value);
}

static void add_number(struct buffer *out, const char *name, int64_t value)
{
	begin(out, name);
	buffer_add_text(out, arena_format(out->arena, "%lld", (long long)value));
}

static void open_with(struct buffer *out, const char *name, char bracket)
{
	begin(out, name);
	buffer_add_char(out, bracket);
}

/* Where something was called from, into the object that is open. */
static void add_place(struct buffer *out, const struct log_place *place)
{
	add_text(out, "module", place->module);
	if (place->module)
		add_number(out, "offset", place->offset);
}

static void add_program(struct buffer *out, const char *name, const struct hop *hop)
{
	open_with(out, name, '{');
	add_text(out, "program", hop->program);
	add_number(out, "pid", hop->pid);
	buffer_add_char(out, '}');
}

static void add_culprit(struct buffer *out, const struct journey *journey)
{
	const struct blame *blame = &journey->blame;

	open_with(out, "culprit", '{');
	if (journey->verdict == VERDICT_HELD) {
		add_text(out, "program", journey->outcome->culprit.program);
		add_number(out, "pid", journey->outcome->culprit.pid);
	} else if (blame->culprit) {
		add_text(out, "program", blame->culprit_hop->program);
		add_number(out, "pid", blame->culprit_hop->pid);
		add_text(out, "call", blame->culprit->call);
		add_place(out, &blame->culprit->caller);
	} else {
		open_with(out, "unseen_between", '[');
		if (blame->before)
			add_program(out, NULL, blame->before);
		if (blame->after)
			add_program(out, NULL, blame->after);
		buffer_add_char(out, ']');
		if (blame->hung_up)
			add_text(out, "ended_by", "passt");
	}
	buffer_add_char(out, '}');
}

static void add_failure(struct buffer *out, const struct log_event *failure)
{
	open_with(out, "failed", '{');
	add_text(out, "program", failure->exe);
	add_number(out, "pid", failure->pid);
	add_number(out, "status", failure->status);
	add_text(out, "reason", failure->reason);
	buffer_add_char(out, '}');
}

static void add_event(struct buffer *out, const struct log_event *event)
{
	open_with(out, NULL, '{');
	add_text(out, "event", event->event);
	add_text(out, "call", event->call);
	add_place(out, &event->caller);
	add_text(out, "found", event->found);
	add_text(out, "action", event->action);
	add_text(out, "reason", event->reason);
	if (event->error)
		add_number(out, "errno", event->error);
	buffer_add_char(out, '}');
}

static void add_hop(struct buffer *out, const struct journey *journey, const struct hop *hop)
{
	open_with(out, NULL, '{');
	add_text(out, "program", hop->program);
	add_number(out, "pid", hop->pid);
	if (hop->from)
		add_number(out, "from_pid", hop->from->pid);
	add_text(out, "found", hop->start ? hop->start->found : NULL);
	add_text(out, "action", hop->start ? hop->start->action : NULL);
	begin(out, "lost_here");
	buffer_add_text(out, journey_lost_in(journey, hop) ? "true" : "false");
	open_with(out, "events", '[');
	for (size_t i = 0; i < hop->count; i++)
		add_event(out, hop->events[i]);
	buffer_add_text(out, "]}");
}

/* The members that are about one descriptor. */
static void add_journey(struct buffer *out, const struct journey *journey)
{
	if (journey->socket || journey->watched)
		add_number(out, "fd", journey->fd);
	add_text(out, "socket", journey->socket);
	if (journey->watched) {
		add_text(out, "kind", journey->watched->sort);
		add_text(out, "name", journey->watched->name);
	}
	add_text(out, "qemu", journey->qemu);
	add_text(out, "verdict", verdict_names[journey->verdict]);
	if (journey_is_to_blame(journey))
		add_culprit(out, journey);
	if (journey->failure)
		add_failure(out, journey->failure);
	open_with(out, "hops", '[');
	for (size_t i = 0; i < journey->count; i++)
		add_hop(out, journey, journey->hops[i]);
	buffer_add_text(out, "]");
}

void report_json(const struct journey *list, size_t count, const size_t lines[LINE_KINDS])
{
	struct buffer out = { .arena = list->arena };

	open_with(&out, NULL, '{');
	add_text(&out, "run", list->run);
	add_number(&out, "ts", list->time_us / 1000000);
	if (list->watched)
		open_with(&out, "descriptors", '[');
	for (size_t i = 0; i < count; i++) {
		if (list->watched)
			open_with(&out, NULL, '{');
		add_journey(&out, &list[i]);
		if (list->watched)
			buffer_add_char(&out, '}');
	}
	if (list->watched)
		buffer_add_char(&out, ']');
	add_number(&out, "unread",
		   (int64_t)(lines[LINE_DAMAGED] + lines[LINE_FOREIGN] + lines[LINE_VERSION]));
	buffer_add_char(&out, '}');
	message_answer("%s", out.text);
}
