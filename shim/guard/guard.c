/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/guard/guard.h"

#include <string.h>

#include "shim/common/fd_args.h"
#include "shim/common/fd_store.h"
#include "shim/common/sys.h"
#include "shim/common/text.h"
#include "shim/guard/call_trial.h"
#include "shim/guard/holder.h"
#include "shim/guard/observe.h"
#include "shim/guard/restore.h"
#include "shim/guard/standalone.h"
#include "shim/libc/environ.h"
#include "shim/link/link.h"

/* Refusals before a process that insists gets its way. */
#define REFUSALS_MAX 64

/* The name of a process, its number, and what it has done. */
#define ORIGIN_SIZE 64

/* The descriptor's life, seen from one program. */
enum phase {
	PHASE_OVER,     /* the owner has closed it, or it was never ours to guard */
	PHASE_WAITING,  /* from the load to the claim */
	PHASE_CLAIMED,  /* QEMU has looked at it */
	PHASE_RELEASED, /* QEMU reads from it and writes to it */
};

/**
 * struct guard - The guard's state, which only the owner and its forks change
 * @phase:	enum phase
 * @pid:	The process that this is about; another one's calls change nothing
 * @forked:	It is a child of the process that loaded the shim, or took the connection
 * @restoring:	One of its threads is putting the connection back
 * @restores:	This program is to use the number
 * @is_qemu:	This program is the QEMU that the handoff names
 * @on_the_way:	Its words name the number, or QEMU
 * @session:	Its session when it was loaded
 * @gave_up:	Passt cannot be reached: not to be waited for again
 * @left:	What else is on the number has been told of
 * @touches:	enum touch seen so far
 * @refusals:	How often closing the number was refused
 * @handoff:	What the launcher handed over, brought up to date
 * @envp:	Environment as guard_on_load() got it
 * @log:	Where events go
 * @exe:	Path of this program
 * @culprit:	What the note in the store says of the last loss
 */
struct guard {
	atomic_int phase;
	atomic_int pid;
	bool forked;
	atomic_bool restoring;
	bool restores;
	bool is_qemu;
	bool on_the_way;
	int session;
	bool gave_up;
	bool left;
	atomic_uint touches;
	atomic_uint refusals;
	struct handoff handoff;
	char **envp;
	struct log log;
	char exe[PATH_MAX];
	char culprit[STORE_NOTE_MAX + 1];
};

static struct guard guard;

static const struct fd_log fd_log = { &guard.handoff, &guard.log, guard.exe, guard.culprit };

/*
 * The numbers of connection and store, or -1. What is expected there, its identity, is in the
 * handoff: programs that follow need it, too. So are the numbers that are observed.
 */
static atomic_int watched[] = { [ROLE_CONNECTION] = -1, [ROLE_STORE] = -1 };

atomic_ulong watched_bits[WATCHED_BITS / WORD_BITS];

static void watch(int fd)
{
	unsigned bit = (unsigned)fd % WATCHED_BITS;

	if (fd >= 0)
		atomic_fetch_or(&watched_bits[bit / WORD_BITS], 1UL << bit % WORD_BITS);
}

int guard_number(enum fd_role role)
{
	return atomic_load_explicit(&watched[role], memory_order_relaxed);
}

enum fd_role guard_role(int fd)
{
	enum fd_role role = ROLE_CONNECTION;

	while (role < ROLE_OBSERVED && (fd < 0 || fd != guard_number(role)))
		role++;
	return role < ROLE_OBSERVED || observe_index(&guard.handoff, fd) >= 0 ? role : ROLE_NONE;
}

int guard_lowest(unsigned first, unsigned last)
{
	int lowest = -1;

	for (int i = 0; i < ROLE_OBSERVED + guard.handoff.watch_count; i++) {
		int fd = i < ROLE_OBSERVED ? guard_number((enum fd_role)i)
					   : (int)guard.handoff.watch[i - ROLE_OBSERVED].fd;

		if (fd >= 0 && (unsigned)fd >= first && (unsigned)fd <= last &&
		    (lowest < 0 || fd < lowest))
			lowest = fd;
	}
	return lowest;
}

