/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guard of one descriptor number in one program. */
#include "guard.h"

#include <string.h>
#include <sys/mman.h>

#include "caller.h"
#include "environment.h"
#include "locker.h"
#include "mend.h"
#include "mention.h"
#include "sys.h"
#include "text.h"

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

#define PAGE_BYTES 4096
#define MSG_BYTES  1024

/* Refusals before somebody who insists gets his way. */
#define REFUSALS_MAX 64

/**
 * struct live - What a fork must not inherit: in a page that the kernel wipes in the child
 * @phase:	enum phase; PHASE_FORKED is what the wipe leaves
 * @pid:	The process that this is about
 */
struct live {
	atomic_int phase;
	atomic_int pid;
};

/**
 * struct guard - The guard's state
 * @live:	See above
 * @known_phase: Phase that a forked child goes on with
 * @forked:	This process is such a child
 * @mends:	This program is to use the number
 * @touches:	enum touch seen so far
 * @refusals:	How often the number was refused
 * @contract:	What the launcher handed over, brought up to date
 * @envp:	Environment as gate one got it
 * @log:	Where events go
 * @exe:	Path of this program
 */
struct guard {
	struct live *live;
	atomic_int known_phase;
	bool forked;
	bool mends;
	atomic_uint touches;
	atomic_uint refusals;
	struct contract contract;
	char **envp;
	struct log log;
	char exe[PATH_MAX];
};

struct guard_numbers guard_numbers = { NO_DESCRIPTOR, NO_DESCRIPTOR };

static struct guard guard;

static const char *program_name(void)
{
	const char *slash = strrchr(guard.exe, '/');

	return slash ? slash + 1 : guard.exe;
}

static void set_phase(enum phase phase)
{
	atomic_store(&guard.known_phase, (int)phase);
	atomic_store(&guard.live->phase, (int)phase);
}

enum phase guard_phase(void)
{
	return guard.live ? (enum phase)atomic_load(&guard.live->phase) : PHASE_OVER;
}

static void forget_numbers(void)
{
	atomic_store(&guard_numbers.fd, NO_DESCRIPTOR);
	atomic_store(&guard_numbers.locker, NO_DESCRIPTOR);
}

enum role guard_role(void)
{
	int pid = sys_getpid();

	if (!guard.live)
		return ROLE_PASSIVE;
	if (atomic_load(&guard.live->phase) == PHASE_FORKED) {
		if (atomic_load(&guard.known_phase) >= PHASE_RELEASED) {
			forget_numbers();
			return ROLE_PASSIVE;
		}
		guard.forked = true;
		atomic_store(&guard.live->pid, pid);
		atomic_store(&guard.live->phase, atomic_load(&guard.known_phase));
	}
	if (atomic_load(&guard.live->pid) != pid)
		return ROLE_PASSIVE;
	return guard.forked ? ROLE_FORKED : ROLE_OWNER;
}

/* The page is the only memory that we ask for; without it a fork is passive. */
static void make_live(void)
{
	static struct live fallback;
	void *page = sys_map(PAGE_BYTES);

	guard.live = &fallback;
	if (page && !sys_call(SYS_madvise, (long)page, PAGE_BYTES, MADV_WIPEONFORK, 0, 0, 0))
		guard.live = page;
	else if (page)
		sys_call(SYS_munmap, (long)page, PAGE_BYTES, 0, 0, 0, 0);
	atomic_store(&guard.live->pid, sys_getpid());
}

static void record(struct log_event *event)
{
	event->fd = guard.contract.fd;
	log_event(&guard.log, event);
}

/* Brings the variable up to date, wherever the program keeps its environment by now. */
static void write_contract(const struct contract *c)
{
	char *value = environment_find(environ ? environ : guard.envp, CONTRACT_VARIABLE);
	struct contract there;

	if (value && contract_read(value, &there))
		contract_update(value, c);
}

/* "descriptor N" */
static void add_number(struct text *t)
{
	text_add(t, "descriptor ");
	text_add_int(t, guard.contract.fd);
}

/* Who did away with it, as far as somebody left word: " (closed by ...)". */
static void add_blame(struct text *t)
{
	if (!guard.contract.blame[0])
		return;
	text_add(t, " (");
	text_add(t, guard.contract.blame);
	text_add(t, ", pid ");
	text_add_int(t, guard.contract.blame_pid);
	text_add(t, ")");
}

static void set_blame(struct contract *c, const char *call)
{
	struct text t;

	text_start(&t, c->blame, sizeof(c->blame));
	text_add(&t, program_name());
	text_add(&t, ": ");
	text_add(&t, call);
	c->blame_pid = sys_getpid();
}

