/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/guard/guard.h"

#include <string.h>

#include "shim/common/fd_args.h"
#include "shim/common/fd_store.h"
#include "shim/common/sys.h"
#include "shim/guard/restore.h"
#include "shim/guard/standalone.h"
#include "shim/libc/environ.h"
#include "shim/link/link.h"

/* Refusals before a process that insists gets its way. */
#define REFUSALS_MAX 64

/**
 * struct close_tries - Tries of one process to close the store
 * @pid:	Which; the owner's is not asked for
 * @tries:	How many
 */
struct close_tries {
	atomic_int pid;
	atomic_uint tries;
};

/**
 * struct guard - The guard's state, which only the owner and its forks change
 * @phase:	enum phase
 * @pid:	The process that this is about; another one's calls change nothing
 * @forked:	It is a child of the one that loaded the shim
 * @restoring:	One of its threads is putting the connection back
 * @restores:	This program is to use the number
 * @is_qemu:	This program is the QEMU that the handoff names
 * @gave_up:	Passt cannot be reached: not to be waited for again
 * @left:	What else is on the number has been told of
 * @touches:	enum touch seen so far
 * @refusals:	How often closing the number was refused
 * @close_tries:	The owner's tries to close the store
 * @handoff:	What the launcher handed over, brought up to date
 * @envp:	Environment as guard_on_load() got it
 * @exec_envp:	Environment of the program that this one is becoming
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
	bool gave_up;
	bool left;
	atomic_uint touches;
	atomic_uint refusals;
	struct close_tries close_tries;
	struct handoff handoff;
	char **envp;
	char **exec_envp;
	struct log log;
	char exe[PATH_MAX];
	char culprit[STORE_NOTE_MAX + 1];
};

static struct guard guard;

static const struct fd_log fd_log = { &guard.handoff, &guard.log, guard.exe, guard.culprit };

/* From one phase to a later one. Return: false if another thread was faster. */
static bool pass_on(enum phase from, enum phase to)
{
	int expected = (int)from;

	return atomic_compare_exchange_strong(&guard.phase, &expected, (int)to);
}

enum phase guard_phase(void)
{
	return (enum phase)atomic_load(&guard.phase);
}

static void set_store(int store)
{
	guard.handoff.store = store < 0 ? -1 : store;
	watched_set(ROLE_STORE, guard.handoff.store);
}

enum process guard_process(void)
{
	if (atomic_load(&guard.pid) != sys_getpid())
		return PROCESS_PASSIVE;
	return guard.forked ? PROCESS_FORKED : PROCESS_OWNER;
}

