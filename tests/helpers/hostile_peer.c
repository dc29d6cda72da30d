/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hostile_peer [--only=NAME] COMMAND [ARG]...: a passt that does what no passt should, one thing
 *after the other
 *
 * Listens on ./passt.socket, and runs COMMAND, which is to connect there, to forward frames between
 * that connection and a socket on descriptor 6, both ways (a QEMU with a hub), and to speak QMP on
 * its standard input and output. After each misbehaviour a good passt comes: a frame has to pass
 * in each direction, nothing but whole frames may have arrived behind QEMU, QEMU has no more
 * descriptors than before. Meanwhile a thread asks QMP all the time.
 *
 * Prints for each "NAME back=MS median=MS answers=N". Status 0 if all was well.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

#define PASST_PATH "passt.socket"
#define BEHIND_FD  6

#define HEADER    4
#define FRAME_MIN 14
#define FRAME_MAX 69632
#define MARK      60

/* Nothing here takes that long. */
#define DEADLINE_MS 8000

/* The worst that QMP's answers may be in the middle, whatever the peer does. */
#define MEDIAN_US 60000

/* Time between two questions. */
#define ASK_EACH_US 2000

/* How long a misbehaviour goes on that has no end of its own. */
#define WHILE_MS 150

/**
 * struct stream - Frames that arrive at one side
 * @name:	For messages
 * @buf:	What has arrived of the frame in progress, and behind it
 * @len:	Bytes in @buf
 * @mark:	Number of the last frame that was ours
 */
struct stream {
	const char *name;
	uint8_t buf[4 * FRAME_MAX];
	size_t len;
	uint32_t mark;
};

/**
 * struct qmp - What QMP's answers take
 * @lock:	For all that follows
 * @us:		Microseconds of the answers since the present misbehaviour began
 * @count:	How many
 */
struct qmp {
	pthread_mutex_t lock;
	int64_t us[100000];
	size_t count;
};

