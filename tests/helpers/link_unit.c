/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Unit tests of the link: we are QEMU, calling it on descriptor 50, and passt, at ./passt.socket.
 * Argument: name of the test. Silent and 0 if all is well.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shim/common/control.h"
#include "shim/common/fd_identity.h"
#include "shim/libc/next.h"
#include "shim/link/frame.h"
#include "shim/link/link.h"
#include "shim/link/reconnect.h"

#define QEMU_FD    50
#define PASST_PATH "passt.socket"
#define WAIT_MS    5000

static int listener = -1, conn = -1;
static int control = -1;
static struct handoff handoff;
static const struct log quiet = { .level = LOG_QUIET, .fd = -1 };

#define insist(truth) insist_that(truth, #truth, __LINE__)

static void insist_that(bool truth, const char *what, int line)
{
	if (truth)
		return;
	fprintf(stderr, "line %d: %s (errno %d)\n", line, what, errno);
	exit(1);
}

static void start_listening(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = PASST_PATH };

	unlink(PASST_PATH);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	insist(!bind(listener, (struct sockaddr *)&addr, sizeof(addr)));
	insist(!listen(listener, 0));
}

static void accept_qemu(void)
{
	struct pollfd p = { .fd = listener, .events = POLLIN };

	insist(poll(&p, 1, WAIT_MS) == 1);
	conn = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	insist(conn >= 0);
}

/* Without a connection: what a test does with the handoff comes before start_link(). */
static void make_handoff(void)
{
	handoff.fd = QEMU_FD;
	strcpy(handoff.passt, PASST_PATH);
	handoff.reconnect = true;
	handoff.trust.any = true;
	next_load();
}

static void start_link(void)
{
	int fd;

	start_listening();
	fd = passt_connect(PASST_PATH);
	insist(dup2(fd, QEMU_FD) == QEMU_FD);
	close(fd);
	accept_qemu();
	descriptor_identity(QEMU_FD, &handoff.socket);
	insist(!link_start(&handoff, &quiet, control));
	insist(link_has(QEMU_FD));
}

static void die_as_passt(void)
{
	close(listener);
	close(conn);
}

/* QEMU's loop: calls recv only when it is told that there is something. */
static void wait_readable(void)
{
	struct pollfd p = { .fd = QEMU_FD, .events = POLLIN };

	insist(poll(&p, 1, WAIT_MS) == 1);
}

static ssize_t receive(void *buf, size_t len)
{
	wait_readable();
	return link_recv(QEMU_FD, buf, len, 0);
}

static void insist_dummy(void)
{
	uint8_t buf[FRAME_MAX];

	insist(receive(buf, sizeof(buf)) == FRAME_HEADER + FRAME_DUMMY);
	insist(buf[3] == FRAME_DUMMY && buf[16] == 0x88 && buf[17] == 0xb5);
}

/* passt dies and is there again: QEMU sees a dummy for the end and one for the beginning. */
static void restart_passt(void)
{
	die_as_passt();
	insist_dummy();
	start_listening();
	accept_qemu();
	insist_dummy();
}

/* A frame of @size bytes, all of them @byte. */
static size_t make(uint8_t *out, uint32_t size, uint8_t byte)
{
	out[0] = (uint8_t)(size >> 24);
	out[1] = (uint8_t)(size >> 16);
	out[2] = (uint8_t)(size >> 8);
	out[3] = (uint8_t)size;
	memset(out + FRAME_HEADER, byte, size);
	return FRAME_HEADER + size;
}

/* Sends as QEMU does. */
static ssize_t send_parts(void *a, size_t a_len, void *b, size_t b_len)
{
	struct iovec iov[] = { { a, a_len }, { b, b_len } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };

	return link_sendmsg(QEMU_FD, &msg, 0);
}

static ssize_t send_frame(uint32_t size, uint8_t byte)
{
	static uint8_t frame[FRAME_HEADER + FRAME_MAX];

	make(frame, size, byte);
	return send_parts(frame, FRAME_HEADER, frame + FRAME_HEADER, size);
}

/* The next frame at passt is this one. */
static void insist_frame(uint32_t size, uint8_t byte)
{
	static uint8_t wanted[FRAME_HEADER + FRAME_MAX], got[FRAME_HEADER + FRAME_MAX];
	size_t n = make(wanted, size, byte);

	insist(recv(conn, got, n, MSG_WAITALL) == (ssize_t)n);
	insist(!memcmp(got, wanted, n));
}

