/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a log file says about the descriptor, for people and for scripts. */
#include "launcher/report/report.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "launcher/base/message.h"
#include "launcher/report/journal.h"
#include "launcher/report/journey.h"
#include "launcher/report/place.h"
#include "shim/guard/fd_log.h"

/* Longest program that the column of programs makes room for. */
#define PROGRAM_WIDTH_MAX 40

/* What a loss is marked with. */
#define LOSS_MARK "  <== lost here"

/**
 * struct picture - A report in the making
 * @arena:	For texts
 * @journal:	What the file has
 * @journey:	What it means
 * @width:	Of the column of programs
 */
struct picture {
	struct arena *arena;
	const struct journal *journal;
	struct journey journey;
	int width;
};

static const char *or_unknown(const char *text)
{
	return text ? text : "?";
}

/* What somebody did to the descriptor, and what was done about it. */
static const char *describe_harm(struct arena *arena, const char *what, const struct record *record)
{
	return arena_format(arena, "%s by %s%s%s", what, or_unknown(record->call),
			    record->action ? ", " : "", record->action ? record->action : "");
}

/* What an event made of the descriptor, in a few words; NULL: nothing to speak of. */
static const char *describe(struct arena *arena, const struct record *record)
{
	static const char *const words[EVENT_KINDS] = {
		[EVENT_CONNECTED] = "connected",
		[EVENT_CLAIMED] = "claimed",
		[EVENT_RELEASED] = "in use",
		[EVENT_FIRST_FRAME] = "first frame",
		[EVENT_LINK_DOWN] = "link down",
		[EVENT_LINK_UP] = "link up",
		[EVENT_OWNER_CLOSED] = "closed by its owner",
	};

	switch (record->kind) {
	case EVENT_HANDED_OVER:
		return arena_format(arena, "handed over, %s", or_unknown(record->action));
	case EVENT_PRELOAD_SKIPPED:
		return arena_format(arena, "no shim (%s)", or_unknown(record->found));
	case EVENT_CLOSED:
		return describe_harm(arena, "closed", record);
	case EVENT_OVERWRITTEN:
		return describe_harm(arena, "overwritten", record);
	case EVENT_CLOEXEC:
		return describe_harm(arena, "marked close-on-exec", record);
	case EVENT_LOST:
		/* Without an error it was restored, which says more. */
		return record->error
			       ? arena_format(arena, "lost (%s)", strerror((int)record->error))
			       : NULL;
	case EVENT_RESTORED:
		return arena_format(arena, "restored from %s", or_unknown(record->action));
	case EVENT_FOUND_INSTEAD:
		return or_unknown(record->action);
	default:
		return record->kind < EVENT_KINDS ? words[record->kind] : NULL;
	}
}

/**
 * struct states - A list of states in the making
 * @text:	The list so far
 * @last:	Last state in it, or NULL
 * @repeats:	How often it came again
 */
struct states {
	struct buffer text;
	const char *last;
	size_t repeats;
};

static void end_repeats(struct states *states)
{
	if (states->repeats)
		buffer_add_text(&states->text, arena_format(states->text.arena, " (%zu times)",
							    states->repeats + 1));
	states->repeats = 0;
}

/* Adds a state; one that comes again, as in loops over all descriptors, is counted. */
static void add_state(struct states *states, const char *state)
{
	if (!state)
		return;
	if (states->last && !strcmp(states->last, state)) {
		states->repeats++;
		return;
	}
	end_repeats(states);
	if (states->last)
		buffer_add_text(&states->text, " -> ");
	buffer_add_text(&states->text, state);
	states->last = state;
}

static bool is_link_event(const struct record *record)
{
	return record->kind == EVENT_LINK_DOWN || record->kind == EVENT_LINK_UP;
}

static const char *first_state(struct arena *arena, const struct hop *hop)
{
	if (hop->begin->kind == EVENT_PROGRAM)
		return or_unknown(hop->begin->found);
	return hop->is_fork ? "forked" : describe(arena, hop->begin);
}

