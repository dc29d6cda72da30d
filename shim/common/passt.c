/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/common/passt.h"

#include <stdint.h>
#include <string.h>

#include "shim/common/sys.h"
#include "shim/common/text.h"

/* What a user of another namespace, or one that is not mapped, looks like: user_namespaces(7). */
#define UID_UNKNOWN 65534

/* Shortest frame: an Ethernet header. Longest that QEMU takes: net/net.h, NET_BUFSIZE. */
#define FRAME_MIN 14
#define FRAME_MAX 69632

/*
 * Both frames of the probe, each behind its length. They ask for nobody's address in particular:
 * passt answers for any but the guest's. Ethernet's source is the broadcast address, as that is
 * what passt takes for its guest's before it has heard of one: so it goes on as if it had not been
 * asked, and what it answers means nothing to the guest, which finds it in its queue.
 */
static const uint8_t probe[] = {
	/* clang-format off */
	0x00, 0x00, 0x00, 0x2a,			/* 42 bytes: ARP request, RFC 826 */
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff,	/* to */
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff,	/* from */
	0x08, 0x06,
	0x00, 0x01, 0x08, 0x00, 0x06, 0x04,	/* Ethernet and IPv4 */
	0x00, 0x01,				/* request */
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00,	/* sender: no address yet, as in RFC 5227 */
	0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00,	/* target */
	0x00, 0x00, 0x00, 0x00,

	0x00, 0x00, 0x00, 0x4e,			/* 78 bytes: neighbour solicitation, RFC 4861 */
	0x33, 0x33, 0xff, 0x00, 0x00, 0x01,	/* to the solicited node's group, RFC 2464 */
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff,	/* from */
	0x86, 0xdd,
	0x60, 0x00, 0x00, 0x00,
	0x00, 0x18, 0x3a, 0xff,			/* 24 bytes of ICMPv6, hop limit 255 */
	0xfe, 0x80, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,	/* from fe80::ff:fe00:1: passt drops */
	0x00, 0x00, 0x00, 0xff, 0xfe, 0x00, 0x00, 0x01,	/* what comes from ::1 */
	0xff, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,	/* to ff02::1:ff00:1 */
	0x00, 0x00, 0x00, 0x01, 0xff, 0x00, 0x00, 0x01,
	0x87, 0x00, 0x7e, 0xa3, 0x00, 0x00, 0x00, 0x00,	/* with its checksum */
	0xfe, 0x80, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,	/* who is fe80::1? */
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01,
	/* clang-format on */
};

/* Are we in the first user namespace? Its number is fixed: PROC_USER_INIT_INO of the kernel. */
static bool in_first_namespace(void)
{
	static const char first[] = "user:[4026531837]";
	char name[sizeof(first)];

	return sys_readlink("/proc/self/ns/user", name, sizeof(name)) == sizeof(first) - 1 &&
	       !memcmp(name, first, sizeof(first) - 1);
}

/*
 * Are all users of the host also users here? In the first namespace, or one like it: there the map
 * is "0 0 4294967295". Without the file there are no namespaces.
 */
static bool all_users_known(void)
{
	static const char all[] = " 4294967295\n";
	char map[128];
	ssize_t len;
	int fd;

	if (in_first_namespace())
		return true;
	fd = sys_open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return true;
	len = sys_read(fd, map, sizeof(map));
	sys_close(fd);
	return len >= (ssize_t)sizeof(all) &&
	       !memcmp(map + len - (sizeof(all) - 1), all, sizeof(all) - 1);
}

bool passt_trusted(const struct passt_trust *trust, uid_t uid)
{
	unsigned i;

	if (trust->any)
		return true;
	if (uid == UID_UNKNOWN && !all_users_known())
		return false;
	for (i = 0; i < trust->count; i++) {
		if (trust->uids[i] == uid)
			return true;
	}
	return false;
}

static int open_directory(const char *path)
{
	char directory[PASST_PATH_MAX + 1] = ".";
	const char *slash = strrchr(path, '/');

	if (slash && (size_t)(slash - path) + 1 < sizeof(directory))
		memcpy(directory, path, (size_t)(slash - path) + 1);
	return sys_open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
}