static enum phase get_phase(void)
{
	return (enum phase)atomic_load(&guard.phase);
}

/* From one phase to a later one. Return: false if another thread was faster. */
static bool pass_on(enum phase from, enum phase to)
{
	int expected = (int)from;

	return atomic_compare_exchange_strong(&guard.phase, &expected, (int)to);
}

/* A child that may share the owner's memory (vfork, clone). */
static bool is_passive(void)
{
	return atomic_load(&guard.pid) != sys_getpid();
}

/* The process that loaded the shim, and no child of it. */
static bool is_owner(void)
{
	return !guard.forked && !is_passive();
}

void guard_forked(void)
{
	enum phase phase = get_phase();

	if (phase != PHASE_WAITING && phase != PHASE_CLAIMED && !guard.handoff.watch_count)
		return;
	observe_forked();
	guard.forked = true;
	/* The thread that was at it is not in this process. */
	atomic_store(&guard.restoring, false);
	atomic_store(&guard.pid, sys_getpid());
}

static void set_store(int store)
{
	guard.handoff.store = store < 0 ? -1 : store;
	atomic_store(&watched[ROLE_STORE], guard.handoff.store);
	watch(guard.handoff.store);
}

/* Brings the variable up to date, wherever the program keeps its environment by now. */
static void write_handoff(void)
{
	char *value = environment_find(environ ? environ : guard.envp, HANDOFF_VARIABLE);

	if (value)
		handoff_update(value, &guard.handoff);
}

bool guard_is_connection(int fd)
{
	struct identity id;

	return descriptor_identity(fd, &id) && identity_same(&id, &guard.handoff.socket);
}

bool guard_would_lose(int fd, int to)
{
	switch (watched_role(to)) {
	case ROLE_CONNECTION:
		return !guard_is_connection(fd);
	case ROLE_OBSERVED:
		return !observe_is_same(&guard.handoff, fd, to);
	default:
		return false;
	}
}

/* Is the connection on the guarded number, and may it still be lost? */
static bool holds_connection(void)
{
	return get_phase() == PHASE_WAITING && guard_is_connection(guard.handoff.fd);
}

/* What is on the number, in words. */
static const char *look(void)
{
	if (!guard_is_connection(guard.handoff.fd))
		return descriptor_name(guard.handoff.fd);
	return descriptor_hung_up(guard.handoff.fd) ? FOUND_HUNG_UP : FOUND_WELL;
}

/* May there be another connection later on? A private passt's supervisor is asked by the store's.
 */
static bool may_come_back(const struct handoff *c)
{
	int control;

	if (!c->reconnect || c->passt[0])
		return c->reconnect;
	control = store_look(c->store, STORED_CONTROL);
	sys_close(control);
	return control >= 0;
}

/*
 * The last resort: QEMU starts with the link down, where there is a way for it to come up later.
 * The placeholder is what has to be on the number from now on, and in programs that follow it is a
 * connection that has ended.
 */
static bool start_without_link(void)
{
	struct handoff *c = &guard.handoff;

	if (!may_come_back(c) || link_prepare(c->fd))
		return false;
	descriptor_identity(c->fd, &c->socket);
	write_handoff();
	return true;
}

/* Which program did it? The note is gone with the old store when there is a new one. */
static void read_note(void)
{
	if (guard.handoff.store >= 0)
		store_read_note(guard.handoff.store, guard.culprit);
}

/**
 * restore_from_holder() - Take the connection from whoever has made this process, and kept it
 * @holder:	Filled
 * @origin:	Filled: that program, in words
 *
 * Passt is in use by it then, for as long as it waits for us.
 *
 * Return: 0, or -errno; @holder's pid is 0 where there is none
 */
