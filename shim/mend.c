/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Getting the connection back. */
#include "mend.h"

#include <string.h>

#include "locker.h"
#include "passt.h"
#include "sys.h"
#include "text.h"

#define SAME_PASST_MS    3000
#define OTHER_PASST_MS   3000
#define ANSWER_MS        100
#define PAUSE_MS         10
#define LAST_SOCKET      99
#define LOCKER_SEARCH_TO 4096

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

static bool is_locker(int fd, const struct contract *c)
{
	struct identity id;

	return fd >= 0 && descriptor_identity(fd, &id) && identity_same(&id, &c->locker_id);
}

int mend_find_locker(const struct contract *c)
{
	if (!c->locker_id.ino)
		return -1;
	if (is_locker(c->locker, c))
		return c->locker;
	for (int fd = STDERR_FILENO + 1; fd < LOCKER_SEARCH_TO; fd++) {
		if (is_locker(fd, c))
			return fd;
	}
	return -1;
}

/* The spare, if it is there and alive: descriptor or -1. */
static int take_spare(struct contract *c)
{
	struct identity id;
	int fd;

	c->locker = mend_find_locker(c);
	if (c->locker < 0)
		return -1;
	fd = locker_look(c->locker);
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
	sys_poll(&p, 1, ANSWER_MS);
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

/* The same passt: it may be restarting, or still busy with the end of our old connection. */
static int connect_again(const struct contract *c)
{
	int64_t deadline = sys_now_ms() + SAME_PASST_MS;
	int fd;

	if (c->private_passt || !c->passt[0])
		return -ENOTCONN;
	for (;;) {
		fd = connect_to(c->passt, &c->trust, false);
		if (fd >= 0 || fd == -EPERM || sys_now_ms() >= deadline)
			return fd;
		sys_poll(NULL, 0, PAUSE_MS);
	}
}

/* Any other one that is free and trusted, in the order of the launcher's search. */
static int connect_elsewhere(struct contract *c)
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

/* A new connection has a new identity, and a locker of its own on the old one's number. */
static void adopt(struct contract *c, int fd)
{
	int old = mend_find_locker(c);

	descriptor_identity(fd, &c->socket);
	c->locker = locker_create(fd, old, c->fd);
	if (c->locker < 0 || !descriptor_identity(c->locker, &c->locker_id)) {
		c->locker = -1;
		memset(&c->locker_id, 0, sizeof(c->locker_id));
	}
}

enum saver mend(struct contract *c, int *error)
{
	enum saver saver = SAVER_SPARE;
	int fd = take_spare(c);

	*error = 0;
	if (fd < 0) {
		saver = SAVER_SAME_PASST;
		fd = connect_again(c);
		*error = fd < 0 ? -fd : 0;
	}
	if (fd < 0 && c->searched) {
		saver = SAVER_OTHER_PASST;
		fd = connect_elsewhere(c);
	}
	if (fd < 0)
		return SAVER_NONE;
	/* The lowest free number may have been the very one. */
	if (fd == c->fd) {
		sys_fcntl(fd, F_SETFD, 0);
	} else {
		int ret = sys_dup3(fd, c->fd, 0);

		sys_close(fd);
		if (ret < 0) {
			*error = -ret;
			return SAVER_NONE;
		}
	}
	if (saver != SAVER_SPARE)
		adopt(c, c->fd);
	return saver;
}
