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

/* Judged by journey_split(). */
static void check_journey(const struct journey *journey)
{
	const struct blame *blame = &journey->blame;

	insist(journey->run && journey->count);
	insist(journey->user || journey->watched);
	insist(!blame->culprit == !blame->culprit_hop);
	if (!journey_is_to_blame(journey) && !journey->watched)
		insist(!blame->culprit && !blame->after && !blame->before);
	if (journey_is_to_blame(journey))
		insist(strlen(journey_name_culprit(journey)));
	for (size_t i = 0; i < journey->count; i++)
		journey_lost_in(journey, journey->hops[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t len = strlen(FIRST_LINE);
	char *text = malloc(len + size);
	size_t lines[LINE_KINDS];
	struct journey run, *list;
	FILE *file;

	insist(text != NULL);
	memcpy(text, FIRST_LINE, len);
	if (size)
		memcpy(text + len, data, size);
	file = fmemopen(text, len + size, "r");
	insist(file != NULL);
	journal_read(file, NULL, &run, lines);
	for (size_t i = journey_split(&run, &list); i-- > 0;)
		check_journey(&list[i]);
	arena_free(run.arena);
	fclose(file);
	free(text);
	return 0;
}
