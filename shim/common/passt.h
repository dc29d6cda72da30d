/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Talking to passt(1): connect to its UNIX socket, know whose it is, ask whether it lives. */
#ifndef QRAP_PASST_H
#define QRAP_PASST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/un.h>

/* Longest path of a UNIX socket, without its NUL (unix(7): sun_path has 108 bytes). */
#define PASST_PATH_MAX (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)

#define PASST_TRUST_MAX 16

/*
 * Lengths that a frame can have. At least an Ethernet header, which is what passt takes for the
 * least, too: QEMU hands shorter ones on to the NIC, and one of 0 bytes can stop its reading for
 * good. At most NET_BUFSIZE (QEMU's net/net.h), beyond which QEMU ends the link.
 */
#define FRAME_MIN 14
#define FRAME_MAX 69632

/**
 * struct passt_trust - Whose passt may be used
 * @any:	Anybody's
 * @count:	Entries used in @uids
 * @uids:	These users'
 * @user_ns:	Number of the user namespace whose numbers they are, or 0 if that is unknown
 */
struct passt_trust {
	bool any;
	unsigned count;
	uid_t uids[PASST_TRUST_MAX];
	uint64_t user_ns;
};

/*
 * Gives the users of @trust the numbers that they have in this process's user namespace, if it had
 * those of another one: the map says what they are in its parent, which is taken for that one. Who
 * has no number here is not trusted.
 */
void passt_trust_enter(struct passt_trust *trust);

/*
 * May a passt that runs as @uid be used? Not as 65534 in a user namespace, unless anybody's may:
 * there it stands for any user of the host who has no number inside.
 */
bool passt_trusted(const struct passt_trust *trust, uid_t uid);

/**
 * passt_connect() - Connect to a UNIX stream socket, without waiting
 * @path:	Its path, at most PASST_PATH_MAX bytes
 *
 * passt listens with a backlog of 0: EAGAIN means that somebody else is being served.
 *
 * A symbolic link at @path is not followed where everybody can write to its directory.
 *
 * Return: connected descriptor, close-on-exec and non-blocking, or -errno; ENAMETOOLONG for a
 *	   path that is too long, ELOOP for such a link
 */
int passt_connect(const char *path);

/* The directory of the file at @path, which is at most PASST_PATH_MAX bytes long. */
void passt_directory(const char *path, char directory[PASST_PATH_MAX + 1]);

/*
 * Mode of the directory of the file at @path, which is at most PASST_PATH_MAX bytes long, or
 * -errno. Where it has S_IWOTH, anybody may put a file there: the sticky bit does not keep new ones
 * out.
 */
int passt_directory_mode(const char *path);

/* uid of the process that listens behind the connected socket @fd (SO_PEERCRED), or -errno. */
int passt_peer_uid(int fd, uid_t *uid);

/**
 * passt_ask() - Send the probe: one ARP request and one IPv6 neighbour solicitation
 * @fd:		Connected socket
 *
 * Each frame behind its 4-byte big-endian length (passt(1), qemu's net/socket.c), sent whole in
 * one call and with MSG_NOSIGNAL.
 *
 * Return: 0, or -errno
 */
int passt_ask(int fd);

/**
 * passt_answered() - Has an answer arrived? Peeks, and leaves it for QEMU.
 * @fd:		Connected socket
 *
 * An answer is anything that begins with a length a frame can have (QEMU's NET_BUFSIZE at most).
 *
 * Return: 1 yes, 0 not yet, -ECONNRESET if the peer has hung up (in whatever way), -EPROTO for
 *	   what is no frame, or -errno
 */
int passt_answered(int fd);

#endif /* QRAP_PASST_H */
