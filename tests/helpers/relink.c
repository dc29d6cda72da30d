/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * relink [-p] SCENARIO COUNT COMMAND [ARG]...: a passt that dies often, before and behind a QEMU
 *
 * Listens on ./passt.socket as passt would, and runs COMMAND, which is to connect there and to
 * forward frames between that connection and a socket on descriptor 6, both ways (a QEMU with a
 * hub). Each frame has a number, and what it holds follows from that: every frame that arrives on
 * either side is checked. Status 0 if all was well.
 *
 * COMMAND's standard input is ours to write monitor commands to.
 *
 * -p: plain, QEMU connects by itself, and nobody asks a question first.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"

#define PASST_PATH "passt.socket"
#define QEMU_FD    5
#define BEHIND_FD  6

#define HEADER    4
#define MAX_FRAME 69632
#define ETHERNET  14
#define NUMBERED  (ETHERNET + 4) /* Ethernet header, number */

/* More frames than any scenario sends. */
#define NUMBERS (1 << 20)

/* Nothing here takes that long. */
#define DEADLINE_MS 8000

static const uint8_t dummy[ETHERNET] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5 };

/**
 * struct stream - Frames that arrive at one side
 * @name:	For messages
 * @buf:	What has arrived of the frame in progress, and what follows it
 * @len:	Bytes in @buf
 * @last:	Number of the last frame
 * @seen:	Numbers that have been seen: the hub may change the order of what it has queued
 * @frames:	Numbered frames so far
 * @dummies:	Dummy frames so far
 * @padded:	Frames so far that were completed by padding
 * @cut:	Bytes of frame number @cut_number that were sent before passt died, or 0
 * @cut_number: See above
 * @cut_size:	Length of that frame
 */
struct stream {
	const char *name;
	uint8_t buf[4 * MAX_FRAME];
	size_t len;
	uint32_t last;
	bool seen[NUMBERS];
	unsigned frames;
	unsigned dummies;
	unsigned padded;
	size_t cut;
	uint32_t cut_number;
	uint32_t cut_size;
};

/**
 * struct peer - Both sides of QEMU
 * @listener:	passt's listening socket, or -1
 * @conn:	passt's connection, or -1
 * @behind:	Our end of descriptor 6
 * @monitor:	QEMU's standard input
 * @qemu:	The command
 * @number:	Number of the last frame sent as passt
 * @guest_number: Number of the last frame sent from behind
 * @from_guest:	What arrives at passt
 * @from_passt:	What arrives behind
 */
struct peer {
	int listener;
	int conn;
	int behind;
	int monitor;
	pid_t qemu;
	uint32_t number;
	uint32_t guest_number;
	struct stream from_guest;
	struct stream from_passt;
};

static struct peer peer = {
	.listener = -1,
	.conn = -1,
	.from_guest = { .name = "from the guest" },
	.from_passt = { .name = "from passt" },
};

static void die(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	fprintf(stderr, "relink: ");
	vfprintf(stderr, format, list);
	fprintf(stderr, "\n");
	va_end(list);
	if (peer.qemu > 0)
		kill(peer.qemu, SIGKILL);
	exit(1);
}

static int check(int ret, const char *what)
{
	if (ret < 0)
		die("%s: %s", what, strerror(errno));
	return ret;
}

