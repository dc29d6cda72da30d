/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/link/reconnect.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/prctl.h>

#include "shim/common/control.h"
#include "shim/common/fd_identity.h"
#include "shim/common/passt.h"
#include "shim/common/sys.h"
#include "shim/common/text.h"
#include "shim/libc/next.h"
#include "shim/link/link_log.h"

/* The thread's stack, with room for the thread-local data of libraries; hardly any of it is used.
 */
#define STACK_BYTES (1024 * 1024)

/* How often to try: passt listens some milliseconds after its socket appears. */
#define FAST_MS       2
#define FAST_TOTAL_MS 250
#define SLOW_MS       1000

/* Anybody can make and change files in /tmp without end: that wakes the thread no more often. */
#define DIRECTORY_PAUSE_MS 5

/* ... and keeps it no longer than so many reads take. */
#define DIRECTORY_READS 16

/* A socket may become one that we may connect to: IN_ATTRIB. */
#define DIRECTORY_EVENTS (IN_CREATE | IN_MOVED_TO | IN_ATTRIB | IN_ONLYDIR)

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
enum { ABOUT_WAKE, ABOUT_DIRECTORY, ABOUT_CONTROL, ABOUT_CONNECTION };

/**
 * struct reconnect_thread - The thread's own state
 * @link_log:	For the log
 * @path:	Passt's socket
 * @trust:	Whose passt may be used
 * @out_of_sight: Connected, but the socket's directory was not there when the thread began
 * @control:	Socket to a private passt's supervisor, or to a job, or -1
 * @control_id:	What that is
 * @observe:	There they want to know what the guest sends
 * @said:	The last thing that the supervisor said
 * @wake_fd:	The placeholder's other end
 * @wake_id:	What that is
 * @epoll:	What all is waited for with
 * @directory:	inotify descriptor for the socket's file, while there is no link, or -1
 * @connections: How many so far: the number of the present one
 * @state:	Where the link stands; %LINK_TRIAL and %LINK_UP: there is a connection, on QEMU's
 *		number or in @ready of struct reconnect
 * @why:	Why there is no link, or was none
 * @detail:	... the number that goes with it
 * @told_down:	The log has it that the link is down,
 * @told:	... for that reason
 * @told_first:	The log has the first frame
 * @lines_ms:	Till then the lines written take that are allowed: one for each %LINE_EACH_MS
 * @lost_ms:	When the link was lost, of which the log has it that it is down
 * @found_ms:	When the connection was made
 * @fast_till_ms: Till then try often
 * @next_ms:	Time of the next try
 */
struct reconnect_thread {
	struct link_log link_log;
	char path[PASST_PATH_MAX + 1];
	struct passt_trust trust;
	bool out_of_sight;
	int control;
	struct identity control_id;
	bool observe;
	char said[CONTROL_TEXT_MAX + 1];
	int wake_fd;
	struct identity wake_id;
	int epoll;
	int directory;
	uint64_t connections;
	enum link_state state;
	enum down_reason why;
	uint32_t detail;
	bool told_down;
	enum down_reason told;
	bool told_first;
	int64_t lines_ms;
	int64_t lost_ms;
	int64_t found_ms;
	int64_t fast_till_ms;
	int64_t next_ms;
};

struct reconnect reconnect = { .ready = -1, .reason = DOWN_CLOSED };

static struct reconnect_thread thread = { .directory = -1, .control = -1 };

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
	return descriptor_is(t->wake_fd, &t->wake_id);
}