static int listener = -1, conn = -1, behind = -1, monitor = -1;
static pid_t qemu;
static const char *current = "start";
static struct stream from_passt = { .name = "behind QEMU" };
static struct stream from_guest = { .name = "at passt" };
static struct qmp qmp = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void die(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	printf("%s: ", current);
	vprintf(format, list);
	printf("\n");
	va_end(list);
	fflush(stdout);
	if (qemu > 0)
		kill(qemu, SIGKILL);
	_exit(1);
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

/* A frame of @size bytes behind its length; with @mark in it unless that is 0. */
static size_t make_frame(uint8_t *out, uint32_t size, uint32_t mark)
{
	static const uint8_t ethernet[] = { 2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 8, 0x88, 0xb6 };

	memset(out + HEADER, 0xee, size);
	put32(out, size);
	memcpy(out + HEADER, ethernet, sizeof(ethernet));
	if (mark)
		put32(out + HEADER + sizeof(ethernet), mark);
	return HEADER + size;
}

/* Reads what is there, and looks at all whole frames. Return: false at the end of the stream. */
static bool take(struct stream *s, int fd)
{
	ssize_t got = recv(fd, s->buf + s->len, sizeof(s->buf) - s->len, MSG_DONTWAIT);
	uint8_t wanted[HEADER + MARK];
	size_t at = 0;

	if (got < 0 && errno == EAGAIN)
		return true;
	if (got <= 0)
		return false;
	s->len += (size_t)got;
	while (s->len - at >= HEADER) {
		uint32_t size = get32(s->buf + at);

		if (size < FRAME_MIN || size > FRAME_MAX)
			die("%s: a frame of %u bytes", s->name, size);
		if (s->len - at < HEADER + size)
			break;
		make_frame(wanted, MARK, s->mark + 1);
		if (size == MARK && !memcmp(wanted, s->buf + at, sizeof(wanted)))
			s->mark++;
		at += HEADER + size;
	}
	memmove(s->buf, s->buf + at, s->len - at);
	s->len -= at;
	return true;
}

/* Reads behind QEMU for a while, and returns early where there was something. */
static void drain(int ms)
{
	struct pollfd p = { .fd = behind, .events = POLLIN };
	int status;

	if (waitpid(qemu, &status, WNOHANG) == qemu) {
		qemu = 0;
		die("QEMU ended: status %d, signal %d", WEXITSTATUS(status), WTERMSIG(status));
	}
	if (poll(&p, 1, ms) > 0 && !take(&from_passt, behind))
		die("QEMU has closed the socket behind it");
}

static void drain_while(int ms)
{
	int64_t end = now_ms() + ms;

	for (int64_t left; (left = end - now_ms()) > 0;)
		drain((int)left);
}

/* The same, for as long as a misbehaviour may last that has no end of its own. */
static void hold(void)
{
	drain_while(WHILE_MS);
}

/* As much of it as goes until @deadline or the end of the connection. Return: bytes sent. */
static size_t push(int fd, const uint8_t *data, size_t n, int64_t deadline)
{
	size_t done = 0;

	while (done < n && now_ms() < deadline) {
		ssize_t sent = send(fd, data + done, n - done, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0 && errno != EAGAIN)
			break;
		done += sent > 0 ? (size_t)sent : 0;
		drain(sent < 0 ? 1 : 0);
	}
	return done;
}

static void send_bytes(const void *data, size_t n)
{
	push(conn, data, n, now_ms() + WHILE_MS);
}

static void send_frame(uint32_t size)
{
	static uint8_t frame[HEADER + FRAME_MAX];

	send_bytes(frame, make_frame(frame, size, 0));
}

static void send_length(uint32_t size)
{
	uint8_t junk[HEADER + 4096];

	memset(junk, 0xff, sizeof(junk));
	put32(junk, size);
	send_bytes(junk, sizeof(junk));
}

/*
 * The guest sends a frame, as far as it is taken until @deadline; the rest of it comes before the
 * next one. Return: all of it has been taken.
 */
static bool guest_sends_one(uint32_t size, uint32_t mark, int64_t deadline)
{
	static uint8_t frame[HEADER + FRAME_MAX];
	static size_t len, done;

	done += push(behind, frame + done, len - done, deadline);
	if (done < len)
		return false;
	len = make_frame(frame, size, mark);
	done = push(behind, frame, len, deadline);
	return done == len;
}

static void guest_sends(unsigned n, uint32_t size)
{
	int64_t deadline = now_ms() + WHILE_MS;

	while (n-- && guest_sends_one(size, 0, deadline))
		;
}

static void close_conn(void)
{
	if (conn >= 0)
		close(conn);
	conn = -1;
	from_guest.len = 0;
}

static void listen_as(int type, int backlog)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = PASST_PATH };

	unlink(PASST_PATH);
	rmdir(PASST_PATH);
	listener = check(socket(AF_UNIX, type | SOCK_CLOEXEC, 0), "socket");
	check(bind(listener, (struct sockaddr *)&addr, sizeof(addr)), "bind");
	if (type != SOCK_DGRAM)
		check(listen(listener, backlog), "listen");
}

static void stop_listening(void)
{
	if (listener >= 0)
		close(listener);
	listener = -1;
}

/* The next connection within @ms, or none. */
static bool accept_within(int ms)
{
	int64_t end = now_ms() + ms;

	while (now_ms() < end) {
		struct pollfd p = { .fd = listener, .events = POLLIN };

		drain(0);
		if (poll(&p, 1, 5) == 1) {
			close_conn();
			conn = check(accept4(listener, NULL, NULL, SOCK_CLOEXEC), "accept");
			return true;
		}
	}
	return false;
}

/* Does a frame pass in each direction? One of the guest's may be lost: it sends again. */
static void prove_link(void)
{
	int64_t deadline = now_ms() + DEADLINE_MS, again = 0;
	uint32_t in = from_passt.mark + 1, out = from_guest.mark + 1;
	uint8_t frame[HEADER + MARK];

	push(conn, frame, make_frame(frame, MARK, in), deadline);
	while (from_passt.mark != in || from_guest.mark != out) {
		if (now_ms() > deadline)
			die("waited in vain for a frame %s",
			    from_passt.mark != in ? from_passt.name : from_guest.name);
		if (from_guest.mark != out && now_ms() >= again) {
			guest_sends_one(MARK, out, now_ms() + 10);
			again = now_ms() + 100;
		}
		drain(2);
		if (!take(&from_guest, conn))
			die("the link to a good passt has ended");
	}
}