static void put32(uint8_t *p, uint32_t n)
{
	p[0] = (uint8_t)(n >> 24);
	p[1] = (uint8_t)(n >> 16);
	p[2] = (uint8_t)(n >> 8);
	p[3] = (uint8_t)n;
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Frame @number of @size bytes behind its length; no byte of it but the number's is zero. */
static void make_frame(uint8_t *out, uint32_t number, uint32_t size)
{
	uint32_t i;

	put32(out, size);
	memset(out + HEADER, 0x52, ETHERNET);
	put32(out + HEADER + ETHERNET, number);
	for (i = NUMBERED; i < size; i++)
		out[HEADER + i] = (uint8_t)(1 + (number + i) % 255);
}

/* What QEMU must make of a frame that was cut. Return: its length. */
static uint32_t padded_frame(uint8_t *out, const struct stream *s)
{
	uint32_t size = s->cut_size, known;

	known = s->cut > HEADER ? (uint32_t)s->cut - HEADER : 0;
	if (s->cut < HEADER) {
		size &= ~(uint32_t)0 << 8 * (HEADER - s->cut);
		size = size < 60 ? 60 : size;
	}
	if (size > MAX_FRAME)
		return size;
	make_frame(out, s->cut_number, size);
	if (known < size)
		memset(out + HEADER + known, 0, size - known);
	if (known < ETHERNET)
		memcpy(out + HEADER + known, dummy + known, ETHERNET - known);
	put32(out, size);
	return size;
}

static bool is_dummy(const uint8_t *frame, uint32_t size)
{
	return size == 60 && !memcmp(frame, dummy, ETHERNET);
}

static bool is_padded(const struct stream *s, const uint8_t *frame, uint32_t size)
{
	static uint8_t wanted[HEADER + MAX_FRAME];

	return s->cut && padded_frame(wanted, s) == size && !memcmp(frame, wanted + HEADER, size);
}

static void check_frame(struct stream *s, const uint8_t *frame, uint32_t size)
{
	static uint8_t wanted[HEADER + MAX_FRAME];
	uint32_t number = size >= NUMBERED ? get32(frame + ETHERNET) : 0;

	if (is_padded(s, frame, size)) {
		s->padded++;
		s->cut = 0;
		return;
	}
	if (is_dummy(frame, size)) {
		s->dummies++;
		return;
	}
	if (size < NUMBERED)
		die("%s: a frame of %u bytes", s->name, size);
	make_frame(wanted, number, size);
	if (memcmp(frame, wanted + HEADER, size))
		die("%s: frame %u of %u bytes behind %u is damaged", s->name, number, size,
		    s->last);
	if (number >= NUMBERS || s->seen[number])
		die("%s: frame %u once more", s->name, number);
	s->seen[number] = true;
	s->last = number;
	s->frames++;
}

/* Checks all whole frames that have arrived. */
static void check_frames(struct stream *s)
{
	size_t at = 0;
	uint32_t size;

	while (s->len - at >= HEADER) {
		size = get32(s->buf + at);
		if (size > MAX_FRAME)
			die("%s: a frame of %u bytes", s->name, size);
		if (s->len - at < HEADER + size)
			break;
		check_frame(s, s->buf + at + HEADER, size);
		at += HEADER + size;
	}
	memmove(s->buf, s->buf + at, s->len - at);
	s->len -= at;
}

/* Reads what is there, at most @max bytes. Return: false at the end of the stream. */
static bool take(struct stream *s, int fd, size_t max)
{
	size_t room = sizeof(s->buf) - s->len;
	ssize_t got = recv(fd, s->buf + s->len, room < max ? room : max, MSG_DONTWAIT);

	if (got < 0 && errno == EAGAIN)
		return true;
	if (got <= 0)
		return false;
	s->len += (size_t)got;
	check_frames(s);
	return true;
}

static void listen_as_passt(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = PASST_PATH };

	unlink(PASST_PATH);
	peer.listener = check(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
	check(bind(peer.listener, (struct sockaddr *)&addr, sizeof(addr)), "bind");
	check(listen(peer.listener, 0), "listen");
}

static void close_conn(void)
{
	if (peer.conn >= 0)
		close(peer.conn);
	peer.conn = -1;
	/* What QEMU sends to the next one begins with a frame. */
	peer.from_guest.len = 0;
}

/* passt dies, in the order in which the kernel closes its descriptors. */
static void die_as_passt(void)
{
	close(peer.listener);
	peer.listener = -1;
	close_conn();
}

static void must_live(void)
{
	int status;

	if (waitpid(peer.qemu, &status, WNOHANG) == peer.qemu) {
		peer.qemu = 0;
		die("QEMU ended: status %d, signal %d", WEXITSTATUS(status), WTERMSIG(status));
	}
}

/* Accepts a new connection, reads what is there on both sides. */
static void pump(int ms)
{
	struct pollfd fds[] = {
		{ .fd = peer.behind, .events = POLLIN },
		{ .fd = peer.conn, .events = POLLIN },
		{ .fd = peer.conn < 0 ? peer.listener : -1, .events = POLLIN },
	};

	poll(fds, 3, ms);
	must_live();
	if (fds[0].revents && !take(&peer.from_passt, peer.behind, SIZE_MAX))
		die("QEMU has closed the socket behind it");
	if (fds[1].revents && !take(&peer.from_guest, peer.conn, SIZE_MAX))
		close_conn();
	if (fds[2].revents & POLLIN)
		peer.conn = check(accept4(peer.listener, NULL, NULL, SOCK_CLOEXEC), "accept");
}

static void pump_until(bool (*done)(void), const char *what)
{
	int64_t deadline = now_ms() + DEADLINE_MS;

	while (!done()) {
		pump(50);
		if (now_ms() > deadline)
			die("waited in vain: %s", what);
	}
}

static bool is_connected(void)
{
	return peer.conn >= 0;
}

static bool is_disconnected(void)
{
	return peer.conn < 0;
}

static bool all_arrived(void)
{
	return peer.from_passt.seen[peer.number];
}

static bool guest_arrived(void)
{
	return peer.from_guest.seen[peer.guest_number];
}

/* Sends @n bytes at once or dies. */
static void send_all(int fd, const uint8_t *data, size_t n)
{
	size_t done = 0;
	ssize_t sent;

	while (done < n) {
		sent = send(fd, data + done, n - done, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno != EAGAIN)
			die("send: %s", strerror(errno));
		if (sent < 0)
			pump(10);
		else
			done += (size_t)sent;
	}
}

/* A frame as passt would send it. */
static void send_frame(uint32_t size)
{
	static uint8_t frame[HEADER + MAX_FRAME];

	make_frame(frame, ++peer.number, size);
	send_all(peer.conn, frame, HEADER + size);
}

static void send_from_behind(uint32_t size)
{
	static uint8_t frame[HEADER + MAX_FRAME];

	make_frame(frame, ++peer.guest_number, size);
	send_all(peer.behind, frame, HEADER + size);
}

/* Is the link good in both directions? What is sent while it is down is lost: try again. */
static void prove_link(void)
{
	int64_t deadline = now_ms() + DEADLINE_MS;

	pump_until(is_connected, "connection");
	send_frame(60);
	pump_until(all_arrived, "frame from passt");
	do {
		int64_t soon = now_ms() + 100;

		send_from_behind(60);
		while (!guest_arrived() && now_ms() < soon)
			pump(5);
	} while (!guest_arrived() && now_ms() < deadline);
	if (!guest_arrived())
		die("waited in vain: frame from the guest");
}

static void tell_monitor(const char *command)
{
	if (write(peer.monitor, command, strlen(command)) != (ssize_t)strlen(command))
		die("monitor: %s", strerror(errno));
}

/* The command's descriptors: 5 is for it to fill, or @connection; 6 is the socket behind it. */
static void run_command(char **argv, int connection)
{
	int behind[2], monitor[2];

	check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, behind), "socketpair");
	check(pipe2(monitor, O_CLOEXEC), "pipe");
	peer.behind = fcntl(behind[0], F_DUPFD_CLOEXEC, 20);
	peer.monitor = fcntl(monitor[1], F_DUPFD_CLOEXEC, 20);
	peer.qemu = check(fork(), "fork");
	if (!peer.qemu) {
		int six = fcntl(behind[1], F_DUPFD_CLOEXEC, 20);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(monitor[0], STDIN_FILENO);
		if (connection >= 0)
			dup2(connection, QEMU_FD);
		dup2(six, BEHIND_FD);
		execvp(argv[0], argv);
		die("%s: %s", argv[0], strerror(errno));
	}
	close(behind[0]);
	close(behind[1]);
	close(monitor[0]);
	close(monitor[1]);
}

