/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A host that is made up: the system calls of discovery, each of which answers with the next bytes
 * of an input, be they plausible or not, and insists on what must never be asked of it. Once the
 * input has ended all are zero: nothing is there, and nobody answers. Time passes in poll(2) only.
 *
 * To be included in front of the sources that are to live there, in place of shim/common/sys.h.
 */
#ifndef QRAP_FUZZ_HOST_H
#define QRAP_FUZZ_HOST_H

#define QRAP_SYS_H /* its calls are below */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <poll.h>
#include <sanitizer/asan_interface.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#define HOST_FILES    99
#define HOST_UID      1000
#define HOST_UNKNOWN  65534
#define HOST_FD_FIRST 10
#define HOST_FDS      64
#define HOST_TEXT_MAX 2048

enum host_kind { HOST_CLOSED, HOST_CONNECTION, HOST_NETLINK, HOST_FILE, HOST_DIRECTORY };

/**
 * struct host_fd - A descriptor
 * @kind:	What it is
 * @number:	For a connection: number of the socket it leads to
 * @peer:	... and user at its other end
 * @sent:	... which has got the probe
 * @answered:	... and of which a frame was seen
 * @entries:	For a directory: how many are still to come
 */
struct host_fd {
	enum host_kind kind;
	unsigned number;
	uid_t peer;
	bool sent;
	bool answered;
	unsigned entries;
};

/**
 * struct host - All there is
 * @p:		Input that is left
 * @end:	End of it
 * @now_ms:	Time
 * @files:	Sockets that may exist: number 1 to this one
 * @connectable: For each number: it was looked at last as a socket of somebody who is trusted
 * @owner:	... and its owner then
 * @link:	Number of a symbolic link that was seen, and is to be followed now, or 0
 * @exposed:	Anybody may put a file into the directory that was looked at last
 * @long_name:	The kernel told a name longer than can be
 * @connects:	... and how often somebody connected to it since the last host_search()
 * @all_users:	All users of the host are known in the user namespace
 * @first_namespace: As it is the first one
 * @trust_any:	Everybody is trusted
 * @trust_nobody: HOST_UNKNOWN is
 * @short_of_fds: There was none for a connection
 * @warned:	The user was warned
 * @fds:	Descriptors
 * @entry:	What readdir() has found last
 */
struct host {
	const uint8_t *p, *end;
	int64_t now_ms;
	unsigned files;
	bool connectable[HOST_FILES + 1];
	uid_t owner[HOST_FILES + 1];
	unsigned link;
	bool exposed;
	bool long_name;
	unsigned connects[HOST_FILES + 1];
	bool all_users;
	bool first_namespace;
	bool trust_any;
	bool trust_nobody;
	bool short_of_fds;
	bool warned;
	struct host_fd fds[HOST_FDS];
	struct dirent entry;
};

static struct host host;

static void insist(bool truth)
{
	if (!truth)
		abort();
}

static unsigned host_byte(void)
{
	return host.p < host.end ? *host.p++ : 0;
}

/* One of these, mostly the first when the input is short. */
static int host_choose(const int *from, size_t n)
{
	return from[host_byte() % n];
}

static int host_fail(int error)
{
	errno = error;
	return -1;
}

static int host_open(enum host_kind kind)
{
	for (int i = 0; i < HOST_FDS; i++) {
		if (host.fds[i].kind == HOST_CLOSED) {
			host.fds[i] = (struct host_fd) { .kind = kind };
			return i + HOST_FD_FIRST;
		}
	}
	return -1;
}

static struct host_fd *host_fd(int fd, enum host_kind kind)
{
	insist(fd >= HOST_FD_FIRST && fd < HOST_FD_FIRST + HOST_FDS);
	insist(host.fds[fd - HOST_FD_FIRST].kind == kind);
	return &host.fds[fd - HOST_FD_FIRST];
}

static int host_close(int fd)
{
	insist(fd >= HOST_FD_FIRST && fd < HOST_FD_FIRST + HOST_FDS);
	insist(host.fds[fd - HOST_FD_FIRST].kind != HOST_CLOSED);
	host.fds[fd - HOST_FD_FIRST].kind = HOST_CLOSED;
	return 0;
}