static void plain_traffic(void)
{
	uint8_t frame[100], buf[FRAME_MAX];
	size_t n = make(frame, 90, 7);

	start_link();
	insist(send(conn, frame, n, 0) == (ssize_t)n);
	insist(receive(buf, sizeof(buf)) == (ssize_t)n);
	insist(!memcmp(buf, frame, n));
	insist(send_frame(60, 1) == 64);
	insist(send_frame(69632, 2) == 69636);
	insist_frame(60, 1);
	insist_frame(69632, 2);
	insist(atomic_load(&reconnect.guest_sent));
}

/* recvmsg with the buffers of a frame spread out, through a restart. */
static void scattered(void)
{
	uint8_t frame[100], a[3], b[10], c[200], whole[213];
	struct iovec iov[] = { { a, 3 }, { b, 10 }, { c, 200 } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 3, .msg_flags = 77 };
	size_t n = make(frame, 90, 7);

	start_link();
	insist(send(conn, frame, 50, 0) == 50);
	wait_readable();
	insist(link_recvmsg(QEMU_FD, &msg, 0) == 50);
	die_as_passt();
	wait_readable();
	insist(link_recvmsg(QEMU_FD, &msg, 0) == (ssize_t)n - 50);
	insist(!a[0] && !b[0] && !c[0] && !msg.msg_flags);
	start_listening();
	accept_qemu();
	wait_readable();
	insist(link_recvmsg(QEMU_FD, &msg, 0) == FRAME_HEADER + FRAME_DUMMY);
	memcpy(whole, a, 3);
	memcpy(whole + 3, b, 10);
	memcpy(whole + 13, c, 51);
	insist(whole[3] == FRAME_DUMMY && whole[4] == 2 && whole[16] == 0x88);
}

/* Buffers smaller than a dummy: it comes in pieces, and what passt sends comes behind it. */
static void small_buffers(void)
{
	uint8_t frame[100], buf[7];
	size_t n = make(frame, 90, 7), dummies = 0, i;

	start_link();
	die_as_passt();
	insist(receive(buf, sizeof(buf)) == 7);
	start_listening();
	accept_qemu();
	insist(send(conn, frame, n, 0) == (ssize_t)n);
	for (dummies = 7; dummies < 64;)
		dummies += (size_t)receive(buf, dummies + 7 > 64 ? 64 - dummies : 7);
	/* One for the end; for the beginning there was data in time, or another one. */
	for (i = 0; i < n; i++) {
		insist(receive(buf, 1) == 1);
		if (!i && buf[0] == 0 && frame[3] != 90)
			insist(false);
	}
}

/* A caller who sends length and frame with two calls, or a frame with ten: the link ends between.
 */
static void split_send(void)
{
	uint8_t frame[100];
	size_t n = make(frame, 90, 7), i, at;

	start_link();
	for (at = 1; at < n; at++) {
		insist(link_send(QEMU_FD, frame, at, 0) == (ssize_t)at);
		restart_passt();
		/* The rest is swallowed, whatever it is sent with; what follows is not. */
		for (i = at; i < n; i += (size_t)link_send(QEMU_FD, frame + i, n - i, 0))
			insist(i < n);
		insist(send_frame(60, 9) == 64);
		insist_frame(60, 9);
	}
}

/* Down in the middle of a frame, and its end comes while the link is still down. */
static void split_drop(void)
{
	uint8_t frame[100];
	size_t n = make(frame, 90, 7);

	start_link();
	insist(link_send(QEMU_FD, frame, 10, 0) == 10);
	die_as_passt();
	insist_dummy();
	insist(link_send(QEMU_FD, frame + 10, n - 10, 0) == (ssize_t)n - 10);
	insist(send_frame(60, 9) == 64);
	insist(atomic_load(&reconnect.dropped) == 2);
	start_listening();
	accept_qemu();
	insist_dummy();
	insist(send_frame(60, 8) == 64);
	insist_frame(60, 8);
}