/* The question is no frame of ours: anything answers it. */
static void take_question(void)
{
	struct pollfd p = { .fd = peer.conn, .events = POLLIN };
	uint8_t question[1024];

	poll(&p, 1, DEADLINE_MS);
	if (recv(peer.conn, question, sizeof(question), 0) <= 0)
		die("no question");
}

/* Whoever connects first is qrap, with a question, or QEMU itself if that is @plain. */
static void begin(char **argv, bool plain)
{
	listen_as_passt();
	run_command(argv, -1);
	pump_until(is_connected, "first connection");
	if (!plain)
		take_question();
	prove_link();
}

static void end(void)
{
	int status;

	tell_monitor("quit\n");
	if (waitpid(peer.qemu, &status, 0) != peer.qemu || status)
		die("QEMU ended with status %x", status);
	peer.qemu = 0;
	printf("frames=%u guest-frames=%u dummies=%u padded=%u\n", peer.from_passt.frames,
	       peer.from_guest.frames, peer.from_passt.dummies, peer.from_passt.padded);
}

/* passt dies in the middle of a frame of @size bytes, after @cut of it with its length. */
static void cut(uint32_t size, size_t cut_at)
{
	static uint8_t frame[HEADER + MAX_FRAME];
	unsigned padded = peer.from_passt.padded;
	bool partial = cut_at > 0 && cut_at < HEADER + size;

	send_frame(60);
	pump_until(all_arrived, "frame before the cut");
	make_frame(frame, ++peer.number, size);
	peer.from_passt.cut = partial ? cut_at : 0;
	peer.from_passt.cut_number = peer.number;
	peer.from_passt.cut_size = size;
	send_all(peer.conn, frame, cut_at);
	die_as_passt();
	listen_as_passt();
	prove_link();
	if (peer.from_passt.padded != padded + partial)
		die("cut at %zu of %u: padded %u times", cut_at, size,
		    peer.from_passt.padded - padded);
}

