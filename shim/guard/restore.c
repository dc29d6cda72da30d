/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/guard/restore.h"

#include <string.h>

#include "shim/common/fd_store.h"
#include "shim/common/passt.h"
#include "shim/common/sys.h"

#define CONNECT_MS 3000
#define REPLY_MS   100
#define PAUSE_MS   10

/* Where the store is looked for ends here: it is kept below 1024 wherever there is room. */
#define STORE_SEARCH_END 1024

const char *saver_name(enum saver saver)
{
	switch (saver) {
	case SAVER_NONE:
		break;
	case SAVER_SPARE:
		return "the spare";
	case SAVER_SAME_PASST:
		return "a new connection to the same passt";
	}
	return "nothing";
}

static bool is_store(int fd, const struct handoff *c)
{
	struct identity id;

	return fd >= 0 && descriptor_identity(fd, &id) && identity_same(&id, &c->store_id);
}

int restore_find_store(const struct handoff *c)
{
	if (!c->store_id.ino)
		return -1;
	if (is_store(c->store, c))
		return c->store;
	for (int fd = STDERR_FILENO + 1; fd < STORE_SEARCH_END; fd++) {
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

/* Asks the passt behind @fd, waits for an answer: 0, or -errno if it will not have us. */
static int ask(int fd, const struct passt_trust *trust)
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
	sys_poll(&p, 1, REPLY_MS);
	ret = passt_answered(fd);
	return ret < 0 ? ret : 0;
}

/* Connects to passt: blocking descriptor, or -errno. */
static int connect_once(const struct handoff *c)
{
	int fd = passt_connect(c->passt);
	int ret;

	if (fd < 0)
		return fd;
	ret = ask(fd, &c->trust);
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
	int64_t deadline = sys_now_ms() + CONNECT_MS;
	int fd;

	if (c->private_passt || !c->passt[0])
		return -ENOTCONN;
	for (;;) {
		fd = connect_once(c);
		if (fd >= 0 || !may_pass(-fd) || sys_now_ms() >= deadline)
			return fd;
		sys_poll(NULL, 0, PAUSE_MS);
	}
}

void restore_renew_store(struct handoff *c)
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

enum saver restore_connection(struct handoff *c, int *error)
{
	int fd, ret;

	*error = 0;
	if (restore_from_store(c))
		return SAVER_SPARE;
	fd = connect_again(c);
	ret = fd < 0 ? fd : adopt(fd, c);
	if (ret < 0) {
		*error = -ret;
		return SAVER_NONE;
	}
	restore_renew_store(c);
	return SAVER_SAME_PASST;
}