/* The states of the descriptor in a program, from the first to the last. */
static const char *list_states(struct arena *arena, const struct hop *hop)
{
	struct states states = { .text = { .arena = arena } };
	size_t link_events = 0;

	add_state(&states, first_state(arena, hop));
	for (size_t i = 0; i < hop->count; i++) {
		const struct record *record = hop->records[i];

		/* A passt that comes and goes must not push all else out of sight. */
		link_events += is_link_event(record);
		if (!is_link_event(record) || link_events <= 2)
			add_state(&states, describe(arena, record));
	}
	if (link_events > 2)
		add_state(&states,
			  arena_format(arena, "%zu more times down or up", link_events - 2));
	end_repeats(&states);
	return states.text.text ? states.text.text : "";
}

/* Did the descriptor get lost in this program, on its way to QEMU? */
static bool is_scene(const struct journey *journey, const struct hop *hop)
{
	if (hop == journey->culprit_hop)
		return true;
	for (size_t i = 0; i < hop->count; i++) {
		if (journey_is_loss(hop->records[i]))
			return journey_leads_through(journey, hop);
	}
	return false;
}

static bool same_place(const struct record *a, const struct record *b)
{
	return a && a->offset == b->offset && !strcmp(a->module, b->module);
}

/* Where each loss was called from, below its program. */
static void print_places(const struct picture *p, const struct hop *hop)
{
	const struct record *last = NULL;

	for (size_t i = 0; i < hop->count; i++) {
		const struct record *record = hop->records[i];

		if (!record->module || (!journey_is_loss(record) && !journey_is_put_back(record)))
			continue;
		if (!same_place(last, record))
			message_answer("%10s %s called at %s", "", or_unknown(record->call),
				       place_describe(p->arena, record->module, record->offset));
		last = record;
	}
}

/* The command, where it never said that it started although the next program did. */
static const char *name_unseen(const struct picture *p)
{
	const struct hop *before = p->journey.before, *after = p->journey.after;
	const char *command = before ? before->begin->command : NULL;

	if (p->journey.hung_up)
		return "passt";
	for (size_t i = 0; before && i < before->count; i++)
		command = before->records[i]->command ? before->records[i]->command : command;
	return command && (!after || strcmp(command, after->program)) ? command
								      : "not seen by the shim";
}

/* What happened between two hops. */
static void print_unseen(const struct picture *p)
{
	message_answer("%8s  %-*s  %s", "?", p->width, name_unseen(p),
		       p->journey.hung_up ? "ended the connection" LOSS_MARK : "gone" LOSS_MARK);
}

static void print_hop(const struct picture *p, const struct hop *hop)
{
	const struct journey *journey = &p->journey;

	if (hop == journey->after && !journey->culprit)
		print_unseen(p);
	message_answer("%8ld  %-*s  %s%s", hop->pid, p->width, hop->program,
		       list_states(p->arena, hop), is_scene(journey, hop) ? LOSS_MARK : "");
	print_places(p, hop);
}

static void print_head(const struct picture *p)
{
	const struct record *first = &p->journal->records[0];
	time_t seconds = (time_t)first->seconds;
	const char *socket = NULL;
	char date[64] = "?";
	struct tm tm;
	long fd = -1;

	for (size_t i = 0; i < p->journal->count; i++) {
		fd = fd >= 0 ? fd : p->journal->records[i].fd;
		socket = socket ? socket : p->journal->records[i].socket;
	}
	if (localtime_r(&seconds, &tm))
		strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &tm);
	message_answer("run %s, %s: descriptor %ld, passt at %s", p->journal->run, date, fd,
		       socket && *socket ? socket : "a socket pair");
}

static void find_width(struct picture *p)
{
	p->width = 20;
	for (size_t i = 0; i < p->journey.count; i++) {
		size_t len = strlen(p->journey.hops[i]->program);

		if (len > (size_t)p->width && len <= PROGRAM_WIDTH_MAX)
			p->width = (int)len;
	}
}