/* How many descriptors are open. */
static unsigned host_count(void)
{
	unsigned count = 0;

	for (int i = 0; i < HOST_FDS; i++)
		count += host.fds[i].kind != HOST_CLOSED;
	return count;
}

/* Whose passt may be used, said once more. */
static bool host_trusts(uid_t uid)
{
	if (host.trust_any || uid == 0 || uid == HOST_UID)
		return true;
	return uid == HOST_UNKNOWN && host.trust_nobody && host.all_users;
}

/* Number of "/tmp/passt_N.socket", or 0. */
static unsigned host_number(const char *path)
{
	static const char prefix[] = "/tmp/passt_";
	unsigned number = 0;

	if (strncmp(path, prefix, sizeof(prefix) - 1))
		return 0;
	for (path += sizeof(prefix) - 1; *path >= '0' && *path <= '9' && number < 100; path++)
		number = number * 10 + (unsigned)(*path - '0');
	return strcmp(path, ".socket") || number > HOST_FILES ? 0 : number;
}

static uid_t host_take_uid(void)
{
	static const int uids[] = { HOST_UID, 0, 1001, HOST_UNKNOWN };

	return (uid_t)host_choose(uids, 4);
}

/*
 * A text: bytes from 0x80 on stand for the pieces below, a 0x7f ends it. What is not in the input
 * is not in the text. Return: its length, @max at most.
 */
static size_t host_text(char *out, size_t max)
{
	static const struct {
		const char *text;
		size_t len;
	} pieces[] = {
#define PIECE(text) { text, sizeof(text) - 1 }
		PIECE("passt\0"),
		PIECE("/usr/bin/passt.avx2\0"),
		PIECE("--vhost-user\0"),
		PIECE("--socket\0"),
		PIECE("--socket="),
		PIECE("--socket-path="),
		PIECE("-s"),
		PIECE("/tmp/passt_1.socket"),
		PIECE("/tmp/passt_"),
		PIECE(".socket"),
		PIECE("12 (passt) S 1 12 12 0 -1 4194560 1 0 0 0 1 1 0 0 20 0 1 0 12345 1 1"),
		PIECE("12 ("),
		PIECE(") S 1 12 12 0 -1 4194560 1 0 0 0 1 1 0 0 20 0 1 0 "),
		PIECE("socket:["),
		PIECE("4294967296"),
#undef PIECE
	};
	size_t len = 0;

	while (host.p < host.end && *host.p != 0x7f) {
		uint8_t c = *host.p++;
		const char *from = (const char *)host.p - 1;
		size_t n = 1;

		if (c >= 0x80) {
			from = pieces[c % (sizeof(pieces) / sizeof(pieces[0]))].text;
			n = pieces[c % (sizeof(pieces) / sizeof(pieces[0]))].len;
		}
		if (n > max - len)
			break;
		memcpy(out + len, from, n);
		len += n;
	}
	host.p += host.p < host.end;
	return len;
}

/* Files. */

/* Whoever looks at a file, and not at what a link leads to, means to connect to it. */
static void host_note_file(unsigned number, const struct stat *st, bool follow)
{
	if (!number)
		host.exposed = !st->st_mode || st->st_mode & S_IWOTH;
	if (!number || (follow && number != host.link))
		return;
	host.connectable[number] = S_ISSOCK(st->st_mode) && host_trusts(st->st_uid);
	if (follow && host.exposed)
		host.connectable[number] = false;
	host.owner[number] = st->st_uid;
	host.link = S_ISLNK(st->st_mode) ? number : 0;
}

static int host_stat(const char *path, struct stat *st, bool follow)
{
	static const mode_t kinds[] = { 0, S_IFSOCK, S_IFSOCK, S_IFSOCK, S_IFLNK, S_IFREG };
	unsigned number = host_number(path), kind;

	memset(st, 0, sizeof(*st));
	if (number > host.files)
		return host_fail(ENOENT);
	kind = host_byte();
	if (kinds[kind % 6]) {
		st->st_mode = kinds[kind % 6] | (kind & 0x80 ? 0777 : 0755);
		if (follow && S_ISLNK(st->st_mode))
			st->st_mode ^= S_IFLNK ^ S_IFSOCK;
		st->st_uid = host_take_uid();
		st->st_dev = 0x801;
		st->st_ino = 100 + number;
	}
	host_note_file(number, st, follow);
	if (!st->st_mode)
		return host_fail(kind & 0x80 ? EACCES : ENOENT);
	return 0;
}