/* Large frames are sent whole or not at all, whatever is queued. */
static void whole_or_not(void)
{
	unsigned i, sent = 0, refused = 0, size;
	ssize_t ret;

	start_link();
	for (i = 0; i < 3000; i++) {
		size = i % 3 ? 65538 - i : 60 + i;
		ret = send_frame(size, (uint8_t)i);
		if (ret < 0) {
			insist(errno == EAGAIN);
			refused++;
			insist(refused < 100000);
			/* passt reads some, in odd pieces. */
			char junk[9000];
			insist(recv(conn, junk, 1 + refused * 13 % sizeof(junk), 0) > 0);
			i--;
			continue;
		}
		insist(ret == (ssize_t)(FRAME_HEADER + size));
		sent++;
	}
	insist(sent == 3000 && refused > 100);
}

/* Where poll says POLLOUT, EAGAIN would make QEMU spin. */
static void no_spin(void)
{
	struct pollfd p = { .fd = QEMU_FD, .events = POLLOUT };
	unsigned i;

	start_link();
	for (i = 0; i < 200; i++) {
		bool writable = poll(&p, 1, 0) == 1;
		ssize_t ret = send_frame(i % 2 ? 69632 : 3000, 1);

		if (writable)
			insist(ret > 0);
		if (ret < 0) {
			char junk[50000];

			insist(recv(conn, junk, sizeof(junk), 0) > 0);
		}
	}
}

/* What QEMU cannot stand: EAGAIN after it was told that there is something. */
static void spurious_wakeup(void)
{
	uint8_t buf[FRAME_MAX], frame[100];
	size_t n = make(frame, 90, 7);
	pid_t pid;

	start_link();
	insist(link_recv(QEMU_FD, buf, sizeof(buf), 0) == FRAME_HEADER + FRAME_DUMMY);
	/* In the middle of a frame, the rest comes a moment later. */
	insist(send(conn, frame, 50, 0) == 50);
	insist(receive(buf, sizeof(buf)) == 50);
	pid = fork();
	if (!pid) {
		usleep(5000);
		send(conn, frame + 50, n - 50, 0);
		_exit(0);
	}
	insist(link_recv(QEMU_FD, buf, sizeof(buf), 0) == (ssize_t)n - 50);
	insist(buf[0] == 7);
	waitpid(pid, NULL, 0);
	/* ... or not at all: padding, and the link is taken down. */
	insist(send(conn, frame, 50, 0) == 50);
	insist(receive(buf, sizeof(buf)) == 50);
	insist(link_recv(QEMU_FD, buf, sizeof(buf), 0) == (ssize_t)n - 50);
	insist(!buf[0]);
	insist(recv(conn, buf, 1, 0) == 0);
}

static void bad_length(void)
{
	uint8_t buf[FRAME_MAX], frame[100];
	size_t n = make(frame, 60, 7);

	start_link();
	memset(frame + n, 0xff, 4);
	insist(send(conn, frame, n + 4, 0) == (ssize_t)n + 4);
	insist(receive(buf, sizeof(buf)) == (ssize_t)n);
	insist(recv(conn, buf, 1, 0) == 0);
	close(conn);
	accept_qemu();
	insist_dummy();
	/* Two bytes that could still be a length have passed: they become one. */
	insist(send(conn, "\0\1", 2, 0) == 2);
	insist(receive(buf, sizeof(buf)) == 2);
	insist(send(conn, "\377\377", 2, 0) == 2);
	insist(receive(buf, sizeof(buf)) == 2 + 65536);
	insist(!buf[0] && !buf[1] && buf[2] == 2);
}

/* A look takes nothing, and counts for nothing. */
static void peek(void)
{
	uint8_t buf[FRAME_MAX], frame[100];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	size_t n = make(frame, 90, 7);

	start_link();
	insist(send(conn, frame, n, 0) == (ssize_t)n);
	insist(link_recv(QEMU_FD, buf, 20, MSG_PEEK) == 20);
	insist(link_recvmsg(QEMU_FD, &msg, MSG_PEEK) == (ssize_t)n);
	insist(receive(buf, sizeof(buf)) == (ssize_t)n);
	insist(link_recv(QEMU_FD, buf, 20, MSG_PEEK) == -1 && errno == EAGAIN);
	die_as_passt();
	insist_dummy();
}

