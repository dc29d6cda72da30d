/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Log files of any kind: reading them and making a journey of them comes to an end, and the answer
 * fits together. In front of the input stands a line of ours, so that there always is a run.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/report/journal.h"

#define FIRST_LINE \
	"{\"v\":1,\"ts\":1.5,\"run\":\"a\",\"pid\":9,\"event\":\"handed-over\",\"msg\":\"\"}\n"

static void insist(bool truth)
{
	if (!truth)
		abort();
}

static void check_journey(struct journey *journey)
{
	const struct blame *blame = &journey->blame;

	journey_judge(journey);
	insist(journey->run && journey->count);
	insist((!journey->user && !journey->missing) == (journey->verdict == VERDICT_UNKNOWN));
	insist(!journey->user || journey_leads_through(journey, journey->user));
	insist(!blame->culprit == !blame->culprit_hop);
	if (journey->verdict == VERDICT_INTACT || journey->verdict == VERDICT_UNKNOWN)
		insist(!blame->culprit && !blame->after && !blame->before);
	else
		insist(blame->culprit || blame->after || journey->missing);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t len = strlen(FIRST_LINE);
	char *text = malloc(len + size);
	size_t lines[LINE_KINDS];
	struct journey journey;
	FILE *file;

	insist(text != NULL);
	memcpy(text, FIRST_LINE, len);
	if (size)
		memcpy(text + len, data, size);
	file = fmemopen(text, len + size, "r");
	insist(file != NULL);
	journal_read(file, &journey, lines);
	check_journey(&journey);
	arena_free(journey.arena);
	fclose(file);
	free(text);
	return 0;
}