static int host_statfs(struct statfs *fs)
{
	if (!host_byte())
		return host_fail(EACCES);
	fs->f_type = host_byte() & 1 ? BTRFS_SUPER_MAGIC : TMPFS_MAGIC;
	return 0;
}

static int host_open_file(const char *path, int flags)
{
	insist(!strncmp(path, "/proc/", 6) && (flags & O_CLOEXEC));
	if (!host_byte())
		return host_fail(ENOENT);
	return host_open(HOST_FILE);
}

static ssize_t host_read(int fd, void *buf, size_t size)
{
	host_fd(fd, HOST_FILE);
	return (ssize_t)host_text(buf, size < HOST_TEXT_MAX ? size : HOST_TEXT_MAX);
}

/* A stream is its descriptor. */
static DIR *host_opendir(const char *path)
{
	struct host_fd *fd;

	insist(!strncmp(path, "/proc", 5));
	if (strstr(path, "/fd") && !host_byte()) {
		host_fail(ENOENT);
		return NULL;
	}
	fd = host_fd(host_open(HOST_DIRECTORY), HOST_DIRECTORY);
	fd->entries = host_byte() % 8;
	return (DIR *)fd;
}

static int host_dirfd(DIR *directory)
{
	return (int)((struct host_fd *)directory - host.fds) + HOST_FD_FIRST;
}

/* Processes, or descriptors: 10 to 41. */
static const struct dirent *host_readdir(DIR *directory)
{
	struct host_fd *fd = (struct host_fd *)directory;

	insist(fd->kind == HOST_DIRECTORY);
	if (!fd->entries)
		return NULL;
	fd->entries--;
	snprintf(host.entry.d_name, sizeof(host.entry.d_name), "%u", 10 + host_byte() % 32);
	return &host.entry;
}

static int host_closedir(DIR *directory)
{
	return host_close(host_dirfd(directory));
}

static ssize_t host_readlink(int fd, char *buf, size_t size)
{
	host_fd(fd, HOST_DIRECTORY);
	return (ssize_t)host_text(buf, size);
}

static int host_clock(struct timespec *now)
{
	*now = (struct timespec) { .tv_sec = 1000 + host.now_ms / 1000 };
	return 0;
}

/* sock_diag(7). */

static uint32_t host_word(void)
{
	return host_byte() | host_byte() << 8;
}

/* An attribute that may say that it is longer or shorter than it is. Return: its size. */
static size_t host_attribute(char *out)
{
	struct nlattr attribute = { .nla_type = (uint16_t)(host_byte() % 8) };
	struct unix_diag_vfs vfs;
	uint32_t peer;
	unsigned damage;
	char *value = out + NLA_HDRLEN;
	size_t len = 0;

	if (attribute.nla_type == UNIX_DIAG_NAME) {
		len = host_text(value, 256);
	} else if (attribute.nla_type == UNIX_DIAG_VFS) {
		vfs = (struct unix_diag_vfs) { .udiag_vfs_ino = 100 + host_byte() % HOST_FILES,
					       .udiag_vfs_dev = 8 << 20 | (host_byte() != 0xff) };
		len = sizeof(vfs);
		memcpy(value, &vfs, len);
	} else if (attribute.nla_type == UNIX_DIAG_MEMINFO && !host.long_name) {
		host.long_name = true;
		attribute.nla_type = UNIX_DIAG_NAME;
		len = PATH_MAX - 8 + host_byte() % 16;
		memset(value, '/', len);
	} else if (attribute.nla_type == UNIX_DIAG_PEER) {
		peer = host_word();
		len = sizeof(peer);
		memcpy(value, &peer, len);
	}
	attribute.nla_len = (uint16_t)(NLA_HDRLEN + len);
	damage = host_byte();
	if (damage >= 0xf8)
		attribute.nla_len = (uint16_t)(attribute.nla_len + host_byte() * 257u);
	else if (damage >= 0xf0)
		attribute.nla_len = (uint16_t)(attribute.nla_len - host_byte());
	memcpy(out, &attribute, sizeof(attribute));
	return NLA_ALIGN(NLA_HDRLEN + len);
}