static int restore_from_holder(struct holder *holder, char origin[ORIGIN_SIZE])
{
	struct text t;
	int ret;

	if (guard.handoff.store >= 0 || call_trial_is_filtered() ||
	    !holder_find(&guard.handoff, holder))
		return -ENOENT;
	text_start(&t, origin, ORIGIN_SIZE);
	text_format(&t, "%s (pid %d), which has kept it", holder->name, holder->pid);
	ret = holder_take(holder, &guard.handoff);
	/* Passt has ended what it holds: there may be a new one. */
	if (ret == -ENOTCONN)
		holder->pid = 0;
	return ret;
}

/* It is on its number again. */
static void tell_restored(const char *found, const char *origin)
{
	if (found) {
		fd_log_lost(&fd_log, found, REMEDY_FOUND, 0);
		fd_log_restored(&fd_log, found, origin);
		store_leave_note(guard.handoff.store, "");
	} else {
		fd_log_connected(&fd_log);
	}
	fd_log_hop(&fd_log, &guard.handoff, true);
	write_handoff();
}

/**
 * restore_or_give_up() - Put the connection back and say so, or say that it cannot be
 * @found:	What is on the number instead; NULL if there has never been a connection
 */
static void restore_or_give_up(const char *found)
{
	const char *origin = FROM_STORE;
	struct holder holder = { 0 };
	char keeper[ORIGIN_SIZE];
	int ret = 0;

	if (atomic_exchange(&guard.restoring, true))
		return;
	read_note();
	if (!restore_from_store(&guard.handoff)) {
		origin = keeper;
		ret = guard.gave_up ? -ENOENT : restore_from_holder(&holder, keeper);
	}
	if (ret && !guard.gave_up && !holder.pid) {
		origin = FROM_PASST;
		ret = restore_from_passt(&guard.handoff);
	}
	set_store(guard.handoff.store);
	if (!ret) {
		tell_restored(found, origin);
	} else if (!guard.gave_up) {
		guard.gave_up = true;
		if (holder.pid)
			fd_log_held(&fd_log, found, keeper, -ret);
		else
			fd_log_lost(&fd_log, found,
				    start_without_link() ? REMEDY_WAIT : REMEDY_NONE, -ret);
	}
	atomic_store(&guard.restoring, false);
}

/**
 * inspect() - Look at the number, and restore the connection where that is right
 * @nothing_ran: Nothing of the program has run: what is on the number came with exec
 *
 * Later than that, what is there belongs to the program, and only an empty number is filled. A
 * connected stream was put there on purpose, unless it is of no use any more.
 */
static void inspect(bool nothing_ran)
{
	const struct handoff *c = &guard.handoff;
	const char *found = look();
	bool is_empty, in_use;

	if (!strcmp(found, FOUND_WELL))
		return;
	is_empty = sys_fcntl(c->fd, F_GETFD, 0) == -EBADF;
	in_use = descriptor_is_stream(c->fd) && !descriptor_hung_up(c->fd);
	if (is_empty && !c->socket.ino) {
		/* Without the launcher the first connection may be left to us. */
		restore_or_give_up(NULL);
	} else if (is_empty || guard_is_connection(c->fd) || (nothing_ran && !in_use)) {
		restore_or_give_up(found);
	} else if (!guard.left && !guard.gave_up) {
		guard.left = true;
		read_note();
		fd_log_left(&fd_log, found);
	}
}

/* Is this program the QEMU that the handoff names? */
static bool is_named_qemu(void)
{
	bool is_it;
	int fd;

	if (!guard.handoff.qemu.ino)
		return false;
	fd = sys_open("/proc/self/exe", O_PATH | O_CLOEXEC, 0);
	is_it = descriptor_is(fd, &guard.handoff.qemu);
	sys_close(fd);
	return is_it;
}

static bool args_name_number(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (arg_names_fd(argv[i], guard.handoff.fd))
			return true;
	}
	return false;
}

static bool args_name_qemu(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (arg_names_qemu(argv[i]))
			return true;
	}
	return false;
}

