/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/common/fd_store.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "shim/common/sys.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8
#endif

/* valgrind keeps the last descriptors below the soft limit for itself. */
#define KEPT_BY_VALGRIND 64

/* Where the store is kept if there is room, and looked for. */
#define HIGHEST_NUMBER 1023
#define LOWEST_NUMBER  64

/* Soft limit of open files; a low one if it cannot be known. */
static int open_files_limit(void)
{
	struct {
		uint64_t soft;
		uint64_t hard;
	} limit;

	if (sys_call(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, (long)&limit, 0, 0))
		return LOWEST_NUMBER;
	return limit.soft > INT32_MAX ? INT32_MAX : (int)limit.soft;
}

/* The highest free number out of the way, for a duplicate of @fd: that, or -errno. */
static int duplicate_out_of_the_way(int fd, int avoid)
{
	int highest = open_files_limit() - KEPT_BY_VALGRIND - 1;
	int to;

	if (highest < LOWEST_NUMBER)
		highest += KEPT_BY_VALGRIND;
	if (highest > HIGHEST_NUMBER)
		highest = HIGHEST_NUMBER;
	for (to = highest; to > STDERR_FILENO; to--) {
		if (to != avoid && sys_fcntl(to, F_GETFD, 0) < 0)
			break;
	}
	/* All taken: the first free one above. */
	if (to <= STDERR_FILENO)
		to = (avoid > highest ? avoid : highest) + 1;
	return sys_fcntl(fd, F_DUPFD, to);
}

/**
 * struct rights_msg - A message with descriptors (unix(7), SCM_RIGHTS)
 * @msg:	Header, set up by rights_msg_start()
 * @iov:	Its bytes
 * @kinds:	Those: an enum stored_fd for each descriptor
 * @control:	The descriptors, in the same order
 */
struct rights_msg {
	struct msghdr msg;
	struct iovec iov;
	unsigned char kinds[STORED_FDS];
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(STORED_FDS * sizeof(int))];
	} control;
};

/* Ready to be received into, and to be sent once there are @fds in it. */
static void rights_msg_start(struct rights_msg *m, const int *fds, size_t count)
{
	memset(m, 0, sizeof(*m));
	m->iov = (struct iovec) { m->kinds, count };
	m->msg.msg_iov = &m->iov;
	m->msg.msg_iovlen = 1;
	m->msg.msg_control = &m->control;
	m->msg.msg_controllen = CMSG_SPACE(count * sizeof(int));
	m->control.header.cmsg_level = SOL_SOCKET;
	m->control.header.cmsg_type = SCM_RIGHTS;
	m->control.header.cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(&m->control.header), fds, count * sizeof(int));
}

/* A file without a name, which cannot be executed where the kernel knows that wish (Linux 6.3). */
static int create_note(void)
{
	int fd = (int)sys_call(SYS_memfd_create, (long)"qrap", MFD_CLOEXEC | MFD_NOEXEC_SEAL, 0, 0,
			       0, 0);

	if (fd == -EINVAL)
		fd = (int)sys_call(SYS_memfd_create, (long)"qrap", MFD_CLOEXEC, 0, 0, 0, 0);
	return fd;
}

/* Queues those of @wanted that are there for the other end of @socket: 0 or -errno. */
static int send_fds(int socket, const int wanted[STORED_FDS])
{
	unsigned char kinds[STORED_FDS];
	int fds[STORED_FDS];
	struct rights_msg m;
	size_t count = 0;
	ssize_t ret;

	for (int kind = 0; kind < STORED_FDS; kind++) {
		kinds[count] = (unsigned char)kind;
		fds[count] = wanted[kind];
		count += wanted[kind] >= 0;
	}
	rights_msg_start(&m, fds, count);
	memcpy(m.kinds, kinds, count);
	ret = sys_sendmsg(socket, &m.msg, MSG_NOSIGNAL);
	return ret < 0 ? (int)ret : 0;
}

/* Queues the connection, a new note and what goes along: 0 or -errno. */
static int fill(int socket, const struct handoff *c, int log, int control)
{
	int note = create_note();
	int fds[STORED_FDS] = { c->socket.ino ? c->fd : -1, note, log, control };
	int ret;

	if (note < 0)
		return note;
	for (int i = 0; i < WATCH_MAX; i++)
		fds[STORED_WATCHED + i] = i < c->watch_count ? (int)c->watch[i].fd : -1;
	ret = send_fds(socket, fds);
	sys_close(note);
	return ret;
}

int store_create(struct handoff *c, int log, int control)
{
	int pair[2], old = c->store;
	int ret = sys_socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);

	c->store = -1;
	if (ret)
		return ret;
	ret = fill(pair[0], c, log, control);
	if (!ret)
		ret = old < 0 ? duplicate_out_of_the_way(pair[1], c->fd)
			      : sys_dup3(pair[1], old, 0);
	sys_close(pair[1]);
	sys_close(pair[0]);
	if (ret < 0)
		return ret;
	c->store = ret;
	descriptor_identity(c->store, &c->store_id);
	return 0;
}

static bool is_store(int fd, const struct handoff *c)
{
	struct identity id;

	return descriptor_identity(fd, &id) && identity_same(&id, &c->store_id);
}

int store_find(const struct handoff *c)
{
	if (c->store < 0 || is_store(c->store, c))
		return c->store;
	for (int fd = STDERR_FILENO + 1; fd <= HIGHEST_NUMBER; fd++) {
		if (is_store(fd, c))
			return fd;
	}
	return -1;
}

/*
 * One of the descriptors in the message, and the others closed; -1 without a message. With no
 * number free for all, the kernel gives those that it has numbers for.
 */
static int receive(int store, int flags, enum stored_fd wanted)
{
	int fds[STORED_FDS], found = -1;
	struct rights_msg m;

	memset(fds, -1, sizeof(fds));
	rights_msg_start(&m, fds, STORED_FDS);
	sys_recvmsg(store, &m.msg, flags | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	memcpy(fds, CMSG_DATA(&m.control.header), sizeof(fds));
	for (int i = 0; i < STORED_FDS && fds[i] >= 0; i++) {
		if (m.kinds[i] == wanted)
			found = fds[i];
		else
			sys_close(fds[i]);
	}
	return found;
}

int store_look(int store, enum stored_fd wanted)
{
	return receive(store, MSG_PEEK, wanted);
}

/* Without a note, the calls fail by themselves. */
void store_leave_note(int store, const char *note)
{
	char page[STORE_NOTE_MAX + 1] = { 0 };
	int fd = store_look(store, STORED_NOTE);

	memcpy(page, note, strnlen(note, STORE_NOTE_MAX));
	sys_call(SYS_lseek, fd, 0, SEEK_SET, 0, 0, 0);
	sys_write_quietly(fd, page, sizeof(page));
	sys_close(fd);
}

void store_read_note(int store, char *note)
{
	int fd = store_look(store, STORED_NOTE);

	memset(note, 0, STORE_NOTE_MAX + 1);
	sys_call(SYS_pread64, fd, (long)note, STORE_NOTE_MAX, 0, 0, 0);
	sys_close(fd);
}

void store_empty(int store)
{
	receive(store, 0, STORED_FDS);
	sys_close(store);
}

int store_move(int store, int avoid)
{
	int to = duplicate_out_of_the_way(store, avoid);

	sys_close(store);
	return to;
}
