/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Getting the connection back. */
#include "shim/guard/restore.h"

#include <string.h>

#include "shim/common/fd_store.h"
#include "shim/common/passt.h"
#include "shim/common/sys.h"
#include "shim/common/text.h"

#define SAME_PASST_MS   3000
#define OTHER_PASST_MS  3000
#define CHECK_REPLY_MS  100
#define PAUSE_MS        10
#define LAST_SOCKET     99
#define STORE_SEARCH_TO 4096
#define POLLED_AT_ONCE  128

const char *saver_name(enum saver saver)
{
	switch (saver) {
	case SAVER_NONE:
		break;
	case SAVER_SPARE:
		return "the spare";
	case SAVER_SAME_PASST:
		return "a new connection to the same passt";
	case SAVER_OTHER_PASST:
		return "a connection to another passt";
	}
	return "nothing";
}

static bool is_store(int fd, const struct handoff *c)
{
	struct identity id;

	return fd >= 0 && descriptor_identity(fd, &id) && identity_same(&id, &c->store_id);
}

/**
 * find_open() - Find the next open descriptor
 * @from:	Where to begin
 * @end:	First number that is not looked at
 *
 * poll(2) tells of many at once, and needs no /proc.
 *
 * Return: its number, or @end
 */
static int find_open(int from, int end)
{
	struct pollfd fds[POLLED_AT_ONCE];

	for (; from < end; from += POLLED_AT_ONCE) {
		int n = end - from < POLLED_AT_ONCE ? end - from : POLLED_AT_ONCE;

		for (int i = 0; i < n; i++)
			fds[i] = (struct pollfd) { .fd = from + i };
		if (sys_poll(fds, (nfds_t)n, 0) < 0)
			return from;
		for (int i = 0; i < n; i++) {
			if (!(fds[i].revents & POLLNVAL))
				return from + i;
		}
	}
	return end;
}

int restore_find_store(const struct handoff *c)
{
	int fd = STDERR_FILENO;

	if (!c->store_id.ino)
		return -1;
	if (is_store(c->store, c))
		return c->store;
	while ((fd = find_open(fd + 1, STORE_SEARCH_TO)) < STORE_SEARCH_TO) {
		if (is_store(fd, c))
			return fd;
	}
	return -1;
}

/* The spare, if it is there and alive: descriptor or -1. */
static int take_spare(struct handoff *c)
{
	struct identity id;
	int fd;

	c->store = restore_find_store(c);
	if (c->store < 0)
		return -1;
	fd = store_look(c->store);
	if (fd < 0)
		return -1;
	if (descriptor_identity(fd, &id) && identity_same(&id, &c->socket) &&
	    !descriptor_hung_up(fd))
		return fd;
	sys_close(fd);
	return -1;
}

/* Asks the passt behind @fd, waits for a sign of life: 0, or -errno if it will not have us. */
static int greet(int fd, const struct passt_trust *trust, bool must_answer)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uid_t uid;
	int ret = passt_peer_uid(fd, &uid);

	if (!ret && !passt_trusted(trust, uid))
		ret = -EPERM;
	if (!ret)
		ret = passt_ask(fd);
	if (ret)
		return ret;
	sys_poll(&p, 1, CHECK_REPLY_MS);
	ret = passt_answered(fd);
	if (ret < 0)
		return ret;
	return ret || !must_answer ? 0 : -ETIMEDOUT;
}

/* Connects to @path: blocking descriptor, or -errno. */
static int connect_to(const char *path, const struct passt_trust *trust, bool must_answer)
{
	int fd = passt_connect(path);
	int ret;

	if (fd < 0)
		return fd;
	ret = greet(fd, trust, must_answer);
	if (!ret)
		ret = sys_fcntl(fd, F_SETFL, sys_fcntl(fd, F_GETFL, 0) & ~O_NONBLOCK);
	if (!ret)
		return fd;
	sys_close(fd);
	return ret;
}

/* Is it worth while to try again? It is being restarted, or busy with the end of our old link. */
static bool may_pass(int error)
{
	switch (error) {
	case ENOENT:
	case ECONNREFUSED:
	case EAGAIN:
	case ECONNRESET:
	case EPIPE:
		return true;
	default:
		return false;
	}
}

static int connect_again(const struct handoff *c)
{
	int64_t deadline = sys_now_ms() + SAME_PASST_MS;
	int fd;

	if (c->private_passt || !c->passt[0])
		return -ENOTCONN;
	for (;;) {
		fd = connect_to(c->passt, &c->trust, false);
		if (fd >= 0 || !may_pass(-fd) || sys_now_ms() >= deadline)
			return fd;
		sys_poll(NULL, 0, PAUSE_MS);
	}
}

/* Any other one that is free and trusted, in the order of the launcher's search. */
static int connect_elsewhere(struct handoff *c)
{
	int64_t deadline = sys_now_ms() + OTHER_PASST_MS;
	char path[PASST_PATH_MAX + 1];
	struct text t;

	for (int i = 1; i <= LAST_SOCKET && sys_now_ms() < deadline; i++) {
		int fd;

		text_start(&t, path, sizeof(path));
		text_add(&t, "/tmp/passt_");
		text_add_int(&t, i);
		text_add(&t, ".socket");
		if (!strcmp(path, c->passt))
			continue;
		fd = connect_to(path, &c->trust, true);
		if (fd < 0)
			continue;
		memcpy(c->passt, path, t.len + 1);
		return fd;
	}
	return -ENOENT;
}

/* A new connection has a store of its own, on the old one's number. */
static void renew_store(struct handoff *c)
{
	int old = restore_find_store(c);

	c->store = store_create(c->fd, old, c->fd);
	memset(&c->store_id, 0, sizeof(c->store_id));
	if (c->store >= 0 && !descriptor_identity(c->store, &c->store_id)) {
		sys_close(c->store);
		c->store = -1;
	}
}

/* Moves @fd onto the handoff's number, which may be where it is already: 0 or -errno. */
static int put_on_number(int fd, const struct handoff *c)
{
	int ret;

	/* The lowest free number may have been the very one. */
	if (fd == c->fd)
		return sys_fcntl(fd, F_SETFD, 0);
	ret = sys_dup3(fd, c->fd, 0);
	sys_close(fd);
	return ret < 0 ? ret : 0;
}

/* Puts a new connection on the number: one that can be told from what others may put there. */
static int adopt(int fd, struct handoff *c)
{
	struct identity id;
	int ret = descriptor_identity(fd, &id) ? 0 : -EBADF;

	if (ret)
		sys_close(fd);
	else
		ret = put_on_number(fd, c);
	if (!ret)
		c->socket = id;
	return ret;
}

bool restore_from_store(struct handoff *c)
{
	int fd = take_spare(c);

	return fd >= 0 && !put_on_number(fd, c);
}

enum saver mend(struct handoff *c, int *error)
{
	enum saver saver = SAVER_SAME_PASST;
	int fd, ret;

	*error = 0;
	if (restore_from_store(c))
		return SAVER_SPARE;
	fd = connect_again(c);
	if (fd < 0)
		*error = -fd;
	if (fd < 0 && c->searched) {
		saver = SAVER_OTHER_PASST;
		fd = connect_elsewhere(c);
	}
	if (fd < 0)
		return SAVER_NONE;
	ret = adopt(fd, c);
	if (ret < 0) {
		*error = -ret;
		return SAVER_NONE;
	}
	renew_store(c);
	return saver;
}
