/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The log: one event, two forms. For people on stderr, for machines one JSON object a line in the
 * log file, each with a single write of at most PIPE_BUF bytes. Fit for a process that is not
 * ours: no stdio, no malloc, errno kept.
 */
#ifndef QRAP_LOG_H
#define QRAP_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/common/fd_identity.h"

/* What stderr gets: --log. */
enum log_level {
	LOG_QUIET,  /* nothing but the failure that ends the launcher */
	LOG_NORMAL, /* "Connected to PATH", warnings, errors */
	LOG_TRACE,  /* every event, each failed probe */
};

enum log_severity { SEVERITY_INFO, SEVERITY_WARNING, SEVERITY_ERROR };

/* Names are in the manual, and a test compares the two. */
enum log_kind {
	EVENT_CONNECTED,
	EVENT_HANDED_OVER,
	EVENT_PROGRAM,
	EVENT_CLOSED,
	EVENT_OVERWRITTEN,
	EVENT_CLOEXEC,
	EVENT_SPARE_MOVED,
	EVENT_LOST,
	EVENT_RESTORED,
	EVENT_FOUND_INSTEAD,
	EVENT_ENVIRONMENT,
	EVENT_CLAIMED,
	EVENT_RELEASED,
	EVENT_FIRST_FRAME,
	EVENT_OWNER_CLOSED,
	EVENT_PRELOAD_SKIPPED,
	EVENT_LINK_DOWN,
	EVENT_LINK_UP,
	EVENT_ENDED,
	EVENT_FAILED,
	EVENT_STARTED,
	EVENT_PUBLISHED,
	EVENT_GUEST_SERVES,
	EVENT_READY,
	EVENT_DESCRIPTOR,
	EVENT_EXECUTES,
	EVENT_KINDS
};

struct handoff;

/**
 * struct log - Where events of this process go
 * @level:	What stderr gets
 * @shim:	Lines on stderr begin with "qrap[PID]: " instead of "qrap: "
 * @run:	Number of this start, the same in all its processes
 * @file:	Path of the log file, or NULL or "" for none
 * @exe:	Path of this program, for the file
 * @handoff:	Where the store is that has the open file, or NULL
 * @fd:		The file, kept open by log_keep_open(); -1: opened for each event
 * @id:		Identity of the kept file: the number is used only while it is this
 */
struct log {
	enum log_level level;
	bool shim;
	uint64_t run;
	const char *file;
	const char *exe;
	const struct handoff *handoff;
	int fd;
	struct identity id;
};

/**
 * struct log_place - A place in a program or library
 * @module:	Path of the file, or NULL
 * @offset:	Where in that file, in bytes
 */
struct log_place {
	const char *module;
	int64_t offset;
};

/**
 * struct log_actor - A program that did something
 * @program:	Its name, without directory, or NULL
 * @pid:	Process
 * @call:	Function called, or NULL
 */
struct log_actor {
	const char *program;
	int64_t pid;
	const char *call;
};

/**
 * struct log_event - Something that happened to the descriptor
 * @kind:	Which event
 * @severity:	Warnings and errors reach stderr at LOG_NORMAL, all else at LOG_TRACE
 *
 * All others go to the file only, one member of its line each: log_members in log.c. A text that is
 * NULL and a negative number are left out, and so is 0 but where the table says otherwise. Those of
 * every event are filled by log_event():
 * @version:	Of the format, LOG_VERSION
 * @time_us:	Microseconds since 1970
 * @run:	Number of this start, in hexadecimal
 * @pid:	Process
 * @level:	Name of @severity
 * @event:	Name of @kind
 * @exe:	Path of this program
 * @msg:	The message
 *
 * The others are the caller's:
 * @fd:		Descriptor number
 * @socket:	Path of passt's socket
 * @call:	Name of the function that did it
 * @caller:	Who called that
 * @found:	What was found on the number
 * @action:	What was done about it
 * @error:	errno that goes with it
 * @ppid:	Parent of the process
 * @children:	1 where it had children by then, whose copies of the descriptor are their own
 * @command:	What the launcher becomes
 * @qemu:	QEMU that runs in the end
 * @reason:	Why the link is down, qrap has failed, or nothing is added
 * @status:	Exit status
 * @length:	... the length of a frame that cannot be
 * @uid:	... the user who is not trusted
 * @away_ms:	How long the link was down
 * @dropped:	Frames of the guest that were dropped meanwhile
 * @padded:	Frames of passt that were completed with zeroes
 * @address:	Of the host, for a port that leads to the guest
 * @port:	... the port there
 * @guest_port:	... and the guest's
 * @protocol:	... "tcp" or "udp"
 * @culprit:	Who was seen to lose the connection that is missed; of a watched descriptor, also
 *		who has it still
 * @verdict:	... how that has fared
 * @sort:	... what it is, in a word
 * @name:	... which one it is
 * @until:	... in which program it has to arrive
 */