void guard_forked(void)
{
	if (guard_phase() == PHASE_RELEASED) {
		watched_set(ROLE_CONNECTION, -1);
		watched_set(ROLE_STORE, -1);
	}
	if (guard_phase() == PHASE_RELEASED || guard_phase() == PHASE_OVER)
		return;
	guard.forked = true;
	/* The thread that was at it is not in this process. */
	atomic_store(&guard.restoring, false);
	atomic_store(&guard.pid, sys_getpid());
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

bool guard_holds_connection(void)
{
	return guard_phase() == PHASE_WAITING && guard_is_connection(guard.handoff.fd);
}

/* What is on the number, measured against the handoff. */
enum finding {
	FINDING_WELL,
	FINDING_HUNG_UP, /* ours, but passt has gone */
	FINDING_EMPTY,
	FINDING_OTHER,
};

static enum finding look(void)
{
	struct identity id;

	if (!descriptor_identity(guard.handoff.fd, &id))
		return FINDING_EMPTY;
	if (!identity_same(&id, &guard.handoff.socket))
		return FINDING_OTHER;
	return descriptor_hung_up(guard.handoff.fd) ? FINDING_HUNG_UP : FINDING_WELL;
}

static const char *finding_name(enum finding finding)
{
	switch (finding) {
	case FINDING_WELL:
		return FOUND_WELL;
	case FINDING_HUNG_UP:
		return FOUND_HUNG_UP;
	case FINDING_EMPTY:
	case FINDING_OTHER:
		break;
	}
	return descriptor_kind_name(descriptor_kind(guard.handoff.fd));
}

/*
 * The last resort: QEMU starts with the link down, where there is a way for it to come up later.
 * The placeholder is what has to be on the number from now on, and in programs that follow it is a
 * connection that has ended.
 */
static bool start_without_link(void)
{
	struct handoff *c = &guard.handoff;

	if (!c->reconnect || c->private_passt || !c->passt[0] || link_prepare(c->fd))
		return false;
	descriptor_identity(c->fd, &c->socket);
	write_handoff();
	return true;
}

/* The connection cannot be had; @found is NULL if there has never been one. */
static void give_up(const char *found, int error)
{
	enum remedy remedy = start_without_link() ? REMEDY_WAIT : REMEDY_NONE;

	guard.gave_up = true;
	fd_log_lost(&fd_log, found, remedy, error ? error : ENOTCONN);
}

static void log_restored(const char *found, enum saver saver)
{
	if (!found) {
		fd_log_connected(&fd_log);
		return;
	}
	fd_log_lost(&fd_log, found, REMEDY_FOUND, 0);
	fd_log_restored(&fd_log, found, saver);
	if (saver == SAVER_SPARE)
		store_leave_note(guard.handoff.store, "");
}

/* Which program did it? The note is gone with the old store when there is a new one. */
static void read_note(void)
{
	if (guard.handoff.store >= 0)
		store_read_note(guard.handoff.store, guard.culprit);
}

/* Puts the connection back and says so, or says that it cannot be. */
static void restore_or_give_up(enum finding finding)
{
	/*
	 * Without the launcher the first connection may be left to us, and behind hand_on() the
	 * next one: nobody lost anything.
	 */
	bool is_new = finding == FINDING_EMPTY && !guard.handoff.socket.ino;
	const char *found = is_new ? NULL : finding_name(finding);
	enum saver saver;
	int error = 0;

	if (atomic_exchange(&guard.restoring, true))
		return;
	read_note();
	if (guard.gave_up)
		saver = restore_from_store(&guard.handoff) ? SAVER_SPARE : SAVER_NONE;
	else
		saver = restore_connection(&guard.handoff, &error);
	if (saver != SAVER_NONE) {
		log_restored(found, saver);
		fd_log_hop(&fd_log, &guard.handoff, true);
		set_store(guard.handoff.store);
		write_handoff();
	} else if (!guard.gave_up) {
		give_up(found, error);
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
	enum finding finding = look();
	enum descriptor_kind kind = descriptor_kind(guard.handoff.fd);
	bool in_use = kind == DESCRIPTOR_STREAM && !descriptor_hung_up(guard.handoff.fd);

	if (finding == FINDING_WELL)
		return;
	if (finding != FINDING_OTHER || (nothing_ran && !in_use)) {
		restore_or_give_up(finding);
	} else if (!guard.left && !guard.gave_up) {
		guard.left = true;
		read_note();
		fd_log_left(&fd_log, descriptor_kind_name(kind));
	}
}

/* Is this program the QEMU that the handoff names? */
static bool is_named_qemu(void)
{
	struct identity id;
	bool is_it;
	int fd;

	if (!guard.handoff.qemu_ino)
		return false;
	fd = sys_open("/proc/self/exe", O_PATH | O_CLOEXEC, 0);
	if (fd < 0)
		return false;
	is_it = descriptor_identity(fd, &id) && id.dev == guard.handoff.qemu_dev &&
		id.ino == guard.handoff.qemu_ino;
	sys_close(fd);
	return is_it;
}

/*
 * QEMU restores, and so does a program that is told of the number itself. One that only passes
 * QEMU's words on does not: what it puts on the number is a file of its own until QEMU starts.
 */
static bool is_to_restore(int argc, char **argv)
{
	bool names_number = false, names_qemu = false;

	for (int i = 1; i < argc; i++) {
		names_number |= arg_names_fd(argv[i], guard.handoff.fd);
		names_qemu |= arg_names_qemu(argv[i]);
	}
	if (arg_names_qemu(guard.exe) || (argc > 0 && arg_names_qemu(argv[0])))
		names_qemu = false;
	return guard.is_qemu || (names_number && !names_qemu);
}

static void find_exe(const char *argv0)
{
	ssize_t len = sys_readlink("/proc/self/exe", guard.exe, sizeof(guard.exe) - 1);

	if (len > 0) {
		guard.exe[len] = '\0';
		return;
	}
	len = (ssize_t)strnlen(argv0, sizeof(guard.exe) - 1);
	memcpy(guard.exe, argv0, (size_t)len);
	guard.exe[len] = '\0';
}

static void start_log(void)
{
	guard.log.level = guard.handoff.level;
	/* Whatever comes onto that number later is no place for messages. */
	if (sys_fcntl(STDERR_FILENO, F_GETFD, 0) < 0)
		guard.log.level = LOG_QUIET;
	guard.log.shim = true;
	guard.log.run = guard.handoff.run;
	guard.log.file = guard.handoff.log_file;
	guard.log.exe = guard.exe;
	guard.log.fd = -1;
}

/* This program is the next hop: what is on the number, for the log and for those that follow. */
static void note_start(void)
{
	enum finding finding = look();

	fd_log_hop(&fd_log, &guard.handoff, finding == FINDING_WELL);
	write_handoff();
	fd_log_program(&fd_log, finding_name(finding), guard.restores);
}

/* The handoff, if there is one for us: false where there is nothing to do. */
static bool find_handoff(char **envp)
{
	const struct log log = { .level = LOG_NORMAL, .shim = true, .fd = -1 };
	const char *value = environment_find(envp, HANDOFF_VARIABLE);

	if (!value || !*value)
		return standalone_handoff(envp, &guard.handoff, &log);
	if (handoff_read(value, &guard.handoff))
		return true;
	log_line(&log, SEVERITY_WARNING,
		 HANDOFF_VARIABLE " is damaged: passt's connection is not guarded");
	return false;
}

void guard_on_load(int argc, char **argv, char **envp, bool first)
{
	if (!find_handoff(envp))
		return;
	find_exe(argc > 0 ? argv[0] : "");
	start_log();
	atomic_store(&guard.pid, sys_getpid());
	guard.envp = envp;
	guard.is_qemu = is_named_qemu();
	guard.restores = is_to_restore(argc, argv);
	set_store(restore_find_store(&guard.handoff));
	watched_set(ROLE_CONNECTION, guard.handoff.fd);
	atomic_store(&guard.phase, PHASE_WAITING);
	note_start();
	if (!guard.restores)
		return;
	environment_prepare(envp);
	inspect(first);
}

void guard_before_main(void)
{
	if (guard.restores && guard_process() == PROCESS_OWNER && guard_phase() == PHASE_WAITING)
		inspect(false);
}

static bool fill_from_spare(void)
{
	bool filled;

	if (atomic_exchange(&guard.restoring, true))
		return false;
	filled = restore_from_store(&guard.handoff);
	set_store(guard.handoff.store);
	atomic_store(&guard.restoring, false);
	return filled;
}

void guard_put_back(void)
{
	if (!guard_holds_connection())
		fill_from_spare();
}

/* Empties the store for all who have a copy of it, once. */
static void empty_store(void)
{
	int store = watched_set(ROLE_STORE, -1);

	if (store >= 0)
		store_empty(store);
}

/* QEMU closes or replaces the number. The program controls it now; the guard is done. */
static void end_guard(enum phase phase, const struct loss *loss)
{
	if (!pass_on(phase, PHASE_OVER))
		return;
	watched_set(ROLE_CONNECTION, -1);
	/* A program that has not used it yet may be another one than QEMU after all. */
	if (phase == PHASE_RELEASED || guard.is_qemu)
		empty_store();
	/* First, so that the end of the link is told before this one where it is the reason. */
	link_stop();
	fd_log_step(&fd_log, EVENT_OWNER_CLOSED, "is done with", loss->call);
	log_close(&guard.log);
}

/* The connection is on its number still, or again: the call that closes it is not made. */
static enum call_fate keep(const struct loss *loss)
{
	bool is_first = !atomic_fetch_add(&guard.refusals, 1);

	if (!guard_holds_connection() && !fill_from_spare())
		return CALL_GOES_ON;
	fd_log_put_back(&fd_log, loss, is_first);
	return CALL_KEPT;
}

/* The connection on its number is lost to the programs that follow. */
static void lose_connection(const struct loss *loss)
{
	/* QEMU's children for scripts and for tearing down are nobody's way to QEMU. */
	if (guard_process() != PROCESS_OWNER && guard.is_qemu)
		return;
	if (guard_holds_connection())
		fd_log_loss(&fd_log, loss);
}

/* The number is closed or replaced in a program that has taken it: true, and the guard has ended.
 */
static bool is_owners_end(const struct loss *loss)
{
	enum phase phase = guard_phase();

	if (phase != PHASE_CLAIMED && phase != PHASE_RELEASED)
		return false;
	if (guard_process() != PROCESS_PASSIVE)
		end_guard(phase, loss);
	return true;
}

static enum call_fate close_connection(const struct loss *loss)
{
	if (is_owners_end(loss) || guard_phase() != PHASE_WAITING)
		return CALL_GOES_ON;
	if (guard_process() == PROCESS_OWNER && guard.restores &&
	    atomic_load(&guard.refusals) < REFUSALS_MAX)
		return keep(loss);
	lose_connection(loss);
	return CALL_GOES_ON;
}

/* Hidden, but for a process that has tried to close it 64 times: that gets its way. */
static enum call_fate close_store(const struct loss *loss)
{
	static struct close_tries sharing;
	bool is_passive = guard_process() == PROCESS_PASSIVE;
	struct close_tries *who = is_passive ? &sharing : &guard.close_tries;
	int pid = sys_getpid();
	unsigned tries;

	/* Children that share our memory come one after the other, and count each for itself. */
	if (is_passive && atomic_exchange(&who->pid, pid) != pid)
		atomic_store(&who->tries, 0);
	tries = atomic_fetch_add(&who->tries, 1);
	if (tries < REFUSALS_MAX)
		return CALL_HIDDEN;
	if (tries == REFUSALS_MAX)
		fd_log_gave_way(&fd_log, loss, REFUSALS_MAX);
	if (!is_passive) {
		set_store(-1);
		write_handoff();
	}
	return CALL_GOES_ON;
}

static void move_store(const char *call)
{
	int to = store_move(watched_number(ROLE_STORE), guard.handoff.fd);

	fd_log_moved(&fd_log, to, call);
	if (guard_process() == PROCESS_PASSIVE)
		return;
	set_store(to);
	write_handoff();
}

enum call_fate guard_close(int fd, const struct loss *loss)
{
	switch (watched_role(fd)) {
	case ROLE_CONNECTION:
		return close_connection(loss);
	case ROLE_STORE:
		return close_store(loss);
	case ROLE_NONE:
		break;
	}
	return CALL_GOES_ON;
}

enum call_fate guard_lose(int fd, const struct loss *loss)
{
	switch (watched_role(fd)) {
	case ROLE_CONNECTION:
		lose_connection(loss);
		break;
	case ROLE_STORE:
		return CALL_HIDDEN;
	case ROLE_NONE:
		break;
	}
	return CALL_GOES_ON;
}

void guard_replace(int from, int to, const struct loss *loss)
{
	switch (watched_role(to)) {
	case ROLE_CONNECTION:
		if (!is_owners_end(loss) && !guard_is_connection(from))
			lose_connection(loss);
		break;
	case ROLE_STORE:
		move_store(loss->call);
		break;
	case ROLE_NONE:
		break;
	}
}

void guard_touched(enum touch touch)
{
	const unsigned claim = TOUCH_TYPE | TOUCH_NONBLOCK;
	unsigned touches;

	if (!guard.restores || guard_process() == PROCESS_PASSIVE || guard_phase() != PHASE_WAITING)
		return;
	touches = atomic_fetch_or(&guard.touches, touch);
	if (!touches)
		inspect(false);
	if (((touches | touch) & claim) != claim || !pass_on(PHASE_WAITING, PHASE_CLAIMED))
		return;
	/* Soon QEMU is in its chroot, or another user. */
	log_keep_open(&guard.log);
	fd_log_step(&fd_log, EVENT_CLAIMED, "takes", NULL);
}

void guard_used(void)
{
	enum phase phase = guard_phase();

	if (!guard.restores || guard_process() == PROCESS_PASSIVE)
		return;
	if (phase != PHASE_CLAIMED && (phase != PHASE_WAITING || !guard.is_qemu))
		return;
	if (!pass_on(phase, PHASE_RELEASED))
		return;
	empty_store();
	sys_fcntl(guard.handoff.fd, F_SETFD, FD_CLOEXEC);
	environment_leave();
	log_keep_open(&guard.log);
	fd_log_step(&fd_log, EVENT_RELEASED, "uses", NULL);
	link_start(&guard.handoff, &guard.log);
}

/*
 * The program that follows gets the connection, in a store too; or makes one, where there is none
 * that it could use: true for the first.
 */
static bool hand_on(void)
{
	struct handoff *c = &guard.handoff;

	c->store = -1;
	memset(&c->store_id, 0, sizeof(c->store_id));
	memset(&c->socket, 0, sizeof(c->socket));
	if (!link_is_usable() || !descriptor_identity(c->fd, &c->socket))
		return false;
	restore_renew_store(c);
	sys_fcntl(c->fd, F_SETFD, 0);
	return true;
}

char *const *guard_exec(const char *path, char *const *envp)
{
	if (guard_phase() != PHASE_RELEASED || guard_process() == PROCESS_PASSIVE)
		return envp;
	fd_log_exec(&fd_log, path, hand_on());
	guard.exec_envp = environment_return(envp, &guard.handoff);
	return guard.exec_envp ? guard.exec_envp : envp;
}

void guard_exec_failed(const char *path)
{
	int saved = errno;

	if (guard_phase() != PHASE_RELEASED || guard_process() == PROCESS_PASSIVE)
		return;
	fd_log_not_executed(&fd_log, path, saved);
	sys_fcntl(guard.handoff.fd, F_SETFD, FD_CLOEXEC);
	if (guard.handoff.store >= 0)
		store_empty(guard.handoff.store);
	guard.handoff.store = -1;
	if (guard.exec_envp)
		environment_free(guard.exec_envp);
	guard.exec_envp = NULL;
	errno = saved;
}
