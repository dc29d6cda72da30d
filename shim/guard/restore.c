/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/guard/restore.h"

#include "shim/common/control.h"
#include "shim/common/fd_store.h"
#include "shim/common/passt.h"
#include "shim/common/sys.h"

#define CONNECT_MS 3000
#define REPLY_MS   100
#define PAUSE_MS   10

/* Moves @fd onto @number, which may be where it is already: 0 or -errno. */
static int put_on_number(int fd, int number)
{
	int ret;

	/* The lowest free number may have been the very one. */
	if (fd == number)
		return sys_fcntl(fd, F_SETFD, 0);
	ret = sys_dup3(fd, number, 0);
	sys_close(fd);
	return ret < 0 ? ret : 0;
}

bool restore_stored(int store, enum stored_fd what, int number, const struct identity *id)
{
	int fd = store_look(store, what);

	if (fd < 0)
		return false;
	if (descriptor_is(fd, id) && !(what == STORED_CONNECTION && descriptor_hung_up(fd)))
		return !put_on_number(fd, number);
	sys_close(fd);
	return false;
}

bool restore_spare(const struct handoff *c, int store)
{
	return restore_stored(store, STORED_CONNECTION, c->fd, &c->socket);
}

bool restore_from_store(struct handoff *c)
{
	c->store = store_find(c);
	return restore_spare(c, c->store);
}

/* Connects to passt, and waits for its answer: blocking descriptor, or -errno. */
static int connect_once(const struct handoff *c)
{
	int fd = passt_connect(c->passt);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uid_t uid;
	int ret;

	if (fd < 0)
		return fd;
	ret = passt_peer_uid(fd, &uid);
	if (!ret && !passt_trusted(&c->trust, uid))
		ret = -EPERM;
	if (!ret)
		ret = passt_ask(fd);
	if (!ret) {
		sys_poll(&p, 1, REPLY_MS);
		ret = passt_answered(fd);
	}
	if (ret >= 0)
		ret = sys_fcntl(fd, F_SETFL, sys_fcntl(fd, F_GETFL, 0) & ~O_NONBLOCK);
	if (!ret)
		return fd;
	sys_close(fd);
	return ret;
}

/* What the supervisor makes of a start that it is asked for: a connection, or -errno. */
static int await_supervisor(int control)
{
	struct pollfd p = { .fd = control, .events = POLLIN };
	int64_t deadline = sys_now_ms() + CONNECT_MS, left;
	struct control_msg msg;
	int fd = -1, ret;
	char data[8];

	while ((left = deadline - sys_now_ms()) > 0) {
		sys_poll(&p, 1, (int)left);
		ret = control_receive(control, &msg, data, sizeof(data), MSG_DONTWAIT);
		if (ret == -EAGAIN)
			continue;
		if (!ret && msg.kind == CONTROL_READY && fd >= 0 && !descriptor_hung_up(fd))
			return fd;
		if (!ret && msg.kind == CONTROL_CONNECTION) {
			sys_close(fd);
			fd = msg.fd;
		} else if (ret || msg.kind == CONTROL_FAILED || msg.kind == CONTROL_TAKEN) {
			break;
		}
	}
	sys_close(fd);
	return left > 0 ? -ECONNREFUSED : -ETIMEDOUT;
}

/* A private one: the supervisor starts it again. */
static int connect_to_private(struct handoff *c)
{
	int control, ret;

	c->store = store_find(c);
	control = store_look(c->store, STORED_CONTROL);
	if (control < 0)
		return -ENOTCONN;
	ret = control_send(control, CONTROL_START, NULL, 0, -1);
	if (!ret)
		ret = await_supervisor(control);
	sys_close(control);
	return ret;
}

/* Is it worth while to try again? It is being restarted, or busy with the end of our old link. */
static bool may_pass(int error)
{
	return error == ENOENT || error == ECONNREFUSED || error == EAGAIN || error == ECONNRESET ||
	       error == EPIPE;
}

static int connect_again(const struct handoff *c)
{
	int64_t deadline = sys_now_ms() + CONNECT_MS;
	int fd;

	for (;;) {
		fd = connect_once(c);
		if (fd >= 0 || !may_pass(-fd) || sys_now_ms() >= deadline)
			return fd;
		sys_poll(NULL, 0, PAUSE_MS);
	}
}

/* The new connection has a store of its own, on the old one's number, with the rest of that. */
static void renew_store(struct handoff *c)
{
	int log, control;

	c->store = store_find(c);
	log = store_look(c->store, STORED_LOG);
	control = store_look(c->store, STORED_CONTROL);
	store_create(c, log, control);
	sys_close(log);
	sys_close(control);
}

int restore_as(int fd, struct handoff *c)
{
	int ret = put_on_number(fd, c->fd);

	if (ret)
		return ret;
	descriptor_identity(c->fd, &c->socket);
	renew_store(c);
	return 0;
}

int restore_from_passt(struct handoff *c)
{
	int fd = c->passt[0] ? connect_again(c) : connect_to_private(c);

	return fd < 0 ? fd : restore_as(fd, c);
}