/*
 * QEMU restores, and so does a program that is told of the number itself. One that only passes
 * QEMU's words on does not: what it puts on the number is a file of its own until QEMU starts.
 */
static bool is_to_restore(const char *argv0, bool names_number, bool names_qemu)
{
	if (guard.is_qemu)
		return true;
	return names_number && (!names_qemu || arg_names_qemu(guard.exe) || arg_names_qemu(argv0));
}

/*
 * Path of this program's file; what it was called by where it has none (a container's runtime, say,
 * in memory). Of what merely inherits us nobody wants to know it but the log: all that is in /proc
 * is made for each process anew, which takes as long as some thousand instructions.
 */
static void find_exe(const char *argv0, bool can_ask)
{
	static const char in_memory[] = "/memfd:";
	struct text t;

	if (can_ask && (guard.on_the_way || guard.handoff.log_file[0]) &&
	    sys_readlink("/proc/self/exe", guard.exe, sizeof(guard.exe) - 1) > 1 &&
	    strncmp(guard.exe, in_memory, strlen(in_memory)) != 0)
		return;
	text_start(&t, guard.exe, sizeof(guard.exe));
	text_add(&t, argv0);
}

/* Without @can_ask, no call is made. */
static void start_log(const char *argv0, bool can_ask)
{
	find_exe(argv0, can_ask);
	guard.log = (struct log) {
		/* Whatever comes onto that number later is no place for messages. */
		.level = can_ask && sys_fcntl(STDERR_FILENO, F_GETFD, 0) < 0 ? LOG_QUIET
									     : guard.handoff.level,
		.shim = true,
		.run = guard.handoff.run,
		.file = can_ask ? guard.handoff.log_file : NULL,
		.exe = guard.exe,
		.handoff = &guard.handoff,
		.fd = -1,
	};
}

/* This program is the next hop: what is on the number, for the log and for those that follow. */
static void note_start(void)
{
	const char *found = look();

	fd_log_hop(&fd_log, &guard.handoff, !strcmp(found, FOUND_WELL));
	write_handoff();
	fd_log_program(&fd_log, found, guard.restores);
}

/* The handoff, if there is one for us: false where there is nothing to do. */
static bool find_handoff(char **envp)
{
	const struct log log = { .level = LOG_NORMAL, .shim = true, .fd = -1 };
	const char *value = environment_find(envp, HANDOFF_VARIABLE);

	if (!value)
		return standalone_handoff(envp, &guard.handoff, &log);
	if (handoff_read(value, &guard.handoff))
		return true;
	log_line(&log, SEVERITY_WARNING,
		 HANDOFF_VARIABLE " is damaged: passt's connection is not guarded");
	return false;
}

/* Empties the store for all who have a copy of it, once. */
static void empty_store(void)
{
	int store = atomic_exchange(&watched[ROLE_STORE], -1);

	if (store >= 0)
		store_empty(store);
}

/**
 * stand_down() - This program would be killed for a call that only the shim makes
 * @trial:	For which
 * @argv0:	Name of the program
 * @envp:	Its environment: what it runs is under the same filter, and does without us, too
 *
 * QEMU goes on as without the shim, and so nothing but the number holds the connection.
 */
static void stand_down(const struct call_trial *trial, const char *argv0, char **envp)
{
	sys_writes_plainly = true;
	start_log(argv0, trial->can_log);
	if (trial->can_log)
		fd_log_program(&fd_log, look(), false);
	if (trial->can_log && is_named_qemu()) {
		set_store(store_find(&guard.handoff));
		empty_store();
	}
	fd_log_filtered(&fd_log, trial->call);
	environment_prepare(envp);
	environment_leave(envp);
}

