/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/report/report.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "launcher/base/message.h"
#include "launcher/preload/elf.h"
#include "launcher/report/journal.h"
#include "launcher/report/report_json.h"

/* Longest program that the column of programs makes room for. */
#define PROGRAM_WIDTH_MAX 40

/* What a loss is marked with. */
#define LOSS_MARK "  <== lost here"

static const char *or_unknown(const char *text)
{
	return text ? text : "?";
}

/* What an event made of the descriptor, in a few words; NULL: nothing to speak of. */
static const char *describe(struct arena *arena, const struct log_event *event)
{
	/* The words may quote one text of the event. */
	static const struct {
		const char *words;
		size_t text;
	} rows[EVENT_KINDS] = {
		[EVENT_CONNECTED] = { "connected", 0 },
		[EVENT_HANDED_OVER] = { "handed over, %s", offsetof(struct log_event, action) },
		[EVENT_PRELOAD_SKIPPED] = { "no shim (%s)", offsetof(struct log_event, found) },
		[EVENT_CLOSED] = { "closed by %s", offsetof(struct log_event, call) },
		[EVENT_OVERWRITTEN] = { "overwritten by %s", offsetof(struct log_event, call) },
		[EVENT_CLOEXEC] = { "marked close-on-exec by %s",
				    offsetof(struct log_event, call) },
		[EVENT_RESTORED] = { "restored from %s", offsetof(struct log_event, action) },
		[EVENT_FOUND_INSTEAD] = { "%s", offsetof(struct log_event, action) },
		[EVENT_ENVIRONMENT] = { "environment without the shim, %s",
					offsetof(struct log_event, action) },
		[EVENT_CLAIMED] = { "claimed", 0 },
		[EVENT_RELEASED] = { "in use", 0 },
		[EVENT_FIRST_FRAME] = { "first frame", 0 },
		[EVENT_LINK_DOWN] = { "link down", 0 },
		[EVENT_LINK_UP] = { "link up", 0 },
		[EVENT_STARTED] = { "started", 0 },
		[EVENT_PUBLISHED] = { "published", 0 },
		[EVENT_FAILED] = { "failed", 0 },
		[EVENT_EXECUTES] = { "executes %s", offsetof(struct log_event, command) },
		[EVENT_OWNER_CLOSED] = { "closed by its owner", 0 },
	};
	const char *words = rows[event->kind].words;
	size_t text = rows[event->kind].text;

	/* Without an error it was restored, which says more. */
	if (event->kind == EVENT_LOST && event->error)
		return arena_format(arena, "lost (%s)", strerror((int)event->error));
	if (event->kind == EVENT_ENDED)
		return arena_format(arena, "ended with status %lld", (long long)event->status);
	if (!text)
		return words;
	words = arena_format(arena, words,
			     or_unknown(*(const char *const *)((const char *)event + text)));
	if (text == offsetof(struct log_event, call) && event->action)
		words = arena_format(arena, "%s, %s", words, event->action);
	if (event->kind == EVENT_ENVIRONMENT && event->reason)
		words = arena_format(arena, "%s: %s", words, event->reason);
	return words;
}

/* The states, each with an arrow before it; one that repeats, as in loops over all, is counted. */
static const char *join_states(struct arena *arena, const char *const *states, size_t count)
{
	struct buffer text = { .arena = arena };
	size_t same;

	buffer_add_text(&text, "");
	for (size_t i = 0; i < count; i += same) {
		for (same = 1; i + same < count && !strcmp(states[i], states[i + same]);)
			same++;
		buffer_add_text(&text, i ? " -> " : "");
		buffer_add_text(&text, states[i]);
		if (same > 1)
			buffer_add_text(&text, arena_format(arena, " (%zu times)", same));
	}
	return text.text;
}

/* The states of the descriptor in a program, from the first to the last. */
static const char *list_states(struct arena *arena, const struct hop *hop)
{
	const char **states = arena_get(arena, (hop->count + 2) * sizeof(*states));
	size_t count = 0, link_events = 0;

	if (hop->start)
		states[count++] = or_unknown(hop->start->found);
	else if (hop->from)
		states[count++] = "forked";
	for (size_t i = 0; i < hop->count; i++) {
		const struct log_event *event = hop->events[i];
		bool is_link = event->kind == EVENT_LINK_DOWN || event->kind == EVENT_LINK_UP;

		/* A passt that comes and goes must not push all else out of sight. */
		link_events += is_link;
		if (is_link && link_events > 2)
			continue;
		states[count] = describe(arena, event);
		count += states[count] != NULL;
	}
	if (link_events > 2)
		states[count++] = arena_format(arena, "%zu more times down or up", link_events - 2);
	return join_states(arena, states, count);
}