/* May anybody put a file beside this one? The sticky bit does not keep new ones out. */
static bool everybody_writes_beside(const char *path)
{
	int fd = open_directory(path);
	status_t status;
	int ret;

	if (fd < 0)
		return true;
	ret = sys_fstat(fd, &status);
	sys_close(fd);
	return ret || status.st_mode & S_IWOTH;
}

/*
 * The file at @path, for looking at it and connecting to it. A symbolic link is followed only where
 * not everybody may have put it there. Return: descriptor, or -errno: ELOOP for such a link.
 */
static int open_file(const char *path, status_t *status)
{
	int fd = sys_open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);

	memset(status, 0, sizeof(*status));
	if (fd < 0 || sys_fstat(fd, status) || !S_ISLNK(status->st_mode))
		return fd;
	sys_close(fd);
	if (everybody_writes_beside(path))
		return -ELOOP;
	fd = sys_open(path, O_PATH | O_CLOEXEC, 0);
	if (fd >= 0)
		sys_fstat(fd, status);
	return fd;
}

static int connect_to_path(int fd, const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	memcpy(addr.sun_path, path, strlen(path) + 1);
	return sys_connect(fd, (const struct sockaddr *)&addr, sizeof(addr));
}

/*
 * Connects to the very file that was looked at: by then there may be another at its path. Where
 * there is no /proc, by the path.
 */
static int connect_to_file(int fd, int file, const char *path)
{
	char name[32];
	struct text t;
	int ret;

	text_start(&t, name, sizeof(name));
	text_format(&t, "/proc/self/fd/%d", file);
	ret = connect_to_path(fd, name);
	if (ret == -ENOENT || ret == -ENOTDIR)
		ret = connect_to_path(fd, path);
	return ret;
}

int passt_connect(const char *path)
{
	status_t status;
	int file, fd, ret;

	if (!*path)
		return -ENOENT;
	if (strlen(path) > PASST_PATH_MAX)
		return -ENAMETOOLONG;
	file = open_file(path, &status);
	if (file < 0)
		return file;
	fd = sys_socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	ret = fd < 0 ? fd : connect_to_file(fd, file, path);
	sys_close(file);
	if (ret < 0 && fd >= 0)
		sys_close(fd);
	return ret < 0 ? ret : fd;
}

void passt_look(const char *path, struct passt_file *file)
{
	status_t status;
	int fd = open_file(path, &status);

	memset(file, 0, sizeof(*file));
	if (fd < 0)
		return;
	*file = (struct passt_file) { .dev = status.st_dev,
				      .ino = status.st_ino,
				      .made_s = status.st_mtim.tv_sec,
				      .made_ns = status.st_mtim.tv_nsec,
				      .mode = status.st_mode,
				      .uid = status.st_uid };
	sys_close(fd);
}

bool passt_has_directory(const char *path)
{
	int fd = open_directory(path);

	if (fd >= 0)
		sys_close(fd);
	return fd != -ENOENT;
}

int passt_peer_uid(int fd, uid_t *uid)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	int ret;

	ret = sys_getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len);
	if (ret < 0)
		return ret;
	*uid = cred.uid;
	return 0;
}

int passt_ask(int fd)
{
	ssize_t sent = sys_send(fd, probe, sizeof(probe), MSG_NOSIGNAL | MSG_DONTWAIT);

	if (sent == sizeof(probe))
		return 0;
	/* No send buffer is smaller than this; a part would break the framing for good. */
	return sent < 0 ? (int)sent : -EMSGSIZE;
}

int passt_answered(int fd)
{
	uint8_t head[4];
	uint32_t len;
	ssize_t got;

	got = sys_recv(fd, head, sizeof(head), MSG_PEEK | MSG_DONTWAIT);
	if (got == -EAGAIN || got == -EINTR)
		return 0;
	if (!got || got == -EPIPE)
		return -ECONNRESET;
	if (got < 0)
		return (int)got;
	/* passt writes a length in one piece; a peer that does not would keep us busy looking. */
	if (got < (ssize_t)sizeof(head))
		return -EPROTO;

	len = (uint32_t)head[0] << 24 | (uint32_t)head[1] << 16 | (uint32_t)head[2] << 8 | head[3];
	return len >= FRAME_MIN && len <= FRAME_MAX ? 1 : -EPROTO;
}
