/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/report/journey.h"

#include <string.h>

#include "launcher/base/words.h"

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

struct hop *journey_last_hop(const struct journey *journey, int64_t pid)
{
	struct hop *hop = journey->processes[(uint64_t)pid % PROCESS_LISTS];

	while (hop && hop->pid != pid)
		hop = hop->next;
	return hop;
}

/* The last hop that runs this program, or NULL. */
static struct hop *find_program(const struct journey *journey, const char *program)
{
	for (size_t i = journey->count; i-- > 0;) {
		if (is(program, journey->hops[i]->program))
			return journey->hops[i];
	}
	return NULL;
}

/*
 * Where the program of an event came from: the same process before exec, else its parent, else (a
 * child that logs before it executes anything) who runs the same program. Of a parent that was
 * never seen, all that is known is that it came from the launcher's own process.
 */
static struct hop *find_origin(struct journey *journey, const struct log_event *event)
{
	struct hop *hop = journey_last_hop(journey, event->pid);

	if (!hop)
		hop = journey_last_hop(journey, event->ppid);
	if (!hop && event->kind != EVENT_PROGRAM)
		hop = find_program(journey, event->exe);
	if (!hop && journey->count)
		hop = journey_last_hop(journey, journey->hops[0]->pid);
	return hop;
}

/* How the descriptor fared before this event's program: of a child, what it got from its parent. */
static struct fate inherit(const struct hop *from, const struct log_event *event)
{
	bool misses = event->kind == EVENT_PROGRAM && !is(event->found, FOUND_WELL);

	if (!from)
		return (struct fate) { .well = true };
	return from->pid == event->pid || misses ? from->fate : from->passed_on;
}

/* Of an event; a child of a script is that script still. */
static const char *name_program(const struct hop *from, const struct log_event *event)
{
	if (from && from->start && event->kind != EVENT_PROGRAM && is(event->exe, from->start->exe))
		return from->program;
	return event->exe ? event->exe : "qrap";
}

static struct hop *add_hop(struct journey *journey, const struct log_event *event)
{
	const struct hop *from = find_origin(journey, event);
	struct hop *hop = arena_get(journey->arena, sizeof(*hop));
	struct hop **list = &journey->processes[(uint64_t)event->pid % PROCESS_LISTS];

