/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Looking for a passt on a host whose every answer may be another one than expected: what the peers
 * of sockets send, what the kernel tells of sockets and what processes call themselves. Nothing is
 * asked twice or of somebody who is not trusted, nothing stays open, and it comes to an end in
 * time.
 *
 * Input: a byte of settings, how many sockets there may be, and all that host.h then takes from it.
 */
#include "host.h"

#include "launcher/base/memory.c"
#include "launcher/passt/candidate.c"
#include "launcher/passt/passt_process.c"
#include "launcher/passt/search.c"
#include "launcher/passt/unix_diag.c"
#include "shim/common/passt.c"

/*
 * So long a search may take, unless --socket says which one; and longer where it waits for the only
 * one that may still answer, which it does not with --wait (launcher/passt/search.h).
 */
#define LONGEST_MS 1200

int message(const struct log *log, enum log_level least, const char *format, ...)
{
	(void)log;
	(void)format;
	host.warned |= least == LOG_NORMAL;
	return -1;
}

/* The connection that was chosen: one that has answered, or that the user insisted on. */
static void check_found(const struct search *search, int fd)
{
	const struct host_fd *connection = host_fd(fd, HOST_CONNECTION);

	insist(search->found && host_number(search->found->path) == connection->number);
	insist(connection->answered || (search->wanted->socket && connection->sent && host.warned));
	host_close(fd);
}

static int check_search(struct search *search)
{
	int64_t start = host.now_ms;
	int fd;

	memset(host.connects, 0, sizeof(host.connects));
	host.short_of_fds = false;
	fd = search_once(search);
	insist(host_count() == (fd >= 0));
	if (!search->wanted->socket && !host.short_of_fds)
		insist(host.now_ms - start <= LONGEST_MS + (search->wanted->wait_ms ? 0 : LONE_MS));
	for (size_t i = 0; i < search->count; i++)
		insist(candidate_reason(&search->candidates[i]));
	if (fd >= 0)
		check_found(search, fd);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct search search;
	struct passt_trust trust = { .count = 2, .uids = { HOST_UID, 0, HOST_UNKNOWN } };
	struct discovery wanted = { .trust = &trust };
	unsigned settings, searches = 3;

	memset(&host, 0, sizeof(host));
	host.p = data;
	host.end = data + size;
	host.now_ms = 1000000;
	settings = host_byte();
	host.files = host_byte() % (HOST_FILES + 1);
	host.all_users = settings & 1;
	host.first_namespace = host.all_users && settings & 64;
	trust.any = host.trust_any = settings & 2;
	host.trust_nobody = settings & 4;
	trust.count += host.trust_nobody;
	if (settings & 8)
		wanted.socket = "/tmp/passt_1.socket";
	if (settings & 16)
		wanted.wait_ms = 700;
	memset(&search, 0, sizeof(search));
	search.wanted = &wanted;
	search.count = wanted.socket ? 1 : CANDIDATES_MAX;
	/* As many as are worth the time. */
	if (!wanted.socket && !(settings & 32))
		search.count = 8;
	while (check_search(&search) < 0 && host.p < host.end && --searches)
		host.now_ms += host_byte();
	return 0;
}