static void print_unread(const struct journal *journal)
{
	size_t all = journal->damaged + journal->foreign + journal->versions;

	if (all)
		message_answer("%zu lines not read: %zu damaged, %zu of another program, "
			       "%zu of another version",
			       all, journal->damaged, journal->foreign, journal->versions);
}

static const char *name_hop(struct arena *arena, const struct hop *hop)
{
	return hop ? arena_format(arena, "%s (pid %ld)", hop->program, hop->pid) : "the start";
}

static void print_culprit(const struct picture *p)
{
	const struct journey *journey = &p->journey;

	if (journey->culprit)
		message_answer("culprit: %s %s", name_hop(p->arena, journey->culprit_hop),
			       or_unknown(journey->culprit->call));
	else if (!journey->after)
		message_answer("culprit: unseen between %s and %s",
			       name_hop(p->arena, journey->before), journey->missing);
	else if (journey->before == journey->after)
		message_answer("culprit: unseen between the start of %s and its main",
			       name_hop(p->arena, journey->after));
	else
		message_answer("culprit: unseen between %s and %s",
			       name_hop(p->arena, journey->before),
			       name_hop(p->arena, journey->after));
}

static void print_advice(const struct picture *p)
{
	const struct journey *journey = &p->journey;

	if (journey->culprit)
		return;
	if (journey->hung_up) {
		message_answer("passt ended the connection, or was ended: no program lost it");
		return;
	}
	if (!journey->after)
		message_answer("%s was not seen to start: it did not, or not with the shim (sudo "
			       "and others clear LD_PRELOAD)",
			       journey->missing);
	message_answer("The shim sees neither raw system calls nor static programs. strace does:");
	message_answer("  " STRACE_COMMAND);
}

static int print_verdict(const struct picture *p)
{
	static const char *const names[] = {
		[VERDICT_INTACT] = "intact",
		[VERDICT_MENDED] = "mended",
		[VERDICT_LOST] = "lost",
	};
	static const int statuses[] = {
		[VERDICT_INTACT] = REPORT_INTACT,
		[VERDICT_MENDED] = REPORT_MENDED,
		[VERDICT_LOST] = REPORT_LOST,
	};
	enum verdict verdict = p->journey.verdict;

	if (verdict != VERDICT_INTACT)
		print_advice(p);
	message_answer("verdict: %s", names[verdict]);
	if (verdict != VERDICT_INTACT)
		print_culprit(p);
	return statuses[verdict];
}

static int print_report(const struct settings *options, const struct journal *journal)
{
	struct picture p = { .arena = journal->arena, .journal = journal };

	journey_find(journal, &p.journey);
	find_width(&p);
	print_head(&p);
	for (size_t i = 0; i < p.journey.count; i++)
		print_hop(&p, p.journey.hops[i]);
	if (!p.journey.after && p.journey.missing && !p.journey.culprit)
		print_unseen(&p);
	print_unread(journal);
	if (p.journey.verdict != VERDICT_UNKNOWN)
		return print_verdict(&p);
	message_error(&options->log,
		      "%s: nothing was seen after the hand-over, no program loaded the shim",
		      options->file);
	return STATUS_FAILED;
}

/* Regular files and pipes: others may never end. */
static FILE *open_log(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return NULL;
	if (!fstat(fd, &st) && (S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode)))
		return fdopen(fd, "r");
	errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
	close(fd);
	return NULL;
}

static int say_unreadable(const struct settings *options, int error)
{
	message_error(&options->log, "Couldn't read %s: %s", options->file, strerror(error));
	return STATUS_FAILED;
}

int report(const struct settings *options)
{
	FILE *file = open_log(options->file);
	struct journal journal;
	int status = STATUS_FAILED, error;

	if (!file)
		return say_unreadable(options, errno);
	error = journal_read(file, &journal);
	fclose(file);
	if (error)
		say_unreadable(options, -error);
	else if (journal.count)
		status = print_report(options, &journal);
	else
		message_error(&options->log,
			      "%s has no run of qrap: %zu lines damaged, %zu of another program, "
			      "%zu of another version",
			      options->file, journal.damaged, journal.foreign, journal.versions);
	journal_free(&journal);
	return status;
}
