/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/link/reconnect.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>

#include "shim/common/dir_watch.h"
#include "shim/common/fd_identity.h"
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

/* Anybody can make and change files in /tmp without end: that wakes the thread no more often. */
#define DIRECTORY_PAUSE_MS 10

/* The kernel may be short of memory for the moment. */
#define WAKE_TRIES 3

/*
 * A new connection has to last that long before it is called a link: passt closes it at once when
 * it serves another client, or is about to die.
 */
#define TRIAL_MS 100

/*
 * Lines about the link, each with its event: so many at once, then one each time that long has
 * passed. The manual has both.
 */
#define LINES_AT_ONCE 60
#define LINE_EACH_MS  6000

/* Sets of signals as the kernel has them: 64 bits. */
#define KERNEL_SIGSET_SIZE 8

/* Signals that the libc sends to threads of its own: they must stay open (nptl(7), setxid). */
#define LIBC_SIGNALS (UINT64_C(3) << 31)

/* A time that does not come. */
#define NEVER INT64_MAX

/* What an event of the epoll descriptor is about; larger numbers: a connection. */
enum { ABOUT_WAKE, ABOUT_DIRECTORY, ABOUT_CONNECTION };

/**
 * struct reconnect_thread - The thread's own state
 * @link_log:	For the log
 * @path:	Passt's socket
 * @trust:	Whose passt may be used
 * @out_of_sight: Connected, but the socket's directory was not there when the thread began
 * @wake_fd:	The placeholder's other end
 * @wake_id:	What that is
 * @epoll:	What all is waited for with
 * @directory:	Waiting for the socket's file, while there is no link
 * @directory_ms: When it may wake the thread again, or 0: it may
 * @file:	What was last seen at @path
 * @connections: How many so far: the number of the present one
 * @state:	Where the link stands; %LINK_TRIAL and %LINK_UP: there is a connection, on QEMU's
 *		number or in @ready of struct reconnect
 * @told_first:	The first frame has been logged
 * @told_down:	The log has it that the link is down
 * @lines:	Lines that may be written now
 * @lines_ms:	When there was last one more
 * @lost_ms:	When the link was lost, of which the log has it that it is down
 * @lost_why:	Why it was last lost
 * @found_ms:	When the connection was made
 * @fast_till_ms: Till then try often
 * @next_ms:	Time of the next try
 * @failures:	Connections in a row that did not last
 * @told:	Reason that was told last
 */
struct reconnect_thread {
	struct link_log link_log;
	char path[PASST_PATH_MAX + 1];
	struct passt_trust trust;
	bool out_of_sight;
	int wake_fd;
	struct identity wake_id;
	int epoll;
	struct dir_watch directory;
	int64_t directory_ms;
	struct passt_file file;
	uint64_t connections;
	enum link_state state;
	bool told_first;
	bool told_down;
	unsigned lines;
	int64_t lines_ms;
	int64_t lost_ms;
	enum down_reason lost_why;
	int64_t found_ms;
	int64_t fast_till_ms;
	int64_t next_ms;
	unsigned failures;
	enum down_reason told;
};

struct reconnect reconnect = { .ready = -1, .reason = DOWN_CLOSED };

static struct reconnect_thread thread = { .directory = { -1, -1 } };

void reconnect_wake(int fd)
{
	for (int i = 0; i < WAKE_TRIES; i++) {
		ssize_t ret = sys_send(fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (ret == 1 || ret == -EAGAIN)
			return;
	}
}

void reconnect_read_wakes(int fd)
{
	char bytes[64];

	while (sys_recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) == sizeof(bytes))
		;
}

/*
 * Are the thread's numbers still its own? A program that closes what it does not know closes all of
 * them; this one can be told from any other file.
 */
static bool has_own_numbers(const struct reconnect_thread *t)
{
	struct identity id;

	return descriptor_identity(t->wake_fd, &id) && identity_same(&id, &t->wake_id);
}

static int control_epoll(const struct reconnect_thread *t, int how, int fd, uint32_t events,
			 uint64_t about)
{
	struct epoll_event event = { .events = events, .data.u64 = about };

	return (int)sys_call(SYS_epoll_ctl, t->epoll, how, fd, (long)&event, 0, 0);
}

static int add_to_epoll(const struct reconnect_thread *t, int fd, uint32_t events, uint64_t about)
{
	return control_epoll(t, EPOLL_CTL_ADD, fd, events, about);
}

/*
 * Waits for the end of a connection, and for nothing else: data does not wake us. Unlike poll(2),
 * epoll holds no reference to the file: closing it ends it for passt, too.
 */