	*hop = (struct hop) { .program = name_program(from, event),
			      .pid = event->pid,
			      .from = from,
			      .fate = inherit(from, event),
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

/* Of descriptors that are watched, those that are not well come first, then all others at once. */
static bool is_rest(const struct hop *hop, const struct log_event *event)
{
	return event->fd < 0 && hop && hop->start && hop->start->fd >= 0 && !hop->is_told;
}

static void start_program(struct journey *journey, const struct log_event *event)
{
	struct hop *hop = journey_last_hop(journey, event->pid);

	if (is_rest(hop, event)) {
		hop->is_told = true;
		return;
	}
	hop = add_hop(journey, event);
	hop->start = event;
	/* A script by its own name. */
	if (event->command)
		hop->program = event->command;
	if (is(event->found, FOUND_WELL))
		hop->fate.well_in = hop;
	else
		miss(hop, event);
	hop->fate.well = hop->fate.well_in == hop;
	hop->passed_on = hop->arrived = hop->fate;
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

/* What an event says of the run. */
static void note_run(struct journey *journey, const struct log_event *event)
{
	journey->events = arena_grow(journey->arena, journey->events, journey->event_count,
				     sizeof(*journey->events));
	journey->events[journey->event_count++] = event;
	if (!journey->count)
		journey->time_us = event->time_us;
	if (journey->fd <= 0 && event->fd >= 0)
		journey->fd = event->fd;
	if (!journey->socket)
		journey->socket = event->socket;
	if (event->kind == EVENT_HANDED_OVER)
		journey->qemu = event->qemu;
	if (event->kind == EVENT_HANDED_OVER && event->sort)
		journey->watched = event;
	if (event->kind == EVENT_DESCRIPTOR)
		journey->outcome = event;
	if (event->kind == EVENT_FAILED || event->kind == EVENT_ENDED)
		journey->failure = event;
}

void journey_add(struct journey *journey, const struct log_event *event)
{
	struct hop *hop = journey_last_hop(journey, event->pid);

	note_run(journey, event);
	if (event->kind == EVENT_PROGRAM) {
		start_program(journey, event);
		return;
	}
	/* Of qrap that watches, and of a job, whose supervisor has no descriptor. */
	if (journey->count &&
	    (event->kind == EVENT_DESCRIPTOR || event->kind == EVENT_GUEST_SERVES ||
	     event->kind == EVENT_READY || (event->kind == EVENT_FAILED && !hop)))
		return;
	/* A child that goes on as the program before it, or execs another one later. */
	if (!hop)
		hop = add_hop(journey, event);
	hop->events = arena_grow(journey->arena, hop->events, hop->count, sizeof(*hop->events));
	hop->events[hop->count++] = event;
	hop->lost = hop->lost || journey_is_loss(event);
	hop->taken = hop->taken || event->kind == EVENT_CLAIMED || event->kind == EVENT_RELEASED;
	hop->in_use = hop->in_use || event->kind == EVENT_RELEASED;
	hop->has_children = hop->has_children || event->children;
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
	if (!hop->has_children)
		hop->passed_on = hop->fate;
	/* Of what is watched, before anything of the program has run. */
	if (event->kind == EVENT_RESTORED)
		hop->arrived = hop->fate;
}

static bool is_mender(const struct hop *hop)
{
	return hop->start && is(hop->start->action, ACTION_MENDS);
}

/* It may have been a script, or a link. */
bool journey_is_qemu(const struct journey *journey, const struct hop *hop)
{
	const char *name = path_name(hop->program);

	return is_mender(hop) &&
	       (is(journey->qemu, hop->program) || strstr(name, "qemu") || strstr(name, "kvm"));
}

/* Was it lost here, for all that came after? A copy that a child has is not lost with this one. */
static bool has_lost(const struct hop *hop)
{
	const struct blame *blame = &hop->fate.blame;

	return !hop->fate.well && (blame->culprit_hop != hop || !blame->culprit->children);
}

/* What speaks for a hop as the one at which the way ends, from nothing to proof. */
enum rank {
	RANK_HELPER,
	RANK_OWN_PROCESS, /* the launcher's own process was seen last there */
	RANK_CHILD,       /* a child lost it there */
	RANK_OWN_LOST,    /* the launcher's own process lost it there */
	RANK_RESTORED,    /* a child had it put back for what it executes, which is on the way */
	RANK_QEMU,
	RANK_TAKEN,
};

/* A program that only observes, in another process than the launcher's own, is a helper. */
static enum rank rank(struct journey *journey, const struct hop *hop)
{
	bool is_own = hop->pid == journey->hops[0]->pid;

	if (hop->taken)
		return RANK_TAKEN;
	if (journey_is_qemu(journey, hop))
		return RANK_QEMU;
	if (hop != journey_last_hop(journey, hop->pid))
		return RANK_HELPER;
	if (is_own)
		return has_lost(hop) ? RANK_OWN_LOST : RANK_OWN_PROCESS;
	if (has_lost(hop))
		return !hop->start || is_mender(hop) ? RANK_CHILD : RANK_HELPER;
	return !hop->start && hop->fate.mended ? RANK_RESTORED : RANK_HELPER;
}

/* The hop at which the way ends, as far as it was seen: of several, the last one. */
static const struct hop *find_user(struct journey *journey)
{
	const struct hop *user = NULL;
	enum rank best = RANK_OWN_PROCESS;

	for (size_t i = 0; i < journey->count; i++) {
		enum rank here = rank(journey, journey->hops[i]);

		if (here >= best) {
			best = here;
			user = journey->hops[i];
		}
	}
	return user;
}

/* Well, and not seen to be taken: then nobody knows how it went on. */
static enum verdict find_verdict(const struct journey *journey)
{
	const struct hop *user = journey->user;

	if (!user->fate.well)
		return user->taken || has_lost(user) ? VERDICT_LOST : VERDICT_UNKNOWN;
	/* One that closes it itself has no use for it. */
	if (!user->taken && (!is_mender(user) || user->fate.blame.culprit_hop == user))
		return VERDICT_UNKNOWN;
	if (user->fate.mended)
		return VERDICT_MENDED;
	return user->taken ? VERDICT_INTACT : VERDICT_UNKNOWN;
}

void journey_judge(struct journey *journey)
{
	journey->user = find_user(journey);
	journey->verdict = find_verdict(journey);
	if (journey_is_to_blame(journey))
		journey->blame = journey->user->fate.blame;
}

const char *const verdict_names[] = {
	[VERDICT_INTACT] = "intact",   [VERDICT_MENDED] = "mended",     [VERDICT_LOST] = "lost",
	[VERDICT_UNKNOWN] = "unknown", [VERDICT_REPLACED] = "replaced", [VERDICT_MARKED] = "marked",
	[VERDICT_HELD] = "held",
};

bool journey_is_to_blame(const struct journey *journey)
{
	return journey->verdict != VERDICT_INTACT && journey->verdict != VERDICT_UNKNOWN;
}

void journey_of(const struct journey *all, int64_t fd, struct journey *journey)
{
	*journey = (struct journey) { .arena = all->arena, .run = all->run };
	for (size_t i = 0; i < all->event_count; i++) {
		const struct log_event *event = all->events[i];

		if (event->fd == fd || event->fd < 0)
			journey_add(journey, event);
	}
}

/* Where a watched descriptor has to arrive, or NULL. */
static const struct hop *find_destination(const struct journey *journey, const char *until)
{
	const struct hop *found = NULL;

	for (size_t i = 0; i < journey->count && !(found && until); i++) {
		const struct hop *hop = journey->hops[i];
		const char *exe = hop->start ? hop->start->exe : NULL;

		if (!exe)
			continue;
		if (until ? is(path_name(hop->program), until) || is(path_name(exe), until)
			  : hop->pid == journey->hops[0]->pid)
			found = hop;
	}
	return found;
}

/* How it arrived there: @fate, with @found on its number, or NULL where nobody has looked. */
static enum verdict judge_arrival(const struct fate *fate, const char *found)
{
	const struct log_event *culprit = fate->blame.culprit;

	if (fate->well)
		return fate->mended ? VERDICT_MENDED : VERDICT_INTACT;
	if (found ? !is(found, FOUND_NOTHING) : culprit && culprit->kind == EVENT_OVERWRITTEN)
		return VERDICT_REPLACED;
	return culprit && culprit->kind == EVENT_CLOEXEC ? VERDICT_MARKED : VERDICT_LOST;
}

bool journey_judge_watched(struct journey *journey, const char *until)
{
	const struct hop *named = until ? find_destination(journey, until) : NULL;
	const struct hop *hop = named ? named : find_destination(journey, NULL);
	bool is_last;

	journey->user = hop;
	journey->verdict = VERDICT_INTACT;
	if (!hop)
		return !until;
	/* It has lost a descriptor, and then become a program that never said that it started. */
	is_last = !named && hop->count && hop->events[hop->count - 1]->kind == EVENT_EXECUTES;
	journey->blame = is_last ? hop->fate.blame : hop->arrived.blame;
	journey->verdict = is_last ? judge_arrival(&hop->fate, NULL)
				   : judge_arrival(&hop->arrived, hop->start->found);
	if (journey->outcome && is(journey->outcome->verdict, verdict_names[VERDICT_HELD]))
		journey->verdict = VERDICT_HELD;
	return named || !until;
}

size_t journey_split(struct journey *run, struct journey **list)
{
	size_t count = 0;

	*list = run;
	if (!run->watched) {
		journey_judge(run);
		return 1;
	}
	*list = NULL;
	for (size_t i = 0; i < run->event_count; i++) {
		const struct log_event *event = run->events[i];

		if (event->kind != EVENT_HANDED_OVER || !event->sort)
			continue;
		*list = arena_grow(run->arena, *list, count, sizeof(**list));
		journey_of(run, event->fd, &(*list)[count]);
		journey_judge_watched(&(*list)[count++], event->until);
	}
	return count;
}

const char *journey_name_hop(const struct journey *journey, const struct hop *hop)
{
	return hop ? arena_format(journey->arena, "%s (pid %lld)", hop->program,
				  (long long)hop->pid)
		   : "the start";
}

const char *journey_name_culprit(const struct journey *journey)
{
	const struct blame *blame = &journey->blame;
	const char *before = journey_name_hop(journey, blame->before);

	if (journey->verdict == VERDICT_HELD)
		return arena_format(journey->arena, "%s (pid %lld)",
				    journey->outcome->culprit.program,
				    (long long)journey->outcome->culprit.pid);
	if (blame->culprit)
		return arena_format(journey->arena, "%s %s",
				    journey_name_hop(journey, blame->culprit_hop),
				    blame->culprit->call ? blame->culprit->call : "?");
	if (blame->before == blame->after)
		return arena_format(journey->arena, "unseen between the start of %s and its main",
				    before);
	return arena_format(journey->arena, "unseen between %s and %s", before,
			    journey_name_hop(journey, blame->after));
}

bool journey_lost_in(const struct journey *journey, const struct hop *hop)
{
	const struct hop *on_the_way = journey->user;

	while (on_the_way && on_the_way != hop)
		on_the_way = on_the_way->from;
	return hop == journey->blame.culprit_hop ||
	       (journey_is_to_blame(journey) && hop->lost && on_the_way);
}
