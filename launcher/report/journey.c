/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/report/journey.h"

#include <string.h>

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

static struct hop **process_list(struct journey *journey, int64_t pid)
{
	return &journey->processes[(uint64_t)pid % PROCESS_LISTS];
}

/* The last hop of a process, or NULL. */
static struct hop *find_process(struct journey *journey, int64_t pid)
{
	struct hop *hop = *process_list(journey, pid);

	while (hop && hop->pid != pid)
		hop = hop->next;
	return hop;
}

/* The last hop that runs this program, else the last of all, or NULL. */
static struct hop *find_program(const struct journey *journey, const char *program)
{
	for (size_t i = journey->count; i-- > 0;) {
		if (is(program, journey->hops[i]->program))
			return journey->hops[i];
	}
	return journey->count ? journey->hops[journey->count - 1] : NULL;
}

static struct hop *add_hop(struct journey *journey, const struct log_event *event,
			   const struct hop *from)
{
	struct hop *hop = arena_get(journey->arena, sizeof(*hop));
	struct hop **list = process_list(journey, event->pid);

	*hop = (struct hop) { .program = event->exe ? event->exe : "qrap",
			      .pid = event->pid,
			      .from = from,
			      .fate = from ? from->fate : (struct fate) { .well = true },
			      .next = *list };
	*list = hop;
	journey->hops =
		arena_grow(journey->arena, journey->hops, journey->count, sizeof(*journey->hops));
	journey->hops[journey->count++] = hop;
	return hop;
}

/* The connection is not on its number. Unless that was known, nobody was seen to lose it. */
static void miss(struct hop *hop, const struct log_event *event)
{
	struct fate *fate = &hop->fate;
	bool hung_up = is(event->found, FOUND_HUNG_UP);

	/* What passt has ended, no program had lost until then. */
	if (fate->well || (hung_up && !fate->blame.hung_up))
		fate->blame = (struct blame) { .before = fate->well_in,
					       .after = hop,
					       .hung_up = hung_up };
}

static void start_program(struct journey *journey, const struct log_event *event)
{
	struct hop *origin = find_process(journey, event->pid), *hop;

	/* The same process before exec, else its parent. */
	if (!origin)
		origin = find_process(journey, event->ppid);
	hop = add_hop(journey, event, origin ? origin : find_program(journey, NULL));
	hop->start = event;
	if (is(event->found, FOUND_WELL))
		hop->fate.well_in = hop;
	else
		miss(hop, event);
	hop->fate.well = hop->fate.well_in == hop;
}

/* What an event makes of the descriptor. */
static void go_on(struct hop *hop, const struct log_event *event)
{
	struct fate *fate = &hop->fate;

	switch (event->kind) {
	case EVENT_CLOSED:
	case EVENT_OVERWRITTEN:
	case EVENT_CLOEXEC:
		if (!journey_is_loss(event) && !journey_is_put_back(event))
			break;
		fate->well = event->action;
		fate->mended = fate->mended || event->action;
		fate->blame = (struct blame) { .culprit = event, .culprit_hop = hop };
		break;
	case EVENT_LOST:
		/* Without an error it was restored: that event comes next. */
		if (!event->error)
			break;
		__attribute__((fallthrough));
	case EVENT_FOUND_INSTEAD:
		miss(hop, event);
		fate->well = false;
		break;
	case EVENT_RESTORED:
		miss(hop, event);
		fate->mended = true;
		__attribute__((fallthrough));
	case EVENT_CONNECTED:
	case EVENT_HANDED_OVER:
		fate->well = true;
		fate->well_in = hop;
		break;
	default:
		break;
	}
}