static int watch_connection(struct reconnect_thread *t, int fd)
{
	t->connections++;
	return add_to_epoll(t, fd, EPOLLRDHUP | EPOLLONESHOT, ABOUT_CONNECTION + t->connections);
}

/* Watches the directory of passt's socket, if that is not so already. Return: 0 or -errno. */
static int watch_directory(struct reconnect_thread *t)
{
	bool is_new = t->directory.fd < 0;
	int ret = dir_watch_open(&t->directory, t->path);

	if (is_new && t->directory.fd >= 0)
		add_to_epoll(t, t->directory.fd, EPOLLIN | EPOLLONESHOT, ABOUT_DIRECTORY);
	return ret;
}

/* The pause is over: what has happened in the directory, and what happens, may wake us again. */
static void watch_directory_again(struct reconnect_thread *t)
{
	if (!t->directory_ms || sys_now_ms() < t->directory_ms)
		return;
	t->directory_ms = 0;
	control_epoll(t, EPOLL_CTL_MOD, t->directory.fd, EPOLLIN | EPOLLONESHOT, ABOUT_DIRECTORY);
}

/* Is there a socket, of somebody who is trusted, that was not there or was another one before? */
static bool is_new_socket(struct reconnect_thread *t)
{
	struct passt_file before = t->file;

	passt_look(t->path, &t->file);
	return S_ISSOCK(t->file.mode) && passt_trusted(&t->trust, t->file.uid) &&
	       (t->file.ino != before.ino || t->file.dev != before.dev ||
		t->file.made_s != before.made_s || t->file.made_ns != before.made_ns ||
		t->file.mode != before.mode || t->file.uid != before.uid);
}

/* May a line be written? Then it counts. */
static bool may_tell(struct reconnect_thread *t)
{
	int64_t now = sys_now_ms();

	while (t->lines < LINES_AT_ONCE && now - t->lines_ms >= LINE_EACH_MS) {
		t->lines++;
		t->lines_ms += LINE_EACH_MS;
	}
	if (t->lines == LINES_AT_ONCE)
		t->lines_ms = now;
	if (!t->lines)
		return false;
	t->lines--;
	return true;
}

/* Does the log say something else than what is so? */
static bool has_news(const struct reconnect_thread *t)
{
	return t->told_down != (t->state != LINK_UP);
}

/*
 * Says in the log what has become of the link. Where that changes too often, what is so when a line
 * may be written again.
 */
static void tell_link(struct reconnect_thread *t, bool at_once)
{
	if (!has_news(t) || (!may_tell(t) && !at_once))
		return;
	t->told_down = !t->told_down;
	if (t->told_down)
		link_log_down(&t->link_log, t->lost_why, atomic_load(&reconnect.bad_length));
	else
		link_log_up(&t->link_log, t->found_ms - t->lost_ms,
			    atomic_exchange(&reconnect.dropped, 0),
			    atomic_exchange(&reconnect.padded, 0));
}

/* The link is still down, and now for this reason. Told once, and not while trying often. */
static void still_down(struct reconnect_thread *t, enum down_reason reason, uint32_t detail)
{
	bool is_news = t->told != reason;

	if (sys_now_ms() < t->fast_till_ms)
		return;
	/* The first line, about the end of the link, implies that nobody listens. */
	if (reason == DOWN_ABSENT && t->told <= DOWN_FROM_START)
		is_news = false;
	if (!t->told_down || (is_news && !may_tell(t)))
		return;
	t->told = reason;
	if (is_news)
		link_log_down(&t->link_log, reason, detail);
}

/* Starts looking: at once and often, or after a pause. */
static void look_for_passt(struct reconnect_thread *t, int64_t now, bool at_once)
{
	t->failures = 0;
	t->fast_till_ms = at_once ? now + FAST_TOTAL_MS : now;
	t->next_ms = at_once ? now : now + SLOW_MS;
}

/* A link that lasted has ended, or there has been none from the start. Told later: tell_link(). */
static void link_lost(struct reconnect_thread *t, enum down_reason reason)
{
	int64_t now = sys_now_ms();

	t->state = t->link_log.final ? LINK_OVER : LINK_DOWN;
	if (!t->told_down)
		t->lost_ms = now;
	t->lost_why = t->told = reason;
	if (t->state != LINK_DOWN)
		return;
	look_for_passt(t, now, reason == DOWN_CLOSED);
	watch_directory(t);
	passt_look(t->path, &t->file);
}

/* How long to leave a passt alone that has closed so many connections in a row. */
static int64_t pause_between(unsigned failures, bool fast)
{
	int64_t pause = failures < 10 ? FAST_MS << failures : SLOW_MS;

	return fast && pause > FAST_PAUSE_MS ? FAST_PAUSE_MS : pause;
}

