/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Peers that are not, or not quite, a passt: peers NUMBERS=KIND[:MS] ...
 *
 * NUMBERS is N or FIRST-LAST; each is a socket /tmp/passt_N.socket, or has the path in
 * $PEERS_PATH, with N for its percent sign. Says "ready PID" when all of them are there, then what
 *happens to each: "N connect", "N data BYTES" and "N hangup". Ends when it is killed.
 *
 *	fake	answers as passt does, MS milliseconds after the probe; one client at a time
 *	first	speaks first, as newer passt does; one client at a time
 *	silent	accepts and never says a word
 *	mute	never accepts
 *	busy	is a fake that has a client already
 *	leaving	is busy until MS milliseconds have passed, then a fake
 *	eof	accepts and closes at once
 *	reset	accepts and closes with data unread, so that the other end sees a reset
 *	garbage	answers with what is no frame
 *	part	answers with half a length
 *	stale	a socket that nobody listens on
 *	bound	bound now, listens MS milliseconds later, then a fake
 *	late	appears after MS milliseconds, then a fake
 *	dgram	a datagram socket
 *	other	listens at /tmp/other_N.socket: of no interest
 *
 * As a passt it can be run with --vhost-user, which says nothing here; it hides what it holds, as
 * passt does, with --hide, and goes into the background when all is ready with --background.
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"
#include "errors.h"

enum kind {
	FAKE,
	FIRST,
	SILENT,
	MUTE,
	BUSY,
	LEAVING,
	ENDING,
	RESET,
	GARBAGE,
	PART,
	STALE,
	BOUND,
	LATE,
	DGRAM,
	OTHER,
	KINDS
};

static const char *const kinds[KINDS] = { "fake",    "first", "silent", "mute",    "busy",
					  "leaving", "eof",   "reset",  "garbage", "part",
					  "stale",   "bound", "late",   "dgram",   "other" };

/* A socket and its one client; @due: time at which something has to be done, or 0. */
struct peer {
	int number;
	enum kind kind;
	int ms;
	int listener;
	int client;
	int own_client;
	int64_t due;
};

static struct peer peers[1000];
static size_t count;
static bool hide, background;

/* The path of a peer: the format's percent sign is its number. */
static struct sockaddr_un address(const struct peer *peer)
{
	const char *format = getenv("PEERS_PATH");
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const char *percent;
	int len;

	if (peer->kind == OTHER)
		format = "/tmp/other_%.socket";
	else if (!format)
		format = "/tmp/passt_%.socket";
	percent = strchr(format, '%');
	len = snprintf(addr.sun_path, sizeof(addr.sun_path), "%.*s%d%s", (int)(percent - format),
		       format, peer->number, percent + 1);
	if (len >= (int)sizeof(addr.sun_path)) {
		fprintf(stderr, "peers: too long: %s\n", format);
		exit(2);
	}
	return addr;
}

static void connect_own_client(struct peer *peer)
{
	struct sockaddr_un addr = address(peer);

	peer->own_client = socket(AF_UNIX, SOCK_STREAM, 0);
	if (connect(peer->own_client, (struct sockaddr *)&addr, sizeof(addr)))
		die("connect");
	peer->client = accept(peer->listener, NULL, NULL);
	if (peer->client < 0)
		die("accept");
}

static void make_listen(struct peer *peer)
{
	if (peer->kind != DGRAM && peer->kind != STALE && listen(peer->listener, 0))
		die("listen");
	if (peer->kind == BUSY || peer->kind == LEAVING)
		connect_own_client(peer);
}

static void make(struct peer *peer)
{
	struct sockaddr_un addr = address(peer);

	peer->listener = socket(AF_UNIX, peer->kind == DGRAM ? SOCK_DGRAM : SOCK_STREAM, 0);
	unlink(addr.sun_path);
	if (peer->listener < 0 || bind(peer->listener, (struct sockaddr *)&addr, sizeof(addr)))
		die("bind");
	if (peer->kind == STALE) {
		close(peer->listener);
		peer->listener = -1;
	} else if (peer->kind != BOUND) {
		make_listen(peer);
	}
}

static void add(const char *numbers, enum kind kind, int ms)
{
	int first, last, i;

	if (sscanf(numbers, "%d-%d", &first, &last) < 2)
		last = first = atoi(numbers);
	for (i = first; i <= last; i++) {
		struct peer peer = { i, kind, ms, -1, -1, -1, 0 };

		/* Thousands of these would make us slow: they are there, and that is all. */
		if (kind == OTHER)
			make(&peer);
		else if (count < sizeof(peers) / sizeof(peers[0]))
			peers[count++] = peer;
	}
}