/* --watch: nothing of a connection, and nothing where the program would be killed for it. */
static void observe_on_load(int argc, char **argv, char **envp)
{
	if (call_trial()->call) {
		guard.handoff.watch_count = 0;
		return;
	}
	start_log(argc > 0 ? argv[0] : "", true);
	atomic_store(&guard.pid, sys_getpid());
	environment_note(envp);
	guard.envp = envp;
	guard.session = (int)sys_call(SYS_getsid, 0, 0, 0, 0, 0, 0);
	set_store(store_find(&guard.handoff));
	for (unsigned i = 0; i < guard.handoff.watch_count; i++)
		watch((int)guard.handoff.watch[i].fd);
	observe_start(&fd_log, argc, argv);
}

void guard_on_load(int argc, char **argv, char **envp, bool first)
{
	const char *argv0 = argc > 0 ? argv[0] : "";
	bool names_number, names_qemu;

	if (!find_handoff(envp))
		return;
	if (guard.handoff.watch_count) {
		observe_on_load(argc, argv, envp);
		return;
	}
	names_number = args_name_number(argc, argv);
	names_qemu = args_name_qemu(argc, argv);
	/* Where its words tell, no call is made before they all are tried. */
	guard.is_qemu = !names_number && is_named_qemu();
	guard.on_the_way = names_number || names_qemu || guard.is_qemu;
	if ((names_number || guard.is_qemu) && call_trial()->call) {
		stand_down(call_trial(), argv0, envp);
		return;
	}
	guard.is_qemu = guard.is_qemu || is_named_qemu();
	start_log(argv0, true);
	atomic_store(&guard.pid, sys_getpid());
	guard.envp = envp;
	environment_note(envp);
	guard.restores = is_to_restore(argv0, names_number, names_qemu);
	set_store(store_find(&guard.handoff));
	atomic_store(&watched[ROLE_CONNECTION], guard.handoff.fd);
	watch(guard.handoff.fd);
	if (guard.on_the_way)
		passt_trust_enter(&guard.handoff.trust);
	else
		guard.session = (int)sys_call(SYS_getsid, 0, 0, 0, 0, 0, 0);
	atomic_store(&guard.phase, PHASE_WAITING);
	note_start();
	if (!guard.restores)
		return;
	environment_prepare(envp);
	inspect(first);
}

void guard_before_main(void)
{
	if (guard.restores && is_owner() && get_phase() == PHASE_WAITING)
		inspect(false);
}

/* Only a failure of the process that the launcher became: helpers come and go. */
void guard_ends(int status)
{
	static atomic_bool told;
	int saved = errno;

	if ((status & 0xff) && get_phase() == PHASE_WAITING && is_owner() &&
	    log_is_run_of(guard.handoff.run, sys_getpid()) && !atomic_exchange(&told, true))
		fd_log_ended(&fd_log, status);
	errno = saved;
}

bool guard_put_back(void)
{
	bool filled;

	if (holds_connection())
		return true;
	if (atomic_exchange(&guard.restoring, true))
		return false;
	filled = restore_from_store(&guard.handoff);
	set_store(guard.handoff.store);
	atomic_store(&guard.restoring, false);
	return filled;
}

/* Is the number closed here and now? */
static bool is_close(const struct loss *loss)
{
	return loss->kind == EVENT_CLOSED && !loss->in_child;
}

/*
 * The number is closed or replaced. In a program that has taken it: that controls it now, and the
 * guard is done. Return: false in any other.
 */
static bool ends_guard(const struct loss *loss)
{
	enum phase phase = get_phase();

	if (phase != PHASE_CLAIMED && phase != PHASE_RELEASED)
		return false;
	if (is_passive() || !pass_on(phase, PHASE_OVER))
		return true;
	atomic_store(&watched[ROLE_CONNECTION], -1);
	/* QEMU's child for the script of another network, say: it closes its own copy only. */
	if (guard.forked)
		return true;
	/* A program that has not used it yet may be another one than QEMU after all. */
	if (guard.is_qemu)
		empty_store();
	/* First, so that the end of the link is told before this one where it is the reason. */
	link_stop();
	fd_log_step(&fd_log, EVENT_OWNER_CLOSED, "is done with", loss->call);
	log_close(&guard.log);
	return true;
}

