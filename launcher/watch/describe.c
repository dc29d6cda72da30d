/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a descriptor is, in words. */
#include <limits.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "launcher/watch/watched.h"

/* How /proc names what has no path: "anon_inode:[eventfd]", and a file without a name. */
#define ANONYMOUS "anon_inode:"
#define MEMFD     "/memfd:"

/* ADDRESS:PORT, the path of a UNIX socket, or NULL for an address that says nothing. */
static const char *name_address(struct arena *arena, const struct sockaddr_storage *address,
				socklen_t len)
{
	const struct sockaddr *any = (const struct sockaddr *)address;
	const char *path = ((const struct sockaddr_un *)address)->sun_path;
	const socklen_t path_at = offsetof(struct sockaddr_un, sun_path);
	char host[NI_MAXHOST], port[NI_MAXSERV];

	if (any->sa_family == AF_UNIX && len > path_at)
		/* The name of an abstract one begins with a NUL, and has none at its end. */
		return arena_format(arena, "%s%.*s", *path ? "" : "@",
				    (int)(len - path_at - !*path), path + !*path);
	if (any->sa_family == AF_UNIX || getnameinfo(any, len, host, sizeof(host), port,
						     sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV))
		return NULL;
	return arena_format(arena, any->sa_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

static int socket_option(int fd, int name)
{
	int value = 0;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, name, &value, &len) ? -1 : value;
}

/* "TCP 127.0.0.1:80 listening"; one that has no address is as /proc names it, "socket:[4711]". */
static const char *name_socket(struct arena *arena, int fd, const char *link)
{
	struct sockaddr_storage own = { 0 }, peer = { 0 };
	socklen_t own_len = sizeof(own), peer_len = sizeof(peer);
	const char *own_name = NULL, *peer_name = NULL, *protocol = "UNIX";

	if (!getsockname(fd, (struct sockaddr *)&own, &own_len))
		own_name = name_address(arena, &own, own_len);
	if (!getpeername(fd, (struct sockaddr *)&peer, &peer_len))
		peer_name = name_address(arena, &peer, peer_len);
	if (!own_name && !peer_name)
		return arena_copy(arena, link, strlen(link));
	if (own.ss_family != AF_UNIX)
		protocol = socket_option(fd, SO_TYPE) == SOCK_STREAM ? "TCP" : "UDP";
	return arena_format(arena, "%s %s%s%s%s", protocol, own_name ? own_name : "",
			    peer_name ? " to " : "", peer_name ? peer_name : "",
			    socket_option(fd, SO_ACCEPTCONN) == 1 ? " listening" : "");
}

/* "anon_inode:[eventfd]" and the like: what is in the brackets. */
static const char *name_anonymous(struct arena *arena, const char *link)
{
	link += strncmp(link, ANONYMOUS, strlen(ANONYMOUS)) ? 0 : strlen(ANONYMOUS);
	link += *link == '[';
	if (!strncmp(link, "eventpoll", strlen("eventpoll")))
		return "epoll";
	return arena_copy(arena, link, strcspn(link, "]"));
}

void watched_describe(struct watched *w, struct arena *arena)
{
	char path[64], link[PATH_MAX] = "";
	struct stat st = { 0 }, of_link = { 0 };

	fstat(w->fd, &st);
	descriptor_identity(w->fd, &w->id);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", w->fd);
	if (readlink(path, link, sizeof(link) - 1) > 0 && !lstat(path, &of_link))
		w->access = of_link.st_mode & (S_IRUSR | S_IWUSR);
	w->name = S_ISSOCK(st.st_mode) ? name_socket(arena, w->fd, link)
				       : arena_copy(arena, link, strlen(link));
	if (S_ISREG(st.st_mode))
		w->kind = strncmp(link, MEMFD, strlen(MEMFD)) ? "file" : "memfd";
	else if (S_ISDIR(st.st_mode))
		w->kind = "directory";
	else if (S_ISFIFO(st.st_mode))
		w->kind = "pipe";
	else if (S_ISSOCK(st.st_mode))
		w->kind = "socket";
	else if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
		w->kind = isatty(w->fd) ? "tty" : "device";
	else
		w->kind = w->name = name_anonymous(arena, link);
	if (!*w->name)
		w->name = w->kind;
}
