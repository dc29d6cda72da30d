/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/watch/watched.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "launcher/base/message.h"

/* The first of the descriptors that systemd hands over (sd_listen_fds(3)). */
#define LISTEN_FDS_START 3

/**
 * struct reader - The list as far as it was read
 * @log:	For messages
 * @list:	Those found
 * @count:	How many
 */
struct reader {
	const struct log *log;
	struct watched *list;
	int count;
};

/* What came with exec; what qrap itself has opened is marked. */
static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) == 0;
}

static int add(struct reader *r, long first, long last)
{
	for (long fd = first; fd <= last; fd++) {
		int same = 0;

		if (fd > INT_MAX || !is_open((int)fd))
			return message_error(r->log, "--watch: descriptor %ld is not open", fd);
		while (same < r->count && r->list[same].fd != fd)
			same++;
		if (same < r->count)
			continue;
		if (r->count == WATCH_MAX)
			return message_error(r->log, "--watch: more than %d descriptors",
					     WATCH_MAX);
		r->list[r->count++].fd = (int)fd;
	}
	return 0;
}

static int add_all(struct reader *r)
{
	const long limit = sysconf(_SC_OPEN_MAX);

	for (long fd = STDERR_FILENO + 1; fd < limit; fd++) {
		if (is_open((int)fd) && add(r, fd, fd))
			return -1;
	}
	return 0;
}

static int add_listeners(struct reader *r)
{
	const char *text = getenv("LISTEN_FDS");
	long count = text ? strtol(text, NULL, 10) : 0;

	if (count <= 0 || count > INT_MAX)
		return message_error(r->log, "--watch listen: there is no LISTEN_FDS");
	return add(r, LISTEN_FDS_START, LISTEN_FDS_START + count - 1);
}

/* N or M-N */
static int add_range(struct reader *r, const char *word)
{
	char *end;
	long first = strtol(word, &end, 10), last = first;
	bool is_number = *word >= '0' && *word <= '9';

	if (is_number && *end == '-') {
		const char *second = end + 1;

		is_number = *second >= '0' && *second <= '9';
		last = strtol(second, &end, 10);
	}
	if (!is_number || *end)
		return message_error(r->log,
				     "--watch: \"%s\" is neither a number nor a range, stdio, "
				     "listen or all",
				     word);
	if (last < first)
		return message_error(r->log, "--watch: the range %s is backwards", word);
	return add(r, first, last);
}

static int add_word(struct reader *r, const char *word)
{
	if (!strcmp(word, "stdio"))
		return add(r, STDIN_FILENO, STDERR_FILENO);
	if (!strcmp(word, "listen"))
		return add_listeners(r);
	if (!strcmp(word, "all"))
		return add_all(r);
	return add_range(r, word);
}

int watched_read(const struct log *log, const char *text, struct arena *arena,
		 struct watched list[WATCH_MAX])
{
	struct reader r = { .log = log, .list = list };
	char *rest = arena_copy(arena, text, strlen(text)), *word;

	while ((word = strsep(&rest, ","))) {
		if (add_word(&r, word))
			return -1;
	}
	if (!r.count)
		return message_error(log, "--watch %s: no descriptor is open", text);
	for (int i = 0; i < r.count; i++)
		watched_describe(&list[i], arena);
	return r.count;
}