/* The call that closes the connection is not made: that is on its number still, or again. */
static bool keeps_connection(const struct loss *loss)
{
	unsigned refused;

	if (!is_owner() || !guard.restores || get_phase() != PHASE_WAITING ||
	    atomic_load(&guard.refusals) >= REFUSALS_MAX)
		return false;
	refused = atomic_fetch_add(&guard.refusals, 1);
	if (!guard_put_back())
		return false;
	fd_log_put_back(&fd_log, loss, !refused);
	return true;
}

/* The connection on its number is lost to the programs that follow, where it is not kept. */
static enum call_fate lose_connection(const struct loss *loss)
{
	if (is_close(loss)) {
		if (ends_guard(loss))
			return CALL_GOES_ON;
		if (keeps_connection(loss))
			return CALL_KEPT;
	}
	/* QEMU's children for scripts and for tearing down are nobody's way to QEMU. */
	if ((is_owner() || !guard.is_qemu) && holds_connection())
		fd_log_loss(&fd_log, guard.handoff.fd, NULL, loss);
	return CALL_GOES_ON;
}

/* Not on the way, and in a session of its own since its load: passt is not to wait for it. */
static bool is_daemon(void)
{
	return !guard.on_the_way && sys_call(SYS_getsid, 0, 0, 0, 0, 0, 0) != guard.session;
}

/* It has gone from this process. */
static void forget_store(void)
{
	if (is_passive())
		return;
	set_store(-1);
	write_handoff();
}

/* Hidden, but for a daemon, and for a process that has tried to close it 64 times. */
static enum call_fate lose_store(const struct loss *loss)
{
	static atomic_int pid;
	static atomic_uint tries;
	int own = sys_getpid();
	unsigned tried;

	if (!is_close(loss))
		return CALL_HIDDEN;
	if (is_daemon()) {
		forget_store();
		return CALL_GOES_ON;
	}
	/* Children that share our memory come one after the other, and count each for itself. */
	if (atomic_exchange(&pid, own) != own)
		atomic_store(&tries, 0);
	tried = atomic_fetch_add(&tries, 1);
	if (tried < REFUSALS_MAX)
		return CALL_HIDDEN;
	if (tried == REFUSALS_MAX)
		fd_log_gave_way(&fd_log, loss, REFUSALS_MAX);
	forget_store();
	return CALL_GOES_ON;
}

enum call_fate guard_lose(int fd, const struct loss *loss)
{
	switch (watched_role(fd)) {
	case ROLE_CONNECTION:
		return lose_connection(loss);
	case ROLE_STORE:
		return lose_store(loss);
	case ROLE_OBSERVED:
		observe_loss(&fd_log, fd, -1, loss, is_passive());
		break;
	case ROLE_NONE:
		break;
	}
	return CALL_GOES_ON;
}

static void move_store(const char *call)
{
	int to = store_move(guard_number(ROLE_STORE), guard.handoff.fd);

	fd_log_moved(&fd_log, to, call);
	if (is_passive())
		return;
	set_store(to);
	write_handoff();
}

enum call_fate guard_replace(int from, int to, const struct loss *loss)
{
	enum fd_role role = watched_role(to);

	if (watched_role(from) == ROLE_STORE)
		return CALL_HIDDEN;
	/* Only where the call is going to succeed. */
	if (role == ROLE_NONE || from == to || sys_fcntl(from, F_GETFD, 0) < 0)
		return CALL_GOES_ON;
	if (role == ROLE_STORE)
		move_store(loss->call);
	else if (role == ROLE_OBSERVED && guard_would_lose(from, to))
		observe_loss(&fd_log, to, from, loss, is_passive());
	else if (role == ROLE_CONNECTION && !ends_guard(loss) && !guard_is_connection(from))
		lose_connection(loss);
	return CALL_GOES_ON;
}

