/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/report/journey.h"

#include <search.h>
#include <string.h>

/**
 * struct building - A journey in the making
 * @journey:	What comes out
 * @arena:	Where its hops are kept
 * @processes:	The last hop of each process, a tree of tsearch(3)
 */
struct building {
	struct journey *journey;
	struct arena *arena;
	void *processes;
};

static bool is(const char *text, const char *other)
{
	return text && other && !strcmp(text, other);
}

static bool is_harm(const struct log_event *event)
{
	return event->kind == EVENT_CLOSED || event->kind == EVENT_OVERWRITTEN ||
	       event->kind == EVENT_CLOEXEC;
}

bool journey_is_loss(const struct log_event *event)
{
	return is_harm(event) && !event->action;
}

bool journey_is_put_back(const struct log_event *event)
{
	return is_harm(event) && is(event->action, ACTION_PUT_BACK);
}

static int compare_processes(const void *a, const void *b)
{
	const struct hop *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

/* The last hop of a process, or NULL. */
static struct hop *find_process(const struct building *b, int64_t pid)
{
	const struct hop key = { .pid = pid };
	struct hop **found = tfind(&key, &b->processes, compare_processes);

	return found ? *found : NULL;
}

static struct hop *last_hop(const struct journey *journey)
{
	return journey->count ? journey->hops[journey->count - 1] : NULL;
}

/* Where a child came from that execs nothing: the last hop that runs its program, else the last. */
static struct hop *find_program(const struct journey *journey, const char *program)
{
	for (size_t i = journey->count; i-- > 0;) {
		if (is(program, journey->hops[i]->program))
			return journey->hops[i];
	}
	return last_hop(journey);
}

/* Where a program came from: the same process before exec, else its parent. */
static struct hop *find_origin(const struct building *b, const struct log_event *event)
{
	struct hop *origin = find_process(b, event->pid);

	if (!origin && event->ppid)
		origin = find_process(b, event->ppid);
	return origin ? origin : last_hop(b->journey);
}

static struct hop *add_hop(struct building *b, const struct log_event *event,
			   const struct hop *from)
{
	struct journey *journey = b->journey;
	struct hop *hop = arena_get(b->arena, sizeof(*hop)), **last;

	hop->begin = event;
	hop->pid = event->pid;
	hop->program = event->exe ? event->exe : "qrap";
	hop->from = from;
	journey->hops = arena_grow(b->arena, journey->hops, journey->count, sizeof(*journey->hops));
	journey->hops[journey->count++] = hop;
	last = tsearch(hop, &b->processes, compare_processes);
	if (last)
		*last = hop;
	return hop;
}

static void add_event(struct building *b, const struct log_event *event)
{
	struct hop *hop = find_process(b, event->pid);

	if (event->kind == EVENT_PROGRAM) {
		add_hop(b, event, find_origin(b, event));
		return;
	}
	if (!b->journey->count) {
		add_hop(b, event, NULL);
		return;
	}
	if (!hop) {
		hop = add_hop(b, event, find_program(b->journey, event->exe));
		hop->is_fork = true;
	}
	hop->events = arena_grow(b->arena, hop->events, hop->count, sizeof(*hop->events));
	hop->events[hop->count++] = event;
}

/* Its last event of a kind, or NULL. */
static const struct log_event *find_last(const struct hop *hop, enum log_kind kind)
{
	for (size_t i = hop->count; i-- > 0;) {
		if (hop->events[i]->kind == kind)
			return hop->events[i];
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

static bool is_mender(const struct hop *hop)
{
	return is_program(hop) && is(hop->begin->action, ACTION_MENDS);
}

/* Who took the descriptor; else the last that would have mended it; else the last program. */
static const struct hop *find_user(const struct journey *journey)
{
	const struct hop *mender = NULL, *last = NULL;

	for (size_t i = journey->count; i-- > 0;) {
		const struct hop *hop = journey->hops[i];

		if (has_taken(hop))
			return hop;
		if (!last && is_program(hop))
			last = hop;
		if (!mender && is_mender(hop))
			mender = hop;
	}
	return mender ? mender : last;
}

static bool is_well_at_start(const struct hop *hop)
{
	return !is_program(hop) || is(hop->begin->found, FOUND_WELL);
}

/* Is the connection on its number after this? The shim may have made the first one, too. */
static bool is_arrival(const struct log_event *event)
{
	return event->kind == EVENT_RESTORED || event->kind == EVENT_CONNECTED;
}

/* QEMU started without a network, and got it when passt was there again. */
static bool is_late_arrival(const struct hop *hop, const struct log_event *event)
{
	const struct log_event *lost = find_last(hop, EVENT_LOST);

	return event->kind == EVENT_LINK_UP && lost && lost->error && lost < event;
}

static bool is_departure(const struct log_event *event)
{
	return event->kind == EVENT_FOUND_INSTEAD || journey_is_loss(event) ||
	       (event->kind == EVENT_LOST && event->error);
}

/* The loss that @end, or whatever is behind the hop, comes from; NULL: another one, if any. */
static const struct log_event *find_loss(const struct hop *hop, const struct log_event *end)
{
	for (size_t i = hop->count; i-- > 0;) {
		const struct log_event *event = hop->events[i];

		if (event < end && journey_is_loss(event))
			return event;
		if (event < end && is_arrival(event))
			return NULL;
	}
	return NULL;
}

/* Has it had the connection on its number, at its start or later, but before @end? */
static bool was_well(const struct hop *hop, const struct log_event *end)
{
	const struct log_event *restored = find_last(hop, EVENT_RESTORED);

	if (restored && restored < end)
		return true;
	return hop->begin < end && !hop->is_fork && is_well_at_start(hop);
}

/**
 * blame() - Who did away with the descriptor?
 * @journey:	@culprit and @culprit_hop are filled, or @before and @after
 * @hop:	Hop where that was found
 * @event:	Its event that says so
 */
static void blame(struct journey *journey, const struct hop *hop, const struct log_event *event)
{
	const struct log_event *loss = is_harm(event) ? event : NULL;

	journey->hung_up = is(event->found, FOUND_HUNG_UP);
	journey->after = hop;
	for (; hop && !journey->before && !journey->culprit; hop = hop->from) {
		/* What passt has ended, no program had lost until then. */
		if (!loss && !journey->hung_up)
			loss = find_loss(hop, event);
		if (loss) {
			journey->culprit = loss;
			journey->culprit_hop = hop;
		} else if (was_well(hop, event)) {
			journey->before = hop;
		} else if (!hop->is_fork) {
			journey->after = hop;
		}
	}
}

/**
 * judge_user() - How did the user of the descriptor fare?
 * @journey:	@user is set; who lost it is found where it was lost
 *
 * Return: true if the descriptor was well in the end
 */
static bool judge_user(struct journey *journey)
{
	const struct hop *user = journey->user;
	const struct log_event *gone = user->begin;
	bool well = is_well_at_start(user), released = false;

	for (size_t i = 0; i < user->count; i++) {
		const struct log_event *event = user->events[i];

		released = released || event->kind == EVENT_RELEASED;
		if (is_arrival(event) || is_late_arrival(user, event)) {
			well = true;
		} else if (!released && is_departure(event)) {
			well = false;
			gone = event;
		}
	}
	if (!well)
		blame(journey, user, gone);
	return well;
}

/* Was it mended on the way? The last time counts. */
static bool find_mending(struct journey *journey)
{
	for (const struct hop *hop = journey->user; hop; hop = hop->from) {
		for (size_t i = hop->count; i-- > 0;) {
			const struct log_event *event = hop->events[i];

			if (!journey_is_put_back(event) && event->kind != EVENT_RESTORED &&
			    !is_late_arrival(hop, event))
				continue;
			blame(journey, hop,
			      event->kind == EVENT_LINK_UP ? find_last(hop, EVENT_LOST) : event);
			return true;
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
		if (journal->events[i].kind == EVENT_HANDED_OVER &&
		    is(journal->events[i].action, ACTION_GUARDED))
			path = journal->events[i].qemu;
	}
	for (size_t i = 0; path && i < journey->count; i++) {
		if (has_taken(journey->hops[i]) || is_qemu(journey->hops[i], path))
			path = NULL;
	}
	return path;
}

/* QEMU, if it ran at all, had no shim: there is no more to know than where that began. */
static void judge_missing(const struct building *b)
{
	struct journey *journey = b->journey;

	/* Helpers that were seen last are no way to QEMU: who was to use it, or who began, is. */
	if (journey->user && is_mender(journey->user))
		journey->before = journey->user;
	else
		journey->before = find_process(b, journey->hops[0]->pid);
	journey->verdict = VERDICT_LOST;
}

/* The hops are the arena's. */
static void keep(void *hop)
{
	(void)hop;
}

void journey_find(const struct journal *journal, struct journey *journey)
{
	struct building b = { .journey = journey, .arena = journal->arena };

	*journey = (struct journey) { .verdict = VERDICT_INTACT };
	for (size_t i = 0; i < journal->count; i++)
		add_event(&b, &journal->events[i]);
	journey->user = find_user(journey);
	journey->missing = find_missing(journal, journey);
	if (!journey->user && !journey->missing)
		journey->verdict = VERDICT_UNKNOWN;
	else if (journey->user && !judge_user(journey))
		journey->verdict = VERDICT_LOST;
	else if (journey->missing)
		judge_missing(&b);
	else if (find_mending(journey))
		journey->verdict = VERDICT_MENDED;
	tdestroy(b.processes, keep);
}

bool journey_leads_through(const struct journey *journey, const struct hop *hop)
{
	const struct hop *on_the_way = journey->user;

	while (on_the_way && on_the_way != hop)
		on_the_way = on_the_way->from;
	return on_the_way != NULL;
}