static int add_to_epoll(const struct reconnect_thread *t, int fd, uint32_t events, uint64_t about)
{
	struct epoll_event event = { .events = events, .data.u64 = about };

	return (int)sys_call(SYS_epoll_ctl, t->epoll, EPOLL_CTL_ADD, fd, (long)&event, 0, 0);
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

/*
 * Watches the directory that passt's socket is in by now: it may be another one than the last time,
 * and once more costs nothing. Return: 0 or -errno.
 */
static int watch_directory(struct reconnect_thread *t)
{
	char directory[sizeof(t->path)];
	int ret;

	if (t->directory < 0) {
		ret = (int)sys_call(SYS_inotify_init1, IN_NONBLOCK | IN_CLOEXEC, 0, 0, 0, 0, 0);
		if (ret < 0)
			return ret;
		t->directory = sys_move_up(ret);
		add_to_epoll(t, t->directory, EPOLLIN, ABOUT_DIRECTORY);
	}
	passt_directory(t->path, directory);
	ret = (int)sys_call(SYS_inotify_add_watch, t->directory, (long)directory, DIRECTORY_EVENTS,
			    0, 0, 0);
	return ret < 0 ? ret : 0;
}

/* Reads what has happened there: may there be another socket, or may we connect to it now? */
static bool read_directory(const struct reconnect_thread *t)
{
	_Alignas(struct inotify_event) char buf[1024];
	const char *name = text_file_name(t->path);
	const struct inotify_event *event;
	bool appeared = false;
	ssize_t len, at;
	int i;

	for (i = 0; i < DIRECTORY_READS && (len = sys_read(t->directory, buf, sizeof(buf))) > 0;
	     i++) {
		for (at = 0; at < len; at += (ssize_t)(sizeof(*event) + event->len)) {
			event = (const struct inotify_event *)(buf + at);
			appeared |= event->mask & IN_Q_OVERFLOW ||
				    (event->len && !strcmp(event->name, name));
		}
	}
	return appeared;
}

static void close_directory(struct reconnect_thread *t)
{
	if (t->directory >= 0)
		sys_close(t->directory);
	t->directory = -1;
}

/* May a line be written? Then it counts. */
static bool may_tell(struct reconnect_thread *t)
{
	int64_t now = sys_now_ms();

	if (t->lines_ms - now > (LINES_AT_ONCE - 1) * LINE_EACH_MS)
		return false;
	t->lines_ms = (t->lines_ms > now ? t->lines_ms : now) + LINE_EACH_MS;
	return true;
}

/*
 * Says in the log what has become of the link. Where that changes too often, what is so when a line
 * may be written again, or @at_once.
 */
static void tell_link(struct reconnect_thread *t, bool at_once)
{
	bool is_down = t->state != LINK_UP;

	if (is_down == t->told_down && (!is_down || t->why == t->told))
		return;
	if (!at_once && !may_tell(t))
		return;
	t->told_down = is_down;
	t->told = t->why;
	if (is_down)
		link_log_down(&t->link_log, t->why, t->detail);
	else
		link_log_up(&t->link_log, t->found_ms - t->lost_ms,
			    atomic_exchange(&reconnect.dropped, 0),
			    atomic_exchange(&reconnect.padded, 0));
}

/*
 * The link is still down, and now for this reason: none that counts while trying often, or before
 * the line about its end, which implies that nobody listens. Who is not trusted and seems to be in
 * use may have only our own tries in the queue.
 */
static void still_down(struct reconnect_thread *t, enum down_reason reason, uint32_t detail)
{
	if (!t->told_down || sys_now_ms() < t->fast_till_ms ||
	    (reason == DOWN_ABSENT && t->told <= DOWN_FROM_START) ||
	    (reason == DOWN_IN_USE && t->why == DOWN_NOT_TRUSTED))
		return;
	t->why = reason;
	t->detail = detail;
}

/* The next try: soon, while trying often. */
static void try_later(struct reconnect_thread *t)
{
	int64_t now = sys_now_ms();

	t->next_ms = now + (now < t->fast_till_ms ? FAST_MS : SLOW_MS);
}

/* From now on try often. */
static void try_often(struct reconnect_thread *t)
{
	t->next_ms = sys_now_ms();
	t->fast_till_ms = t->next_ms + FAST_TOTAL_MS;
}

/* Is there a supervisor to ask, and no path to look at? */
static bool is_private(const struct reconnect_thread *t)
{
	return t->control >= 0 && !*t->path;
}

/* A link that lasted has ended, or there has been none from the start. Told later: tell_link(). */
static void link_lost(struct reconnect_thread *t, enum down_reason reason)
{
	t->state = t->link_log.final ? LINK_OVER : LINK_DOWN;
	if (!t->told_down)
		t->lost_ms = sys_now_ms();
	t->why = reason;
	t->detail = atomic_load(&reconnect.bad_length);
	if (t->state != LINK_DOWN)
		return;
	if (is_private(t))
		t->next_ms = reason == DOWN_CLOSED ? sys_now_ms() : sys_now_ms() + SLOW_MS;
	else if (reason == DOWN_CLOSED)
		try_often(t);
	else
		try_later(t);
	if (!is_private(t))
		watch_directory(t);
}

static void close_ready(void)
{
	int ready = atomic_exchange(&reconnect.ready, -1);

	if (ready >= 0 && descriptor_is(ready, &reconnect.ready_id))
		sys_close(ready);
}

/* The connection has ended, or QEMU's thread has taken it down. */
static void connection_lost(struct reconnect_thread *t)
{
	enum down_reason reason = (enum down_reason)atomic_load(&reconnect.reason);

	close_ready();
	if (t->state == LINK_UP) {
		link_lost(t, reason);
		return;
	}
	t->state = LINK_DOWN;
	/* The supervisor tells why, and then it is asked again. */
	if (is_private(t))
		return;
	try_later(t);
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

/* Nobody is at the other end any more: there will be no other private passt. */
static void supervisor_lost(struct reconnect_thread *t)
{
	sys_call(SYS_epoll_ctl, t->epoll, EPOLL_CTL_DEL, t->control, 0, 0, 0);
	t->control = -1;
	atomic_store(&reconnect.enough, true);
	if (*t->path)
		return;
	t->link_log.final = true;
	if (t->state == LINK_DOWN) {
		t->told_down = false;
		link_lost(t, DOWN_CLOSED);
	}
}

static enum down_reason reason_of(int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
	case ECONNREFUSED:
		return DOWN_ABSENT;
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

/* Asks for another private passt: what becomes of it is told. */
static void ask_supervisor(struct reconnect_thread *t)
{
	t->next_ms = NEVER;
	if (!descriptor_is(t->control, &t->control_id) ||
	    control_send(t->control, CONTROL_START, NULL, 0, -1))
		supervisor_lost(t);
}

static void try_passt(struct reconnect_thread *t)
{
	int unwatched = -watch_directory(t);
	int fd = passt_connect(t->path);
	enum down_reason reason = DOWN_NOT_TRUSTED;
	uid_t uid = 0;
	int error = fd < 0 ? -fd : -passt_peer_uid(fd, &uid);

	if (!error && passt_trusted(&t->trust, uid)) {
		offer(t, fd);
		return;
	}
	if (fd >= 0)
		sys_close(fd);
	if (error)
		reason = reason_of(error);
	else
		t->fast_till_ms = 0; /* no passt that is about to come up */
	if (reason == DOWN_ABSENT && unwatched) {
		reason = t->out_of_sight ? DOWN_OTHER_ROOT : DOWN_UNWATCHED;
		error = unwatched;
	}
	try_later(t);
	still_down(t, reason, error ? (uint32_t)error : uid);
}

/* The connection has lasted, or serves. */
static void link_is_up(struct reconnect_thread *t)
{
	t->state = LINK_UP;
	close_directory(t);
}

/* What the supervisor says of the private passt that it was asked for. */
static void hear_supervisor(struct reconnect_thread *t)
{
	struct control_msg msg;
	int ret;

	if (!descriptor_is(t->control, &t->control_id))
		return;
	ret = control_receive(t->control, &msg, t->said, sizeof(t->said), MSG_DONTWAIT);
	if (ret == -ECONNRESET)
		supervisor_lost(t);
	if (ret)
		return;
	switch (msg.kind) {
	case CONTROL_CONNECTION:
		if (t->state == LINK_DOWN)
			offer(t, msg.fd);
		else
			sys_close(msg.fd);
		break;
	case CONTROL_READY:
		t->found_ms = sys_now_ms();
		if (t->state == LINK_TRIAL)
			link_is_up(t);
		else
			t->next_ms = t->found_ms + SLOW_MS;
		break;
	case CONTROL_FAILED:
	case CONTROL_TAKEN:
		close_ready();
		t->state = LINK_DOWN;
		t->next_ms = sys_now_ms() + SLOW_MS;
		still_down(t, DOWN_NOT_STARTED, 0);
		break;
	case CONTROL_ENOUGH:
		atomic_store(&reconnect.enough, true);
		break;
	default:
		log_line(t->link_log.log, SEVERITY_WARNING, "the private passt: %s", t->said);
	}
}

/* Milliseconds until there is something to do: the end of the trial, the next try, a line. */
static int64_t time_left(const struct reconnect_thread *t)
{
	int64_t now = sys_now_ms();

	if (t->state == LINK_TRIAL && !is_private(t))
		return t->found_ms + TRIAL_MS - now;
	if (t->state == LINK_DOWN)
		return t->next_ms < NEVER ? t->next_ms - now : NEVER;
	if (t->state == LINK_UP && t->told_down)
		return t->lines_ms - (LINES_AT_ONCE - 1) * LINE_EACH_MS - now;
	return NEVER;
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
	if (t->observe && descriptor_is(t->control, &t->control_id))
		control_send(t->control, CONTROL_FRAME, NULL, 0, -1);
}

/* What an event tells. Return: the connection has ended. */
static bool handle_event(struct reconnect_thread *t, uint64_t about)
{
	if (about == ABOUT_WAKE)
		reconnect_read_wakes(t->wake_fd);
	if (about == ABOUT_DIRECTORY && read_directory(t))
		try_often(t);
	if (about == ABOUT_CONTROL)
		hear_supervisor(t);
	return about == ABOUT_CONNECTION + t->connections;
}

/*
 * What there is to do now, by what QEMU's thread has done, and the time. When QEMU has closed the
 * number, what has happened by then is told all the same.
 */
static void go_on(struct reconnect_thread *t, bool ended)
{
	bool stop = atomic_load(&reconnect.stop), due;

	tell_first_frame(t);
	if (has_lost(t, ended))
		connection_lost(t);
	due = time_left(t) <= 0;
	if (t->state == LINK_TRIAL && (stop ? atomic_load(&reconnect.ready) < 0 : due))
		link_is_up(t);
	else if (t->state == LINK_DOWN && due && !stop && is_private(t))
		ask_supervisor(t);
	else if (t->state == LINK_DOWN && due && !stop)
		try_passt(t);
	/* Last, as QEMU has its network by then. */
	tell_link(t, stop);
}

static void work(struct reconnect_thread *t)
{
	struct pollfd wake = { .fd = t->wake_fd, .events = POLLIN };
	bool ended = false, changed = false;
	struct epoll_event events[4];
	int64_t left = time_left(t);
	long n, i;

	if (left < 0)
		left = 0;
	n = sys_call(SYS_epoll_pwait, t->epoll, (long)events, 4, left < NEVER ? (long)left : -1, 0,
		     KERNEL_SIGSET_SIZE);
	if (!has_own_numbers(t))
		return;
	for (i = 0; i < n; i++) {
		ended |= handle_event(t, events[i].data.u64);
		changed |= events[i].data.u64 == ABOUT_DIRECTORY;
	}
	go_on(t, ended);
	if (changed)
		sys_poll(&wake, 1, DIRECTORY_PAUSE_MS);
}

static void *run(void *arg)
{
	struct reconnect_thread *t = arg;

	sys_call(SYS_prctl, PR_SET_NAME, (long)"qrap-link", 0, 0, 0, 0);
	/* We begin when QEMU has changed its root already. */
	t->out_of_sight =
		t->state == LINK_UP && *t->path && passt_directory_mode(t->path) == -ENOENT;
	if (t->state == LINK_DOWN)
		link_lost(t, DOWN_FROM_START);
	tell_link(t, false);
	while (!atomic_load(&reconnect.stop) && has_own_numbers(t))
		work(t);
	if (!has_own_numbers(t)) {
		t->link_log.final = true;
		t->told_down = false;
		link_lost(t, DOWN_CLOSED);
		tell_link(t, true);
		return NULL;
	}
	go_on(t, false);
	close_ready();
	close_directory(t);
	sys_close(t->epoll);
	/* Last of all: link_stop() waits for it. */
	sys_close(t->wake_fd);
	return NULL;
}

/* A detached thread, which no signal but the libc's own ever reaches. */
static int start_thread(void)
{
	const uint64_t all = ~LIBC_SIGNALS;
	uint64_t before = 0;
	pthread_attr_t attr;
	pthread_t id;
	int ret;

	next_load_threads();
	if (!next.pthread_create || next.pthread_attr_init(&attr))
		return -ENOSYS;
	next.pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	/* A thread begins with the mask of the one that makes it. */
	sys_call(SYS_rt_sigprocmask, SIG_SETMASK, (long)&all, (long)&before, KERNEL_SIGSET_SIZE, 0,
		 0);
	next.pthread_attr_setstacksize(&attr, STACK_BYTES);
	ret = next.pthread_create(&id, &attr, run, &thread);
	sys_call(SYS_rt_sigprocmask, SIG_SETMASK, (long)&before, 0, KERNEL_SIGSET_SIZE, 0, 0);
	return -ret;
}

/* The supervisor is told who is the VM, and heard from now on: 0 or -errno. */
static int meet_supervisor(struct reconnect_thread *t, int control)
{
	t->control = control;
	if (control < 0)
		return 0;
	descriptor_identity(control, &t->control_id);
	control_send(control, CONTROL_OWNER, NULL, 0, -1);
	return add_to_epoll(t, control, EPOLLIN, ABOUT_CONTROL);
}

int reconnect_start(const struct handoff *handoff, const struct log *log, int wake_fd,
		    const struct identity *wake_id, int control)
{
	struct reconnect_thread *t = &thread;
	int ret;

	memcpy(t->path, handoff->passt, sizeof(t->path));
	t->trust = handoff->trust;
	t->observe = handoff->observe;
	t->link_log = (struct link_log) {
		.log = log,
		.fd = handoff->fd,
		.path = t->path,
		.final = !handoff->reconnect || (!*t->path && control < 0),
		.said = t->said,
	};
	t->wake_fd = wake_fd;
	t->wake_id = *wake_id;
	t->state = (enum link_state)atomic_load(&reconnect.state);
	ret = (int)sys_call(SYS_epoll_create1, EPOLL_CLOEXEC, 0, 0, 0, 0, 0);
	if (ret < 0)
		return ret;
	t->epoll = sys_move_up(ret);
	ret = add_to_epoll(t, wake_fd, EPOLLIN, ABOUT_WAKE);
	if (!ret)
		ret = meet_supervisor(t, control);
	if (!ret && t->state == LINK_UP)
		ret = watch_connection(t, handoff->fd);
	if (!ret)
		ret = start_thread();
	if (ret)
		sys_close(t->epoll);
	return ret;
}