/* A message. Return: its size. */
static size_t host_message(char *out)
{
	static const int types[] = { SOCK_DIAG_BY_FAMILY, SOCK_DIAG_BY_FAMILY, SOCK_DIAG_BY_FAMILY,
				     NLMSG_DONE, NLMSG_ERROR };
	struct nlmsghdr header = { .nlmsg_type = (uint16_t)host_choose(types, 5) };
	struct unix_diag_msg msg = { .udiag_type = SOCK_STREAM };
	unsigned shape = host_byte();
	size_t len = NLMSG_LENGTH(sizeof(msg));

	msg.udiag_state = shape & 1 ? 10 : 1;
	msg.udiag_ino = host_word();
	for (unsigned i = 0; i < (shape >> 1) % 8; i++)
		len += host_attribute(out + len);
	header.nlmsg_len = (uint32_t)len;
	if (shape >= 0xf8)
		header.nlmsg_len += host_word() * 0x10001u;
	else if (shape >= 0xf0)
		header.nlmsg_len -= host_byte();
	memcpy(out, &header, sizeof(header));
	memcpy(out + NLMSG_HDRLEN, &msg, sizeof(msg));
	return NLMSG_ALIGN(len);
}

/* What was not received is not to be looked at. */
static ssize_t host_receive_diag(int fd, char *buf, size_t size)
{
	unsigned shape = host_byte(), cut = 0;
	size_t len = 0;

	host_fd(fd, HOST_NETLINK);
	ASAN_UNPOISON_MEMORY_REGION(buf, size);
	if (shape == 1 || host.p == host.end)
		return host_fail(ENOBUFS);
	for (unsigned i = 0; i <= shape % 8; i++)
		len += host_message(buf + len);
	insist(len <= size);
	if (shape & 0x80)
		cut = host_byte();
	len -= cut < len ? cut : len;
	ASAN_POISON_MEMORY_REGION(buf + len, size - len);
	return (ssize_t)len;
}

static int host_socket(void)
{
	return host_byte() ? host_open(HOST_NETLINK) : host_fail(EPROTONOSUPPORT);
}

static ssize_t host_send_diag(int fd, size_t len)
{
	host_fd(fd, HOST_NETLINK);
	return host_byte() == 0xff ? host_fail(ECONNREFUSED) : (ssize_t)len;
}

/* Connections. */

static int host_credentials(int fd, void *value, const socklen_t *len)
{
	struct host_fd *connection = host_fd(fd, HOST_CONNECTION);
	struct ucred *peer = value;

	insist(*len >= sizeof(*peer));
	if (host_byte() == 0xff)
		return host_fail(EBADF);
	connection->peer = host_take_uid();
	peer->uid = peer->gid = connection->peer;
	peer->pid = (pid_t)(host_byte() % 64);
	return 0;
}

static int sys_socket(int domain, int type, int protocol)
{
	insist(domain == AF_UNIX && (type & SOCK_STREAM) && !protocol);
	insist((type & SOCK_CLOEXEC) && (type & SOCK_NONBLOCK));
	if (host_byte() != 0xff)
		return host_open(HOST_CONNECTION);
	host.short_of_fds = true;
	return -EMFILE;
}

static int sys_close(int fd)
{
	return host_close(fd);
}

/* Only to what is trusted, and never twice in a search. */
static int sys_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	static const int results[] = { 0,       0,       0,       0,           -ECONNREFUSED,
				       -EAGAIN, -EACCES, -ENOENT, -EPROTOTYPE, -EINTR };
	const struct sockaddr_un *un = (const struct sockaddr_un *)addr;
	struct host_fd *connection = host_fd(fd, HOST_CONNECTION);

	insist(len == sizeof(*un) && memchr(un->sun_path, '\0', sizeof(un->sun_path)));
	connection->number = host_number(un->sun_path);
	insist(connection->number && host.connectable[connection->number]);
	insist(++host.connects[connection->number] == 1);
	return host_choose(results, sizeof(results) / sizeof(results[0]));
}

static int sys_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	insist(level == SOL_SOCKET && name == SO_PEERCRED);
	return host_credentials(fd, value, len) ? -errno : 0;
}

