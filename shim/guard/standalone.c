/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/guard/standalone.h"

#include <string.h>
#include <sys/random.h>

#include "shim/common/fd_store.h"
#include "shim/common/sys.h"
#include "shim/common/text.h"
#include "shim/libc/environ.h"

#define FD_VARIABLE "QRAP_FD"

/* The user that a passt runs as when root has started it. */
#define UID_NOBODY 65534

/* "NAME=VALUE: PROBLEM", as a warning. */
static void complain(const struct log *log, const char *name, const char *value,
		     const char *problem)
{
	log_line(log, SEVERITY_WARNING, "%s=%s: %s", name, value, problem);
}

/* Which of @words, a NULL-terminated list, is the variable's value? -1: none, or not set. */
static int take_word(char **envp, const char *name, const char *const *words, const struct log *log)
{
	const char *value = environment_find(envp, name);

	if (!value || !*value)
		return -1;
	for (int i = 0; words[i]; i++) {
		if (!strcmp(value, words[i]))
			return i;
	}
	complain(log, name, value, "no such value, ignored");
	return -1;
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
	if (!value || !*value)
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
	complain(log, name, value, "path too long");
	return false;
}

static bool trust_uid(struct passt_trust *trust, const char *digits, size_t len)
{
	uint64_t uid;

	if (trust->count == PASST_TRUST_MAX || !text_number(digits, len, 10, &uid) ||
	    uid > UINT32_MAX)
		return false;
	trust->uids[trust->count++] = (uid_t)uid;
	return true;
}

/* "any", or numbers; false for anything else. */
static bool parse_trust(const char *value, struct passt_trust *trust)
{
	memset(trust, 0, sizeof(*trust));
	if (!strcmp(value, "any")) {
		trust->any = true;
		return true;
	}
	for (;;) {
		size_t len = strcspn(value, ",");

		if (!trust_uid(trust, value, len))
			return false;
		if (!value[len])
			return true;
		value += len + 1;
	}
}

/* The caller's own user and root; for root also nobody. The same as the launcher's. */
static void trust_usual(struct passt_trust *trust)
{
	uid_t own = (uid_t)sys_call(SYS_geteuid, 0, 0, 0, 0, 0, 0);

	*trust = (struct passt_trust) { .count = 2, .uids = { own, own ? 0 : UID_NOBODY } };
}

static void take_trust(char **envp, struct handoff *c, const struct log *log)
{
	const char *value = environment_find(envp, "QRAP_TRUST");

	if (value && *value && parse_trust(value, &c->trust))
		return;
	if (value && *value)
		complain(log, "QRAP_TRUST", value, "neither any nor uids, ignored");
	trust_usual(&c->trust);
}

static void take_settings(char **envp, struct handoff *c, const struct log *log)
{
	static const char *const levels[] = { "quiet", "normal", "trace", NULL };
	static const char *const switches[] = { "off", "on", NULL };
	int level = take_word(envp, "QRAP_LOG", levels, log);

	c->level = level < 0 ? LOG_NORMAL : (enum log_level)level;
	c->reconnect = take_word(envp, "QRAP_RECONNECT", switches, log) != 0;
	take_path(envp, "QRAP_LOG_FILE", c->log_file, sizeof(c->log_file), log);
	take_trust(envp, c, log);
}

/* Where the connection on the number leads: its path, if it has one. */
static void take_peer(struct handoff *c)
{
	struct sockaddr_un peer = { .sun_family = AF_UNSPEC };
	socklen_t len = sizeof(peer);

	if (sys_getpeername(c->fd, (struct sockaddr *)&peer, &len) || peer.sun_family != AF_UNIX ||
	    peer.sun_path[0] != '/')
		return;
	memcpy(c->passt, peer.sun_path, sizeof(peer.sun_path) - 1);
}

/* The connection that is there already, and a spare of it. */
static void take_connection(struct handoff *c)
{
	descriptor_identity(c->fd, &c->socket);
	if (!c->passt[0])
		take_peer(c);
	c->store = store_create(c->fd, -1, c->fd);
	if (c->store >= 0 && descriptor_identity(c->store, &c->store_id))
		return;
	if (c->store >= 0)
		sys_close(c->store);
	c->store = -1;
}

/* For those that follow. QRAP_FD has done its duty. */
static void hand_over(char **envp, const struct handoff *c)
{
	static char entry[sizeof(HANDOFF_VARIABLE "=") + HANDOFF_SIZE];
	const size_t name = strlen(HANDOFF_VARIABLE "=");

	memcpy(entry, HANDOFF_VARIABLE "=", name);
	handoff_write(c, entry + name);
	environment_replace(envp, FD_VARIABLE, entry);
}

bool standalone_handoff(char **envp, struct handoff *c, const struct log *log)
{
	const char *number = environment_find(envp, FD_VARIABLE);
	uint64_t fd;

	if (!number || !*number)
		return false;
	if (!text_number(number, strlen(number), 10, &fd) || fd <= STDERR_FILENO || fd > INT_MAX) {
		complain(log, FD_VARIABLE, number, "no descriptor number: nothing is guarded");
		return false;
	}
	memset(c, 0, sizeof(*c));
	c->fd = (int)fd;
	c->store = -1;
	if (!take_path(envp, "QRAP_SOCKET", c->passt, sizeof(c->passt), log))
		return false;
	take_settings(envp, c, log);
	c->run = log_new_run();
	if (descriptor_kind(c->fd) == DESCRIPTOR_STREAM)
		take_connection(c);
	else if (!c->passt[0]) {
		complain(log, FD_VARIABLE, number,
			 "no connection there, and no QRAP_SOCKET to make one to: nothing is "
			 "guarded");
		return false;
	}
	c->private_passt = !c->passt[0];
	hand_over(envp, c);
	return true;
}
