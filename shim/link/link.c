/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The link to passt: what QEMU sends and receives on the guarded number. */
#include "shim/link/link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>

#include "shim/common/fd_identity.h"
#include "shim/common/sys.h"
#include "shim/libc/next.h"
#include "shim/link/frame.h"
#include "shim/link/reconnect.h"

/*
 * What the kernel takes in one piece, all or nothing (net/unix/af_unix.c, unix_stream_sendmsg():
 * SKB_MAX_HEAD(0) + UNIX_SKB_FRAGS_SZ with pages of 4 KiB), and what that uses of the send buffer
 * at most, rounded up. With larger pages a piece is larger, too.
 */
#define PIECE_BYTES 36544
#define PIECE_COST  (44 * 1024)

/* A send buffer of that size takes the largest frame whole, with something to spare. */
#define SEND_BUFFER_MIN (128 * 1024)

/* The rest of a frame must come that soon where QEMU must have it now; meanwhile the VM stands. */
#define STALL_MS 50

/* The thread is given that long to end. */
#define STOP_MS 1000

/* No number at all: not even -1, which programs do pass. */
#define NO_LINK INT_MIN

/* Our own descriptors are not below this, where it can be had. */
#define LOWEST_OWN 64

/* How often a descriptor is tried to be replaced: dup3(2) fails while another open is under way. */
#define DUP_TRIES 100

/**
 * struct relink - The link as its owner sees it; he makes one call at a time (QEMU's big lock)
 * @plain:	Nothing special about receiving: up, and no padding in progress
 * @fits:	Frames smaller than this may be sent without a look: 0 when sending is special
 * @in:		Where the stream that QEMU has received stands
 * @out:	Where the stream that QEMU has sent stands
 * @up:		A connection is on the number, not the placeholder
 * @padding:	The frame in progress in @in is one of ours
 * @over:	The link is down for good, and QEMU is told so
 * @swallow:	The frame in progress in @out began on a connection that is gone
 * @reconnect:	There will be another connection
 * @send_buffer: Size of the connection's send buffer
 * @placeholder: Descriptor of the placeholder, or -1
 * @pid:	The owner
 */
struct relink {
	bool plain;
	size_t fits;
	struct frame in;
	struct frame out;
	bool up;
	bool padding;
	bool over;
	bool swallow;
	bool reconnect;
	int send_buffer;
	int placeholder;
	pid_t pid;
};

atomic_int link_number = NO_LINK;

static struct relink relink = { .placeholder = -1 };

/* The placeholder's other end, until the thread has it: programs may close what they do not know.
 */
static int bell = -1;
static struct identity bell_id, placeholder_id;

static int fail_with(int error)
{
	errno = error;
	return -1;
}

/* Another process's call is none of ours: a fork() has left the thread behind. */
static bool is_foreign(void)
{
	return sys_getpid() != relink.pid;
}

static void wake_thread(void)
{
	seek_ring(relink.placeholder);
}

static size_t iov_bytes(const struct iovec *iov, size_t count)
{
	size_t n = 0;

	while (count--)
		n += iov[count].iov_len;
	return n;
}

/* Applies one of frame.h's functions to the first @n bytes of @iov. Return: sum of its results. */
static size_t each_piece(struct frame *f, size_t (*apply)(struct frame *, const void *, size_t),
			 const struct iovec *iov, size_t n)
{
	size_t done = 0;

	for (; done < n; iov++) {
		size_t take = iov->iov_len < n - done ? iov->iov_len : n - done;
		size_t used = apply(f, iov->iov_base, take);

		done += used;
		if (used < take)
			break;
	}
	return done;
}