struct log_event {
	enum log_kind kind;
	enum log_severity severity;
	int64_t version;
	int64_t time_us;
	const char *run;
	int64_t pid;
	const char *level;
	const char *event;
	const char *exe;
	int64_t fd;
	const char *socket;
	const char *call;
	struct log_place caller;
	const char *found;
	const char *action;
	int64_t error;
	int64_t ppid;
	int64_t children;
	const char *command;
	const char *qemu;
	const char *reason;
	int64_t status;
	int64_t length;
	int64_t uid;
	int64_t away_ms;
	int64_t dropped;
	int64_t padded;
	const char *address;
	int64_t port;
	int64_t guest_port;
	const char *protocol;
	struct log_actor culprit;
	const char *verdict;
	const char *sort;
	const char *name;
	const char *until;
	const char *msg;
};

/* Version of the lines in the file. */
#define LOG_VERSION 1

/* What @found and @action say where a program reads it. */
#define FOUND_WELL         "intact"
#define FOUND_HUNG_UP      "a connection that passt has ended"
#define ACTION_MENDS       "mends"
#define ACTION_PUT_BACK    "put-back"
#define ACTION_GUARDED     "guarded"
#define ACTION_UNCONNECTED "not connected"
#define ACTION_ADDED       "added"
#define ACTION_LEFT        "left"

/* What sees who did it where the shim does not: raw system calls, static programs. */
#define STRACE         "strace -f -y -o trace.txt -e 'trace=/^(exec|close|dup|fcntl|ioctl)'"
#define STRACE_COMMAND STRACE " qrap ..."

enum log_type {
	LOG_TEXT,   /* const char * */
	LOG_NUMBER, /* int64_t */
	LOG_TIME,   /* int64_t of microseconds; in the file seconds, as 1700000000.000000 */
	LOG_OBJECT, /* a struct with members of its own */
};

/**
 * struct log_member - One member of an event: how the file has it and where memory does
 * @name:	Its name in the file, in place, as each pointer costs at the load; "" ends a table
 * @type:	What it is
 * @offset:	Where it is in struct log_event, or in the struct of a LOG_OBJECT
 * @zero_in:	Bits of the events (1u << EVENT_...) in which a number is told even if it is 0
 * @members:	Members of a LOG_OBJECT
 */
struct log_member {
	char name[12];
	enum log_type type;
	size_t offset;
	unsigned zero_in;
	const struct log_member *members;
};

/* All members, in the order of the file: for writing a line and for reading it back. */
extern const struct log_member log_members[];

/* Names of the events as they stand in the log. */
extern const char *const log_kind_names[EVENT_KINDS];

/* A number for a start of a guest: microseconds and a pid, which no two have in common. */
uint64_t log_new_run(void);

/* Can it be the number that this process has made, whatever program it was then? */
bool log_is_run_of(uint64_t run, int pid);

/**
 * log_event() - Write an event to the log file and to stderr, as far as each wants it
 * @log:	Where to
 * @event:	What
 * @format:	The message: one line for people without prefix and line end; see text_format()
 *
 * The file is opened for each event and closed again, so that no descriptor of ours can be mistaken
 * for another; unless it is kept open.
 *
 * Return: 0, or -errno if the log file could not be written (errors of stderr are passed over)
 */
int log_event(const struct log *log, const struct log_event *event, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Is there a log file at all? */
bool log_has_file(const struct log *log);

/*
 * Opens the log file, with O_NOFOLLOW | O_APPEND, mode 0600; or duplicates the one that is kept
 * open or is in the store: another user may not open it, and in another root its path leads
 * elsewhere. Return: descriptor, or -errno.
 */
int log_open(const struct log *log);

/* Keeps the log file open from now on, for a program that may lose sight of its path (chroot). */
void log_keep_open(struct log *log);

/* Closes the kept file, if the number is still it. */
void log_close(struct log *log);

/*
 * The line on stderr alone: "qrap[PID]: MESSAGE" or "qrap: MESSAGE", one write. The shim's is
 * dropped where it would have to wait; so it is with those of log_event().
 */
void log_line(const struct log *log, enum log_severity severity, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif /* QRAP_LOG_H */