void guard_note_loss(const struct loss *loss, bool put_back)
{
	struct contract c = guard.contract;
	struct caller caller;
	char msg[MSG_BYTES];
	struct text t;
	struct log_event event = {
		.kind = loss->kind,
		.severity = put_back ? SEVERITY_WARNING : SEVERITY_INFO,
		.msg = msg,
		.call = loss->call,
		.action = put_back ? "put-back" : NULL,
	};

	text_start(&t, msg, sizeof(msg));
	text_add(&t, program_name());
	text_add(&t, loss->kind == EVENT_CLOSED        ? " closed "
		     : loss->kind == EVENT_OVERWRITTEN ? " put something else on "
						       : " marked close-on-exec ");
	add_number(&t);
	text_add(&t, ", passt's connection (");
	text_add(&t, loss->call);
	text_add(&t, put_back ? "): put back" : ")");
	if (caller_find(loss->where, &caller)) {
		event.module = caller.module;
		event.offset = caller.offset;
	}
	record(&event);
	if (put_back)
		return;
	set_blame(&c, loss->call);
	write_contract(&c);
}

void guard_note_insistence(const struct loss *loss)
{
	char msg[MSG_BYTES];
	struct text t;
	struct log_event event = { .kind = EVENT_CLOSED,
				   .severity = SEVERITY_WARNING,
				   .msg = msg,
				   .call = loss->call,
				   .action = "gave-way" };

	text_start(&t, msg, sizeof(msg));
	text_add(&t, program_name());
	text_add(&t, " insists on closing all descriptors: gave way after ");
	text_add_int(&t, REFUSALS_MAX);
	text_add(&t, " times, the spare of passt's connection is gone");
	record(&event);
}

void guard_locker_moved(int locker, const char *call)
{
	char msg[MSG_BYTES];
	struct text t;
	struct log_event event = {
		.kind = EVENT_SPARE_MOVED, .msg = msg, .call = call, .action = "moved"
	};

	text_start(&t, msg, sizeof(msg));
	text_add(&t, "the spare of passt's connection moved out of the way of ");
	text_add(&t, program_name());
	text_add(&t, " to descriptor ");
	text_add_int(&t, locker);
	record(&event);
	if (guard_role() == ROLE_PASSIVE)
		return;
	atomic_store(&guard_numbers.locker, locker);
	guard.contract.locker = locker < 0 ? -1 : locker;
	write_contract(&guard.contract);
}

bool guard_is_connection(int fd)
{
	struct identity id;

	return descriptor_identity(fd, &id) && identity_same(&id, &guard.contract.socket);
}

bool guard_holds_connection(void)
{
	return guard_is_connection(guard.contract.fd);
}

/* What is on the number, measured against the contract. */
enum finding {
	FINDING_WELL,
	FINDING_HUNG_UP, /* ours, but passt has gone */
	FINDING_EMPTY,
	FINDING_OTHER,
};

static enum finding look(void)
{
	struct identity id;

	if (!descriptor_identity(guard.contract.fd, &id))
		return FINDING_EMPTY;
	if (!identity_same(&id, &guard.contract.socket))
		return FINDING_OTHER;
	return descriptor_hung_up(guard.contract.fd) ? FINDING_HUNG_UP : FINDING_WELL;
}

static const char *finding_name(enum finding finding)
{
	switch (finding) {
	case FINDING_WELL:
		return "intact";
	case FINDING_HUNG_UP:
		return "a connection that passt has ended";
	case FINDING_EMPTY:
	case FINDING_OTHER:
		break;
	}
	return descriptor_kind_name(descriptor_kind(guard.contract.fd));
}

static void note_program(const char *found)
{
	char msg[MSG_BYTES];
	struct text t;
	struct log_event event = { .kind = EVENT_PROGRAM,
				   .msg = msg,
				   .found = found,
				   .action = guard.mends ? "mends" : "observes" };

	text_start(&t, msg, sizeof(msg));
	text_add(&t, guard.exe);
	text_add(&t, " starts, on ");
	add_number(&t);
	text_add(&t, ": ");
	text_add(&t, found);
	record(&event);
}

static void note_left(const char *found)
{
	char msg[MSG_BYTES];
	struct text t;
	struct log_event event = { .kind = EVENT_FOUND_INSTEAD,
				   .severity = SEVERITY_WARNING,
				   .msg = msg,
				   .found = found,
				   .action = "left" };

	text_start(&t, msg, sizeof(msg));
	add_number(&t);
	text_add(&t, " of ");
	text_add(&t, program_name());
	text_add(&t, " holds ");
	text_add(&t, found);
	text_add(&t, " instead of passt's connection");
	add_blame(&t);
	text_add(&t, ": left as it is");
	record(&event);
}