/* A child of QEMU is not QEMU: it sees things as they are, and changes nothing. */
static void child(void)
{
	uint8_t buf[100];
	int status;
	pid_t pid;

	start_link();
	die_as_passt();
	pid = fork();
	if (!pid) {
		insist(link_recv(QEMU_FD, buf, sizeof(buf), 0) == 0);
		insist(send_frame(60, 1) == -1 && errno == EPIPE);
		link_stop();
		_exit(0);
	}
	insist(waitpid(pid, &status, 0) == pid && !status);
	insist_dummy();
	start_listening();
	accept_qemu();
	insist_dummy();
}

static unsigned count_entries(const char *path)
{
	DIR *dir = opendir(path);
	unsigned n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* After the owner's close there is neither a thread nor a descriptor of ours. */
static void stop(void)
{
	unsigned before, threads, up;
	int deadline;

	make_handoff();
	listener = conn = -1;
	before = count_entries("/proc/self/fd");
	threads = count_entries("/proc/self/task");
	start_link();
	restart_passt();
	up = count_entries("/proc/self/task");
	insist(up == threads + 1);
	die_as_passt();
	link_stop();
	close(QEMU_FD);
	insist(!link_has(QEMU_FD));
	insist(count_entries("/proc/self/fd") == before);
	for (deadline = 0; count_entries("/proc/self/task") != threads; deadline++) {
		insist(deadline < 1000);
		usleep(1000);
	}
}

static void on_signal(int sig)
{
	(void)sig;
}

/*
 * From now on a signal each 50 us, whose handler ends each call that waits. Of this kind is all
 * that waits in a program's own thread: link_stop(), the rest of a frame, the guard's tries to
 * reach passt. Our own thread gets no signals.
 */
static void send_signals(void)
{
	const struct sigaction action = { .sa_handler = on_signal };
	const struct itimerval often = { { 0, 50 }, { 0, 50 } };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
}

static void stop_among_signals(void)
{
	unsigned before = count_entries("/proc/self/fd");

	start_link();
	restart_passt();
	die_as_passt();
	send_signals();
	link_stop();
	insist(fcntl(QEMU_FD, F_GETFD) >= 0 && !close(QEMU_FD));
	insist(count_entries("/proc/self/fd") == before);
}

/* A race: 20 times. */
static void stop_with_signals(void)
{
	int status;

	for (int i = 0; i < 20; i++) {
		pid_t pid = fork();

		if (!pid) {
			stop_among_signals();
			_exit(0);
		}
		insist(waitpid(pid, &status, 0) == pid && !status);
	}
}

/* The rest of a frame comes in time, and a signal does so before. */
static void stall_with_signals(void)
{
	uint8_t frame[100], buf[100];
	size_t n = make(frame, 90, 7);
	pid_t pid;

	start_link();
	insist(send(conn, frame, 50, 0) == 50);
	insist(receive(buf, sizeof(buf)) == 50);
	pid = fork();
	if (!pid) {
		usleep(10000);
		send(conn, frame + 50, n - 50, 0);
		_exit(0);
	}
	send_signals();
	insist(link_recv(QEMU_FD, buf, sizeof(buf), 0) == (ssize_t)n - 50 && buf[0] == 7);
	insist(!atomic_load(&reconnect.padded));
}

/*
 * Passt reads no more, but leaves its end open: what the guest sends would go nowhere, for good and
 * without a word. The other halves of a connection, SHUT_WR and SHUT_RDWR, are an end of file.
 */
static void shutdown_read(void)
{
	uint8_t buf[10];

	start_link();
	insist(send_frame(60, 1) == 64);
	insist_frame(60, 1);
	close(listener); /* or a new connection may be there before QEMU has seen the end */
	insist(!shutdown(conn, SHUT_RD));
	insist(send_frame(60, 2) == 64);
	insist_dummy();
	insist(!recv(conn, buf, sizeof(buf), 0));
	close(conn);
	start_listening();
	accept_qemu();
	insist_dummy();
	insist(send_frame(60, 3) == 64);
	insist_frame(60, 3);
	insist(atomic_load(&reconnect.dropped) == 1);
}

/* passt is back, and QEMU has not yet taken the connection, when the owner closes the number. */
static void stop_with_offer(void)
{
	unsigned before = count_entries("/proc/self/fd");

	start_link();
	die_as_passt();
	start_listening();
	accept_qemu();
	link_stop();
	close(QEMU_FD);
	insist(recv(conn, &before, 1, 0) == 0);
	die_as_passt();
	insist(count_entries("/proc/self/fd") == before);
}

/* The start went on without passt: QEMU takes the placeholder for it. */
static void prepared(void)
{
	insist(!link_prepare(QEMU_FD));
	descriptor_identity(QEMU_FD, &handoff.socket);
	wait_readable();
	insist(!link_start(&handoff, &quiet, -1));
	insist_dummy();
	insist(send_frame(60, 3) == 64);
	start_listening();
	accept_qemu();
	insist_dummy();
	insist(send_frame(60, 4) == 64);
	insist_frame(60, 4);
	insist(atomic_load(&reconnect.dropped) == 1);
}

/* Not wanted: the end of passt is the end, without an EAGAIN on the way there. */
static void no_reconnect(void)
{
	uint8_t buf[FRAME_MAX], frame[100];
	size_t n = make(frame, 60, 7);

	handoff.reconnect = false;
	start_link();
	insist(link_recv(QEMU_FD, buf, sizeof(buf), 0) == FRAME_HEADER + FRAME_DUMMY);
	insist(send(conn, frame, n, 0) == (ssize_t)n);
	memset(frame, 0xff, 10);
	insist(send(conn, frame, 10, 0) == 10);
	insist(receive(buf, sizeof(buf)) == (ssize_t)n);
	insist(receive(buf, sizeof(buf)) == 0);
	insist(receive(buf, sizeof(buf)) == 0);
	insist(send_frame(60, 1) == -1 && errno == EPIPE);
}

/* Somebody else's socket on the number is left alone. */
static void not_ours(void)
{
	start_listening();
	insist(dup2(passt_connect(PASST_PATH), QEMU_FD) == QEMU_FD);
	insist(link_start(&handoff, &quiet, -1) == -ENOTCONN);
	insist(!link_has(QEMU_FD));
}

/* No descriptor is left when the link ends: it is kept down well, and comes back later. */
static void no_descriptors(void)
{
	struct rlimit before, now;
	int lowest;

	start_link();
	getrlimit(RLIMIT_NOFILE, &before);
	lowest = dup(0);
	close(lowest);
	die_as_passt();
	now = before;
	now.rlim_cur = (rlim_t)(listener < conn ? listener : conn);
	insist(!setrlimit(RLIMIT_NOFILE, &now));
	insist_dummy();
	insist(send_frame(60, 3) == 64);
	insist(!setrlimit(RLIMIT_NOFILE, &before));
	start_listening();
	accept_qemu();
	insist_dummy();
}

/* No signal is ever delivered to the thread. */
static void no_signals(void)
{
	char line[256];
	unsigned long long blocked = 0, libcs;
	FILE *status;
	DIR *tasks;
	struct dirent *entry;

	start_link();
	restart_passt();
	tasks = opendir("/proc/self/task");
	while ((entry = readdir(tasks))) {
		char path[300];

		if (entry->d_name[0] == '.' || atoi(entry->d_name) == getpid())
			continue;
		snprintf(path, sizeof(path), "/proc/self/task/%s/status", entry->d_name);
		status = fopen(path, "r");
		while (fgets(line, sizeof(line), status))
			sscanf(line, "SigBlk: %llx", &blocked);
		fclose(status);
	}
	closedir(tasks);
	/* All but KILL and STOP, which nobody can, and the libc's own: from 32 to SIGRTMIN. */
	libcs = ((1ull << (SIGRTMIN - 32)) - 1) << 31;
	insist(blocked == (0xfffffffffffbfeff & ~libcs));
}

/* How many bytes a socket of ours has got. */
static int queued(int fd)
{
	char buf[16];

	return (int)recv(fd, buf, sizeof(buf), MSG_PEEK | MSG_DONTWAIT);
}

/* A program closes all that it does not know, and opens its own on those numbers. */
static void numbers_taken(void)
{
	struct identity before[70], now;
	uint8_t buf[FRAME_MAX];
	int fd, pair[2];

	start_link();
	insist(listener < QEMU_FD && conn < QEMU_FD);
	for (fd = QEMU_FD + 1; fd < 1024; fd++)
		close(fd);
	insist(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	for (fd = 64; fd < 70; fd++) {
		insist(dup2(pair[0], fd) == fd);
		insist(descriptor_identity(fd, &before[fd]));
	}
	die_as_passt();
	insist(receive(buf, sizeof(buf)) == 0);
	insist(receive(buf, sizeof(buf)) == 0);
	insist(descriptor_identity(QEMU_FD, &now) && !identity_same(&now, &before[64]));
	link_stop();
	for (fd = 64; fd < 70; fd++)
		insist(descriptor_identity(fd, &now) && identity_same(&now, &before[fd]));
	insist(queued(pair[0]) == -1 && queued(pair[1]) == -1);
}

/* The guest's service on @port answers, over IPv4; passt gets that as all else. */
static void answer_from(uint8_t port)
{
	uint8_t frame[FRAME_HEADER + 60] = { 0, 0, 0, 60 }, got[sizeof(frame)];
	struct iovec iov[] = { { frame, FRAME_HEADER }, { frame + FRAME_HEADER, 60 } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };

	frame[16] = 0x08;
	frame[18] = 0x45;
	frame[27] = 6;
	frame[39] = port;
	frame[51] = 0x12;
	insist(link_sendmsg(QEMU_FD, &msg, 0) == sizeof(frame));
	insist(recv(conn, got, sizeof(got), MSG_WAITALL) == sizeof(got));
	insist(!memcmp(got, frame, sizeof(got)));
}

/* The next message at the other end of the control socket, or 0 where none comes in time. */
static enum control_kind hear(int other, int ms, uint16_t *port)
{
	struct pollfd p = { .fd = other, .events = POLLIN };
	struct control_msg msg;
	char data[8];

	if (poll(&p, 1, ms) != 1)
		return 0;
	insist(!control_receive(other, &msg, data, sizeof(data), 0));
	if (msg.kind == CONTROL_SERVES) {
		insist(msg.len == sizeof(*port));
		memcpy(port, data, sizeof(*port));
	}
	return msg.kind;
}

static void observed(void)
{
	bool frame = false;
	uint16_t port = 0;
	int pair[2], unread;
	uint8_t more;

	insist(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	control = pair[0];
	handoff.observe = true;
	start_link();
	insist(hear(pair[1], WAIT_MS, &port) == CONTROL_OWNER);
	answer_from(22);
	/* QEMU's thread tells the one, the link's the other. */
	for (int i = 0; i < 2; i++)
		frame |= hear(pair[1], WAIT_MS, &port) == CONTROL_FRAME;
	insist(frame && port == 22);
	/* Once each. */
	answer_from(22);
	answer_from(80);
	insist(hear(pair[1], WAIT_MS, &port) == CONTROL_SERVES && port == 80);
	insist(!control_send(pair[1], CONTROL_ENOUGH, NULL, 0, -1));
	do
		insist(!ioctl(pair[1], SIOCOUTQ, &unread));
	while (unread && !usleep(1000));
	for (more = 100; more < 200; more++) {
		answer_from(more);
		if (!hear(pair[1], 100, &port))
			break;
		insist(port == more);
	}
	insist(more < 200);
	/* Nobody observes: passt is looked for as ever. */
	close(pair[1]);
	restart_passt();
	answer_from(22);
}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	{ "observed", observed },
	{ "plain-traffic", plain_traffic },
	{ "scattered", scattered },
	{ "small-buffers", small_buffers },
	{ "split-send", split_send },
	{ "split-drop", split_drop },
	{ "whole-or-not", whole_or_not },
	{ "no-spin", no_spin },
	{ "spurious-wakeup", spurious_wakeup },
	{ "bad-length", bad_length },
	{ "peek", peek },
	{ "child", child },
	{ "stop", stop },
	{ "stop-with-offer", stop_with_offer },
	{ "stop-with-signals", stop_with_signals },
	{ "stall-with-signals", stall_with_signals },
	{ "shutdown-read", shutdown_read },
	{ "prepared", prepared },
	{ "no-reconnect", no_reconnect },
	{ "not-ours", not_ours },
	{ "no-descriptors", no_descriptors },
	{ "no-signals", no_signals },
	{ "numbers-taken", numbers_taken },
};

int main(int argc, char **argv)
{
	size_t i;

	signal(SIGPIPE, SIG_IGN);
	make_handoff();
	for (i = 0; argc == 2 && i < sizeof(tests) / sizeof(*tests); i++) {
		if (!strcmp(argv[1], tests[i].name)) {
			tests[i].run();
			return 0;
		}
	}
	fprintf(stderr, "which test?\n");
	return 2;
}
