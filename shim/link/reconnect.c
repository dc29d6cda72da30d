/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The thread that notices the end of the link and looks for a new passt. */
#include "shim/link/reconnect.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>

#include "shim/common/dir_watch.h"
#include "shim/common/passt.h"
#include "shim/common/sys.h"
#include "shim/libc/next.h"
#include "shim/link/link_log.h"

/* The thread's stack; more where the libc insists on it (PTHREAD_STACK_MIN, thread-local data). */
#define STACK_BYTES     (64 * 1024)
#define STACK_BYTES_MAX (1024 * 1024)

/* How often to try: passt listens some milliseconds after its socket appears. */
#define FAST_MS       1
#define FAST_PAUSE_MS 4
#define FAST_TOTAL_MS 250
#define SLOW_MS       1000

/* The kernel may be short of memory for the moment. */
#define RING_TRIES 3

/*
 * A new connection has to last that long before it is called a link: passt closes it at once when
 * it serves another client, or is about to die.
 */
#define TRIAL_MS 100

/* Sets of signals as the kernel has them: 64 bits. */
#define KERNEL_SIGSET_SIZE 8

/* Signals that the libc sends to threads of its own: they must stay open (nptl(7), setxid). */
#define LIBC_SIGNALS (UINT64_C(3) << 31)

/* What an event of the epoll descriptor is about; larger numbers: a link. */
enum { ABOUT_BELL, ABOUT_APPEAR, ABOUT_LINK };

/**
 * struct seeker - The thread's own state
 * @link_log:	For the log
 * @path:	Passt's socket
 * @trust:	Whose passt may be used
 * @bell:	The placeholder's other end
 * @epoll:	What all is waited for with
 * @appear:	Waiting for the socket's file, while there is no link
 * @links:	Connections so far: the number of the present one
 * @linked:	There is a connection, on the number or in @ready of struct seek
 * @announced:	... and it has lasted
 * @spoken:	The first frame has been logged
 * @lost_ms:	When the link was lost
 * @found_ms:	When the connection was made
 * @fast_till_ms: Till then try often
 * @next_ms:	Time of the next try
 * @failures:	Connections in a row that did not last
 * @said:	Reason that was told last
 */
struct seeker {
	struct link_log link_log;
	char path[PASST_PATH_MAX + 1];
	struct passt_trust trust;
	int bell;
	int epoll;
	struct dir_watch appear;
	uint64_t links;
	bool linked;
	bool announced;
	bool spoken;
	int64_t lost_ms;
	int64_t found_ms;
	int64_t fast_till_ms;
	int64_t next_ms;
	unsigned failures;
	enum down_reason said;
};

struct seek seek = { .ready = -1 };

static struct seeker seeker;

static int add_to_epoll(const struct seeker *s, int fd, uint32_t events, uint64_t about)
{
	struct epoll_event event = { .events = events, .data.u64 = about };

	return (int)sys_call(SYS_epoll_ctl, s->epoll, EPOLL_CTL_ADD, fd, (long)&event, 0, 0);
}

/*
 * Waits for the end of a connection, and for nothing else: data does not wake us. Unlike poll(2),
 * epoll holds no reference to the file: closing it ends it for passt, too.
 */
static int watch_link(struct seeker *s, int fd)
{
	s->links++;
	return add_to_epoll(s, fd, EPOLLRDHUP | EPOLLONESHOT, ABOUT_LINK + s->links);
}

/* The link is still down, and now for this reason. Told once, and not while trying often. */
static void say_why(struct seeker *s, enum down_reason reason, uint32_t detail)
{
	bool news = s->said != reason;

	if (sys_now_ms() < s->fast_till_ms)
		return;
	/* That nobody listens is what the first line, about the end of the link, implies. */
	if (reason == DOWN_ABSENT && s->said <= DOWN_FROM_START)
		news = false;
	s->said = reason;
	if (news)
		link_log_down(&s->link_log, reason, detail);
}

static void say_error(struct seeker *s, int error, int unwatched)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
	case ECONNREFUSED:
		if (unwatched)
			say_why(s, DOWN_UNWATCHED, (uint32_t)unwatched);
		else
			say_why(s, DOWN_ABSENT, 0);
		break;
	case EAGAIN:
		say_why(s, DOWN_IN_USE, 0);
		break;
	case EACCES:
	case EPERM:
		say_why(s, DOWN_FORBIDDEN, (uint32_t)error);
		break;
	default:
		say_why(s, DOWN_FAILED, (uint32_t)error);
		break;
	}
}