/* passt dies at every offset of a small frame, and at those of others that matter. */
static void scenario_cut(unsigned count)
{
	static const uint32_t sizes[] = { 60, 18, 1400, 65535, 65536, 69632 };
	unsigned done = 0, i;
	size_t at;

	for (at = 0; at <= HEADER + 60 && done < count; at++, done++)
		cut(60, at);
	for (i = 1; i < sizeof(sizes) / sizeof(*sizes); i++) {
		for (at = 1; at <= HEADER + ETHERNET + 2 && done < count; at++, done++)
			cut(sizes[i], at);
		if (done++ < count)
			cut(sizes[i], HEADER + sizes[i] - 1);
		if (done++ < count)
			cut(sizes[i], HEADER + sizes[i] / 2);
	}
	for (; done < count; done++)
		cut(1400, (done * 37) % (HEADER + 1400 + 1));
}

/* Lets QEMU send large frames that passt reads slowly, or not at all, before it dies. */
static void scenario_half_sent(unsigned count)
{
	unsigned i, n;

	for (i = 0; i < count; i++) {
		for (n = 0; n < 3 + i % 4; n++)
			send_from_behind(65538 - i % 3);
		/* Some of it, cut anywhere. */
		usleep(i % 5 * 300);
		take(&peer.from_guest, peer.conn, 1 + (i * 7919) % 100000);
		die_as_passt();
		listen_as_passt();
		prove_link();
	}
}

/* passt dies at any moment of traffic in both directions. */
static void scenario_bulk(unsigned count)
{
	unsigned i, n;

	for (i = 0; i < count; i++) {
		for (n = 0; n < 10 + i % 50; n++) {
			uint32_t size = (n % 4) ? 1400 + i % 100 : 60000 + i % 5000;

			send_frame(size);
			send_from_behind(n % 3 ? 1400 : 65000);
			pump(0);
		}
		/* Frames that passt has sent whole are not lost, those behind are its own. */
		die_as_passt();
		listen_as_passt();
		prove_link();
	}
}

