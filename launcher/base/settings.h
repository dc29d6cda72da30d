/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What this run was asked for: a plain struct, which every room may read. launcher/cli fills it. */
#ifndef QRAP_SETTINGS_H
#define QRAP_SETTINGS_H

#include <stdbool.h>

#include "launcher/base/guest_network.h"
#include "shim/common/log.h"
#include "shim/common/passt.h"

enum mode {
	MODE_EXPLICIT, /* FDNUM QEMU_CMD [QEMU_ARG]...: the command is run untouched */
	MODE_PATCH,    /* [QEMU_ARG]...: find QEMU, replace its network devices */
	MODE_PROGRAM,  /* PROGRAM [ARG]...: each QEMU that it starts by name is patch mode's */
	MODE_LIST,     /* --list */
	MODE_CHECK,    /* --check [QEMU_CMD] */
	MODE_REPORT,   /* --report FILE */
	MODE_WATCH,    /* --watch FDS COMMAND [ARG]... */
	MODE_HELP,
	MODE_VERSION,
};

/* Which passt: --passt. */
enum passt_choice {
	PASST_AUTO,    /* what the line asks for: one that is free, or a private one */
	PASST_OFF,     /* one that is found, never a private one */
	PASST_TRY,     /* as PASST_AUTO, and where there is none the line runs as it is */
	PASST_PRIVATE, /* one for this VM alone */
};

/**
 * struct passt_option - Value of --passt
 * @choice:	Which passt
 * @command:	PASST_PRIVATE: its command line
 */
struct passt_option {
	enum passt_choice choice;
	const char *command;
};

/* Command line of a private passt, where none is given. */
#define PASST_COMMAND "passt"

/**
 * struct job_settings - A job: QEMU, and what is done with its guest
 * @run:	--run: command for sh(1) once the guest is ready, --report's run; or NULL
 * @timeout_ms:	--timeout: most that the job may take, in milliseconds; 0: no limit
 * @result:	--result: file for the outcome; or NULL
 * @frame:	--ready frame: the guest has spoken
 * @console:	--ready console:TEXT: that has been on QEMU's standard output; or NULL
 * @ports:	--ready tcp:PORT: services of the guest that have to answer
 * @port_count:	How many
 */
struct job_settings {
	const char *run;
	int timeout_ms;
	const char *result;
	bool frame;
	const char *console;
	uint16_t *ports;
	unsigned int port_count;
};

/**
 * struct settings - What this run was asked for
 * @mode:	What to do
 * @log:	Where messages and events go
 * @socket:	--socket: use this one, probe no other; or NULL
 * @passt:	--passt: which passt
 * @publish:	--publish: its forwards
 * @insists:	An option, and not a variable, asks for a certain passt
 * @wait_ms:	--wait: keep looking that long, in milliseconds; 0: not
 * @trust:	--trust: whose passt may be used, default filled in
 * @qemu:	--qemu: name or path of patch mode's QEMU; or NULL
 * @model:	--model: NIC to add in patch mode, "same"; or NULL for the default
 * @guard:	--guard: load the shim
 * @reconnect:	--reconnect: keep the link when passt restarts
 * @dry_run:	--dry-run: print the command only
 * @json:	--list=json, --json
 * @file:	--report: its log file
 * @watch:	--watch: which descriptors
 * @until:	--until: name of the program in which they have to arrive; or NULL
 * @keep:	--keep: put them back as well
 * @grace_ms:	--grace: how long what is left of the command may have them, in milliseconds
 * @error_status: --error-exitcode: status where one is not intact; or -1
 * @is_qemu:	Called by a name that QEMU itself has
 * @job:	--run, --ready, --timeout, --result
 * @fd:		Explicit mode: the number asked for
 * @command:	What follows our own options: explicit mode's QEMU_CMD and arguments, patch mode's
 *		arguments, the program and its arguments, the command of --check and --watch;
 *		NULL-terminated
 */
struct settings {
	enum mode mode;
	struct log log;
	const char *socket;
	struct passt_option passt;
	struct guest_network publish;
	bool insists;
	int wait_ms;
	struct passt_trust trust;
	const char *qemu;
	const char *model;
	bool guard;
	bool reconnect;
	bool dry_run;
	bool json;
	const char *file;
	const char *watch;
	const char *until;
	bool keep;
	int grace_ms;
	int error_status;
	bool is_qemu;
	struct job_settings job;
	int fd;
	char **command;
};

/* Is there anything for the guest to be ready for, or to wait for? */
static inline bool settings_has_ready(const struct job_settings *job)
{
	return job->frame || job->console || job->port_count;
}

/* Does qrap stay, with QEMU as one of the processes below it? */
static inline bool settings_has_job(const struct settings *settings)
{
	const struct job_settings *job = &settings->job;

	return job->run || job->timeout_ms || settings_has_ready(job);
}

#endif /* QRAP_SETTINGS_H */