void journey_add(struct journey *journey, const struct log_event *event)
{
	struct hop *hop = find_process(journey, event->pid);

	if (!journey->count)
		journey->time_us = event->time_us;
	if (!journey->fd)
		journey->fd = event->fd;
	if (!journey->socket)
		journey->socket = event->socket;
	if (event->kind == EVENT_HANDED_OVER)
		journey->missing = is(event->action, ACTION_GUARDED) ? event->qemu : NULL;
	if (event->kind == EVENT_PROGRAM) {
		start_program(journey, event);
		return;
	}
	/* A child that goes on as the program before it, or execs another one later. */
	if (!hop)
		hop = add_hop(journey, event, find_program(journey, event->exe));
	hop->events = arena_grow(journey->arena, hop->events, hop->count, sizeof(*hop->events));
	hop->events[hop->count++] = event;
	hop->lost = hop->lost || journey_is_loss(event);
	hop->taken = hop->taken || event->kind == EVENT_CLAIMED || event->kind == EVENT_RELEASED;
	hop->in_use = hop->in_use || event->kind == EVENT_RELEASED;
	if (is(event->action, ACTION_UNCONNECTED)) {
		/* QEMU executes itself anew while passt is away: nobody has lost anything. */
		hop->fate.well = false;
		hop->fate.blame = (struct blame) { .before = hop, .after = hop, .hung_up = true };
	} else if (event->kind == EVENT_LINK_UP && !hop->fate.well) {
		/* A start without a network: it came when passt was there again. */
		hop->fate.well = hop->fate.mended = true;
	} else if (!hop->in_use) {
		go_on(hop, event);
	}
}

static bool is_mender(const struct hop *hop)
{
	return hop->start && is(hop->start->action, ACTION_MENDS);
}

/* Who took the descriptor; else the last that would have mended it; else the last program. */
static const struct hop *find_user(const struct journey *journey)
{
	const struct hop *user = NULL;
	int best = 1;

	for (size_t i = 0; i < journey->count; i++) {
		const struct hop *hop = journey->hops[i];
		int rank = hop->taken ? 3 : is_mender(hop) ? 2 : hop->start ? 1 : 0;

		if (rank >= best) {
			best = rank;
			user = hop;
		}
	}
	return user;
}

/* Could that be the QEMU that was to run? It may have been a script, or a link. */
static bool is_qemu(const struct hop *hop, const char *path)
{
	const char *slash = strrchr(hop->program, '/');
	const char *name = slash ? slash + 1 : hop->program;

	return hop->start &&
	       (is(path, hop->program) || strstr(name, "qemu") || strstr(name, "kvm"));
}

/* Is the QEMU that the guarded connection was for still missing? */
static bool is_missing(const struct journey *journey)
{
	bool missing = journey->missing;

	for (size_t i = 0; missing && i < journey->count; i++)
		missing = !journey->hops[i]->taken && !is_qemu(journey->hops[i], journey->missing);
	return missing;
}

/* How it ended, and who is to blame for that. */
static enum verdict find_verdict(struct journey *journey)
{
	const struct hop *user = journey->user;

	if (!user && !journey->missing)
		return VERDICT_UNKNOWN;
	/* QEMU, if it ran at all, had no shim: there is no more to know than where that began. */
	if (journey->missing && (!user || user->fate.well)) {
		/* Helpers that were seen last are no way to it: its wrapper, or who began, is. */
		if (!user || !is_mender(user))
			user = find_process(journey, journey->hops[0]->pid);
		journey->blame.before = user;
		return VERDICT_LOST;
	}
	if (user->fate.well && !user->fate.mended)
		return VERDICT_INTACT;
	journey->blame = user->fate.blame;
	return user->fate.well ? VERDICT_MENDED : VERDICT_LOST;
}

void journey_judge(struct journey *journey)
{
	journey->user = find_user(journey);
	if (!is_missing(journey))
		journey->missing = NULL;
	journey->verdict = find_verdict(journey);
}

bool journey_leads_through(const struct journey *journey, const struct hop *hop)
{
	const struct hop *on_the_way = journey->user;

	while (on_the_way && on_the_way != hop)
		on_the_way = on_the_way->from;
	return on_the_way != NULL;
}
