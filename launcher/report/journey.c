/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From events to programs, and from there to the one that did it. */
#include "launcher/report/journey.h"

#include <string.h>

#include "shim/guard/fd_log.h"

static bool is(const char *text, const char *other)
{
	return text && !strcmp(text, other);
}

static bool is_harm(const struct record *record)
{
	return record->kind == EVENT_CLOSED || record->kind == EVENT_OVERWRITTEN ||
	       record->kind == EVENT_CLOEXEC;
}

bool journey_is_loss(const struct record *record)
{
	return is_harm(record) && !record->action;
}

bool journey_is_put_back(const struct record *record)
{
	return is_harm(record) && is(record->action, ACTION_PUT_BACK);
}

/* The last hop of a process, or NULL. */
static struct hop *find_process(const struct journey *journey, long pid)
{
	for (size_t i = journey->count; i-- > 0;) {
		if (journey->hops[i]->pid == pid)
			return journey->hops[i];
	}
	return NULL;
}

static struct hop *last_hop(const struct journey *journey)
{
	return journey->count ? journey->hops[journey->count - 1] : NULL;
}

/* The last hop that runs a program, else the last one of all, or NULL. */
static struct hop *find_program(const struct journey *journey, const char *program)
{
	for (size_t i = journey->count; i-- > 0;) {
		if (is(program, journey->hops[i]->program))
			return journey->hops[i];
	}
	return last_hop(journey);
}

/* Where a program came from: the same process before exec, else its parent. */
static struct hop *find_origin(const struct journey *journey, const struct record *record)
{
	struct hop *origin = find_process(journey, record->pid);

	if (!origin && record->ppid)
		origin = find_process(journey, record->ppid);
	return origin ? origin : last_hop(journey);
}

static struct hop *add_hop(struct journey *journey, struct arena *arena,
			   const struct record *record, const struct hop *from)
{
	struct hop *hop = arena_get(arena, sizeof(*hop));

	hop->begin = record;
	hop->pid = record->pid;
	hop->program = record->exe ? record->exe : "qrap";
	hop->from = from;
	journey->hops = arena_grow(arena, journey->hops, journey->count, sizeof(*journey->hops));
	journey->hops[journey->count++] = hop;
	return hop;
}

static void add_record(struct journey *journey, struct arena *arena, const struct record *record)
{
	struct hop *hop = find_process(journey, record->pid);

	if (record->kind == EVENT_PROGRAM) {
		add_hop(journey, arena, record, find_origin(journey, record));
		return;
	}
	if (!hop && !journey->count) {
		add_hop(journey, arena, record, NULL);
		return;
	}
	if (!hop) {
		hop = add_hop(journey, arena, record, find_program(journey, record->exe));
		hop->is_fork = true;
	}
	hop->records = arena_grow(arena, hop->records, hop->count, sizeof(*hop->records));
	hop->records[hop->count++] = record;
}

/* Its last event of a kind, or NULL. */
static const struct record *find_last(const struct hop *hop, enum log_kind kind)
{
	for (size_t i = hop->count; i-- > 0;) {
		if (hop->records[i]->kind == kind)
			return hop->records[i];
	}
	return NULL;
}

static bool is_program(const struct hop *hop)
{
	return hop->begin->kind == EVENT_PROGRAM;
}

static bool has_taken(const struct hop *hop)
{
	return find_last(hop, EVENT_CLAIMED) || find_last(hop, EVENT_RELEASED);
}

/* Who took the descriptor; else the last that would have mended it; else the last program. */
static const struct hop *find_user(const struct journey *journey)
{
	const struct hop *mender = NULL, *last = NULL;

	for (size_t i = journey->count; i-- > 0;) {
		const struct hop *hop = journey->hops[i];

		if (has_taken(hop))
			return hop;
		if (!is_program(hop))
			continue;
		last = last ? last : hop;
		if (!mender && is(hop->begin->action, "mends"))
			mender = hop;
	}
	return mender ? mender : last;
}

static bool is_well_at_start(const struct hop *hop)
{
	return !is_program(hop) || is(hop->begin->found, FOUND_WELL);
}

/* Is the connection on its number after this? The shim may have made the first one, too. */
static bool is_arrival(const struct record *record)
{
	return record->kind == EVENT_RESTORED || record->kind == EVENT_CONNECTED;
}

/* QEMU started without a network, and got it when passt was there again. */
static bool is_late_arrival(const struct hop *hop, const struct record *record)
{
	const struct record *lost = find_last(hop, EVENT_LOST);

	return record->kind == EVENT_LINK_UP && lost && lost->error && lost < record;
}

static bool is_departure(const struct record *record)
{
	return record->kind == EVENT_FOUND_INSTEAD || journey_is_loss(record) ||
	       (record->kind == EVENT_LOST && record->error);
}

/* Looks for the culprit among the events of a hop before @end: false to look further back. */
static bool search_hop(struct journey *journey, const struct hop *hop, const struct record *end)
{
	for (size_t i = hop->count; i-- > 0;) {
		const struct record *record = hop->records[i];

		if (record >= end)
			continue;
		if (journey_is_loss(record)) {
			journey->culprit = record;
			journey->culprit_hop = hop;
			return true;
		}
		if (is_arrival(record))
			return true;
	}
	return !hop->is_fork && is_well_at_start(hop);
}

