/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * link_fault [--end=HOW] COMMAND [ARG]...: a passt ($QRAP_SOCKET) whose connection ends once
 * link_fault owner fd=5 [BYTES]: the QEMU that COMMAND comes to: on descriptor 5 it sends back what
 *	it gets, with a send buffer of so many bytes
 *
 * HOW: "restart" (the default), "move" (a restart, and the directory of the socket is another one
 *by then), "bad-length" (it sends a length that cannot be, and listens on).
 *
 * Whatever fails in the shim on the way, QEMU must see whole frames and complete sends, since it
 * gives a network up, or aborts, at anything else. Before and after the restart a frame has to make
 * its way there and back; those in between may be lost. QEMU prints what it has open in the end, by
 * kind, standard descriptors left out, and which signals it has blocked: "open sockets=N others=N"
 * and "blocked SIGNAL...". Then one line:
 *
 *	up	status 0: frames pass again after the restart
 *	down	status 0: they do not, within a few seconds
 *	none	status 0: there never was a link
 *	broken: ...	status 1: QEMU, or passt, saw what must not be
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

#define QEMU_FD    5
#define DIRECTORY  "passt"
#define MOVED      "passt.moved"
#define SOCKET     "/passt.socket"
#define HIGHEST_FD 1023
#define HEADER     4
#define ADDRESSES  12
#define FRAME_MIN  14
#define FRAME_MAX  69632

/* The shim tries again after a second; two of those may go by. */
#define PATIENCE_MS 4000
#define RESEND_MS   100

/* Under and over what the kernel takes in one piece. */
static const uint32_t sizes[] = { 60, 1400, 60000 };

struct stream {
	uint8_t buf[2 * (HEADER + FRAME_MAX)];
	size_t len;
};

static void broken(const char *who, const char *what, long value)
{
	printf("broken: %s: %s %ld\n", who, what, value);
	fflush(stdout);
	_exit(1);
}

static uint32_t get32(const uint8_t *p)
{
	uint32_t n;

	memcpy(&n, p, sizeof(n));
	return ntohl(n);
}

/* A broadcast frame full of one byte, which is not zero: what padding is made of. */
static size_t make_frame(uint8_t *out, uint32_t size, uint8_t byte)
{
	uint32_t header = htonl(size);

	memcpy(out, &header, sizeof(header));
	memset(out + HEADER, byte, size);
	memset(out + HEADER, 0xff, 6);
	return HEADER + size;
}

enum content { CONTENT_WHOLE, CONTENT_PADDED, CONTENT_DUMMY, CONTENT_WRONG };

/* What is in a frame, padding allowed at its end only. */
static enum content look(const uint8_t *frame, uint32_t size)
{
	static const uint8_t dummy[6] = { 2, 0, 0, 0, 0, 1 };
	uint32_t at = ADDRESSES;

	if (!memcmp(frame, dummy, sizeof(dummy)))
		return CONTENT_DUMMY;
	while (at < size && frame[at] && frame[at] == frame[ADDRESSES])
		at++;
	if (at == size)
		return CONTENT_WHOLE;
	while (at < size && !frame[at])
		at++;
	return at == size ? CONTENT_PADDED : CONTENT_WRONG;
}

/* Length of the first frame with its header, or 0: not there yet. */
static size_t first_frame(const struct stream *s, const char *who)
{
	uint32_t size;

	if (s->len < HEADER)
		return 0;
	size = get32(s->buf);
	if (size < FRAME_MIN || size > FRAME_MAX)
		broken(who, "a frame of a length that cannot be:", size);
	return s->len < HEADER + size ? 0 : HEADER + size;
}

static void drop_first(struct stream *s, size_t n)
{
	s->len -= n;
	memmove(s->buf, s->buf + n, s->len);
}

/* QEMU */

