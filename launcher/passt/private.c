/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/passt/private.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "launcher/passt/forwards.h"
#include "shim/common/passt.h"
#include "shim/common/sys.h"

/* To get ready: netlink, namespaces and a fork take passt some 60 ms. */
#define START_MS 10000

/*
 * One in the background that has not read by then never does; an exit status follows the end of the
 * connection at once.
 */
#define REPLY_MS 1000

/* To end after SIGTERM. */
#define GRACE_MS 400

/* So often another port is chosen for one that somebody else took. */
#define TRIES_MAX 10

static void keep(struct private_passt *passt, const char **text)
{
	if (*text)
		*text = arena_copy(passt->kept, *text, strlen(*text));
}

/* A copy of all that has been promised. */
static void keep_network(struct private_passt *passt, const struct guest_network *network)
{
	struct guest_network *n = arena_get(passt->kept, sizeof(*n));
	struct forward *forwards =
		arena_get(passt->kept, (network->forward_count + 1) * sizeof(*forwards));
	const char **search = NULL;

	*n = *network;
	for (unsigned i = 0; i < n->forward_count; i++) {
		forwards[i] = n->forwards[i];
		keep(passt, &forwards[i].word);
		keep(passt, &forwards[i].address);
	}
	n->forwards = forwards;
	keep(passt, &n->address);
	keep(passt, &n->gateway);
	keep(passt, &n->dns);
	keep(passt, &n->hostname);
	keep(passt, &n->domainname);
	for (size_t i = 0; n->search && (!i || n->search[i - 1]); i++) {
		search = arena_grow(passt->kept, search, i, sizeof(*search));
		search[i] = n->search[i];
		keep(passt, &search[i]);
	}
	n->search = search;
	passt->request.network = n;
}

void private_init(struct private_passt *passt, const struct passt_request *request)
{
	*passt = (struct private_passt) {
		.request = *request, .fd = -1, .reading = -1, .kept = arena_new()
	};
	keep(passt, &passt->request.command);
	keep_network(passt, request->network);
	/* Where it is gone, there is none to go to. */
	passt->directory = getcwd(NULL, 0);
	passt->chosen = arena_get(passt->kept, request->network->forward_count + 1);
}

/*
 * Each read of passt's frees room in our send buffer, which wakes who waits for room: an edge,
 * where data that is there to be read tells nobody. The first edge is that there is room now.
 */
static int watch_reading(int fd)
{
	struct epoll_event event = { .events = EPOLLOUT | EPOLLET };
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) ||
	    epoll_wait(epoll, &event, 1, 0) < 0) {
		close(epoll);
		return -errno;
	}
	return epoll;
}

/* Starts the program with its end of a socket pair, to which the probe was sent: 0 or -errno. */
static int launch(struct private_passt *passt)
{
	int pair[2];
	int ret;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return -errno;
	const int fds[] = { CHILD_NULL, CHILD_OUTPUT, CHILD_OUTPUT, pair[1] };
	const struct child_plan plan = {
		.argv = passt->words, .fds = fds, .fd_count = 4, .directory = passt->directory
	};

	ret = passt_ask(pair[0]);
	if (!ret)
		ret = passt->reading = watch_reading(pair[0]);
	if (ret >= 0)
		ret = child_start(&passt->child, &plan);
	close(pair[1]);
	passt->fd = pair[0];
	return ret;
}

static void close_start(struct private_passt *passt)
{
	if (passt->fd >= 0)
		close(passt->fd);
	if (passt->reading >= 0)
		close(passt->reading);
	passt->fd = passt->reading = -1;
}

/* Are all ports free, or once it has @started its own? If not, that is the trouble. */
static bool has_ports(struct private_passt *passt, bool started)
{
	passt->trouble =
		forwards_check(passt->arena, passt->request.network, passt->words, started);
	passt->taken = passt->trouble;
	return !passt->taken;
}

bool private_start(struct private_passt *passt)
{
	int ret;

	arena_free(passt->arena);
	passt->arena = arena_new();
	passt->tries++;
	passt->has_read = passt->has_closed = false;
	passt->taken = false;
	if (!passt->was_ready)
		forwards_choose(passt->request.network, passt->chosen);
	passt->words = passt_words(passt->arena, &passt->request, passt->lacks, &passt->trouble);
	if (!passt->words || !has_ports(passt, false))
		return false;
	ret = launch(passt);
	if (ret < 0) {
		passt->trouble = strerror(-ret);
		close_start(passt);
		return false;
	}
	passt->state = PRIVATE_STARTING;
	passt->deadline = sys_now_ms() + START_MS;
	return true;
}