void guard_touched(int fd, enum touch touch)
{
	const unsigned claim = TOUCH_TYPE | TOUCH_NONBLOCK;
	unsigned touches;

	if (watched_role(fd) != ROLE_CONNECTION || !guard.restores || is_passive() ||
	    get_phase() != PHASE_WAITING)
		return;
	touches = atomic_fetch_or(&guard.touches, touch);
	if (!touches)
		inspect(false);
	if (((touches | touch) & claim) != claim || !pass_on(PHASE_WAITING, PHASE_CLAIMED))
		return;
	guard.forked = false;
	/* Soon QEMU is in its chroot, or another user. */
	log_keep_open(&guard.log);
	fd_log_step(&fd_log, EVENT_CLAIMED, "takes", NULL);
}

void guard_used(int fd)
{
	enum phase phase = get_phase();
	int control;

	if (watched_role(fd) != ROLE_CONNECTION || !guard.restores || is_passive())
		return;
	if (phase != PHASE_CLAIMED && (phase != PHASE_WAITING || !guard.is_qemu))
		return;
	if (!pass_on(phase, PHASE_RELEASED))
		return;
	guard.forked = false;
	log_keep_open(&guard.log);
	control = store_look(atomic_load(&watched[ROLE_STORE]), STORED_CONTROL);
	empty_store();
	sys_fcntl(fd, F_SETFD, FD_CLOEXEC);
	environment_leave(environ);
	fd_log_step(&fd_log, EVENT_RELEASED, "uses", NULL);
	link_start(&guard.handoff, &guard.log, control);
}

/*
 * The program that follows gets the connection, in a store too; or makes one, where there is none
 * that it could use: true for the first.
 */
static bool hand_on(void)
{
	struct handoff *c = &guard.handoff;
	bool usable;
	int file;

	c->store = -1;
	memset(&c->store_id, 0, sizeof(c->store_id));
	memset(&c->socket, 0, sizeof(c->socket));
	usable = link_is_usable() && descriptor_identity(c->fd, &c->socket);
	file = log_has_file(&guard.log) ? log_open(&guard.log) : -1;
	store_create(c, file, link_control());
	sys_close(file);
	if (usable)
		sys_fcntl(c->fd, F_SETFD, 0);
	return usable;
}

/* For a live update. */
static void exec_qemu(struct exec_step *step)
{
	step->hands_on = true;
	fd_log_exec(&fd_log, step->target.path, hand_on());
	step->copy = environment_return(step->envp, &guard.handoff, false);
}

/* The new QEMU could not be executed: all is as it was. */
static void stay_qemu(const struct exec_step *step, int error)
{
	fd_log_not_executed(&fd_log, step->target.path, error);
	sys_fcntl(guard.handoff.fd, F_SETFD, FD_CLOEXEC);
	if (guard.handoff.store >= 0)
		store_empty(guard.handoff.store);
	guard.handoff.store = -1;
}

/* Does what is executed lead to QEMU, as far as its words say? */
static bool leads_to_qemu(const struct exec_step *step)
{
	char *const *word = step->argv;

	if (arg_names_qemu(step->target.path))
		return true;
	for (; word && *word; word++) {
		if (arg_names_qemu(*word) || arg_names_fd(*word, guard.handoff.fd))
			return true;
	}
	return false;
}

/* Will the program that is executed find the connection on the number? */
static bool is_passed_on(void)
{
	return guard_is_connection(guard.handoff.fd) &&
	       !(sys_fcntl(guard.handoff.fd, F_GETFD, 0) & FD_CLOEXEC);
}

/*
 * For a program that cannot do it itself. Another file on the number is the caller's. It may be a
 * child that shares our memory: nothing of the guard's state changes.
 */
static void put_back_for(struct exec_step *step)
{
	const int fd = guard.handoff.fd;

	if (guard_is_connection(fd)) {
		sys_fcntl(fd, F_SETFD, 0);
		step->unmarked = true;
		return;
	}
	if (sys_fcntl(fd, F_GETFD, 0) != -EBADF ||
	    !restore_spare(&guard.handoff, store_find(&guard.handoff)))
		return;
	step->filled = true;
	read_note();
	fd_log_lost(&fd_log, "nothing", REMEDY_FOUND, 0);
	fd_log_restored(&fd_log, "nothing", FROM_STORE);
}

