/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/guard/standalone.h"

#include <string.h>

#include "shim/common/fd_store.h"
#include "shim/common/sys.h"
#include "shim/common/text.h"
#include "shim/guard/call_trial.h"
#include "shim/libc/environ.h"

/* The user that a passt runs as when root has started it. */
#define UID_NOBODY 65534

/* "NAME=VALUE: PROBLEM", as a warning. Return: false, nothing is guarded. */
static bool complain(const struct log *log, const char *name, const char *value,
		     const char *problem)
{
	log_line(log, SEVERITY_WARNING, "%s=%s: %s", name, value, problem);
	return false;
}

/* Which of @words, a NULL-terminated list, is the variable's value? @usual: none, or not set. */
static int take_word(char **envp, const char *name, const char *const *words, int usual,
		     const struct log *log)
{
	const char *value = environment_find(envp, name);

	for (int i = 0; value && words[i]; i++) {
		if (!strcmp(value, words[i]))
			return i;
	}
	if (value)
		complain(log, name, value, "no such value, ignored");
	return usual;
}

/**
 * take_path() - Take a path from a variable, as an absolute one
 * @envp:	Environment
 * @name:	Name of the variable
 * @out:	Filled, "" if there is none
 * @size:	Its size in bytes
 * @log:	For complaints
 *
 * Return: false if there is one that is too long
 */
static bool take_path(char **envp, const char *name, char *out, size_t size, const struct log *log)
{
	const char *value = environment_find(envp, name);
	struct text t;

	text_start(&t, out, size);
	if (!value)
		return true;
	/* getcwd(2): the length with its NUL, or an error; "(unreachable)" is no path. */
	if (*value != '/') {
		long len = sys_call(SYS_getcwd, (long)out, (long)size, 0, 0, 0, 0);

		if (len > 1 && out[0] == '/')
			t.len = (size_t)len - 1;
		text_add(&t, t.len ? "/" : "");
	}
	text_add(&t, value);
	if (!t.cut)
		return true;
	out[0] = '\0';
	return complain(log, name, value, "path too long");
}

/* "any", or uids with commas between them; false for anything else. */
static bool parse_trust(const char *list, struct passt_trust *trust)
{
	*trust = (struct passt_trust) { .any = !strcmp(list, "any") };
	while (!trust->any) {
		size_t len = strcspn(list, ",");
		uint64_t uid;

		if (trust->count == PASST_TRUST_MAX || !text_number(list, len, 10, &uid) ||
		    uid > UINT32_MAX)
			return false;
		trust->uids[trust->count++] = (uid_t)uid;
		if (!list[len])
			break;
		list += len + 1;
	}
	return true;
}

static void take_trust(char **envp, struct handoff *c, const struct log *log)
{
	const char *value = environment_find(envp, "QRAP_TRUST");
	uid_t own = (uid_t)sys_call(SYS_geteuid, 0, 0, 0, 0, 0, 0);

	if (value && parse_trust(value, &c->trust))
		return;
	if (value)
		complain(log, "QRAP_TRUST", value, "neither any nor uids, ignored");
	/* The caller's own user and root; for root also nobody, as by the launcher. */
	c->trust = (struct passt_trust) { .count = 2, .uids = { own, own ? 0 : UID_NOBODY } };
}

static void take_settings(char **envp, struct handoff *c, const struct log *log)
{
	static const char *const levels[] = { "quiet", "normal", "trace", NULL };
	static const char *const switches[] = { "off", "on", NULL };

	c->level = (enum log_level)take_word(envp, "QRAP_LOG", levels, LOG_NORMAL, log);
	c->reconnect = take_word(envp, "QRAP_RECONNECT", switches, true, log);
	take_path(envp, "QRAP_LOG_FILE", c->log_file, sizeof(c->log_file), log);
	take_trust(envp, c, log);
	c->run = log_new_run();
}

/* The connection that is there already: where it leads, if that has a path, and a spare of it. */
static void take_connection(struct handoff *c)
{
	struct sockaddr_un peer = { .sun_family = AF_UNSPEC };
	const struct log log = { .file = c->log_file, .fd = -1 };
	int file = log_has_file(&log) ? log_open(&log) : -1;
	socklen_t len = sizeof(peer);

	descriptor_identity(c->fd, &c->socket);
	store_create(c, file, -1);
	sys_close(file);
	if (!c->passt[0] && !sys_getpeername(c->fd, (struct sockaddr *)&peer, &len) &&
	    peer.sun_family == AF_UNIX && peer.sun_path[0] == '/')
		memcpy(c->passt, peer.sun_path, sizeof(peer.sun_path) - 1);
}

/* For those that follow. QRAP_FD has done its duty. */
static void hand_over(char **envp, const struct handoff *c)
{
	static char entry[sizeof(HANDOFF_VARIABLE "=") + HANDOFF_SIZE] = HANDOFF_VARIABLE "=";

	handoff_write(c, entry + strlen(HANDOFF_VARIABLE "="));
	*environment_slot(envp, FD_VARIABLE) = entry;
}

bool standalone_handoff(char **envp, struct handoff *c, const struct log *log)
{
	const char *number = environment_find(envp, FD_VARIABLE);
	uint64_t fd;

	if (!number)
		return false;
	if (!text_number(number, strlen(number), 10, &fd) || fd <= STDERR_FILENO || fd > INT_MAX)
		return complain(log, FD_VARIABLE, number,
				"no descriptor number: nothing is guarded");
	if (call_trial()->call) {
		sys_writes_plainly = true;
		log_line(log, SEVERITY_WARNING,
			 FD_VARIABLE "=%s: nothing is guarded: a filter of system calls (seccomp) "
				     "kills it for %s",
			 number, call_trial()->call);
		return false;
	}
	c->fd = (int)fd;
	c->store = -1;
	if (!take_path(envp, "QRAP_SOCKET", c->passt, sizeof(c->passt), log))
		return false;
	take_settings(envp, c, log);
	if (descriptor_is_stream(c->fd))
		take_connection(c);
	else if (!c->passt[0])
		return complain(log, FD_VARIABLE, number,
				"no connection there, and no QRAP_SOCKET to make one to: nothing "
				"is guarded");
	c->reconnect = c->reconnect && c->passt[0];
	hand_over(envp, c);
	return true;
}
