/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/link/link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>

#include "shim/common/control.h"
#include "shim/common/fd_identity.h"
#include "shim/common/sys.h"
#include "shim/libc/next.h"
#include "shim/link/frame.h"
#include "shim/link/link_log.h"
#include "shim/link/reconnect.h"
#include "shim/link/serves.h"

/*
 * What the kernel takes in one piece, all or nothing (net/unix/af_unix.c, unix_stream_sendmsg():
 * SKB_MAX_HEAD(0) + UNIX_SKB_FRAGS_SZ with pages of 4 KiB), and what that uses of the send buffer
 * at most, rounded up. With larger pages a piece is larger, too.
 */
#define PIECE_BYTES 36544
#define PIECE_COST  (44 * 1024)

/*
 * A send buffer of that size takes the largest frame whole, with something to spare. In one of less
 * than half of it the kernel's pieces are smaller, too.
 */
#define SEND_BUFFER_MIN (128 * 1024)

/*
 * The rest of a frame must come that soon where QEMU must have it now; meanwhile the VM stands. A
 * peer can make it wait again and again: no longer than this in each second, taken together.
 */
#define STALL_MS      50
#define STALL_EACH_MS 1000

/* The thread is given that long to end. */
#define STOP_MS 1000

/* No number at all: not even -1, which programs do pass. */
#define NO_NUMBER INT_MIN

/* How often a descriptor is tried to be replaced: dup3(2) fails while another open is under way. */
#define DUP_TRIES 100

/**
 * struct link_owner - The link as QEMU sees it: one call at a time, under QEMU's big lock
 * @fast_recv:	What recv gets needs only be followed: the link is up, and no frame of ours is in
 *		progress
 * @fast_send:	Whole frames of one piece may be sent without a look
 * @in:		Where the stream that QEMU has received stands
 * @out:	Where the stream that QEMU has sent stands
 * @swallow:	The frame in progress in @out began on a connection that is gone
 * @reconnect:	There will be another connection
 * @send_buffer: Size of the connection's send buffer
 * @placeholder: What takes the number while the link is down: one end of a socket pair, or -1
 * @wake_fd:	Its other end, until the thread has it
 * @placeholder_id: Programs may close what they do not know, and open something else there
 * @wake_id:	... and the same for the other end
 * @control:	Socket to a private passt's supervisor, or -1
 * @control_id: ... and what that is
 * @observe:	Somebody there wants to know what the guest serves
 * @stall_since: When the second began
 * @stall_left:	Milliseconds for which the VM may still stand in it
 * @pid:	QEMU's process
 */
struct link_owner {
	bool fast_recv;
	bool fast_send;
	struct frame in;
	struct frame out;
	bool swallow;
	bool reconnect;
	int send_buffer;
	int placeholder;
	int wake_fd;
	struct identity placeholder_id;
	struct identity wake_id;
	int control;
	struct identity control_id;
	bool observe;
	int64_t stall_since;
	int stall_left;
	pid_t pid;
};

atomic_int link_number = NO_NUMBER;

static struct link_owner owner = {
	.placeholder = -1, .wake_fd = -1, .control = -1, .stall_left = STALL_MS
};

/* Ports of the guest that have been told, a bit each. */
static uint8_t told[(UINT16_MAX + 1) / 8];

/* Another process's call is none of ours: a fork() has left the thread behind. */
static bool is_foreign(void)
{
	return sys_getpid() != owner.pid;
}

static bool is_up(void)
{
	return atomic_load(&reconnect.state) == LINK_UP;
}

/* Is our end of the placeholder still there, and the thread at its other end? */
static bool has_placeholder(void)
{
	return descriptor_is(owner.placeholder, &owner.placeholder_id) &&
	       !descriptor_hung_up(owner.placeholder);
}

/* Will there be another connection? Without our own descriptors it ends as it would without us. */
static bool can_reconnect(void)
{
	owner.reconnect = owner.reconnect && has_placeholder();
	if (!owner.reconnect)
		atomic_store(&reconnect.state, LINK_OVER);
	return owner.reconnect;
}