static unsigned descriptors(void)
{
	struct dirent *entry;
	char path[64];
	unsigned n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)qemu);
	dir = opendir(path);
	if (!dir)
		die("%s: %s", path, strerror(errno));
	while ((entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	closedir(dir);
	return n;
}

/* What peers do. Each begins with a good link, and leaves whatever it leaves. */

static void length_0(void)
{
	send_length(0);
	hold();
}

static void length_1(void)
{
	send_length(1);
	hold();
}

static void length_13(void)
{
	send_length(13);
	hold();
}

static void length_69633(void)
{
	send_length(69633);
	hold();
}

static void length_2_to_31(void)
{
	send_length(UINT32_C(1) << 31);
	hold();
}

static void length_all_ones(void)
{
	send_length(UINT32_MAX);
	hold();
}

/* Behind good frames, in the same write. */
static void length_behind_frames(void)
{
	uint8_t data[3 * (HEADER + 60) + HEADER];
	size_t n = 0, i;

	for (i = 0; i < 3; i++)
		n += make_frame(data + n, 60, 0);
	put32(data + n, 5);
	send_bytes(data, sizeof(data));
	hold();
}

/* The first bytes could still become a length. */
static void length_in_pieces(void)
{
	send_bytes("\0\1", 2);
	drain_while(50);
	send_bytes("\377\377", 2);
	hold();
}

static void half_length(void)
{
	send_bytes("\0\0\0", 3);
	hold();
}

static void half_frame(void)
{
	uint8_t frame[HEADER + 1400];

	send_bytes(frame, make_frame(frame, 1400, 0) / 2);
	hold();
}

static void largest_frame_but_a_byte(void)
{
	static uint8_t frame[HEADER + FRAME_MAX];

	send_bytes(frame, make_frame(frame, FRAME_MAX, 0) - 1);
	hold();
}

static void a_byte_at_a_time(void)
{
	uint8_t frame[HEADER + 60];
	size_t n = make_frame(frame, 60, 0);

	for (size_t i = 0; i < 3 * n; i++) {
		send_bytes(frame + i % n, 1);
		drain_while(2);
	}
}

static void urgent(void)
{
	send(conn, "!", 1, MSG_OOB | MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Where frames end: QEMU is woken for nothing. */
static void urgent_between_frames(void)
{
	for (int i = 0; i < 20; i++) {
		urgent();
		drain_while(5);
		send_frame(60);
	}
}

/* In the middle of a frame that never ends. */
static void urgent_in_half_frame(void)
{
	half_frame();
	urgent();
	hold();
}

/* ... or of one that goes on, a byte at a time, whenever QEMU's patience is nearly at its end. */
static void urgent_and_a_byte(void)
{
	uint8_t frame[HEADER + 1400];

	send_bytes(frame, make_frame(frame, 1400, 0) / 2);
	for (int i = 0; i < 20; i++) {
		urgent();
		drain_while(46);
		send_bytes(frame + 700, 1);
	}
}

static void flood_of(uint32_t size)
{
	static uint8_t frames[8 * (HEADER + FRAME_MAX)];
	int64_t end = now_ms() + WHILE_MS;
	size_t n = 0;

	while (n + HEADER + size <= sizeof(frames))
		n += make_frame(frames + n, size, 0);
	while (push(conn, frames, n, end) == n)
		;
}

static void flood_of_shortest(void)
{
	flood_of(FRAME_MIN);
}

static void flood_of_1400(void)
{
	flood_of(1400);
}

static void flood_of_longest(void)
{
	flood_of(FRAME_MAX);
}

static void flood_of_junk(void)
{
	static uint8_t junk[1 << 20];

	for (size_t i = 0; i < sizeof(junk); i++)
		junk[i] = (uint8_t)(i * 2654435761u >> 13);
	send_bytes(junk, sizeof(junk));
	hold();
}

/* Full in both directions. */
static void flood_and_deaf(void)
{
	flood_of(FRAME_MAX);
	guest_sends(20, 65538);
	flood_of(1400);
}

static void deaf(void)
{
	guest_sends(40, 65538);
	hold();
}

static void deaf_with_small_frames(void)
{
	guest_sends(20000, 60);
	hold();
}

static void slow_reader(void)
{
	char some[37];

	guest_sends(6, 65538);
	for (int i = 0; i < 100; i++) {
		recv(conn, some, sizeof(some), MSG_DONTWAIT);
		drain_while(2);
	}
}

/* Sends @data with @count descriptors: our own connection, or copies of a pipe's end. */
static void send_with_descriptors(const void *data, size_t n, int fd, unsigned count)
{
	union {
		char buf[CMSG_SPACE(253 * sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec iov = { (void *)data, n };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.buf,
			      .msg_controllen = CMSG_SPACE(count * sizeof(int)) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(count * sizeof(int));
	for (unsigned i = 0; i < count; i++)
		memcpy(CMSG_DATA(c) + i * sizeof(int), &fd, sizeof(fd));
	sendmsg(conn, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void descriptors_with_frames(int fd, unsigned count)
{
	uint8_t frame[HEADER + 60];
	size_t n = make_frame(frame, 60, 0);

	for (int i = 0; i < 20; i++) {
		send_with_descriptors(frame, n, fd, count);
		drain_while(5);
	}
}

static void a_descriptor_with_each_frame(void)
{
	descriptors_with_frames(STDERR_FILENO, 1);
}

static void descriptors_253_with_each_frame(void)
{
	descriptors_with_frames(STDERR_FILENO, 253);
}

static void its_own_connection_with_each_frame(void)
{
	descriptors_with_frames(conn, 1);
}

static void descriptors_with_a_bad_length(void)
{
	send_with_descriptors("\377\377\377\377", 4, STDERR_FILENO, 10);
	hold();
}

static void shutdown_of(int how)
{
	shutdown(conn, how);
	guest_sends(10, 1400);
	hold();
}

/* QEMU's side takes that for the end, as soon as the guest sends something. */
static void shutdown_read(void)
{
	struct pollfd end = { .fd = conn };

	shutdown_of(SHUT_RD);
	if (poll(&end, 1, 0) != 1 || !(end.revents & POLLHUP))
		die("nobody has noticed that passt reads no more");
}

static void shutdown_write(void)
{
	shutdown_of(SHUT_WR);
}

static void shutdown_both(void)
{
	shutdown_of(SHUT_RDWR);
}

static void shutdown_in_half_frame(void)
{
	half_frame();
	shutdown_of(SHUT_WR);
}

/* With data that nobody has read, the other side sees ECONNRESET. */
static void reset(void)
{
	guest_sends(5, 1400);
	drain_while(20);
	close_conn();
	hold();
}

static void close_at_each_offset(void)
{
	uint8_t frame[HEADER + 60];
	size_t n = make_frame(frame, 60, 0);

	for (size_t at = 0; at <= n; at++) {
		send_bytes(frame, at);
		close_conn();
		if (!accept_within(DEADLINE_MS))
			die("offset %zu: not connected again", at);
	}
}

static void accept_and_close(void)
{
	int64_t end = now_ms() + 2 * WHILE_MS;

	while (now_ms() < end)
		if (accept_within(50))
			close_conn();
}

static void accept_and_bad_length(void)
{
	int64_t end = now_ms() + 2 * WHILE_MS;

	close_conn();
	while (now_ms() < end) {
		if (!accept_within(50))
			continue;
		send_length(7);
		drain_while(5);
		close_conn();
	}
}

static void accept_and_half_frame(void)
{
	for (int i = 0; i < 5; i++) {
		close_conn();
		if (!accept_within(DEADLINE_MS))
			die("not connected again");
		half_length();
	}
}

static void listens_and_never_accepts(void)
{
	close_conn();
	hold();
	guest_sends(100, 1400);
}

/* The only place is somebody else's, and connect(2) says EAGAIN. */
static void full_backlog(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = PASST_PATH };
	int others[8];
	int i;

	stop_listening();
	kill(qemu, SIGSTOP);
	close_conn();
	listen_as(SOCK_STREAM, 0);
	for (i = 0; i < 8; i++) {
		others[i] = check(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), "socket");
		connect(others[i], (struct sockaddr *)&addr, sizeof(addr));
	}
	kill(qemu, SIGCONT);
	hold();
	for (i = 0; i < 8; i++)
		close(others[i]);
}

static void dead_socket(void)
{
	stop_listening();
	close_conn();
	hold();
}

static void other_kind(int type)
{
	stop_listening();
	close_conn();
	listen_as(type, 0);
	hold();
}

static void datagram_socket(void)
{
	other_kind(SOCK_DGRAM);
}

static void seqpacket_socket(void)
{
	other_kind(SOCK_SEQPACKET);
}

static void file_in_its_place(void)
{
	stop_listening();
	unlink(PASST_PATH);
	close_conn();
	close(check(open(PASST_PATH, O_CREAT | O_WRONLY, 0600), "file"));
	hold();
}

static void directory_in_its_place(void)
{
	stop_listening();
	unlink(PASST_PATH);
	close_conn();
	check(mkdir(PASST_PATH, 0700), "directory");
	hold();
}

static void loop_in_its_place(void)
{
	stop_listening();
	unlink(PASST_PATH);
	close_conn();
	check(symlink(PASST_PATH, PASST_PATH), "symlink");
	hold();
}

/* Comes and goes, and is never there. */
static void name_that_flickers(void)
{
	int64_t end = now_ms() + 2 * WHILE_MS;

	stop_listening();
	close_conn();
	while (now_ms() < end) {
		listen_as(SOCK_STREAM, 0);
		chmod(PASST_PATH, 0600);
		stop_listening();
		unlink(PASST_PATH);
		drain(0);
	}
}

#define PEER(function)              \
	{                           \
#function, function \
	}

static const struct {
	const char *name;
	void (*run)(void);
} peers[] = {
	PEER(length_0),
	PEER(length_1),
	PEER(length_13),
	PEER(length_69633),
	PEER(length_2_to_31),
	PEER(length_all_ones),
	PEER(length_behind_frames),
	PEER(length_in_pieces),
	PEER(half_length),
	PEER(half_frame),
	PEER(largest_frame_but_a_byte),
	PEER(a_byte_at_a_time),
	PEER(urgent_between_frames),
	PEER(urgent_in_half_frame),
	PEER(urgent_and_a_byte),
	PEER(flood_of_shortest),
	PEER(flood_of_1400),
	PEER(flood_of_longest),
	PEER(flood_of_junk),
	PEER(flood_and_deaf),
	PEER(deaf),
	PEER(deaf_with_small_frames),
	PEER(slow_reader),
	PEER(a_descriptor_with_each_frame),
	PEER(descriptors_253_with_each_frame),
	PEER(its_own_connection_with_each_frame),
	PEER(descriptors_with_a_bad_length),
	PEER(shutdown_read),
	PEER(shutdown_write),
	PEER(shutdown_both),
	PEER(shutdown_in_half_frame),
	PEER(reset),
	PEER(close_at_each_offset),
	PEER(accept_and_close),
	PEER(accept_and_bad_length),
	PEER(accept_and_half_frame),
	PEER(listens_and_never_accepts),
	PEER(full_backlog),
	PEER(dead_socket),
	PEER(datagram_socket),
	PEER(seqpacket_socket),
	PEER(file_in_its_place),
	PEER(directory_in_its_place),
	PEER(loop_in_its_place),
	PEER(name_that_flickers),
};

/* Asks, and waits for the answer. Return: false at QMP's end, which the other thread tells of. */
static bool ask(FILE *from, const char *command)
{
	char line[4096];

	dprintf(monitor, "{\"execute\":\"%s\"}\n", command);
	while (fgets(line, sizeof(line), from)) {
		/* What the netdev stream says where it gives a network up. */
		if (strstr(line, "NETDEV_STREAM_DISCONNECTED"))
			die("QEMU has given the network up");
		if (strstr(line, "\"return\""))
			return true;
	}
	return false;
}

/* Asks QMP all the time. */
static void *ask_qmp(void *unused)
{
	FILE *from = fdopen(monitor, "r");
	int64_t asked, us;

	(void)unused;
	ask(from, "qmp_capabilities");
	for (asked = now_us(); ask(from, "query-status"); asked = now_us()) {
		/*
		 * While one question waits, others would have waited, too: they count, or a VM that
		 * stands nearly all the time would look well.
		 */
		pthread_mutex_lock(&qmp.lock);
		for (us = now_us() - asked; us > 0; us -= ASK_EACH_US) {
			if (qmp.count < sizeof(qmp.us) / sizeof(*qmp.us))
				qmp.us[qmp.count++] = us;
		}
		pthread_mutex_unlock(&qmp.lock);
		usleep(ASK_EACH_US);
	}
	return NULL;
}

static int compare_times(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Median of the answers so far, which are forgotten; @count: how many there were. */
static int64_t median_us(size_t *count)
{
	int64_t median;

	pthread_mutex_lock(&qmp.lock);
	qsort(qmp.us, qmp.count, sizeof(*qmp.us), compare_times);
	*count = qmp.count;
	median = qmp.count ? qmp.us[qmp.count / 2] : -1;
	qmp.count = 0;
	pthread_mutex_unlock(&qmp.lock);
	return median;
}

static void run_command(char **argv)
{
	int sides[2], qmps[2];

	check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sides), "socketpair");
	check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, qmps), "socketpair");
	behind = fcntl(sides[0], F_DUPFD_CLOEXEC, 20);
	monitor = fcntl(qmps[0], F_DUPFD_CLOEXEC, 20);
	qemu = check(fork(), "fork");
	if (!qemu) {
		int six = fcntl(sides[1], F_DUPFD_CLOEXEC, 20);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(qmps[1], STDIN_FILENO);
		dup2(qmps[1], STDOUT_FILENO);
		dup2(six, BEHIND_FD);
		execvp(argv[0], argv);
		die("%s: %s", argv[0], strerror(errno));
	}
	close(sides[0]);
	close(sides[1]);
	close(qmps[0]);
	close(qmps[1]);
}

/* The question is no frame of ours: anything answers it. */
static void begin(char **argv)
{
	struct pollfd p = { .events = POLLIN };
	uint8_t question[1024];
	pthread_t thread;

	listen_as(SOCK_STREAM, 0);
	run_command(argv);
	if (!accept_within(DEADLINE_MS))
		die("no connection");
	p.fd = conn;
	poll(&p, 1, DEADLINE_MS);
	if (recv(conn, question, sizeof(question), 0) <= 0)
		die("no question");
	prove_link();
	if (pthread_create(&thread, NULL, ask_qmp, NULL))
		die("no thread");
}

/* A good passt comes, and QEMU is as it was. Return: milliseconds until frames passed. */
static int64_t recover(unsigned before)
{
	int64_t begin = now_ms(), back;

	stop_listening();
	close_conn();
	listen_as(SOCK_STREAM, 0);
	if (!accept_within(DEADLINE_MS))
		die("a good passt waits in vain");
	prove_link();
	back = now_ms() - begin;
	/* What is waited with is closed a moment after the link is up. */
	while (descriptors() > before) {
		if (now_ms() > begin + DEADLINE_MS)
			die("%u descriptors, %u before", descriptors(), before);
		drain_while(20);
	}
	return back;
}

int main(int argc, char **argv)
{
	const char *only = NULL;
	unsigned before;
	size_t answers;
	int64_t median, back;

	if (argc > 1 && !strncmp(argv[1], "--only=", 7))
		only = *++argv + 7;
	if (!argv[1])
		return 2;
	signal(SIGPIPE, SIG_IGN);
	begin(argv + 1);
	before = descriptors();
	for (size_t i = 0; i < sizeof(peers) / sizeof(*peers); i++) {
		if (only && strcmp(only, peers[i].name))
			continue;
		current = peers[i].name;
		median_us(&answers);
		peers[i].run();
		back = recover(before);
		median = median_us(&answers);
		printf("%s back=%lld median=%.1f answers=%zu\n", current, (long long)back,
		       (double)median / 1000, answers);
		fflush(stdout);
		if (!answers || median > MEDIAN_US)
			die("QMP answers after %lld us", (long long)median);
	}
	current = "end";
	kill(qemu, SIGTERM);
	if (waitpid(qemu, NULL, 0) != qemu)
		die("QEMU does not end");
	return 0;
}
