/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/common/passt.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

#include "shim/common/sys.h"
#include "shim/common/text.h"

/* What a user of another namespace, or one that is not mapped, looks like: user_namespaces(7). */
#define UID_UNKNOWN 65534

/* As much of a map of users is read; lines are 33 bytes (user_namespaces(7)). */
#define UID_MAP_BYTES 1023

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

/* The map of users of this process's namespace. Return: false without the file: there are none. */
static bool read_uid_map(char map[UID_MAP_BYTES + 1])
{
	int fd = sys_open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC, 0);
	ssize_t len;

	if (fd < 0)
		return false;
	len = sys_read(fd, map, UID_MAP_BYTES);
	sys_close(fd);
	map[len > 0 ? len : 0] = '\0';
	return true;
}

/*
 * Are all users of the host also users here? In the first namespace, or one like it: there the map
 * is "0 0 4294967295".
 */
static bool all_users_known(void)
{
	char map[UID_MAP_BYTES + 1];

	return !read_uid_map(map) || strstr(map, " 4294967295\n");
}

/* Number of this process's user namespace, 0 if it cannot be known. */
static uint64_t user_namespace(void)
{
	int fd = sys_open("/proc/self/ns/user", O_PATH | O_CLOEXEC, 0);
	status_t status = { 0 };

	if (fd < 0)
		return 0;
	sys_fstat(fd, &status);
	sys_close(fd);
	return status.st_ino;
}

/* Adds those of @outside who are in a line of the map: @map[2] users, @map[1] outside is @map[0].
 */
static void trust_mapped(struct passt_trust *trust, const struct passt_trust *outside,
			 const uint64_t map[3])
{
	for (unsigned i = 0; i < outside->count; i++) {
		uint64_t nth = outside->uids[i] - map[1];

		if (nth < map[2] && trust->count < PASST_TRUST_MAX)
			trust->uids[trust->count++] = (uid_t)(map[0] + nth);
	}
}

void passt_trust_enter(struct passt_trust *trust)
{
	const struct passt_trust outside = *trust;
	char text[UID_MAP_BYTES + 1], *at = text;
	uint64_t here = user_namespace(), map[3];

	if (!here || here == outside.user_ns)
		return;
	trust->user_ns = here;
	if (!outside.user_ns)
		return;
	trust->count = 0;
	if (!read_uid_map(text))
		return;
	for (unsigned n = 0; *(at += strspn(at, " \n")); n++) {
		size_t digits = strcspn(at, " \n");

		if (!text_number(at, digits, 10, &map[n % 3]))
			return;
		at += digits;
		if (n % 3 == 2)
			trust_mapped(trust, &outside, map);
	}
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

void passt_directory(const char *path, char directory[PASST_PATH_MAX + 1])
{
	size_t len = (size_t)(text_file_name(path) - path);

	/* Without the slash, but for that of the root. */
	memcpy(directory, len ? path : ".", len ? len : 1);
	directory[len > 1 ? len - 1 : 1] = '\0';
}

int passt_directory_mode(const char *path)
{
	char directory[PASST_PATH_MAX + 1];
	status_t status;
	int fd, ret;

	passt_directory(path, directory);
	fd = sys_open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	if (fd < 0)
		return fd;
	ret = sys_fstat(fd, &status);
	sys_close(fd);
	return ret ? ret : (int)status.st_mode;
}

/* The file at @path, which is no symbolic link. Return: descriptor for looking at it, or -errno. */
static int open_no_link(const char *path)
{
	int fd = sys_open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
	status_t status;

	if (fd < 0 || sys_fstat(fd, &status) || !S_ISLNK(status.st_mode))
		return fd;
	sys_close(fd);
	return -ELOOP;
}

static int connect_to(int fd, const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	memcpy(addr.sun_path, path, strlen(path) + 1);
	return sys_connect(fd, (const struct sockaddr *)&addr, sizeof(addr));
}

/*
 * Connects to the very file that is no symbolic link now: by then there may be another at its path.
 * Without /proc, by the path.
 */
static int connect_to_no_link(int fd, const char *path)
{
	int file = open_no_link(path), ret;
	char name[32];
	struct text t;

	if (file < 0)
		return file;
	text_start(&t, name, sizeof(name));
	text_format(&t, "/proc/self/fd/%d", file);
	ret = connect_to(fd, name);
	if (ret == -ENOENT || ret == -ENOTDIR)
		ret = connect_to(fd, path);
	sys_close(file);
	return ret;
}

int passt_connect(const char *path)
{
	int mode, fd, ret;

	if (!*path)
		return -ENOENT;
	if (strlen(path) > PASST_PATH_MAX)
		return -ENAMETOOLONG;
	fd = sys_socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fd;
	mode = passt_directory_mode(path);
	ret = mode < 0 || mode & S_IWOTH ? connect_to_no_link(fd, path) : connect_to(fd, path);
	if (ret < 0)
		sys_close(fd);
	return ret < 0 ? ret : fd;
}

int passt_peer_uid(int fd, uid_t *uid)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	int ret = sys_getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len);

	if (!ret)
		*uid = cred.uid;
	return ret;
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
	uint32_t len;
	ssize_t got = sys_recv(fd, &len, sizeof(len), MSG_PEEK | MSG_DONTWAIT);

	if (got == -EAGAIN || got == -EINTR)
		return 0;
	if (!got || got == -EPIPE)
		return -ECONNRESET;
	if (got < 0)
		return (int)got;
	/* passt writes a length in one piece; a peer that does not would keep us busy looking. */
	if (got < (ssize_t)sizeof(len))
		return -EPROTO;
	len = ntohl(len);
	return len >= FRAME_MIN && len <= FRAME_MAX ? 1 : -EPROTO;
}
