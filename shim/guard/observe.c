/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/guard/observe.h"

#include <string.h>
#include <sys/auxv.h>

#include "shim/common/fd_args.h"
#include "shim/common/fd_store.h"
#include "shim/common/sys.h"
#include "shim/common/text.h"
#include "shim/guard/restore.h"
#include "shim/libc/environ.h"

/* Longest name of what is found on a number. */
#define FOUND_MAX 256

/* This process has lost a descriptor. */
static bool has_lost;

int observe_index(const struct handoff *handoff, int fd)
{
	int i = 0;

	while (i < handoff->watch_count && handoff->watch[i].fd != fd)
		i++;
	return i < handoff->watch_count ? i : -1;
}

bool observe_is_same(const struct handoff *handoff, int fd, int number)
{
	int i = observe_index(handoff, number);

	return i >= 0 && descriptor_is(fd, &handoff->watch[i].id);
}

/* What is on a number instead, as /proc names it, or in words. */
static const char *name_found(int fd, char link[FOUND_MAX])
{
	struct text t;
	char path[32];
	ssize_t len;

	text_start(&t, path, sizeof(path));
	text_format(&t, "/proc/self/fd/%d", fd);
	len = sys_readlink(path, link, FOUND_MAX - 1);
	if (len <= 0)
		return descriptor_name(fd);
	link[len] = '\0';
	return link;
}

/* The script that this program, its interpreter, runs, or NULL: execve(2) puts it before its words.
 */
static const char *find_script(int argc, char **argv)
{
	const char *file = (const char *)getauxval(AT_EXECFN);

	for (int i = 1; file && i < argc && i <= 2; i++) {
		if (!strcmp(argv[i], file))
			return file;
	}
	return NULL;
}

/* Is @name, a program's, among the words of @text? */
static bool has_word(const char *text, const char *name)
{
	static const char ends[] = " \t\n/'\";&|()";
	size_t len = strlen(name);

	for (const char *at = text; len && (at = strstr(at, name)); at++) {
		if ((at == text || strchr(ends, at[-1])) && (!at[len] || strchr(ends, at[len])))
			return true;
	}
	return false;
}

/* --keep: is this program to have what is on the number? */
static bool is_to_have(const struct fd_log *fd_log, int fd, int argc, char **argv,
		       const char *script)
{
	const char *until = fd_log->handoff->well;
	bool is_to = has_word(fd_log->exe, until) || (script && has_word(script, until));

	for (int i = 1; i < argc && !is_to; i++)
		is_to = mentions_descriptor(argv[i], fd);
	return is_to;
}

void observe_start(const struct fd_log *fd_log, int argc, char **argv)
{
	const char *script = find_script(argc, argv), *found;
	const struct handoff *c = fd_log->handoff;
	char link[FOUND_MAX];

	for (unsigned i = 0; i < c->watch_count; i++) {
		const struct identity *id = &c->watch[i].id;
		int fd = (int)c->watch[i].fd;

		if (descriptor_is(fd, id))
			continue;
		found = name_found(fd, link);
		fd_log_observes(fd_log, fd, found, script);
		if (is_to_have(fd_log, fd, argc, argv, script) &&
		    restore_stored(c->store, STORED_WATCHED + i, fd, id))
			fd_log_put_on(fd_log, fd, found);
	}
	fd_log_observes(fd_log, -1, FOUND_WELL, script);
}

void observe_forked(void)
{
	has_lost = false;
}

void observe_loss(const struct fd_log *fd_log, int fd, int from, const struct loss *loss,
		  bool is_passive)
{
	static const void *told[WATCH_MAX];
	const void **where = &told[observe_index(fd_log->handoff, fd)];
	char link[FOUND_MAX];

	if (!observe_is_same(fd_log->handoff, fd, fd) || (has_lost && *where == loss->where))
		return;
	if (!is_passive) {
		*where = loss->where;
		has_lost = true;
	}
	fd_log_loss(fd_log, fd, from < 0 ? NULL : name_found(from, link), loss);
}

void observe_exec(const struct fd_log *fd_log, struct exec_step *step, bool is_passive)
{
	const char *until = fd_log->handoff->well;
	bool is_way = has_word(step->target.path, until), needs_runtime;
	char runtime[ENVIRONMENT_NAME_MAX + 1];

	for (char *const *word = step->argv; word && *word && !is_way; word++)
		is_way = has_word(*word, until);
	if (has_lost && !step->spawns && !is_passive)
		fd_log_executes(fd_log, step->target.path);
	if (!is_way || environment_has_us(step->envp, runtime) ||
	    exec_target_kind(&step->target, NULL, &needs_runtime) == TARGET_REFUSES)
		return;
	step->copy = environment_return(step->envp, fd_log->handoff, false);
	fd_log_environment(fd_log, step->call, step->target.path, NULL);
}