/**
 * trace_back() - Find who did away with the descriptor
 * @journey:	@culprit and @culprit_hop are filled, or @before and @after
 * @hop:	Hop where it was found gone
 * @end:	The event that says so, or NULL if it was so from the hop's start
 */
static void trace_back(struct journey *journey, const struct hop *hop, const struct record *end)
{
	journey->after = hop;
	journey->hung_up = is(end ? end->found : hop->begin->found, FOUND_HUNG_UP);
	if (!end) {
		end = hop->begin;
		hop = hop->from;
	}
	for (; hop; end = hop->begin, hop = hop->from) {
		journey->before = hop;
		/* What passt has ended, no program had lost until then. */
		if (journey->hung_up ? is_well_at_start(hop) : search_hop(journey, hop, end))
			return;
		if (!hop->is_fork)
			journey->after = hop;
	}
}

/**
 * judge_user() - How did the user of the descriptor fare?
 * @journey:	@user is set; the culprit is found where it was lost
 *
 * Return: true if the descriptor was well in the end
 */
static bool judge_user(struct journey *journey)
{
	const struct hop *user = journey->user;
	const struct record *gone = NULL;
	bool well = is_well_at_start(user), released = false;

	for (size_t i = 0; i < user->count; i++) {
		const struct record *record = user->records[i];

		released = released || record->kind == EVENT_RELEASED;
		if (is_arrival(record) || is_late_arrival(user, record))
			well = true;
		else if (!released && is_departure(record))
			gone = record;
		well = well && gone != record;
	}
	if (gone && !well && journey_is_loss(gone)) {
		/* Nobody came after it who could have found that. */
		journey->culprit = gone;
		journey->culprit_hop = user;
	} else if (!well) {
		trace_back(journey, user, gone);
	}
	return well;
}

/* Was it mended on the way? The last time counts, and its culprit is found. */
static bool find_mending(struct journey *journey)
{
	for (const struct hop *hop = journey->user; hop; hop = hop->from) {
		for (size_t i = hop->count; i-- > 0;) {
			const struct record *record = hop->records[i];

			if (journey_is_put_back(record)) {
				journey->culprit = record;
				journey->culprit_hop = hop;
				return true;
			}
			if (record->kind == EVENT_RESTORED || is_late_arrival(hop, record)) {
				trace_back(journey, hop, find_last(hop, EVENT_LOST));
				return true;
			}
		}
	}
	return false;
}

/* Could that be the QEMU that was to run? It may have been a script, or a link. */
static bool is_qemu(const struct hop *hop, const char *path)
{
	const char *slash = strrchr(hop->program, '/');
	const char *name = slash ? slash + 1 : hop->program;

	return is_program(hop) &&
	       (is(path, hop->program) || strstr(name, "qemu") || strstr(name, "kvm"));
}

/* The QEMU that the launcher handed the guarded connection over for, and that nobody saw. */
static const char *find_missing(const struct journal *journal, const struct journey *journey)
{
	const char *path = NULL;

	for (size_t i = 0; i < journal->count; i++) {
		if (journal->records[i].kind == EVENT_HANDED_OVER &&
		    is(journal->records[i].action, "guarded"))
			path = journal->records[i].qemu;
	}
	for (size_t i = 0; path && i < journey->count; i++) {
		if (has_taken(journey->hops[i]) || is_qemu(journey->hops[i], path))
			path = NULL;
	}
	return path;
}

/* QEMU, if it ran at all, had no shim: there is no more to know than where that began. */
static void judge_missing(struct journey *journey)
{
	/* Helpers that were seen last are no way to QEMU: who was to use it, or who began, is. */
	if (journey->user && is(journey->user->begin->action, "mends"))
		journey->before = journey->user;
	else
		journey->before = find_process(journey, journey->hops[0]->pid);
	journey->after = NULL;
	journey->verdict = VERDICT_LOST;
}

void journey_find(const struct journal *journal, struct journey *journey)
{
	memset(journey, 0, sizeof(*journey));
	for (size_t i = 0; i < journal->count; i++)
		add_record(journey, journal->arena, &journal->records[i]);
	journey->user = find_user(journey);
	journey->missing = find_missing(journal, journey);
	if (!journey->user && !journey->missing)
		journey->verdict = VERDICT_UNKNOWN;
	else if (journey->user && !judge_user(journey))
		journey->verdict = VERDICT_LOST;
	else if (journey->missing)
		judge_missing(journey);
	else
		journey->verdict = find_mending(journey) ? VERDICT_MENDED : VERDICT_INTACT;
}

bool journey_leads_through(const struct journey *journey, const struct hop *hop)
{
	const struct hop *on_the_way = journey->user;

	while (on_the_way && on_the_way != hop)
		on_the_way = on_the_way->from;
	return on_the_way != NULL;
}