/* What follows from a change of the state for the two short ways. */
static void update(void)
{
	size_t piece = PIECE_BYTES;

	/* The kernel's pieces are no more than half of a small buffer, less 64 bytes. */
	if (relink.send_buffer / 2 < PIECE_BYTES + 64)
		piece = relink.send_buffer > 128 ? (size_t)relink.send_buffer / 2 - 64 : 0;
	relink.plain = relink.up && !relink.padding;
	relink.fits = 0;
	if (relink.up && frame_is_whole(&relink.out) && atomic_load(&seek.spoken) &&
	    piece > FRAME_HEADER)
		relink.fits = piece - FRAME_HEADER + 1;
}

/* The connection on the number is new: what do we know of it? */
static void adopt(int fd)
{
	int want = SEND_BUFFER_MIN / 2; /* the kernel doubles it: socket(7) */
	socklen_t len = sizeof(relink.send_buffer);

	if (sys_getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &relink.send_buffer, &len))
		relink.send_buffer = 0;
	if (relink.send_buffer < SEND_BUFFER_MIN &&
	    !sys_setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &want, sizeof(want)))
		sys_getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &relink.send_buffer, &len);
	relink.up = true;
	relink.swallow = !frame_is_whole(&relink.out);
}

/* Puts another file on the number, in the owner's thread and for him. */
static bool replace(int fd, int with)
{
	int tries, ret = -EBUSY;

	for (tries = 0; tries < DUP_TRIES && (ret == -EBUSY || ret == -EINTR); tries++)
		ret = sys_dup3(with, fd, O_CLOEXEC);
	return ret >= 0;
}

/* Takes the connection that the thread has made, if there is one, onto the number. */
static bool take_ready(int fd)
{
	bool was_down = atomic_exchange(&seek.down, false);
	int ready = atomic_exchange(&seek.ready, -1);
	bool taken = ready >= 0 && replace(fd, ready);

	if (ready >= 0)
		sys_close(ready);
	if (taken) {
		adopt(fd);
	} else if (was_down) {
		/* The thread may have looked in between. */
		atomic_store(&seek.down, true);
		wake_thread();
	}
	return taken;
}

/* The link is at its end: another connection or the placeholder takes the number. */
static void end_link(int fd, enum link_end why)
{
	atomic_store(&seek.bad_length, relink.in.bad);
	atomic_store(&seek.end, (int)why);
	/* Others may hold copies of the connection: end it for all. */
	if (why != LINK_END_CLOSED)
		sys_call(SYS_shutdown, fd, SHUT_RDWR, 0, 0, 0, 0);
	relink.up = false;
	relink.over = !relink.reconnect;
	if (relink.over || (!take_ready(fd) && replace(fd, relink.placeholder)))
		atomic_store(&seek.down, true);
	wake_thread();
	update();
}

/* Gives QEMU the rest of the frame in progress, or a dummy, as far as there is room for it. */
static ssize_t pad(const struct iovec *iov, size_t count)
{
	size_t given = 0;
	size_t i;

	for (i = 0; i < count && (!given || !frame_is_whole(&relink.in)); i++)
		given += frame_pad(&relink.in, iov[i].iov_base, iov[i].iov_len);
	relink.padding = !frame_is_whole(&relink.in);
	update();
	return (ssize_t)given;
}

/* Errors of recv that leave the connection as it is: there is just nothing now. */
static bool is_pause(int error)
{
	return error == EAGAIN || error == EINTR || error == ENOMEM || error == ENOBUFS;
}

/* Errors that say that the number or the call is wrong, not the link. */
static bool is_misuse(int error)
{
	return error == EBADF || error == ENOTSOCK || error == EFAULT || error == EINVAL;
}

static ssize_t end_or_pad(int fd, const struct iovec *iov, size_t count, enum link_end why)
{
	end_link(fd, why);
	if (relink.over)
		return 0;
	if (!frame_is_whole(&relink.in))
		atomic_fetch_add(&seek.padded, 1);
	return pad(iov, count);
}