static void send_back(uint8_t *frame, size_t len)
{
	struct iovec iov[] = { { frame, HEADER }, { frame + HEADER, len - HEADER } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	int64_t deadline = now_ms() + PATIENCE_MS;
	ssize_t n;

	while ((n = sendmsg(QEMU_FD, &msg, 0)) < 0) {
		struct pollfd p = { .fd = QEMU_FD, .events = POLLOUT };

		if (errno != EAGAIN)
			broken("QEMU", "sendmsg failed with", errno);
		if (now_ms() > deadline)
			broken("QEMU", "nothing can be sent any more", 0);
		poll(&p, 1, RESEND_MS);
	}
	if ((size_t)n != len)
		broken("QEMU", "sent in part:", n);
}

/* As QEMU: calls recv only when it was told that there is something, and takes no excuse. */
static void receive(struct stream *s)
{
	ssize_t n = recv(QEMU_FD, s->buf + s->len, sizeof(s->buf) - s->len, 0);
	size_t len;

	if (!n)
		broken("QEMU", "end of file", 0);
	if (n < 0)
		broken("QEMU", "recv failed with", errno);
	s->len += (size_t)n;
	while ((len = first_frame(s, "QEMU"))) {
		enum content content = look(s->buf + HEADER, (uint32_t)(len - HEADER));

		if (content == CONTENT_WRONG)
			broken("QEMU", "a frame with wrong content, bytes:", (long)len);
		if (content == CONTENT_WHOLE)
			send_back(s->buf, len);
		drop_first(s, len);
	}
}

static void print_open(void)
{
	int sockets = 0, others = 0;
	struct stat st;

	for (int fd = STDERR_FILENO + 1; fd <= HIGHEST_FD; fd++) {
		if (!fstat(fd, &st))
			S_ISSOCK(st.st_mode) ? sockets++ : others++;
	}
	printf("open sockets=%d others=%d\n", sockets, others);
}

static void print_blocked(void)
{
	sigset_t set;

	sigprocmask(SIG_BLOCK, NULL, &set);
	printf("blocked");
	for (int sig = 1; sig < SIGRTMIN; sig++) {
		if (sigismember(&set, sig))
			printf(" %d", sig);
	}
	printf("\n");
}

/* As on a host with a low net.core.wmem_default. */
static void limit_send_buffer(const char *bytes)
{
	int half = atoi(bytes) / 2; /* the kernel doubles it: socket(7) */

	if (setsockopt(QEMU_FD, SOL_SOCKET, SO_SNDBUF, &half, sizeof(half)))
		broken("QEMU", "no such send buffer:", errno);
}

/* Until the tester closes our standard input. */
static int be_qemu(const char *send_buffer)
{
	static struct stream stream;
	int type;
	socklen_t len = sizeof(type);

	/* The claim. */
	if (getsockopt(QEMU_FD, SOL_SOCKET, SO_TYPE, &type, &len)) {
		print_open();
		return 0;
	}
	if (send_buffer)
		limit_send_buffer(send_buffer);
	fcntl(QEMU_FD, F_SETFL, fcntl(QEMU_FD, F_GETFL) | O_NONBLOCK);
	for (;;) {
		struct pollfd fds[] = { { .fd = QEMU_FD, .events = POLLIN },
					{ .fd = STDIN_FILENO, .events = POLLIN } };

		poll(fds, 2, -1);
		if (fds[1].revents) {
			print_open();
			print_blocked();
			return 0;
		}
		if (fds[0].revents)
			receive(&stream);
	}
}

/* passt */

static int start_listening(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = DIRECTORY SOCKET };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	mkdir(DIRECTORY, 0700);
	unlink(addr.sun_path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) || listen(fd, 0))
		broken("passt", "cannot listen:", errno);
	return fd;
}

/* Reads what QEMU has sent. Return: the frame number @byte came back; *@conn is -1 if it ended. */
static bool read_echo(int *conn, struct stream *s, uint8_t byte)
{
	ssize_t n = recv(*conn, s->buf + s->len, sizeof(s->buf) - s->len, MSG_DONTWAIT);
	bool found = false;
	size_t len;

	if (!n || (n < 0 && errno != EAGAIN)) {
		close(*conn);
		*conn = -1;
		return false;
	}
	s->len += n > 0 ? (size_t)n : 0;
	while ((len = first_frame(s, "passt"))) {
		/* What the shim asks with before there is a link is not ours. */
		if (len > HEADER + ADDRESSES && s->buf[HEADER + ADDRESSES] == byte &&
		    look(s->buf + HEADER, (uint32_t)(len - HEADER)) == CONTENT_WHOLE)
			found = true;
		drop_first(s, len);
	}
	return found;
}

static bool has_ended(pid_t pid)
{
	siginfo_t info = { 0 };

	return !waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) && info.si_pid;
}