/* Why the shim is not added to the environment of what is executed, or NULL. */
static const char *reason_to_leave(bool is_way, enum target_kind kind)
{
	if (!is_way)
		return "it leads to no QEMU, by its words";
	if (kind == TARGET_REFUSES)
		return "it is for another machine, or another libc";
	return environment_shows_shim() ? NULL : "the shim cannot be read there";
}

/**
 * exec_on_the_way() - Before QEMU has the connection: see to it that what is executed gets there
 * @step:	Which program
 * @is_way:	It leads to QEMU
 * @has_us:	Our variables are in its environment
 * @runtime:	Name of a sanitizer's runtime that stands in front of us, or ""
 */
static void exec_on_the_way(struct exec_step *step, bool is_way, bool has_us, const char *runtime)
{
	bool is_passed = is_passed_on(), needs_runtime = true, drops_runtime;
	enum target_kind kind = TARGET_LOADS;
	const char *reason;

	if (has_us && is_passed && !*runtime)
		return;
	kind = exec_target_kind(&step->target, *runtime ? runtime : NULL, &needs_runtime);
	/* A child may be told to go to another directory first. */
	if (kind == TARGET_NONE && !step->spawns)
		return;
	drops_runtime = *runtime && !needs_runtime;
	reason = reason_to_leave(is_way, kind);
	if ((!has_us && !reason) || drops_runtime)
		step->copy = environment_return(step->envp, &guard.handoff, drops_runtime);
	if (!has_us)
		fd_log_environment(&fd_log, step->call, step->target.path, reason);
	if (is_way && !is_passed && !step->spawns && (reason || kind != TARGET_LOADS))
		put_back_for(step);
}

/* Is anything to be looked after? Without a call that the program does not make itself. */
static void exec_before_claim(struct exec_step *step)
{
	char runtime[ENVIRONMENT_NAME_MAX + 1];
	const bool has_us = environment_has_us(step->envp, runtime);
	const bool is_way = leads_to_qemu(step);

	/* QEMU's children are nobody's way to QEMU. */
	if (arg_names_qemu(guard.exe) && !is_owner())
		return;
	if (!has_us || !guard.handoff.runtime)
		runtime[0] = '\0';
	if (has_us && !is_way && !*runtime)
		return;
	/* It may be for what is executed: a call more, and this program is killed. */
	if (!call_trial_is_filtered())
		exec_on_the_way(step, is_way, has_us, runtime);
	else if (is_way && !has_us && environment_shows_shim())
		step->copy = environment_return(step->envp, &guard.handoff, false);
}

void guard_exec(struct exec_step *step)
{
	int saved = errno;

	step->wanted = step->envp;
	if (!step->target.path)
		return;
	if (guard.handoff.watch_count)
		observe_exec(&fd_log, step, is_passive());
	else if (get_phase() == PHASE_WAITING)
		exec_before_claim(step);
	else if (get_phase() == PHASE_RELEASED && !is_passive() && !step->spawns)
		exec_qemu(step);
	if (step->copy)
		step->envp = step->copy;
	errno = saved;
}

bool guard_exec_done(struct exec_step *step, int error)
{
	bool is_again = error == E2BIG && step->copy;
	int saved = errno;

	if (step->copy)
		environment_free(step->copy);
	step->copy = NULL;
	step->envp = step->wanted;
	if (!is_again) {
		if (step->filled)
			sys_close(guard.handoff.fd);
		if (step->unmarked)
			sys_fcntl(guard.handoff.fd, F_SETFD, FD_CLOEXEC);
		if (step->hands_on)
			stay_qemu(step, error);
	}
	errno = saved;
	return is_again;
}