/* Data that goes wrong behind the first @passed bytes, if at all: what QEMU gets of it. */
static ssize_t judge(int fd, const struct iovec *iov, size_t count, size_t got, size_t passed)
{
	if (passed == got)
		return (ssize_t)got;
	if (!passed)
		return end_or_pad(fd, iov, count, LINK_END_BAD_LENGTH);
	end_link(fd, LINK_END_BAD_LENGTH);
	return (ssize_t)passed;
}

/* Nothing now, although QEMU was told that there is something. */
static ssize_t nothing_now(int fd, const struct iovec *iov, size_t count)
{
	struct msghdr msg = { .msg_iov = (struct iovec *)iov, .msg_iovlen = count };
	struct pollfd more = { .fd = fd, .events = POLLIN };
	ssize_t got;

	if (frame_is_whole(&relink.in))
		return pad(iov, count);
	sys_poll(&more, 1, STALL_MS);
	got = sys_recvmsg(fd, &msg, MSG_DONTWAIT);
	if (got > 0)
		return judge(fd, iov, count, (size_t)got,
			     each_piece(&relink.in, frame_follow, iov, (size_t)got));
	return end_or_pad(fd, iov, count,
			  got < 0 && is_pause((int)-got) ? LINK_END_STALLED : LINK_END_CLOSED);
}

/**
 * not_plain() - What QEMU gets when recv was not plain data
 * @fd:		Number
 * @iov:	QEMU's buffers
 * @count:	How many
 * @got:	What recv returned, with errno
 * @passed:	Bytes of it that have been followed, as far as they can be
 *
 * Return: what recv is to return, with errno
 */
static ssize_t not_plain(int fd, const struct iovec *iov, size_t count, ssize_t got, size_t passed)
{
	if (is_foreign() || !iov_bytes(iov, count))
		return got;
	if (got > 0)
		return judge(fd, iov, count, (size_t)got, passed);
	if (got < 0 && is_pause(errno))
		return nothing_now(fd, iov, count);
	if (got < 0 && is_misuse(errno))
		return got;
	return end_or_pad(fd, iov, count, LINK_END_CLOSED);
}

/* Bytes in the placeholder did nothing but wake QEMU. */
static void silence_bell(void)
{
	char bytes[64];

	while (sys_recv(relink.placeholder, bytes, sizeof(bytes), MSG_DONTWAIT) == sizeof(bytes))
		;
}

/* recv while the link is down, or while padding is not complete. */
static ssize_t receive_special(int fd, const struct iovec *iov, size_t count)
{
	if (relink.over || !iov_bytes(iov, count))
		return 0;
	if (!relink.up) {
		silence_bell();
		take_ready(fd);
	}
	return pad(iov, count);
}

ssize_t link_recv(int fd, void *buf, size_t len, int flags)
{
	const struct iovec iov = { buf, len };
	size_t passed = 0;
	ssize_t got;

	if (!relink.plain && !(flags & MSG_PEEK) && !is_foreign())
		return receive_special(fd, &iov, 1);
	got = next.recv(fd, buf, len, flags);
	if (flags & MSG_PEEK)
		return got;
	if (got > 0)
		passed = frame_follow(&relink.in, buf, (size_t)got);
	if (got > 0 && passed == (size_t)got)
		return got;
	return not_plain(fd, &iov, 1, got, passed);
}

ssize_t link_recvmsg(int fd, struct msghdr *msg, int flags)
{
	const struct iovec *iov = msg->msg_iov;
	size_t count = msg->msg_iovlen, passed = 0;
	ssize_t got = 0;

	if (!relink.plain && !(flags & MSG_PEEK) && !is_foreign()) {
		got = receive_special(fd, iov, count);
	} else {
		got = next.recvmsg(fd, msg, flags);
		if (flags & MSG_PEEK)
			return got;
		if (got > 0)
			passed = each_piece(&relink.in, frame_follow, iov, (size_t)got);
		if (got > 0 && passed == (size_t)got)
			return got;
		got = not_plain(fd, iov, count, got, passed);
	}
	if (got >= 0) {
		msg->msg_namelen = 0;
		msg->msg_controllen = 0;
		msg->msg_flags = 0;
	}
	return got;
}