/* Watches the directory of passt's socket, if that is not so already. Return: 0 or -errno. */
static int keep_watch(struct seeker *s)
{
	int ret;

	if (s->appear.fd >= 0)
		return dir_watch_retry(&s->appear);
	ret = dir_watch_open(&s->appear, s->path);
	if (s->appear.fd >= 0)
		add_to_epoll(s, s->appear.fd, EPOLLIN, ABOUT_APPEAR);
	return ret;
}

/* Starts looking: at once and often, or after a pause. */
static void look_for_passt(struct seeker *s, int64_t now, bool at_once)
{
	s->failures = 0;
	s->fast_till_ms = at_once ? now + FAST_TOTAL_MS : now;
	s->next_ms = at_once ? now : now + SLOW_MS;
	if (!s->link_log.final)
		keep_watch(s);
}

static enum down_reason reason_of(enum link_end end)
{
	switch (end) {
	case LINK_END_BAD_LENGTH:
		return DOWN_BAD_LENGTH;
	case LINK_END_STALLED:
		return DOWN_STALLED;
	case LINK_END_CLOSED:
		break;
	}
	return DOWN_CLOSED;
}

/* A link that lasted has ended. */
static void mourn(struct seeker *s, int64_t now, enum down_reason reason)
{
	s->announced = false;
	s->lost_ms = now;
	s->said = reason;
	link_log_down(&s->link_log, reason, atomic_load(&seek.bad_length));
	look_for_passt(s, now, reason == DOWN_CLOSED);
}

/* How long to leave a passt alone that has closed so many connections in a row. */
static int64_t pause_ms(unsigned failures, bool fast)
{
	int64_t pause = failures < 10 ? FAST_MS << failures : SLOW_MS;

	return fast && pause > FAST_PAUSE_MS ? FAST_PAUSE_MS : pause;
}

/* The connection has ended, or QEMU's thread has taken it down. */
static void lose(struct seeker *s)
{
	int64_t now = sys_now_ms();
	enum down_reason reason = reason_of((enum link_end)atomic_load(&seek.end));
	int ready = atomic_exchange(&seek.ready, -1);

	if (ready >= 0)
		sys_close(ready);
	s->linked = false;
	if (s->announced) {
		mourn(s, now, reason);
		return;
	}
	/* Try again, but less and less often. */
	s->next_ms = now + pause_ms(s->failures++, now < s->fast_till_ms);
	say_why(s, reason == DOWN_CLOSED ? DOWN_SHORT_LIVED : reason,
		atomic_load(&seek.bad_length));
}