static void note_lost(const char *found, int error)
{
	char msg[MSG_BYTES];
	struct text t;
	struct log_event event = { .kind = EVENT_LOST,
				   .severity = error ? SEVERITY_ERROR : SEVERITY_INFO,
				   .msg = msg,
				   .found = found,
				   .socket = guard.contract.passt,
				   .error = error };

	text_start(&t, msg, sizeof(msg));
	text_add(&t, "passt's connection on ");
	add_number(&t);
	text_add(&t, " was lost before ");
	text_add(&t, program_name());
	text_add(&t, " started: found ");
	text_add(&t, found);
	add_blame(&t);
	if (error) {
		text_add(&t, ", no spare, and passt at ");
		text_add(&t, guard.contract.passt);
		text_add(&t, " cannot be reached (errno ");
		text_add_int(&t, error);
		text_add(&t, "): the guest has no network. Start passt again; "
			     "--log-file and --report show who lost it");
	}
	record(&event);
}

static void note_restored(const char *found, enum saver saver)
{
	char msg[MSG_BYTES];
	struct text t;
	struct log_event event = { .kind = EVENT_RESTORED,
				   .severity = SEVERITY_WARNING,
				   .msg = msg,
				   .found = found,
				   .action = saver_name(saver),
				   .socket = guard.contract.passt };

	text_start(&t, msg, sizeof(msg));
	add_number(&t);
	text_add(&t, " of ");
	text_add(&t, program_name());
	text_add(&t, " held ");
	text_add(&t, found);
	text_add(&t, " instead of passt's connection");
	add_blame(&t);
	text_add(&t, ": restored from ");
	text_add(&t, saver_name(saver));
	if (saver == SAVER_OTHER_PASST) {
		text_add(&t, ", ");
		text_add(&t, guard.contract.passt);
	}
	record(&event);
}

/* Puts the connection back and says so, or says that it cannot be. */
static bool restore(const char *found)
{
	int error;
	enum saver saver;

	/* First the bad news, so that a log that ends here tells it. */
	saver = mend(&guard.contract, &error);
	if (saver == SAVER_NONE) {
		note_lost(found, error ? error : ENOTCONN);
		return false;
	}
	note_lost(found, 0);
	note_restored(found, saver);
	atomic_store(&guard_numbers.locker,
		     guard.contract.locker < 0 ? NO_DESCRIPTOR : guard.contract.locker);
	guard.contract.blame_pid = 0;
	guard.contract.blame[0] = '\0';
	write_contract(&guard.contract);
	return true;
}

/**
 * inspect() - What a gate does
 * @nothing_ran: Nothing of the program has run: what is on the number came with exec
 *
 * Later than that, what is there belongs to the program, and only an empty number is filled.
 */
static void inspect(bool nothing_ran)
{
	enum finding finding = look();
	enum descriptor_kind kind;

	if (finding == FINDING_WELL)
		return;
	kind = descriptor_kind(guard.contract.fd);
	if (finding == FINDING_OTHER && (!nothing_ran || kind == DESCRIPTOR_STREAM))
		note_left(descriptor_kind_name(kind));
	else
		restore(finding_name(finding));
}

/* Is this program the QEMU that the contract names? */
static bool is_named_qemu(void)
{
	struct identity id;
	bool is_it;
	int fd;

	if (!guard.contract.qemu_ino)
		return false;
	fd = sys_open("/proc/self/exe", O_PATH | O_CLOEXEC, 0);
	if (fd < 0)
		return false;
	is_it = descriptor_identity(fd, &id) && id.dev == guard.contract.qemu_dev &&
		id.ino == guard.contract.qemu_ino;
	sys_close(fd);
	return is_it;
}

static bool is_to_mend(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (mentions_descriptor(argv[i], guard.contract.fd))
			return true;
	}
	return is_named_qemu();
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
	guard.log.level = guard.contract.level;
	guard.log.shim = true;
	guard.log.run = guard.contract.run;
	guard.log.file = guard.contract.log_file;
	guard.log.exe = guard.exe;
	guard.log.fd = -1;
}