/* A length that cannot be takes the link down, and nothing of it arrives. */
static void hostile(uint32_t size, size_t split)
{
	uint8_t junk[HEADER + 4096];
	unsigned frames = peer.from_passt.frames;

	memset(junk, 0xff, sizeof(junk));
	put32(junk, size);
	send_frame(60);
	/* What could still be a length has passed, and becomes one. */
	peer.from_passt.cut = split;
	peer.from_passt.cut_size = size;
	if (split) {
		send_all(peer.conn, junk, split);
		usleep(20000);
	}
	send(peer.conn, junk + split, sizeof(junk) - split, MSG_NOSIGNAL);
	pump_until(is_disconnected, "the end of a link with a bad length");
	prove_link();
	peer.from_passt.cut = 0;
	if (peer.from_passt.frames != frames + 2)
		die("length %u: %u frames arrived", size, peer.from_passt.frames - frames);
}

static void scenario_hostile(unsigned count)
{
	static const uint32_t sizes[] = { 0, 5, 13, 69633, UINT32_MAX, 0x00011100 };
	unsigned i;

	for (i = 0; i < count; i++)
		hostile(sizes[i % 6], i / 6 % 4);
}

/* The first few connections are closed at once, as a passt does that serves somebody else. */
static void scenario_closes_at_once(unsigned count)
{
	unsigned i;

	die_as_passt();
	listen_as_passt();
	for (i = 0; i < count; i++) {
		pump_until(is_connected, "one more connection");
		close_conn();
	}
	prove_link();
	/* What is one more line in the log takes its time. */
	usleep(200000);
}

/* A queue that is full: connect(2) says EAGAIN, as long as nobody accepts. */
static void scenario_busy(unsigned count)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = PASST_PATH };
	int other = check(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
	int fd;

	die_as_passt();
	/* Before anybody else can connect, the only place is taken. */
	unlink(PASST_PATH);
	fd = check(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
	check(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), "bind");
	kill(peer.qemu, SIGSTOP);
	check(listen(fd, 0), "listen");
	check(connect(other, (struct sockaddr *)&addr, sizeof(addr)), "connect");
	kill(peer.qemu, SIGCONT);
	usleep(count * 1000);
	close(other);
	peer.listener = fd;
	close(check(accept4(fd, NULL, NULL, SOCK_CLOEXEC), "accept"));
	prove_link();
	usleep(200000);
}

/* QEMU's queue to passt is full, and the monitor stops and continues the VM: many times. */
static void stop_and_continue(unsigned count)
{
	unsigned i, n;

	for (i = 0; i < count; i++) {
		for (n = 0; n < 8; n++)
			send_from_behind(65538);
		usleep(20000);
		tell_monitor("stop\ncont\n");
		usleep(20000);
		for (n = 0; n < 20; n++) {
			send_from_behind(60);
			pump(1);
		}
	}
}

static void scenario_stop(unsigned count)
{
	stop_and_continue(count);
	prove_link();
}

/* The same without us in between: what makes the scenario worth while. */
static void plain_stop(char **argv, unsigned count)
{
	int pair[2];

	check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), "socketpair");
	peer.conn = fcntl(pair[0], F_DUPFD_CLOEXEC, 20);
	close(pair[0]);
	run_command(argv, pair[1]);
	close(pair[1]);
	stop_and_continue(count);
	end();
}

/* The owner closes the number: passt sees the end, and nobody ever connects again. */
static void scenario_owner_closes(unsigned count)
{
	struct pollfd p;

	tell_monitor("netdev_del a\n");
	pump_until(is_disconnected, "the end after netdev_del");
	p = (struct pollfd) { .fd = peer.listener, .events = POLLIN };
	if (poll(&p, 1, (int)count))
		die("connected again although the owner has closed the number");
	die_as_passt();
	listen_as_passt();
	p.fd = peer.listener;
	if (poll(&p, 1, (int)count))
		die("connected to the next one although the owner has closed the number");
}