void seek_ring(int bell)
{
	for (int i = 0; i < RING_TRIES; i++) {
		ssize_t ret = sys_send(bell, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (ret == 1 || ret == -EAGAIN)
			return;
	}
}

/* Connected, and trusted: QEMU's thread is to take it. */
static void offer(struct seeker *s, int fd)
{
	s->found_ms = sys_now_ms();
	s->linked = true;
	atomic_store(&seek.end, LINK_END_CLOSED);
	/* Before it is offered: afterwards the number may already be somebody else's. */
	watch_link(s, fd);
	atomic_store(&seek.ready, fd);
	seek_ring(s->bell);
}

/* One try. */
static void try_passt(struct seeker *s)
{
	int unwatched = -keep_watch(s);
	int fd = passt_connect(s->path);
	int64_t now = sys_now_ms();
	uid_t uid = 0;
	int ret;

	s->next_ms = now + (now < s->fast_till_ms ? FAST_MS : SLOW_MS);
	if (fd < 0) {
		say_error(s, -fd, unwatched);
		return;
	}
	ret = passt_peer_uid(fd, &uid);
	if (!ret && passt_trusted(&s->trust, uid)) {
		offer(s, fd);
		return;
	}
	sys_close(fd);
	if (ret)
		say_error(s, -ret, unwatched);
	else
		say_why(s, DOWN_NOT_TRUSTED, uid);
}

/* The connection has lasted. */
static void announce(struct seeker *s)
{
	s->announced = true;
	dir_watch_close(&s->appear);
	link_log_up(&s->link_log, s->found_ms - s->lost_ms, atomic_exchange(&seek.dropped, 0),
		    atomic_exchange(&seek.padded, 0));
}

static void silence_bell(const struct seeker *s)
{
	char bytes[64];

	while (sys_recv(s->bell, bytes, sizeof(bytes), MSG_DONTWAIT) == sizeof(bytes))
		;
}

/* Milliseconds until there is something to do, or -1. */
static int time_left(const struct seeker *s)
{
	int64_t at = s->linked ? s->found_ms + TRIAL_MS : s->next_ms;
	int64_t left = at - sys_now_ms();

	if (s->linked ? s->announced : s->link_log.final)
		return -1;
	return left > 0 ? (int)left : 0;
}

/* Waits for events. Return: the connection has ended. */
static bool wait_for_events(struct seeker *s)
{
	struct epoll_event events[4];
	bool ended = false;
	long n, i;

	n = sys_call(SYS_epoll_pwait, s->epoll, (long)events, 4, time_left(s), 0,
		     KERNEL_SIGSET_SIZE);
	for (i = 0; i < n; i++) {
		if (events[i].data.u64 == ABOUT_BELL) {
			silence_bell(s);
		} else if (events[i].data.u64 == ABOUT_APPEAR) {
			if (dir_watch_read(&s->appear))
				look_for_passt(s, sys_now_ms(), true);
		} else if (events[i].data.u64 == ABOUT_LINK + s->links) {
			ended = true;
		}
	}
	return ended;
}

/* QEMU's thread is without a connection, and has taken what there was. */
static bool is_missed(void)
{
	return atomic_load(&seek.ready) < 0 && atomic_load(&seek.down);
}

static void say_spoken(struct seeker *s)
{
	if (s->spoken || !atomic_load(&seek.spoken))
		return;
	s->spoken = true;
	link_log_first_frame(&s->link_log);
}

/* The owner has stopped us: what has happened by then is told all the same. */
static void say_last(struct seeker *s)
{
	say_spoken(s);
	if (!s->linked)
		return;
	if (is_missed())
		lose(s);
	else if (!s->announced && atomic_load(&seek.ready) < 0)
		announce(s);
}

static void work(struct seeker *s)
{
	bool ended = wait_for_events(s);

	say_spoken(s);
	if (s->linked && (ended || is_missed()))
		lose(s);
	if (atomic_load(&seek.stop) || time_left(s))
		return;
	if (s->linked)
		announce(s);
	else
		try_passt(s);
}

static void *run(void *arg)
{
	struct seeker *s = arg;
	int ready;

	sys_call(SYS_prctl, PR_SET_NAME, (long)"qrap-link", 0, 0, 0, 0);
	if (!s->linked)
		mourn(s, sys_now_ms(), DOWN_FROM_START);
	while (!atomic_load(&seek.stop))
		work(s);
	say_last(s);
	ready = atomic_exchange(&seek.ready, -1);
	if (ready >= 0)
		sys_close(ready);
	dir_watch_close(&s->appear);
	sys_close(s->epoll);
	/* Last of all: link_stop() waits for it. */
	sys_close(s->bell);
	return NULL;
}

/* A detached thread with a small stack, which no signal ever reaches. */
static int start_thread(struct seeker *s)
{
	const uint64_t all = ~LIBC_SIGNALS;
	uint64_t before = 0;
	pthread_attr_t attr;
	pthread_t thread;
	size_t stack;
	int ret = EAGAIN;

	next_load_threads();
	if (!next.pthread_create || next.pthread_attr_init(&attr))
		return -ENOSYS;
	next.pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	/* A thread begins with the mask of the one that makes it. */
	sys_call(SYS_rt_sigprocmask, SIG_SETMASK, (long)&all, (long)&before, KERNEL_SIGSET_SIZE, 0,
		 0);
	for (stack = STACK_BYTES; ret && stack <= STACK_BYTES_MAX; stack *= 2) {
		if (!next.pthread_attr_setstacksize(&attr, stack))
			ret = next.pthread_create(&thread, &attr, run, s);
	}
	sys_call(SYS_rt_sigprocmask, SIG_SETMASK, (long)&before, 0, KERNEL_SIGSET_SIZE, 0, 0);
	return -ret;
}

int seek_start(const struct handoff *handoff, const struct log *log, int bell, bool linked)
{
	struct seeker *s = &seeker;
	int ret;

	memcpy(s->path, handoff->passt, sizeof(s->path));
	s->trust = handoff->trust;
	s->link_log = (struct link_log) { .log = log,
					  .fd = handoff->fd,
					  .path = handoff->private_passt ? "" : s->path,
					  .final = handoff->private_passt || !handoff->reconnect };
	s->bell = bell;
	s->appear.fd = s->appear.watch = -1;
	s->linked = s->announced = linked;
	s->epoll = (int)sys_call(SYS_epoll_create1, EPOLL_CLOEXEC, 0, 0, 0, 0, 0);
	if (s->epoll < 0)
		return s->epoll;
	ret = add_to_epoll(s, bell, EPOLLIN, ABOUT_BELL);
	if (!ret && linked)
		ret = watch_link(s, handoff->fd);
	if (!ret)
		ret = start_thread(s);
	if (ret)
		sys_close(s->epoll);
	return ret;
}
