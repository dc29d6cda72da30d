/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a descriptor is, in words. */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "launcher/watch/watched.h"

/* Where the kernel says what has no path, and what a file without a name begins with. */
#define ANONYMOUS "anon_inode:"
#define MEMFD     "/memfd:"

static int socket_option(int fd, int name)
{
	int value = 0;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, name, &value, &len) ? -1 : value;
}

/* ADDRESS:PORT, the path of a UNIX socket, or NULL for an address that says nothing. */
static const char *name_address(struct arena *arena, const struct sockaddr_storage *address,
				socklen_t len)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
	const struct sockaddr_un *local = (const struct sockaddr_un *)address;
	const size_t path = offsetof(struct sockaddr_un, sun_path);
	char text[INET6_ADDRSTRLEN];

	switch (address->ss_family) {
	case AF_INET:
		inet_ntop(AF_INET, &v4->sin_addr, text, sizeof(text));
		return arena_format(arena, "%s:%d", text, ntohs(v4->sin_port));
	case AF_INET6:
		inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof(text));
		return arena_format(arena, "[%s]:%d", text, ntohs(v6->sin6_port));
	case AF_UNIX:
		if (len <= path)
			return NULL;
		/* The name of an abstract one begins with a NUL, and has none at its end. */
		return *local->sun_path ? arena_copy(arena, local->sun_path, len - path)
					: arena_format(arena, "@%.*s", (int)(len - path - 1),
						       local->sun_path + 1);
	default:
		return NULL;
	}
}

static const char *name_protocol(int fd, int family)
{
	int type = socket_option(fd, SO_TYPE);

	if (family == AF_UNIX)
		return "UNIX socket";
	if (family != AF_INET && family != AF_INET6)
		return "socket";
	return type == SOCK_STREAM ? "TCP" : type == SOCK_DGRAM ? "UDP" : "raw IP";
}

/* "TCP 127.0.0.1:80 listening", "UNIX socket socket:[4711]": with what /proc says where it has no
 * name */
static const char *name_socket(struct arena *arena, int fd, const char *link)
{
	struct sockaddr_storage own = { 0 }, peer = { 0 };
	socklen_t own_len = sizeof(own), peer_len = sizeof(peer);
	const char *own_name = NULL, *peer_name = NULL;

	if (!getsockname(fd, (struct sockaddr *)&own, &own_len))
		own_name = name_address(arena, &own, own_len);
	if (!getpeername(fd, (struct sockaddr *)&peer, &peer_len))
		peer_name = name_address(arena, &peer, peer_len);
	return arena_format(arena, "%s %s%s%s%s", name_protocol(fd, own.ss_family),
			    own_name || peer_name ? "" : link, own_name ? own_name : "",
			    peer_name ? " to " : "",
			    peer_name                               ? peer_name
			    : socket_option(fd, SO_ACCEPTCONN) == 1 ? " listening"
								    : "");
}

/* "anon_inode:[eventfd]" and the like: what is in the brackets. */
static const char *name_anonymous(struct arena *arena, const char *link)
{
	const char *name =
		strncmp(link, ANONYMOUS, strlen(ANONYMOUS)) ? link : link + strlen(ANONYMOUS);

	name += *name == '[';
	if (!strncmp(name, "eventpoll", strlen("eventpoll")))
		return "epoll";
	return arena_copy(arena, name, strcspn(name, "]"));
}

static const char *find_kind(const struct watched *watched, const char *link)
{
	switch (watched->mode & S_IFMT) {
	case S_IFREG:
		return strncmp(link, MEMFD, strlen(MEMFD)) ? "file" : "memfd";
	case S_IFDIR:
		return "directory";
	case S_IFIFO:
		return "pipe";
	case S_IFSOCK:
		return "socket";
	case S_IFCHR:
		return isatty(watched->fd) ? "tty" : "device";
	case S_IFBLK:
		return "device";
	default:
		return NULL;
	}
}

void watched_describe(struct watched *watched, struct arena *arena)
{
	char path[64], link[PATH_MAX] = "";
	struct stat st = { 0 };

	fstat(watched->fd, &st);
	watched->mode = st.st_mode;
	descriptor_identity(watched->fd, &watched->id);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", watched->fd);
	if (readlink(path, link, sizeof(link) - 1) > 0 && !lstat(path, &st))
		watched->access = st.st_mode & (S_IRUSR | S_IWUSR);
	watched->kind = find_kind(watched, link);
	watched->name = S_ISSOCK(watched->mode) ? name_socket(arena, watched->fd, link)
			: watched->kind         ? arena_copy(arena, link, strlen(link))
						: name_anonymous(arena, link);
	if (!watched->kind)
		watched->kind = watched->name;
	if (!*watched->name)
		watched->name = watched->kind;
}