static void read_argument(char *argument)
{
	char *kind = strchr(argument, '=');
	char *ms = strchr(argument, ':');
	int i;

	if (!strncmp(argument, "--", 2)) {
		hide |= !strcmp(argument, "--hide");
		background |= !strcmp(argument, "--background");
		return;
	}
	if (!kind) {
		fprintf(stderr, "peers: NUMBERS=KIND[:MS]: %s\n", argument);
		exit(2);
	}
	*kind++ = '\0';
	if (ms)
		*ms++ = '\0';
	for (i = 0; i < KINDS; i++) {
		if (!strcmp(kinds[i], kind)) {
			add(argument, (enum kind)i, ms ? atoi(ms) : 0);
			return;
		}
	}
	fprintf(stderr, "peers: unknown kind: %s\n", kind);
	exit(2);
}

/* The frame that passt would send: an ARP reply behind its length. */
static void answer(struct peer *peer)
{
	uint8_t frame[46] = { 0, 0, 0, 42, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0,
			      0, 0, 1, 8,  6,    0,    1,    8,    0,    6,    4, 0, 2 };

	peer->due = 0;
	if (peer->kind == GARBAGE)
		send(peer->client, "HTTP/1.1 400 Bad Request\r\n", 26, MSG_NOSIGNAL);
	else if (peer->kind == PART)
		send(peer->client, frame, 2, MSG_NOSIGNAL);
	else
		send(peer->client, frame, sizeof(frame), MSG_NOSIGNAL);
}

static void accepted(struct peer *peer)
{
	int fd = accept(peer->listener, NULL, NULL);
	char byte;

	if (fd < 0)
		return;
	printf("%d connect\n", peer->number);
	if (peer->kind == RESET) {
		/* What is not read when the socket closes makes it a reset. */
		recv(fd, &byte, 1, MSG_PEEK);
		close(fd);
	} else if (peer->kind == ENDING || peer->client >= 0) {
		close(fd);
	} else {
		peer->client = fd;
		if (peer->kind == FIRST)
			answer(peer);
	}
}

static void heard(struct peer *peer)
{
	char buf[4096];
	ssize_t len = recv(peer->client, buf, sizeof(buf), 0);

	if (len > 0) {
		printf("%d data %zd\n", peer->number, len);
		if (peer->kind != SILENT && peer->kind != FIRST)
			peer->due = now_ms() + peer->ms;
		return;
	}
	printf("%d hangup\n", peer->number);
	close(peer->client);
	peer->client = -1;
	peer->due = 0;
}

static void on_time(struct peer *peer)
{
	peer->due = 0;
	if (peer->kind == BOUND) {
		make_listen(peer);
	} else if (peer->kind == LATE) {
		make(peer);
	} else if (peer->kind == LEAVING) {
		close(peer->own_client);
	} else {
		answer(peer);
		return;
	}
	peer->kind = FAKE;
	peer->ms = 0;
}

/* Does what is due; milliseconds until the next one, or -1. */
static int do_due(void)
{
	int64_t now = now_ms(), next = -1;
	size_t i;

	for (i = 0; i < count; i++) {
		if (peers[i].due && peers[i].due <= now)
			on_time(&peers[i]);
		if (peers[i].due && (next < 0 || peers[i].due < next))
			next = peers[i].due;
	}
	return next < 0 ? -1 : (int)(next - now);
}

static void serve(void)
{
	struct pollfd *fds = calloc(2 * count, sizeof(*fds));
	size_t i;

	while (true) {
		int ms = do_due();

		for (i = 0; i < count; i++) {
			bool accepts = peers[i].kind != MUTE && peers[i].kind != DGRAM;

			fds[2 * i] =
				(struct pollfd) { accepts ? peers[i].listener : -1, POLLIN, 0 };
			fds[2 * i + 1] = (struct pollfd) { peers[i].client, POLLIN, 0 };
		}
		if (poll(fds, 2 * count, ms) < 0)
			die("poll");
		for (i = 0; i < count; i++) {
			if (fds[2 * i + 1].revents)
				heard(&peers[i]);
			if (fds[2 * i].revents & POLLIN)
				accepted(&peers[i]);
		}
	}
}

int main(int argc, char **argv)
{
	struct rlimit limit;
	size_t i;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	setlinebuf(stdout);
	while (*++argv)
		read_argument(*argv);
	(void)argc;
	for (i = 0; i < count; i++) {
		if (peers[i].kind != LATE)
			make(&peers[i]);
		if (peers[i].ms &&
		    (peers[i].kind == LATE || peers[i].kind == BOUND || peers[i].kind == LEAVING))
			peers[i].due = now_ms() + peers[i].ms;
	}
	if (hide && prctl(PR_SET_DUMPABLE, 0))
		die("prctl");
	if (background && fork())
		_exit(0);
	printf("ready %d\n", (int)getpid());
	serve();
}