/* The link is down: the frame goes nowhere, as on a cable that is not plugged in. */
static ssize_t drop(const struct iovec *iov, size_t count)
{
	size_t n = iov_bytes(iov, count);

	each_piece(&relink.out, frame_follow, iov, n);
	if (frame_is_whole(&relink.out))
		atomic_fetch_add(&seek.dropped, 1);
	return (ssize_t)n;
}

/* The rest of a frame whose beginning went to a connection that is gone. */
static ssize_t swallow(const struct iovec *iov, size_t count)
{
	size_t n = each_piece(&relink.out, frame_rest, iov, iov_bytes(iov, count));

	relink.swallow = !frame_is_whole(&relink.out);
	update();
	return (ssize_t)n;
}

/*
 * May a frame of @n bytes be sent? Only whole: QEMU, left with half a frame, may drop it on stop
 * and cont or a reset of the NIC, and then aborts or cuts the next one. Two pieces go if there is
 * still room behind the first. Never no where poll(2) says POLLOUT (af_unix.c, unix_writable()):
 * QEMU would try again at once, for ever.
 */
static bool has_room(int fd, size_t n)
{
	int queued = 0;

	if (n <= PIECE_BYTES || sys_call(SYS_ioctl, fd, SIOCOUTQ, (long)&queued, 0, 0, 0))
		return true;
	return queued + PIECE_COST < relink.send_buffer || queued <= relink.send_buffer / 4;
}

static bool is_gone(int error)
{
	return error == EPIPE || error == ECONNRESET || error == ENOTCONN;
}

/* What became of a send of @n bytes that was more than a small whole frame. */
static ssize_t sent_special(const struct iovec *iov, size_t count, size_t n, ssize_t sent)
{
	if (sent < 0)
		return is_gone(errno) ? drop(iov, count) : sent;
	each_piece(&relink.out, frame_follow, iov, (size_t)sent);
	if (!atomic_load(&seek.spoken) && (size_t)sent == n && frame_is_whole(&relink.out)) {
		atomic_store(&seek.spoken, true);
		wake_thread();
	}
	update();
	return sent;
}

/*
 * Any send but that of a small whole frame. A connection that is gone is noticed by recv, or by
 * the thread: until then frames are dropped.
 */
static ssize_t send_special(int fd, const struct msghdr *msg, int flags)
{
	const struct iovec *iov = msg->msg_iov;
	size_t count = msg->msg_iovlen, n = iov_bytes(iov, count);

	if (is_foreign() || relink.over)
		return next.sendmsg(fd, msg, flags);
	if (!relink.up)
		return drop(iov, count);
	if (relink.swallow)
		return swallow(iov, count);
	if (frame_is_whole(&relink.out) && !has_room(fd, n))
		return fail_with(EAGAIN);
	return sent_special(iov, count, n, next.sendmsg(fd, msg, flags | MSG_NOSIGNAL));
}

/* QEMU sends a length and a frame (net/socket.c, net_socket_receive()): is it this, and small? */
static bool is_small_frame(const struct msghdr *msg)
{
	const struct iovec *iov = msg->msg_iov;
	uint32_t header;

	if (msg->msg_iovlen != 2 || iov[0].iov_len != FRAME_HEADER || iov[1].iov_len >= relink.fits)
		return false;
	memcpy(&header, iov[0].iov_base, sizeof(header));
	return ntohl(header) == iov[1].iov_len;
}

ssize_t link_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	ssize_t sent;

	if (!is_small_frame(msg))
		return send_special(fd, msg, flags);
	sent = next.sendmsg(fd, msg, flags | MSG_NOSIGNAL);
	if (sent == (ssize_t)(FRAME_HEADER + msg->msg_iov[1].iov_len))
		return sent;
	return is_foreign() ? sent
			    : sent_special(msg->msg_iov, 2, FRAME_HEADER + msg->msg_iov[1].iov_len,
					   sent);
}

