/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * online [OPTION]... COMMAND [ARG]...: is the QEMU that COMMAND starts on a network?
 *
 * A guest without a guest. QEMU is to connect one port of a hub to 127.0.0.1:7007 (TCP, since old
 * ones know no other socket) and its monitor to ./monitor.socket, where this program listens;
 * another port is what is tested. It asks for an address by DHCP, as a guest would, and ends QEMU
 * by its monitor. Prints one line:
 *
 *	online ADDRESS	status 0: an offer came back through QEMU
 *	offline		status 1: QEMU is there, but nothing came back
 *	no QEMU		status 2: all that COMMAND started has ended before it had come that far
 *
 * Options:
 *
 *	--patience SECONDS	how long the answer may take: 2 unless told, or QRAP_TESTS_SLOW
 *times that
 *	--tell LINES		when online, tell this to QEMU's monitor
 *	--then SHELL_COMMAND	... and run this
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
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

#define HEADER    4
#define MAX_FRAME 69632

/* Where fields are in an Ethernet frame with IPv4, UDP and DHCP (RFC 791, 768, 2131). */
#define AT_IP       14
#define AT_UDP      34
#define AT_DHCP     42
#define AT_XID      (AT_DHCP + 4)
#define AT_YIADDR   (AT_DHCP + 16)
#define AT_CHADDR   (AT_DHCP + 28)
#define AT_COOKIE   (AT_DHCP + 236)
#define DHCP_FRAME  (AT_COOKIE + 60)
#define SERVER_PORT 67
#define CLIENT_PORT 68

#define XID 0x71726170

/* Where QEMU's hub connects to. */
#define NETWORK_PORT 7007

/* How long QEMU may take to start: under valgrind, on a busy machine. */
#define START_MS 45000
/* passt answers at once, or never; unless --patience says that it may take its time. */
#define ANSWER_MS 2000
#define ASK_MS    250
#define END_MS    10000
#define TICK_MS   10

/**
 * struct online - What goes on
 * @listeners:	For QEMU's network, and for its monitor
 * @network:	Connection of the hub
 * @monitor:	Connection of the monitor
 * @command:	Process of the command, 0: has ended
 */
struct online {
	int listeners[2];
	int network;
	int monitor;
	pid_t command;
};

static void die(const char *what)
{
	fprintf(stderr, "online: %s: %s\n", what, strerror(errno));
	exit(125);
}

static int listen_for_network(void)
{
	const struct sockaddr_in addr = { .sin_family = AF_INET,
					  .sin_port = htons(NETWORK_PORT),
					  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) || listen(fd, 1))
		die("127.0.0.1");
	return fd;
}

static int listen_on(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(addr.sun_path, path);
	unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) || listen(fd, 1))
		die(path);
	/* QEMU may have changed to another user by then. */
	chmod(path, 0777);
	return fd;
}

static void put16(uint8_t *p, unsigned n)
{
	p[0] = (uint8_t)(n >> 8);
	p[1] = (uint8_t)n;
}

static void put32(uint8_t *p, uint32_t n)
{
	put16(p, n >> 16);
	put16(p + 2, n & 0xffff);
}

/* The checksum of an IPv4 header without options (RFC 1071). */
static unsigned checksum(const uint8_t *header)
{
	uint32_t sum = 0;

	for (int i = 0; i < 20; i += 2)
		sum += (uint32_t)header[i] << 8 | header[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum += sum >> 16;
	return ~sum & 0xffff;
}

/* A DHCPDISCOVER behind its length, as QEMU's streams have it. */
static size_t make_discover(uint8_t *out)
{
	static const uint8_t mac[6] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };
	static const uint8_t cookie_and_type[] = { 99, 130, 83, 99, 53, 1, 1, 255 };
	uint8_t *f = out + HEADER;

	memset(out, 0, HEADER + DHCP_FRAME);
	put32(out, DHCP_FRAME);
	memset(f, 0xff, 6);
	memcpy(f + 6, mac, 6);
	put16(f + 12, 0x0800);
	f[AT_IP] = 0x45;
	put16(f + AT_IP + 2, DHCP_FRAME - AT_IP);
	f[AT_IP + 8] = 64;
	f[AT_IP + 9] = IPPROTO_UDP;
	memset(f + AT_IP + 16, 0xff, 4);
	put16(f + AT_IP + 10, checksum(f + AT_IP));
	put16(f + AT_UDP, CLIENT_PORT);
	put16(f + AT_UDP + 2, SERVER_PORT);
	put16(f + AT_UDP + 4, DHCP_FRAME - AT_UDP);
	f[AT_DHCP] = 1; /* a request */
	f[AT_DHCP + 1] = 1;
	f[AT_DHCP + 2] = 6;
	put32(f + AT_XID, XID);
	memcpy(f + AT_CHADDR, mac, 6);
	memcpy(f + AT_COOKIE, cookie_and_type, sizeof(cookie_and_type));
	return HEADER + DHCP_FRAME;
}

static bool is_offer(const uint8_t *f, size_t size)
{
	uint8_t xid[4];

	put32(xid, XID);
	return size >= AT_COOKIE && f[AT_IP + 9] == IPPROTO_UDP && f[AT_UDP] == 0 &&
	       f[AT_UDP + 1] == SERVER_PORT && f[AT_DHCP] == 2 && !memcmp(f + AT_XID, xid, 4);
}

enum answer { CHECK_REPLY_NONE, CHECK_REPLY_OFFER, CHECK_REPLY_END };