/* Has something gone on, as far as is known, that nobody saw? */
static bool is_out_of_sight(const struct journey *journey)
{
	return journey->verdict == VERDICT_UNKNOWN && !journey_is_qemu(journey, journey->user) &&
	       !journey->failure;
}

/*
 * Where a loss was called from, and the command that finds the function and the line. The file is
 * that of now: the build-id tells whether it is the one that ran.
 */
static void print_place(const char *call, const struct log_place *place)
{
	unsigned long long offset = (unsigned long long)place->offset;
	char id[2 * ELF_BUILD_ID_MAX + 1] = "";
	uint64_t address;
	struct elf elf;

	if (elf_read(place->module, &elf)) {
		message_answer("%10s %s called at %s+0x%llx, which cannot be read now", "", call,
			       place->module, offset);
		return;
	}
	for (size_t i = 0; i < elf.build_id_size; i++)
		sprintf(id + 2 * i, "%02x", elf.build_id[i]);
	message_answer("%10s %s called at %s+0x%llx, %s%s", "", call, place->module, offset,
		       id[0] ? "build-id " : "no build-id", id);
	/* The byte before: a call that does not return may be the last of its function. */
	address = offset ? elf_address(&elf, offset - 1) : 0;
	if (address)
		message_answer("%10s   addr2line -f -e %s 0x%llx", "", place->module,
			       (unsigned long long)address);
}

/* Where each loss was called from, below its program. */
static void print_places(const struct hop *hop)
{
	static const struct log_place nowhere = { "", 0 };
	const struct log_place *last = &nowhere;

	for (size_t i = 0; i < hop->count; i++) {
		const struct log_event *event = hop->events[i];
		const struct log_place *place = &event->caller;

		if (!place->module || (!journey_is_loss(event) && !journey_is_put_back(event)))
			continue;
		if (place->offset != last->offset || strcmp(place->module, last->module))
			print_place(or_unknown(event->call), place);
		last = place;
	}
}

/* The command, where it never said that it started although the next program did. */
static const char *name_command(const struct hop *before, const struct hop *after)
{
	const char *command = NULL;

	for (size_t i = 0; before && i < before->count; i++) {
		if (before->events[i]->kind == EVENT_HANDED_OVER)
			command = before->events[i]->command;
	}
	return command && (!after || strcmp(command, after->program)) ? command : NULL;
}

/* What nobody saw: a line of its own, between two hops or behind the last one. */
static void print_unseen(const char *name, int width, const char *what)
{
	message_answer("%8s  %-*s  %s", "?", width, name, what);
}

/* What comes behind the hop at which the way is lost from sight, as far as it has a name. */
static const char *name_next(const struct journey *journey)
{
	const char *command = name_command(journey->user, NULL);

	return command ? command : journey->qemu ? journey->qemu : "QEMU";
}

static void print_hop(const struct journey *journey, const struct hop *hop, int width)
{
	const struct blame *blame = &journey->blame;
	const char *command;

	if (hop == blame->after && blame->hung_up) {
		print_unseen("passt", width, "ended the connection" LOSS_MARK);
	} else if (hop == blame->after) {
		command = name_command(blame->before, hop);
		print_unseen(command ? command : "not seen by the shim", width, "gone" LOSS_MARK);
	}
	message_answer("%8lld  %-*s  %s%s", (long long)hop->pid, width, hop->program,
		       list_states(journey->arena, hop),
		       journey_lost_in(journey, hop) ? LOSS_MARK : "");
	print_places(hop);
}

static void print_head(const struct journey *journey)
{
	time_t seconds = (time_t)(journey->time_us / 1000000);
	const char *socket = journey->socket;
	const char *watched = journey->watched ? journey->watched->name : NULL;
	char date[64] = "?";
	struct tm tm;

	if (localtime_r(&seconds, &tm))
		strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &tm);
	if (watched)
		message_answer("run %s, %s: descriptor %lld, %s", journey->run, date,
			       (long long)journey->fd, watched);
	else if (!socket)
		message_answer("run %s, %s: not connected", journey->run, date);
	else
		message_answer("run %s, %s: descriptor %lld, passt at %s", journey->run, date,
			       (long long)journey->fd, *socket ? socket : "a socket pair");
}