/* The contract, if there is one for us: false where there is nothing to do. */
static bool find_contract(char **envp)
{
	const struct log log = { .level = LOG_NORMAL, .shim = true, .fd = -1 };
	const char *value = environment_find(envp, CONTRACT_VARIABLE);

	if (!value || !*value)
		return false;
	if (contract_read(value, &guard.contract))
		return true;
	log_line(&log, SEVERITY_WARNING,
		 CONTRACT_VARIABLE " is damaged: passt's connection is not guarded");
	return false;
}

void guard_gate_one(int argc, char **argv, char **envp)
{
	/* The libc has not run yet either if we are first: environ is still empty then. */
	bool first = !environ;

	if (!find_contract(envp))
		return;
	find_exe(argc > 0 ? argv[0] : "");
	start_log();
	make_live();
	guard.envp = envp;
	guard.mends = is_to_mend(argc, argv);
	guard.contract.locker = mend_find_locker(&guard.contract);
	atomic_store(&guard_numbers.fd, guard.contract.fd);
	atomic_store(&guard_numbers.locker,
		     guard.contract.locker < 0 ? NO_DESCRIPTOR : guard.contract.locker);
	set_phase(PHASE_WAITING);
	note_program(finding_name(look()));
	if (!guard.mends)
		return;
	environment_prepare(envp);
	inspect(first);
}

void guard_gate_two(void)
{
	if (guard_mends())
		inspect(false);
}

bool guard_mends(void)
{
	return guard_phase() == PHASE_WAITING && guard.mends && guard_role() == ROLE_OWNER &&
	       atomic_load(&guard.refusals) < REFUSALS_MAX;
}

bool guard_put_back(void)
{
	int error;

	atomic_fetch_add(&guard.refusals, 1);
	if (look() == FINDING_WELL)
		return true;
	if (mend(&guard.contract, &error) == SAVER_NONE)
		return false;
	atomic_store(&guard_numbers.locker,
		     guard.contract.locker < 0 ? NO_DESCRIPTOR : guard.contract.locker);
	write_contract(&guard.contract);
	return true;
}

static void note_step(enum log_kind kind, const char *what, const char *call)
{
	char msg[MSG_BYTES];
	struct text t;
	struct log_event event = { .kind = kind, .msg = msg, .call = call };

	text_start(&t, msg, sizeof(msg));
	text_add(&t, program_name());
	text_add(&t, what);
	add_number(&t);
	record(&event);
}

/* QEMU's two ways to look at what it takes (net/socket.c, net/stream.c). */
static bool is_claim(unsigned touches)
{
	if ((touches & TOUCH_TYPE) && (touches & TOUCH_NONBLOCK))
		return true;
	return (touches & (TOUCH_TYPE | TOUCH_NAME)) && sys_gettid() != sys_getpid();
}

void guard_touched(enum touch touch)
{
	int waiting = PHASE_WAITING;
	unsigned touches;

	if (!guard.mends || guard_role() == ROLE_PASSIVE || guard_phase() != PHASE_WAITING)
		return;
	touches = atomic_fetch_or(&guard.touches, touch);
	if (!touches)
		inspect(false);
	if (!is_claim(touches | touch))
		return;
	if (!atomic_compare_exchange_strong(&guard.live->phase, &waiting, PHASE_CLAIMED))
		return;
	atomic_store(&guard.known_phase, PHASE_CLAIMED);
	note_step(EVENT_CLAIMED, " takes ", NULL);
}

void guard_used(void)
{
	enum phase phase = guard_phase();
	int expected = (int)phase;
	int locker;

	if (!guard.mends || guard_role() == ROLE_PASSIVE || phase >= PHASE_RELEASED)
		return;
	if (!atomic_compare_exchange_strong(&guard.live->phase, &expected, PHASE_RELEASED))
		return;
	atomic_store(&guard.known_phase, PHASE_RELEASED);
	locker = atomic_exchange(&guard_numbers.locker, NO_DESCRIPTOR);
	if (locker != NO_DESCRIPTOR)
		locker_empty(locker);
	sys_fcntl(guard.contract.fd, F_SETFD, FD_CLOEXEC);
	environment_leave();
	log_keep_open(&guard.log);
	note_step(EVENT_RELEASED, " uses ", NULL);
}

void guard_owner_closes(const struct loss *loss)
{
	int locker;

	if (guard_role() == ROLE_PASSIVE)
		return;
	note_step(EVENT_OWNER_CLOSED, " is done with ", loss->call);
	locker = atomic_exchange(&guard_numbers.locker, NO_DESCRIPTOR);
	if (locker != NO_DESCRIPTOR)
		locker_empty(locker);
	forget_numbers();
	set_phase(PHASE_OVER);
	log_close(&guard.log);
}