/* Takes what has come through QEMU; the address of an offer is printed. */
static enum answer take_answer(int fd)
{
	static uint8_t buf[4 * MAX_FRAME];
	static size_t len;
	ssize_t got = recv(fd, buf + len, sizeof(buf) - len, MSG_DONTWAIT);

	if (!got || (got < 0 && errno != EAGAIN))
		return CHECK_REPLY_END;
	if (got > 0)
		len += (size_t)got;
	while (len >= HEADER) {
		uint32_t size = (uint32_t)buf[0] << 24 | (uint32_t)buf[1] << 16 |
				(uint32_t)buf[2] << 8 | buf[3];
		const uint8_t *ip = buf + HEADER + AT_YIADDR;

		if (size > MAX_FRAME) {
			fprintf(stderr, "online: a frame of %u bytes\n", size);
			exit(125);
		}
		if (len < HEADER + size)
			break;
		if (is_offer(buf + HEADER, size)) {
			printf("online %u.%u.%u.%u\n", ip[0], ip[1], ip[2], ip[3]);
			return CHECK_REPLY_OFFER;
		}
		len -= HEADER + size;
		memmove(buf, buf + HEADER + size, len);
	}
	return CHECK_REPLY_NONE;
}

/* Children that have ended, whosoever they were. Return: true if there are none left. */
static bool reap(struct online *o)
{
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
		if (pid == o->command)
			o->command = 0;
	}
	return pid < 0;
}

/* Waits until QEMU has connected both sockets. */
static bool meet(struct online *o)
{
	int64_t deadline = now_ms() + START_MS;

	while ((o->network < 0 || o->monitor < 0) && now_ms() < deadline) {
		struct pollfd fds[] = { { .fd = o->listeners[0], .events = POLLIN },
					{ .fd = o->listeners[1], .events = POLLIN } };

		if (reap(o))
			return false;
		poll(fds, 2, TICK_MS);
		if (fds[0].revents)
			o->network = accept4(fds[0].fd, NULL, NULL, SOCK_CLOEXEC);
		if (fds[1].revents)
			o->monitor = accept4(fds[1].fd, NULL, NULL, SOCK_CLOEXEC);
	}
	return o->network >= 0 && o->monitor >= 0;
}

static enum answer ask(const struct online *o, int patience_ms)
{
	int64_t deadline = now_ms() + patience_ms, next = 0;
	uint8_t discover[HEADER + DHCP_FRAME];
	size_t len = make_discover(discover);
	enum answer answer;

	while (now_ms() < deadline) {
		struct pollfd p = { .fd = o->network, .events = POLLIN };

		if (now_ms() >= next) {
			send(o->network, discover, len, MSG_NOSIGNAL);
			next = now_ms() + ASK_MS;
		}
		poll(&p, 1, TICK_MS);
		answer = take_answer(o->network);
		if (answer != CHECK_REPLY_NONE)
			return answer;
	}
	return CHECK_REPLY_NONE;
}

/* QEMU is told to end; its monitor says when it has, and then so does the command. */
static void end(struct online *o)
{
	int64_t deadline = now_ms() + END_MS;
	struct pollfd p = { .fd = o->monitor, .events = POLLIN };
	char buf[4096];

	send(o->monitor, "quit\n", 5, MSG_NOSIGNAL);
	while (now_ms() < deadline && poll(&p, 1, END_MS) == 1 &&
	       recv(o->monitor, buf, sizeof(buf), 0) > 0)
		;
	while (now_ms() < deadline && !reap(o) && o->command)
		poll(NULL, 0, TICK_MS);
}

static pid_t run(char **argv)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid)
		return pid;
	execvp(argv[0], argv);
	die(argv[0]);
	return 0;
}

/* What is to be done once QEMU is online. */
static void act(const struct online *o, const char *tell, const char *then)
{
	fflush(stdout);
	if (tell)
		send(o->monitor, tell, strlen(tell), MSG_NOSIGNAL);
	if (then && system(then))
		fprintf(stderr, "online: failed: %s\n", then);
}

int main(int argc, char **argv)
{
	struct online o = { .network = -1, .monitor = -1 };
	const char *tell = NULL, *then = NULL;
	const char *slow = getenv("QRAP_TESTS_SLOW");
	int patience_ms = ANSWER_MS * (slow ? atoi(slow) : 1);
	enum answer answer;

	for (; argc > 3 && !strncmp(argv[1], "--", 2); argv += 2, argc -= 2) {
		if (!strcmp(argv[1], "--then"))
			then = argv[2];
		else if (!strcmp(argv[1], "--tell"))
			tell = argv[2];
		else if (!strcmp(argv[1], "--patience"))
			patience_ms = atoi(argv[2]) * 1000;
		else
			break;
	}
	if (argc < 2) {
		fprintf(stderr, "usage: online [OPTION]... COMMAND [ARG]...\n");
		return 125;
	}
	/* Whoever loses his parent becomes our child: so we know when nobody is left. */
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	o.listeners[0] = listen_for_network();
	o.listeners[1] = listen_on("monitor.socket");
	o.command = run(argv + 1);
	if (!meet(&o)) {
		printf("no QEMU\n");
		return 2;
	}
	answer = ask(&o, patience_ms);
	if (answer == CHECK_REPLY_OFFER)
		act(&o, tell, then);
	else
		printf("%s\n", answer == CHECK_REPLY_END ? "no QEMU" : "offline");
	end(&o);
	return answer == CHECK_REPLY_OFFER ? 0 : answer == CHECK_REPLY_END ? 2 : 1;
}