ssize_t link_send(int fd, const void *buf, size_t len, int flags)
{
	struct iovec iov = { (void *)buf, len };
	const struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	return send_special(fd, &msg, flags);
}

/* Low numbers belong to the program: the one that is to be filled may be the lowest free one. */
static int move_up(int fd)
{
	int up = sys_fcntl(fd, F_DUPFD_CLOEXEC, LOWEST_OWN);

	if (up < 0)
		return fd;
	sys_close(fd);
	return up;
}

static void drop_placeholder(void)
{
	sys_close(relink.placeholder);
	sys_close(bell);
	relink.placeholder = bell = -1;
}

/* The placeholder and its bell, which can be told from any other file: or none at all. */
static int make_placeholder(void)
{
	int pair[2];
	int ret;

	if (relink.placeholder >= 0)
		return 0;
	ret = sys_socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair);
	if (ret < 0)
		return ret;
	relink.placeholder = move_up(pair[0]);
	bell = move_up(pair[1]);
	if (descriptor_identity(relink.placeholder, &placeholder_id) &&
	    descriptor_identity(bell, &bell_id))
		return 0;
	drop_placeholder();
	return -EBADF;
}

int link_prepare(int fd)
{
	int ret = make_placeholder();

	if (ret)
		return ret;
	ret = sys_dup3(relink.placeholder, fd, 0);
	if (ret < 0) {
		drop_placeholder();
		return ret;
	}
	seek_ring(bell);
	return 0;
}

/* Is this the very file of the other descriptor? */
static bool holds(int fd, const struct identity *wanted)
{
	struct identity id;

	return descriptor_identity(fd, &id) && identity_same(&id, wanted);
}

/* The connection, or the placeholder, is on the number: from now on the link is ours. */
static int start(const struct handoff *handoff, const struct log *log, bool down)
{
	int ret = make_placeholder();

	if (!ret && (!holds(bell, &bell_id) || !holds(relink.placeholder, &placeholder_id)))
		return -EBADF;
	if (ret)
		return ret;
	relink.pid = sys_getpid();
	relink.out.any = true;
	relink.reconnect = handoff->reconnect && !handoff->private_passt;
	atomic_store(&seek.down, down);
	ret = seek_start(handoff, log, bell, !down);
	if (ret) {
		drop_placeholder();
		return ret;
	}
	if (!down)
		adopt(handoff->fd);
	update();
	atomic_store(&link_number, handoff->fd);
	return 0;
}

static int start_unless_other(const struct handoff *handoff, const struct log *log)
{
	struct identity id;
	bool down;

	if (!descriptor_identity(handoff->fd, &id))
		return -EBADF;
	down = relink.placeholder >= 0 && identity_same(&id, &placeholder_id);
	if (!down && !identity_same(&id, &handoff->socket))
		return -ENOTCONN;
	return start(handoff, log, down);
}

int link_start(const struct handoff *handoff, const struct log *log)
{
	int ret = start_unless_other(handoff, log);

	/* Another file: that was told when it was found. */
	if (!ret || ret == -ENOTCONN)
		return ret;
	log_line(log, SEVERITY_WARNING,
		 "nobody looks after passt's connection (errno %d): when passt ends, the guest's "
		 "network is gone for good",
		 -ret);
	return ret;
}

void link_stop(void)
{
	struct pollfd end = { .fd = relink.placeholder };

	if (atomic_exchange(&link_number, NO_LINK) == NO_LINK || is_foreign())
		return;
	atomic_store(&seek.stop, true);
	wake_thread();
	/* The thread closes the bell last of all. */
	sys_poll(&end, 1, STOP_MS);
	sys_close(relink.placeholder);
	relink.placeholder = -1;
}