static void close_ready(void)
{
	int ready = atomic_exchange(&reconnect.ready, -1);
	struct identity id;

	if (ready >= 0 && descriptor_identity(ready, &id) &&
	    identity_same(&id, &reconnect.ready_id))
		sys_close(ready);
}

/* The connection has ended, or QEMU's thread has taken it down. */
static void connection_lost(struct reconnect_thread *t)
{
	enum down_reason reason = (enum down_reason)atomic_load(&reconnect.reason);
	int64_t now = sys_now_ms();

	close_ready();
	if (t->state == LINK_UP) {
		link_lost(t, reason);
		return;
	}
	t->state = LINK_DOWN;
	/* Try again, but less and less often. */
	t->next_ms = now + pause_between(t->failures++, now < t->fast_till_ms);
	still_down(t, reason == DOWN_CLOSED ? DOWN_SHORT_LIVED : reason,
		   atomic_load(&reconnect.bad_length));
}

/* Connected, and trusted: QEMU's thread is to take it. */
static void offer(struct reconnect_thread *t, int fd)
{
	t->found_ms = sys_now_ms();
	t->state = LINK_TRIAL;
	atomic_store(&reconnect.reason, DOWN_CLOSED);
	/* Before it is offered: QEMU's thread may close it, and the number be reused. */
	watch_connection(t, fd);
	descriptor_identity(fd, &reconnect.ready_id);
	atomic_store(&reconnect.ready, fd);
	reconnect_wake(t->wake_fd);
}

/* Why @error of a connection; @unwatched: errno of watching the directory, or 0. */
static enum down_reason reason_of(int error, int unwatched)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
	case ECONNREFUSED:
		return unwatched ? DOWN_UNWATCHED : DOWN_ABSENT;
	case EAGAIN:
		return DOWN_IN_USE;
	case EACCES:
	case EPERM:
		return DOWN_FORBIDDEN;
	case ELOOP:
		return DOWN_SYMLINK;
	default:
		return DOWN_FAILED;
	}
}

static void try_passt(struct reconnect_thread *t)
{
	int unwatched = -watch_directory(t);
	int fd = passt_connect(t->path);
	int64_t now = sys_now_ms();
	int error = fd < 0 ? -fd : 0;
	enum down_reason reason;
	uid_t uid = 0;

	t->next_ms = now + (now < t->fast_till_ms ? FAST_MS : SLOW_MS);
	if (!error)
		error = -passt_peer_uid(fd, &uid);
	if (!error && passt_trusted(&t->trust, uid)) {
		offer(t, fd);
		return;
	}
	if (fd >= 0)
		sys_close(fd);
	reason = error ? reason_of(error, unwatched) : DOWN_NOT_TRUSTED;
	if (reason == DOWN_UNWATCHED && t->out_of_sight)
		reason = DOWN_OTHER_ROOT;
	if (reason == DOWN_UNWATCHED)
		error = unwatched;
	still_down(t, reason, error ? (uint32_t)error : uid);
}

/* The connection has lasted. */
static void link_is_up(struct reconnect_thread *t)
{
	t->state = LINK_UP;
	dir_watch_close(&t->directory);
	t->directory_ms = 0;
}

/* When there is something to do: the end of the trial, the next try; or never. */
static int64_t due_ms(const struct reconnect_thread *t)
{
	if (t->state == LINK_TRIAL)
		return t->found_ms + TRIAL_MS;
	return t->state == LINK_DOWN ? t->next_ms : NEVER;
}

/* Milliseconds to wait for events, or -1. */
static int time_left(const struct reconnect_thread *t)
{
	int64_t at = due_ms(t);
	int64_t left;

	if (t->directory_ms && t->directory_ms < at)
		at = t->directory_ms;
	if (has_news(t) && t->lines_ms + LINE_EACH_MS < at)
		at = t->lines_ms + LINE_EACH_MS;
	if (at == NEVER)
		return -1;
	left = at - sys_now_ms();
	return left > 0 ? (int)left : 0;
}

/* Something has happened in the directory. */
static void directory_changed(struct reconnect_thread *t)
{
	t->directory_ms = sys_now_ms() + DIRECTORY_PAUSE_MS;
	if (dir_watch_read(&t->directory, t->path) && is_new_socket(t))
		look_for_passt(t, sys_now_ms(), true);
}

