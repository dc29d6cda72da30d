/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/guard/holder.h"

#include <string.h>

#include "shim/common/fd_store.h"
#include "shim/common/sys.h"
#include "shim/common/text.h"
#include "shim/guard/restore.h"

/* One number on every machine; older headers do not know them. */
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

/* So far up it is looked for. */
#define ANCESTORS_MAX 32

#define PATH_SIZE    48
#define ENTRIES_SIZE 1024

/* What getdents64(2) fills. */
struct entry {
	uint64_t ino;
	int64_t off;
	unsigned short size;
	unsigned char type;
	char name[];
};

/* Name and parent of @holder's process: "PID (NAME) STATE PARENT ...", where a NAME may be
 * anything. */
static pid_t read_stat(struct holder *holder)
{
	char path[PATH_SIZE], stat[256] = { 0 };
	const char *name, *parent, *end = NULL;
	struct text t;
	uint64_t n;
	int fd;

	text_start(&t, path, sizeof(path));
	text_format(&t, "/proc/%d/stat", holder->pid);
	fd = sys_open(path, O_RDONLY | O_CLOEXEC, 0);
	sys_read(fd, stat, sizeof(stat) - 1);
	sys_close(fd);
	name = strchr(stat, '(');
	for (parent = name; parent && (parent = strchr(parent, ')')); parent++)
		end = parent;
	parent = end ? end + strlen(") S ") : "";
	if (!name || !end || end - name > HOLDER_NAME_SIZE ||
	    !text_number(parent, strspn(parent, "0123456789"), 10, &n))
		return 0;
	text_start(&t, holder->name, sizeof(holder->name));
	text_add_n(&t, name + 1, (size_t)(end - name - 1));
	return (pid_t)n;
}

/* Is that number of it the socket? The link reads "socket:[INODE]" (proc(5)). */
static bool is_socket(int directory, const char *number, const struct identity *id)
{
	char wanted[PATH_SIZE], link[PATH_SIZE] = { 0 };
	struct text t;

	text_start(&t, wanted, sizeof(wanted));
	text_format(&t, "socket:[%lld]", (long long)id->ino);
	sys_call(SYS_readlinkat, directory, (long)number, (long)link, sizeof(link) - 1, 0, 0);
	return id->ino && !strcmp(link, wanted);
}

/* Looks through what it has open. Return: it has one of the two */
static bool look_through(const struct handoff *c, struct holder *holder)
{
	_Alignas(struct entry) char buf[ENTRIES_SIZE];
	char path[PATH_SIZE];
	struct text t;
	uint64_t n;
	long len;
	int fd;

	holder->fd = holder->store = -1;
	text_start(&t, path, sizeof(path));
	text_format(&t, "/proc/%d/fd", holder->pid);
	fd = sys_open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	while ((len = sys_call(SYS_getdents64, fd, (long)buf, sizeof(buf), 0, 0, 0)) > 0) {
		for (long at = 0; at < len; at += ((struct entry *)(buf + at))->size) {
			const char *name = ((struct entry *)(buf + at))->name;

			if (!text_number(name, strlen(name), 10, &n))
				continue;
			if (is_socket(fd, name, &c->socket))
				holder->fd = (int)n;
			else if (is_socket(fd, name, &c->store_id))
				holder->store = (int)n;
		}
	}
	sys_close(fd);
	return holder->fd >= 0 || holder->store >= 0;
}

bool holder_find(const struct handoff *c, struct holder *holder)
{
	pid_t parent = (pid_t)sys_call(SYS_getppid, 0, 0, 0, 0, 0, 0);

	for (int i = 0; c->socket.ino && parent > 0 && i < ANCESTORS_MAX; i++) {
		holder->pid = parent;
		parent = read_stat(holder);
		if (look_through(c, holder))
			return true;
	}
	holder->pid = 0;
	return false;
}

int holder_take(const struct holder *holder, struct handoff *c)
{
	int pidfd = (int)sys_call(SYS_pidfd_open, holder->pid, 0, 0, 0, 0, 0);
	int fd = holder->store >= 0 ? holder->store : holder->fd;
	bool is_store = holder->store >= 0;

	if (pidfd < 0)
		return pidfd;
	fd = (int)sys_call(SYS_pidfd_getfd, pidfd, fd, 0, 0, 0, 0);
	sys_close(pidfd);
	if (fd < 0)
		return fd;
	/* It may have changed meanwhile. */
	if (!descriptor_is(fd, is_store ? &c->store_id : &c->socket) ||
	    (!is_store && descriptor_hung_up(fd))) {
		sys_close(fd);
		return -ENOTCONN;
	}
	if (!is_store)
		return restore_as(fd, c);
	c->store = store_move(fd, c->fd);
	return restore_spare(c, c->store) ? 0 : -ENOTCONN;
}