/* Sends a frame of this size until it comes back, on whatever connection there is by then. */
static bool exchange(pid_t qemu, int listener, int *conn, struct stream *s, uint32_t size)
{
	static uint8_t frame[HEADER + FRAME_MAX];
	static uint8_t byte = 0x80;
	int64_t deadline = now_ms() + PATIENCE_MS, next = 0;
	size_t len;

	byte++;
	len = make_frame(frame, size, byte);
	while (now_ms() < deadline && !has_ended(qemu)) {
		struct pollfd p = { .fd = *conn < 0 ? listener : *conn, .events = POLLIN };

		if (*conn >= 0 && now_ms() >= next) {
			size_t sent = 0;
			ssize_t n = 0;

			while (sent < len && n >= 0) {
				n = send(*conn, frame + sent, len - sent, MSG_NOSIGNAL);
				sent += n > 0 ? (size_t)n : 0;
			}
			next = now_ms() + 10 * RESEND_MS;
		}
		if (poll(&p, 1, RESEND_MS) <= 0)
			continue;
		if (*conn >= 0) {
			if (read_echo(conn, s, byte))
				return true;
			continue;
		}
		*conn = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		s->len = 0;
		next = 0;
	}
	return false;
}

static bool exchange_all(pid_t qemu, int listener, int *conn, struct stream *s)
{
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		if (!exchange(qemu, listener, conn, s, sizes[i]))
			return false;
	}
	return true;
}

static pid_t run(char **argv, int *input)
{
	int pair[2];
	pid_t pid;

	if (pipe(pair))
		broken("tester", "pipe:", errno);
	fcntl(pair[1], F_SETFD, FD_CLOEXEC);
	pid = fork();
	if (pid)
		return close(pair[0]), *input = pair[1], pid;
	dup2(pair[0], STDIN_FILENO);
	close(pair[0]);
	setenv("QRAP_SOCKET", DIRECTORY SOCKET, 1);
	execvp(argv[0], argv);
	_exit(127);
}

/* Does this process watch a directory (proc(5), fdinfo)? */
static bool is_watching(pid_t pid)
{
	char path[64], line[256];
	bool found = false;

	for (int fd = STDERR_FILENO + 1; fd <= HIGHEST_FD && !found; fd++) {
		FILE *file;

		snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", (int)pid, fd);
		file = fopen(path, "re");
		while (file && fgets(line, sizeof(line), file))
			found |= !strncmp(line, "inotify wd:", 11);
		if (file)
			fclose(file);
	}
	return found;
}

static struct ucred peer_of(int conn)
{
	struct ucred peer = { 0 };
	socklen_t len = sizeof(peer);

	if (getsockopt(conn, SOL_SOCKET, SO_PEERCRED, &peer, &len))
		broken("passt", "getsockopt:", errno);
	return peer;
}

/* Once the shim watches the directory of passt's socket, it goes elsewhere. */
static void move_directory(pid_t qemu)
{
	int64_t deadline = now_ms() + PATIENCE_MS;

	while (!is_watching(qemu) && now_ms() < deadline)
		poll(NULL, 0, 1);
	unlink(MOVED SOCKET);
	rmdir(MOVED);
	if (rename(DIRECTORY, MOVED))
		broken("tester", "rename:", errno);
}

/* The end of the connection. Return: who listens from now on */
static int end_connection(const char *how, int listener, int *conn)
{
	static const uint8_t bad_length[HEADER] = { 0xff, 0xff, 0xff, 0xff };
	const pid_t qemu = peer_of(*conn).pid;

	if (!strcmp(how, "bad-length")) {
		if (send(*conn, bad_length, HEADER, MSG_NOSIGNAL) != HEADER)
			broken("passt", "send:", errno);
		return listener;
	}
	close(*conn);
	close(listener);
	*conn = -1;
	if (!strcmp(how, "move"))
		move_directory(qemu);
	return start_listening();
}

static int test_link(const char *end, char **command)
{
	static struct stream stream;
	const char *result = "none";
	int listener = start_listening(), conn = -1, input, status = 0;
	pid_t pid = run(command, &input);

	if (exchange_all(pid, listener, &conn, &stream)) {
		listener = end_connection(end, listener, &conn);
		stream.len = 0;
		result = exchange_all(pid, listener, &conn, &stream) ? "up" : "down";
	}
	close(input);
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status))
		broken("QEMU", "status", status);
	printf("%s\n", result);
	return 0;
}

int main(int argc, char **argv)
{
	const char *end = "restart";

	if (argc > 2 && !strncmp(argv[1], "--end=", 6)) {
		end = argv[1] + 6;
		argv++;
		argc--;
	}
	if (argc < 2)
		return 2;
	if (!strcmp(argv[1], "owner"))
		return be_qemu(argc > 3 ? argv[3] : NULL);
	return test_link(end, argv + 1);
}
