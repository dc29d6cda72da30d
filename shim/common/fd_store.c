/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/common/fd_store.h"

#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "shim/common/sys.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8
#endif

/* valgrind keeps the last descriptors below the soft limit for itself. */
#define KEPT_BY_VALGRIND 64
#define HIGHEST_NUMBER   1023
#define LOWEST_NUMBER    64

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

/* A duplicate on exactly this number, if it is free: true. Nobody's descriptor is ever replaced. */
static bool duplicate_onto(int fd, int number)
{
	int got = sys_fcntl(fd, F_DUPFD, number);

	if (got >= 0 && got != number)
		sys_close(got);
	return got == number;
}

/*
 * Gives @fd the highest free number that is out of the way, and closes the old one: new number or
 * -errno.
 */
static int move_out_of_the_way(int fd, int avoid)
{
	int highest = open_files_limit() - KEPT_BY_VALGRIND - 1;
	int to;

	if (highest < LOWEST_NUMBER)
		highest += KEPT_BY_VALGRIND;
	if (highest > HIGHEST_NUMBER)
		highest = HIGHEST_NUMBER;
	for (to = highest; to > STDERR_FILENO; to--) {
		if (to != avoid && duplicate_onto(fd, to))
			break;
	}
	/* All taken: the first free one above. */
	if (to <= STDERR_FILENO)
		to = sys_fcntl(fd, F_DUPFD, (avoid > highest ? avoid : highest) + 1);
	if (to >= 0)
		sys_close(fd);
	return to;
}

/* What the message in the store carries. */
enum stored_fd { STORED_CONNECTION, STORED_NOTE, STORED_FDS };

/**
 * struct rights_msg - A message with descriptors (unix(7), SCM_RIGHTS)
 * @msg:	Header, set up by rights_msg_start()
 * @iov:	The one byte that carries them
 * @nothing:	That byte
 * @control:	The descriptors
 */
struct rights_msg {
	struct msghdr msg;
	struct iovec iov;
	char nothing;
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(STORED_FDS * sizeof(int))];
	} control;
};

static void rights_msg_start(struct rights_msg *m)
{
	memset(m, 0, sizeof(*m));
	m->iov.iov_base = &m->nothing;
	m->iov.iov_len = 1;
	m->msg.msg_iov = &m->iov;
	m->msg.msg_iovlen = 1;
	m->msg.msg_control = &m->control;
	m->msg.msg_controllen = sizeof(m->control);
}

static int send_fds(int socket, const int fds[STORED_FDS])
{
	struct rights_msg m;
	ssize_t ret;

	rights_msg_start(&m);
	m.control.header.cmsg_level = SOL_SOCKET;
	m.control.header.cmsg_type = SCM_RIGHTS;
	m.control.header.cmsg_len = CMSG_LEN(STORED_FDS * sizeof(int));
	memcpy(CMSG_DATA(&m.control.header), fds, STORED_FDS * sizeof(int));
	ret = sys_sendmsg(socket, &m.msg, MSG_NOSIGNAL);
	return ret < 0 ? (int)ret : 0;
}

/* The descriptors in the message at the head of the queue: 0 or -errno; -ENOENT: no message. */
static int receive_fds(int socket, int flags, int fds[STORED_FDS])
{
	struct rights_msg m;
	ssize_t ret;

	rights_msg_start(&m);
	ret = sys_recvmsg(socket, &m.msg, flags | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (ret == 0 || ret == -EAGAIN)
		return -ENOENT;
	if (ret < 0)
		return (int)ret;
	/* With no number free for both, the kernel gives those that it has numbers for. */
	for (int i = 0; i < STORED_FDS; i++) {
		fds[i] = -1;
		if (m.msg.msg_controllen >= sizeof(m.control.header) &&
		    m.control.header.cmsg_len >= CMSG_LEN((size_t)(i + 1) * sizeof(int)))
			memcpy(&fds[i], CMSG_DATA(&m.control.header) + (size_t)i * sizeof(int),
			       sizeof(int));
	}
	return fds[STORED_CONNECTION] < 0 ? -EMFILE : 0;
}

static void close_stored(int fd)
{
	if (fd >= 0)
		sys_close(fd);
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

/* Queues the connection and a new note for the other end of @socket. */
static int fill(int socket, int connection)
{
	const int fds[STORED_FDS] = {
		[STORED_CONNECTION] = connection, [STORED_NOTE] = create_note()
	};
	int ret;

	if (fds[STORED_NOTE] < 0)
		return fds[STORED_NOTE];
	ret = send_fds(socket, fds);
	sys_close(fds[STORED_NOTE]);
	return ret;
}

int store_create(int connection, int number, int avoid)
{
	int pair[2], store;
	int ret = sys_socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);

	if (ret)
		return ret;
	ret = fill(pair[0], connection);
	sys_close(pair[0]);
	if (ret) {
		sys_close(pair[1]);
		return ret;
	}
	if (number < 0) {
		store = move_out_of_the_way(pair[1], avoid);
	} else {
		store = sys_dup3(pair[1], number, 0);
		if (store >= 0)
			sys_close(pair[1]);
	}
	if (store < 0)
		sys_close(pair[1]);
	return store;
}

int store_look(int store)
{
	int fds[STORED_FDS];
	int ret = receive_fds(store, MSG_PEEK, fds);

	if (ret)
		return ret;
	close_stored(fds[STORED_NOTE]);
	return fds[STORED_CONNECTION];
}

/* The note alone, or -1. */
static int look_at_note(int store)
{
	int fds[STORED_FDS];

	if (receive_fds(store, MSG_PEEK, fds))
		return -1;
	close_stored(fds[STORED_CONNECTION]);
	return fds[STORED_NOTE];
}

void store_leave_note(int store, const char *note)
{
	char page[STORE_NOTE_MAX + 1] = { 0 };
	int fd = look_at_note(store);

	if (fd < 0)
		return;
	memcpy(page, note, strnlen(note, STORE_NOTE_MAX));
	sys_write_start_quietly(fd, page, sizeof(page));
	sys_close(fd);
}

void store_read_note(int store, char *note)
{
	int fd = look_at_note(store);

	memset(note, 0, STORE_NOTE_MAX + 1);
	if (fd < 0)
		return;
	sys_call(SYS_pread64, fd, (long)note, STORE_NOTE_MAX, 0, 0, 0);
	sys_close(fd);
}

void store_empty(int store)
{
	int fds[STORED_FDS];

	if (!receive_fds(store, 0, fds)) {
		close_stored(fds[STORED_CONNECTION]);
		close_stored(fds[STORED_NOTE]);
	}
	sys_close(store);
}

int store_move(int store, int avoid)
{
	return move_out_of_the_way(store, avoid);
}