/* Time from listen() to the connection, in microseconds, one a line. */
static void scenario_time(unsigned count)
{
	struct timespec before, after;
	unsigned i;

	for (i = 0; i < count; i++) {
		die_as_passt();
		/* At any moment between two looks of somebody who looks ten times a second. */
		usleep(300000 + i * 37 % 100 * 1000);
		listen_as_passt();
		clock_gettime(CLOCK_MONOTONIC, &before);
		while (peer.conn < 0)
			pump(1000);
		clock_gettime(CLOCK_MONOTONIC, &after);
		printf("%ld\n", (after.tv_sec - before.tv_sec) * 1000000 +
					(after.tv_nsec - before.tv_nsec) / 1000);
		prove_link();
	}
}

/**
 * struct usage - What QEMU has used so far, all threads
 * @wakeups:	How often a thread has slept and was woken
 * @run_us:	Processor time, microseconds
 */
struct usage {
	unsigned long long wakeups;
	unsigned long long run_us;
};

/* Adds what one thread has used (proc(5): status; Documentation/scheduler/sched-stats.rst). */
static void add_usage(struct usage *u, const char *thread)
{
	unsigned long long n;
	char path[300], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%s/status", (int)peer.qemu, thread);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "voluntary_ctxt_switches: %llu", &n) == 1)
			u->wakeups += n;
	}
	if (f)
		fclose(f);
	snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", (int)peer.qemu, thread);
	f = fopen(path, "re");
	if (f && fscanf(f, "%llu", &n) == 1)
		u->run_us += n / 1000;
	if (f)
		fclose(f);
}

static struct usage usage(void)
{
	struct usage u = { 0 };
	struct dirent *entry;
	char path[64];
	DIR *threads;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)peer.qemu);
	threads = opendir(path);
	if (!threads)
		die("%s: %s", path, strerror(errno));
	while ((entry = readdir(threads))) {
		if (entry->d_name[0] != '.')
			add_usage(&u, entry->d_name);
	}
	closedir(threads);
	return u;
}

/*
 * What it costs to wait for a passt that is away, @count milliseconds long: wakeups and
 * microseconds of processor time for each second.
 */
static void scenario_idle(unsigned count)
{
	struct usage before, after;

	die_as_passt();
	/* The end of the link has its own cost: a look at the log, a new thread, a few quick tries.
	 */
	usleep(1000000);
	before = usage();
	usleep(count * 1000);
	after = usage();
	printf("%.1f %.1f\n", (double)(after.wakeups - before.wakeups) * 1000 / count,
	       (double)(after.run_us - before.run_us) * 1000 / count);
	listen_as_passt();
	prove_link();
}

static const struct {
	const char *name;
	void (*run)(unsigned count);
} scenarios[] = {
	{ "cut", scenario_cut },
	{ "half-sent", scenario_half_sent },
	{ "bulk", scenario_bulk },
	{ "hostile", scenario_hostile },
	{ "closes-at-once", scenario_closes_at_once },
	{ "busy", scenario_busy },
	{ "stop", scenario_stop },
	{ "owner-closes", scenario_owner_closes },
	{ "time", scenario_time },
	{ "idle", scenario_idle },
};

int main(int argc, char **argv)
{
	bool plain = argc > 1 && !strcmp(argv[1], "-p");
	unsigned i, count;

	argc -= plain;
	argv += plain;
	if (argc < 4)
		die("usage: relink [-p] SCENARIO COUNT COMMAND [ARG]...");
	signal(SIGPIPE, SIG_IGN);
	count = (unsigned)strtoul(argv[2], NULL, 10);
	if (!strcmp(argv[1], "plain-stop")) {
		plain_stop(argv + 3, count);
		return 0;
	}
	for (i = 0; i < sizeof(scenarios) / sizeof(*scenarios); i++) {
		if (strcmp(argv[1], scenarios[i].name))
			continue;
		begin(argv + 3, plain);
		scenarios[i].run(count);
		end();
		return 0;
	}
	die("no scenario %s", argv[1]);
}