static void wake_thread(void)
{
	if (has_placeholder())
		reconnect_wake(owner.placeholder);
}

/* Bytes that the buffers of a call hold. */
static size_t bytes_of(const struct msghdr *msg)
{
	size_t n = 0;

	for (size_t i = 0; i < (size_t)msg->msg_iovlen; i++)
		n += msg->msg_iov[i].iov_len;
	return n;
}

/* Applies one of frame.h's functions to the first @n bytes of a call. Return: sum of its results.
 */
static inline size_t follow(struct frame *f, size_t (*apply)(struct frame *, const void *, size_t),
			    const struct msghdr *msg, size_t n)
{
	const struct iovec *iov = msg->msg_iov;
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

/* What the state of the link and of the guest's stream means for the next send. */
static void update_send(void)
{
	owner.fast_send = is_up() && frame_is_whole(&owner.out) && !owner.observe &&
			  atomic_load(&reconnect.guest_sent) &&
			  owner.send_buffer >= SEND_BUFFER_MIN;
}

/* The connection on the number is new: what is known of it? */
static void adopt(int fd)
{
	int want = SEND_BUFFER_MIN / 2; /* the kernel doubles it: socket(7) */
	socklen_t len = sizeof(owner.send_buffer);

	if (sys_getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &owner.send_buffer, &len))
		owner.send_buffer = 0;
	if (owner.send_buffer < SEND_BUFFER_MIN &&
	    !sys_setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &want, sizeof(want)))
		sys_getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &owner.send_buffer, &len);
	owner.swallow = !frame_is_whole(&owner.out);
	update_send();
}

/* Puts another file on the number: only ever in QEMU's own thread. */
static bool replace(int fd, int with)
{
	int tries, ret = -EBUSY;

	for (tries = 0; tries < DUP_TRIES && (ret == -EBUSY || ret == -EINTR); tries++)
		ret = sys_dup3(with, fd, O_CLOEXEC);
	return ret >= 0;
}

/*
 * Puts the connection that the thread has made, if there is one, onto the number. The state changes
 * before the socket is taken: the thread must not find both gone, and believe that link lost.
 */
static bool take_ready(int fd)
{
	bool taken = false;
	int ready;

	atomic_store(&reconnect.state, LINK_UP);
	ready = atomic_exchange(&reconnect.ready, -1);
	if (ready >= 0 && descriptor_is(ready, &reconnect.ready_id)) {
		taken = replace(fd, ready);
		sys_close(ready);
	}
	if (taken)
		adopt(fd);
	else
		atomic_store(&reconnect.state, LINK_DOWN);
	return taken;
}

/* The link is at its end: another connection or the placeholder takes the number. */
static void link_end(int fd, enum down_reason why)
{
	atomic_store(&reconnect.bad_length, owner.in.bad);
	atomic_store(&reconnect.reason, why);
	/* Others may hold copies of the connection: end it for all. */
	if (why != DOWN_CLOSED)
		sys_call(SYS_shutdown, fd, SHUT_RDWR, 0, 0, 0, 0);
	if (can_reconnect() && !take_ready(fd))
		replace(fd, owner.placeholder);
	wake_thread();
	owner.fast_recv = is_up();
	update_send();
}