bool private_on_reading(struct loop_source *source)
{
	struct private_passt *passt = source->arg;
	struct epoll_event event;

	if (epoll_wait(passt->reading, &event, 1, 0) == 1) {
		passt->has_closed = event.events & (EPOLLHUP | EPOLLERR);
		passt->has_read = !passt->has_closed;
	}
	source->fd = -1;
	return true;
}

char *private_said(const struct private_passt *passt)
{
	static const char complaint[] = "Failed to send ";
	char *all = arena_copy(passt->arena, passt->child.said, passt->child.said_len);
	struct buffer said = { .arena = passt->arena };

	buffer_add_text(&said, "");
	for (char *line = strtok(all, "\n"); line; line = strtok(NULL, "\n")) {
		if (!strncmp(line, complaint, sizeof(complaint) - 1))
			continue;
		buffer_add_text(&said, line);
		buffer_add_char(&said, '\n');
	}
	return said.text;
}

/* The last line that passt said, in front of its help. */
static const char *last_words(const struct private_passt *passt)
{
	const char *last = "it said nothing";
	char *said = private_said(passt);
	char *help = strstr(said, "Usage:");

	if (help)
		*help = '\0';
	for (char *line = strtok(said, "\n"); line; line = strtok(NULL, "\n"))
		last = line;
	return last;
}

/* Why it does not serve, and is not going to; NULL while that is open. */
static const char *why_not(const struct private_passt *passt, bool in_time)
{
	const struct child *child = &passt->child;
	const char *name = passt->words[0];
	const char *said = last_words(passt);

	if (child->error)
		return arena_format(passt->arena, "can't run %s: %s", name, strerror(child->error));
	if (child->signal)
		return arena_format(passt->arena, "%s was ended by signal %d: %s", name,
				    child->signal, said);
	if (child->status)
		return arena_format(passt->arena, "%s failed with status %d: %s", name,
				    child->status, said);
	if (passt->has_closed && (child->ended || !in_time))
		return arena_format(passt->arena, "%s does not serve descriptor 3: %s", name, said);
	if (!in_time && !child->ended)
		return arena_format(passt->arena, "%s was not ready after %d s: %s", name,
				    START_MS / 1000, said);
	return NULL;
}

static enum private_state finish(struct private_passt *passt, enum private_state state)
{
	close_start(passt);
	passt->state = state;
	passt->was_ready |= state == PRIVATE_READY;
	return state;
}

enum private_state private_look(struct private_passt *passt)
{
	struct child *child = &passt->child;
	struct loop_source output = { .arg = child };
	const int64_t now = sys_now_ms();

	/* What it said last, and with its end. */
	child_on_output(&output);
	passt->trouble = why_not(passt, now < passt->deadline);
	if (passt->trouble)
		return finish(passt, PRIVATE_NONE);
	if (passt->has_read) {
		if (!has_ports(passt, true))
			return finish(passt, PRIVATE_NONE);
		passt->trouble = passt_lost(passt->arena, &passt->request, passt->lacks);
		return finish(passt, PRIVATE_READY);
	}
	if (now >= passt->deadline) {
		passt->trouble =
			arena_format(passt->arena, "%s runs, but does not answer", passt->words[0]);
		return finish(passt, PRIVATE_READY);
	}
	if ((passt->has_closed || child->ended) && passt->deadline > now + REPLY_MS)
		passt->deadline = now + REPLY_MS;
	return PRIVATE_STARTING;
}

bool private_may_retry(struct private_passt *passt)
{
	unsigned lack = passt->child.status ? passt_lack_in(passt->child.said) : 0;

	if (passt->tries > TRIES_MAX)
		return false;
	if (lack & ~passt->lacks) {
		passt->lacks |= lack;
		return true;
	}
	return !passt->was_ready && forwards_choose(passt->request.network, passt->chosen);
}

const char *private_end(struct private_passt *passt)
{
	const bool served = passt->state == PRIVATE_READY;

	close_start(passt);
	if (passt->child.pid > 0)
		child_end(&passt->child, GRACE_MS);
	passt->child.pid = 0;
	passt->state = PRIVATE_NONE;
	return served && passt->child.signal != SIGTERM ? why_not(passt, true) : NULL;
}