static void print_hops(const struct journey *journey)
{
	size_t width = 20;

	for (size_t i = 0; i < journey->count; i++) {
		size_t len = strlen(journey->hops[i]->program);

		if (len > width && len <= PROGRAM_WIDTH_MAX)
			width = len;
	}
	for (size_t i = 0; i < journey->count; i++)
		print_hop(journey, journey->hops[i], (int)width);
	if (is_out_of_sight(journey))
		print_unseen(name_next(journey), (int)width, "not seen");
}

static void print_unread(const size_t lines[LINE_KINDS])
{
	size_t all = lines[LINE_DAMAGED] + lines[LINE_FOREIGN] + lines[LINE_VERSION];

	if (all)
		message_answer("%zu lines not read: %zu damaged, %zu of another program, "
			       "%zu of another version",
			       all, lines[LINE_DAMAGED], lines[LINE_FOREIGN], lines[LINE_VERSION]);
}

/* Where the way is lost from sight, and who has failed, as far as that is known. */
static void print_last_seen(const struct journey *journey)
{
	const char *user = journey_name_hop(journey, journey->user);
	const struct log_event *failure = journey->failure;

	if (failure && failure->reason)
		message_answer("qrap failed with status %lld: %s", (long long)failure->status,
			       failure->reason);
	else if (journey_is_qemu(journey, journey->user))
		message_answer("%s had the descriptor when it started, and did not take it", user);
	else
		message_answer("Nothing was seen after %s: %s did not start, or not with the shim "
			       "(a cleared environment, a static program, privileges gained at "
			       "exec)",
			       user, journey->qemu ? journey->qemu : "QEMU");
	if (failure && !failure->reason)
		message_answer("%s (pid %lld) failed with status %lld", or_unknown(failure->exe),
			       (long long)failure->pid, (long long)failure->status);
}

static void print_advice(const struct journey *journey)
{
	if (journey->blame.hung_up)
		message_answer("passt ended the connection, or was ended: no program lost it");
	if (journey->verdict == VERDICT_UNKNOWN)
		print_last_seen(journey);
	if (journey->blame.hung_up || !(journey->blame.after || is_out_of_sight(journey)))
		return;
	message_answer("The shim sees neither raw system calls nor static programs. strace does:");
	message_answer("  " STRACE_COMMAND);
}

static void print_verdict(const struct journey *journey)
{
	if (journey->verdict != VERDICT_INTACT)
		print_advice(journey);
	message_answer("verdict: %s", verdict_names[journey->verdict]);
	if (journey_is_to_blame(journey))
		message_answer("culprit: %s", journey_name_culprit(journey));
}

static int answer(const struct settings *options, struct journey *run,
		  const size_t lines[LINE_KINDS])
{
	struct journey *list;
	size_t count = journey_split(run, &list);
	enum verdict worst = VERDICT_INTACT;

	if (options->json)
		report_json(list, count, lines);
	for (size_t i = 0; i < count; i++) {
		enum verdict verdict = list[i].verdict;

		if (!options->json) {
			print_head(&list[i]);
			print_hops(&list[i]);
			if (i == count - 1)
				print_unread(lines);
			print_verdict(&list[i]);
		}
		if (verdict > VERDICT_UNKNOWN)
			verdict = VERDICT_LOST;
		worst = verdict > worst ? verdict : worst;
	}
	return (int)worst;
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

int report(const struct settings *options)
{
	FILE *file = open_log(options->file);
	size_t lines[LINE_KINDS];
	struct journey journey = { 0 };
	int error = file ? -journal_read(file, options->job.run, &journey, lines) : errno;
	int status = STATUS_FAILED;

	if (error)
		message_error(&options->log, "Couldn't read %s: %s", options->file,
			      strerror(error));
	else if (journey.run)
		status = answer(options, &journey, lines);
	else
		message_error(&options->log,
			      "%s has no run %s: %zu lines damaged, %zu of another program, "
			      "%zu of another version",
			      options->file, options->job.run ? options->job.run : "of qrap",
			      lines[LINE_DAMAGED], lines[LINE_FOREIGN], lines[LINE_VERSION]);
	if (file) {
		fclose(file);
		arena_free(journey.arena);
	}
	return status;
}