/* Gives QEMU the rest of the frame in progress, or a dummy, as far as there is room for it. */
static ssize_t fill(const struct msghdr *msg)
{
	size_t given = 0;

	for (size_t i = 0; i < (size_t)msg->msg_iovlen && (!given || !frame_is_whole(&owner.in));
	     i++)
		given += frame_pad(&owner.in, msg->msg_iov[i].iov_base, msg->msg_iov[i].iov_len);
	owner.fast_recv = is_up() && frame_is_whole(&owner.in);
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

/* Waits once for the rest of a frame, not long. Return: as of recvmsg(2), or -errno. */
static ssize_t wait_for_rest(int fd, const struct msghdr *msg)
{
	struct msghdr rest = { .msg_iov = msg->msg_iov, .msg_iovlen = msg->msg_iovlen };
	struct pollfd more = { .fd = fd, .events = POLLIN };
	int64_t begin = sys_now_ms(), waited;

	if (begin - owner.stall_since >= STALL_EACH_MS) {
		owner.stall_since = begin;
		owner.stall_left = STALL_MS;
	}
	sys_poll(&more, 1, owner.stall_left);
	waited = sys_now_ms() - begin;
	owner.stall_left = waited < owner.stall_left ? owner.stall_left - (int)waited : 0;
	return sys_recvmsg(fd, &rest, MSG_DONTWAIT);
}

/**
 * recv_special() - What QEMU gets when recv was not plain data
 * @fd:		Number
 * @msg:	QEMU's buffers
 * @got:	What recv returned, with errno
 * @passed:	Bytes of it that have been followed, up to a length that cannot be
 *
 * Return: what recv is to return, with errno
 */
static ssize_t recv_special(int fd, const struct msghdr *msg, ssize_t got, size_t passed)
{
	enum down_reason why = DOWN_CLOSED;

	if (is_foreign() || !bytes_of(msg) || (got < 0 && is_misuse(errno)))
		return got;
	if (got < 0 && is_pause(errno)) {
		/* QEMU was told that there is something: it must not find nothing. */
		if (frame_is_whole(&owner.in))
			return fill(msg);
		got = wait_for_rest(fd, msg);
		if (got > 0)
			passed = follow(&owner.in, frame_follow, msg, (size_t)got);
		else if (got < 0 && is_pause((int)-got))
			why = DOWN_STALLED;
	}
	if (got > 0 && passed == (size_t)got)
		return got;
	link_end(fd, got > 0 ? DOWN_BAD_LENGTH : why);
	if (passed)
		return (ssize_t)passed;
	if (!owner.reconnect)
		return 0;
	if (!frame_is_whole(&owner.in))
		atomic_fetch_add(&reconnect.padded, 1);
	return fill(msg);
}

/* recv while the link is down, or while a frame of ours is not complete. */
static ssize_t recv_down(int fd, const struct msghdr *msg)
{
	if (atomic_load(&reconnect.state) == LINK_OVER || !bytes_of(msg))
		return 0;
	if (!is_up()) {
		if (!can_reconnect())
			return 0;
		/* Bytes in the placeholder did nothing but wake QEMU. */
		reconnect_read_wakes(owner.placeholder);
		/* The thread may have looked while the state was another one. */
		if (!take_ready(fd))
			reconnect_wake(owner.placeholder);
	}
	return fill(msg);
}

/* recv, where @by_recv, or recvmsg: the same to us, but not to a library behind us. */
static inline ssize_t receive(int fd, struct msghdr *msg, int flags, bool by_recv)
{
	size_t passed = 0;
	ssize_t got;

	if (owner.fast_recv || (flags & MSG_PEEK) || is_foreign()) {
		got = by_recv ? next.recv(fd, msg->msg_iov->iov_base, msg->msg_iov->iov_len, flags)
			      : next.recvmsg(fd, msg, flags);
		if (flags & MSG_PEEK)
			return got;
		if (got > 0)
			passed = follow(&owner.in, frame_follow, msg, (size_t)got);
		if (got > 0 && passed == (size_t)got)
			return got;
		got = recv_special(fd, msg, got, passed);
	} else {
		got = recv_down(fd, msg);
	}
	if (got >= 0) {
		msg->msg_namelen = 0;
		msg->msg_controllen = 0;
		msg->msg_flags = 0;
	}
	return got;
}

ssize_t link_recv(int fd, void *buf, size_t len, int flags)
{
	struct iovec iov = { buf, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	return receive(fd, &msg, flags, true);
}

ssize_t link_recvmsg(int fd, struct msghdr *msg, int flags)
{
	return receive(fd, msg, flags, false);
}

/* The link is down: the frame goes nowhere, as on a cable that is not plugged in. */
static ssize_t drop(const struct msghdr *msg)
{
	size_t n = bytes_of(msg);

	follow(&owner.out, frame_follow, msg, n);
	if (frame_is_whole(&owner.out))
		atomic_fetch_add(&reconnect.dropped, 1);
	return (ssize_t)n;
}

/* The rest of a frame whose beginning went to a connection that is gone. */
static ssize_t swallow(const struct msghdr *msg)
{
	size_t n = follow(&owner.out, frame_rest, msg, bytes_of(msg));

	owner.swallow = !frame_is_whole(&owner.out);
	update_send();
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
	return queued + PIECE_COST < owner.send_buffer || queued <= owner.send_buffer / 4;
}

/* A frame of the guest's: does it say that a service is there? Each port is told once. */
static void observe(const struct msghdr *msg)
{
	uint8_t bytes[FRAME_HEADER + SERVES_BYTES];
	size_t n = 0;
	uint16_t port;

	owner.observe = !atomic_load(&reconnect.enough);
	for (size_t i = 0; i < msg->msg_iovlen && n < sizeof(bytes); i++) {
		const struct iovec *iov = &msg->msg_iov[i];
		size_t room = sizeof(bytes) - n, take = iov->iov_len < room ? iov->iov_len : room;

		memcpy(bytes + n, iov->iov_base, take);
		n += take;
	}
	port = n > FRAME_HEADER ? serves_port(bytes + FRAME_HEADER, n - FRAME_HEADER) : 0;
	if (!port || told[port / 8] & 1 << port % 8 || link_control() < 0)
		return;
	told[port / 8] |= (uint8_t)(1 << port % 8);
	control_send(owner.control, CONTROL_SERVES, &port, sizeof(port), -1);
}

/* What became of a send that was not that of a small whole frame, or did not take one whole. */
static ssize_t sent_special(int fd, const struct msghdr *msg, ssize_t sent)
{
	/*
	 * The end of a connection is for recv to notice, or the thread: frames are dropped. Neither
	 * sees that a peer only reads no more (SHUT_RD): it becomes an end here.
	 */
	if (sent < 0 && (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN)) {
		sys_call(SYS_shutdown, fd, SHUT_RDWR, 0, 0, 0, 0);
		return drop(msg);
	}
	if (sent < 0)
		return sent;
	if (owner.observe && frame_is_whole(&owner.out))
		observe(msg);
	follow(&owner.out, frame_follow, msg, (size_t)sent);
	if (!atomic_load(&reconnect.guest_sent) && (size_t)sent == bytes_of(msg) &&
	    frame_is_whole(&owner.out)) {
		atomic_store(&reconnect.guest_sent, true);
		wake_thread();
	}
	update_send();
	return sent;
}

/* Any send but that of a small whole frame. */
static ssize_t send_special(int fd, const struct msghdr *msg, int flags)
{
	if (is_foreign() || atomic_load(&reconnect.state) == LINK_OVER)
		return next.sendmsg(fd, msg, flags);
	if (!is_up())
		return drop(msg);
	if (owner.swallow)
		return swallow(msg);
	if (frame_is_whole(&owner.out) && !has_room(fd, bytes_of(msg))) {
		errno = EAGAIN;
		return -1;
	}
	return sent_special(fd, msg, next.sendmsg(fd, msg, flags | MSG_NOSIGNAL));
}

/* QEMU sends a length and a frame (net/socket.c, net_socket_receive()): is it this, and small? */
static bool is_small_frame(const struct msghdr *msg)
{
	const struct iovec *iov = msg->msg_iov;
	uint32_t header;

	if (!owner.fast_send || msg->msg_iovlen != 2 || iov[0].iov_len != FRAME_HEADER ||
	    iov[1].iov_len > PIECE_BYTES - FRAME_HEADER)
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
	if (sent == (ssize_t)(FRAME_HEADER + msg->msg_iov[1].iov_len) || is_foreign())
		return sent;
	return sent_special(fd, msg, sent);
}

ssize_t link_send(int fd, const void *buf, size_t len, int flags)
{
	struct iovec iov = { (void *)buf, len };
	const struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	return send_special(fd, &msg, flags);
}

static void drop_placeholder(void)
{
	if (descriptor_is(owner.placeholder, &owner.placeholder_id))
		sys_close(owner.placeholder);
	if (descriptor_is(owner.wake_fd, &owner.wake_id))
		sys_close(owner.wake_fd);
	owner.placeholder = owner.wake_fd = -1;
}

/* Both ends of the placeholder, if there are none yet: each can be told from any other file. */
static int make_placeholder(void)
{
	int pair[2];
	int ret;

	if (owner.placeholder < 0) {
		ret = sys_socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair);
		if (ret < 0)
			return ret;
		owner.placeholder = sys_move_up(pair[0]);
		owner.wake_fd = sys_move_up(pair[1]);
		descriptor_identity(owner.placeholder, &owner.placeholder_id);
		descriptor_identity(owner.wake_fd, &owner.wake_id);
	}
	if (!descriptor_is(owner.wake_fd, &owner.wake_id) ||
	    !descriptor_is(owner.placeholder, &owner.placeholder_id))
		return -EBADF;
	return 0;
}

int link_prepare(int fd)
{
	int ret = make_placeholder();

	if (!ret)
		ret = sys_dup3(owner.placeholder, fd, 0);
	if (ret < 0) {
		drop_placeholder();
		return ret;
	}
	reconnect_wake(owner.wake_fd);
	return 0;
}

/* The connection to the supervisor: out of the program's way, where there is one. */
static void adopt_control(int control)
{
	owner.control = control < 0 ? -1 : sys_move_up(control);
	if (owner.control >= 0)
		descriptor_identity(owner.control, &owner.control_id);
}

int link_start(const struct handoff *handoff, const struct log *log, int control)
{
	enum link_state state = LINK_UP;
	int ret;

	adopt_control(control);
	if (owner.placeholder >= 0 && descriptor_is(handoff->fd, &owner.placeholder_id))
		state = LINK_DOWN;
	else if (!descriptor_is(handoff->fd, &handoff->socket))
		return -ENOTCONN; /* another file: that was told when it was found */
	owner.pid = sys_getpid();
	owner.out.any = true;
	owner.observe = handoff->observe && owner.control >= 0;
	owner.reconnect = handoff->reconnect && (*handoff->passt || owner.control >= 0);
	atomic_store(&reconnect.state, state);
	ret = make_placeholder();
	if (!ret)
		ret = reconnect_start(handoff, log, owner.wake_fd, &owner.wake_id, owner.control);
	if (ret) {
		drop_placeholder();
		log_line(log, SEVERITY_WARNING,
			 "nobody looks after passt's connection (errno %d): when passt ends, the "
			 "guest's network is gone for good",
			 -ret);
		return ret;
	}
	owner.fast_recv = is_up();
	if (is_up())
		adopt(handoff->fd);
	atomic_store(&link_number, handoff->fd);
	return 0;
}

int link_control(void)
{
	return descriptor_is(owner.control, &owner.control_id) ? owner.control : -1;
}

bool link_is_usable(void)
{
	/* Nobody follows the frames, or there is no other connection to be had. */
	if (atomic_load(&link_number) == NO_NUMBER || !owner.reconnect)
		return true;
	return is_up() && frame_is_whole(&owner.in) && frame_is_whole(&owner.out);
}

void link_stop(void)
{
	struct pollfd end = { .fd = owner.placeholder };

	const int fd = atomic_exchange(&link_number, NO_NUMBER);

	if (fd == NO_NUMBER || is_foreign())
		return;
	atomic_store(&reconnect.stop, true);
	if (descriptor_is(owner.placeholder, &owner.placeholder_id)) {
		reconnect_wake(owner.placeholder);
		/* The thread closes the other end last of all. */
		sys_poll(&end, 1, STOP_MS);
		sys_close(owner.placeholder);
	}
	owner.placeholder = -1;
	/* Helpers of wrappers may hold copies of both: passt is not to wait for them. */
	sys_call(SYS_shutdown, fd, SHUT_RDWR, 0, 0, 0, 0);
	if (link_control() >= 0) {
		sys_call(SYS_shutdown, owner.control, SHUT_RDWR, 0, 0, 0, 0);
		sys_close(owner.control);
	}
	owner.control = -1;
}