/* The probe: two whole frames, once, to nobody who is not trusted. */
static ssize_t sys_send(int fd, const void *buf, size_t len, int flags)
{
	static const int results[] = { 0, 0, 0, 0, -EPIPE, -ECONNRESET, -EAGAIN };
	struct host_fd *connection = host_fd(fd, HOST_CONNECTION);
	const uint8_t *p = buf;
	unsigned result;

	insist(host_trusts(connection->peer) || connection->peer == host.owner[connection->number]);
	insist(!connection->sent && (flags & MSG_NOSIGNAL));
	insist(len == 4 + 42 + 4 + 78 && p[3] == 42 && p[4 + 42 + 3] == 78);
	connection->sent = true;
	result = host_byte();
	if (result == 0xff)
		return 46;
	return result % 7 < 4 ? (ssize_t)len : results[result % 7];
}

/* Nothing may be taken away from QEMU. */
static ssize_t sys_recv(int fd, void *buf, size_t size, int flags)
{
	static const int results[] = { -EAGAIN, -EINTR, 0, -ECONNRESET, -EPIPE, -EBADF };
	struct host_fd *connection = host_fd(fd, HOST_CONNECTION);
	unsigned shape = host_byte();
	uint8_t *out = buf;
	uint32_t len = 0;

	insist(size == 4 && (flags & MSG_PEEK) && (flags & MSG_DONTWAIT));
	if (shape < 0x80)
		return results[shape % 6];
	size = shape < 0x90 ? 1 + shape % 4 : 4;
	for (size_t i = 0; i < size; i++)
		out[i] = (uint8_t)host_byte();
	for (size_t i = 0; i < size; i++)
		len = len << 8 | out[i];
	connection->answered = size == 4 && len >= 14 && len <= 69632;
	return (ssize_t)size;
}

typedef struct stat status_t;

/* Only of the directory of a socket, where not everybody can write. */
static int sys_fstat(int fd, status_t *status)
{
	host_fd(fd, HOST_FILE);
	*status = (status_t) { .st_mode = S_IFDIR | 0700 };
	return 0;
}

static int sys_open(const char *path, int flags, mode_t mode)
{
	insist(!strcmp(path, "/proc/self/uid_map") || (flags & O_DIRECTORY));
	insist((flags & O_CLOEXEC) && !mode);
	return host_open(HOST_FILE);
}

static ssize_t sys_read(int fd, void *buf, size_t len)
{
	static const char all[] = "         0          0 4294967295\n";
	static const char some[] = "         0       1000          1\n";

	host_fd(fd, HOST_FILE);
	insist(len >= sizeof(all));
	memcpy(buf, host.all_users ? all : some, sizeof(all) - 1);
	return sizeof(all) - 1;
}

static int64_t sys_now_ms(void)
{
	return host.now_ms;
}

/* Something happens sooner or later, or nothing does. */
static int sys_poll(struct pollfd *fds, nfds_t n, int ms)
{
	unsigned event = host_byte();

	for (nfds_t i = 0; i < n; i++)
		insist(fds[i].fd < 0 || host_fd(fds[i].fd, HOST_CONNECTION));
	host.now_ms += event && (int)event - 1 < ms ? (int)event - 1 : ms;
	return 0;
}

/* The names by which the launcher calls; some are those of structures and members, too. */
#define lstat(path, st)                   host_stat(path, st, false)
#define stat(path, st)                    host_stat(path, st, true)
#define open(path, flags)                 host_open_file(path, flags)
#define read(fd, buf, size)               host_read(fd, buf, size)
#define close(fd)                         host_close(fd)
#define opendir(path)                     host_opendir(path)
#define dirfd(directory)                  host_dirfd(directory)
#define readdir(directory)                host_readdir(directory)
#define closedir(directory)               host_closedir(directory)
#define readlinkat(fd, name, buf, size)   host_readlink(fd, buf, size)
#define statfs(path, fs)                  host_statfs(fs)
#define clock_gettime(clock, now)         host_clock(now)
#define socket(domain, type, protocol)    host_socket()
#define send(fd, buf, len, flags)         host_send_diag(fd, len)
#define recv(fd, buf, size, flags)        host_receive_diag(fd, buf, size)
#define getsockopt(fd, level, name, v, n) host_credentials(fd, v, n)

#endif /* QRAP_FUZZ_HOST_H */