/* Waits for events. Return: the connection has ended. */
static bool wait_for_events(struct reconnect_thread *t)
{
	struct epoll_event events[4];
	bool ended = false;
	long n, i;

	n = sys_call(SYS_epoll_pwait, t->epoll, (long)events, 4, time_left(t), 0,
		     KERNEL_SIGSET_SIZE);
	if (!has_own_numbers(t))
		return true;
	for (i = 0; i < n; i++) {
		if (events[i].data.u64 == ABOUT_WAKE) {
			reconnect_read_wakes(t->wake_fd);
		} else if (events[i].data.u64 == ABOUT_DIRECTORY) {
			directory_changed(t);
		} else if (events[i].data.u64 == ABOUT_CONNECTION + t->connections) {
			ended = true;
		}
	}
	return ended;
}

/* Is there a connection no more? QEMU's thread takes what is ready before it is without one. */
static bool has_lost(const struct reconnect_thread *t, bool ended)
{
	if (t->state != LINK_TRIAL && t->state != LINK_UP)
		return false;
	return ended ||
	       (atomic_load(&reconnect.ready) < 0 && atomic_load(&reconnect.state) != LINK_UP);
}

static void tell_first_frame(struct reconnect_thread *t)
{
	if (t->told_first || !atomic_load(&reconnect.guest_sent))
		return;
	t->told_first = true;
	link_log_first_frame(&t->link_log);
}

static void work(struct reconnect_thread *t)
{
	bool ended = wait_for_events(t);

	if (!has_own_numbers(t))
		return;
	tell_first_frame(t);
	if (has_lost(t, ended))
		connection_lost(t);
	watch_directory_again(t);
	if (atomic_load(&reconnect.stop))
		return;
	if (sys_now_ms() >= due_ms(t)) {
		if (t->state == LINK_TRIAL)
			link_is_up(t);
		else
			try_passt(t);
	}
	/* Last, as QEMU has its network by then. */
	tell_link(t, false);
}

/* QEMU has closed the number: what has happened by then is told all the same. */
static void tell_last(struct reconnect_thread *t)
{
	tell_first_frame(t);
	if (has_lost(t, false))
		connection_lost(t);
	else if (t->state == LINK_TRIAL && atomic_load(&reconnect.ready) < 0)
		link_is_up(t);
	tell_link(t, true);
}

static void *run(void *arg)
{
	struct reconnect_thread *t = arg;

	sys_call(SYS_prctl, PR_SET_NAME, (long)"qrap-link", 0, 0, 0, 0);
	t->lines = LINES_AT_ONCE;
	/* We begin when QEMU has changed its root already. */
	t->out_of_sight = t->state == LINK_UP && !passt_has_directory(t->path);
	if (t->state == LINK_DOWN)
		link_lost(t, DOWN_FROM_START);
	tell_link(t, false);
	while (!atomic_load(&reconnect.stop) && has_own_numbers(t))
		work(t);
	if (!has_own_numbers(t)) {
		t->link_log.final = true;
		link_lost(t, DOWN_CLOSED);
		tell_link(t, true);
		return NULL;
	}
	tell_last(t);
	close_ready();
	dir_watch_close(&t->directory);
	sys_close(t->epoll);
	/* Last of all: link_stop() waits for it. */
	sys_close(t->wake_fd);
	return NULL;
}

/* A detached thread with a small stack, which no signal ever reaches. */
static int start_thread(void)
{
	const uint64_t all = ~LIBC_SIGNALS;
	uint64_t before = 0;
	pthread_attr_t attr;
	pthread_t id;
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
			ret = next.pthread_create(&id, &attr, run, &thread);
	}
	sys_call(SYS_rt_sigprocmask, SIG_SETMASK, (long)&before, 0, KERNEL_SIGSET_SIZE, 0, 0);
	return -ret;
}

int reconnect_start(const struct handoff *handoff, const struct log *log, int wake_fd,
		    const struct identity *wake_id)
{
	struct reconnect_thread *t = &thread;
	int ret;

	memcpy(t->path, handoff->passt, sizeof(t->path));
	t->trust = handoff->trust;
	t->link_log = (struct link_log) { .log = log,
					  .fd = handoff->fd,
					  .path = handoff->private_passt ? "" : t->path,
					  .final = handoff->private_passt || !handoff->reconnect };
	t->wake_fd = wake_fd;
	t->wake_id = *wake_id;
	t->state = (enum link_state)atomic_load(&reconnect.state);
	t->epoll = (int)sys_call(SYS_epoll_create1, EPOLL_CLOEXEC, 0, 0, 0, 0, 0);
	if (t->epoll < 0)
		return t->epoll;
	ret = add_to_epoll(t, wake_fd, EPOLLIN, ABOUT_WAKE);
	if (!ret && t->state == LINK_UP)
		ret = watch_connection(t, handoff->fd);
	if (!ret)
		ret = start_thread();
	if (ret)
		sys_close(t->epoll);
	return ret;
}
