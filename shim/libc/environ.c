/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/libc/environ.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "shim/common/handoff.h"
#include "shim/common/text.h"

#define PRELOAD_VARIABLE "LD_PRELOAD"
#define SHIM_FILE        "qrap_preload.so"

/*
 * What stays of LD_PRELOAD, ready for its slot; empty while nothing is prepared. "NAME=" is for a
 * slot that is no longer the last one: the loader and the shim take it for nothing.
 */
static char preload_left[2 * PATH_MAX];
static char handoff_gone[] = HANDOFF_VARIABLE "=";

static char **find_slot(char **envp, const char *name)
{
	size_t len = strlen(name);

	for (; envp && *envp; envp++) {
		if (!strncmp(*envp, name, len) && (*envp)[len] == '=')
			return envp;
	}
	return NULL;
}

char *environment_find(char **envp, const char *name)
{
	char **slot = find_slot(envp, name);
	char *value = slot ? *slot + strlen(name) + 1 : NULL;

	return value && *value ? value : NULL;
}

void environment_replace(char **envp, const char *name, char *entry)
{
	char **slot = find_slot(envp, name);

	if (slot)
		*slot = entry;
}

static bool is_shim(const char *path, size_t len)
{
	size_t name = strlen(SHIM_FILE);

	return len >= name && !memcmp(path + len - name, SHIM_FILE, name) &&
	       (len == name || path[len - name - 1] == '/');
}

/* LD_PRELOAD's list (ld.so(8): separated by colons or blanks) without us, into preload_left. */
static void prepare_preload(const char *list)
{
	struct text t;
	size_t start;

	text_start(&t, preload_left, sizeof(preload_left));
	text_add(&t, PRELOAD_VARIABLE "=");
	start = t.len;
	while (*list) {
		size_t len = strcspn(list, ": ");

		if (len && !is_shim(list, len)) {
			if (t.len > start)
				text_add(&t, ":");
			text_add_n(&t, list, len);
		}
		list += len;
		list += *list != '\0';
	}
	if (t.cut)
		preload_left[0] = '\0';
}

static void move_to_end(char **envp, const char *name)
{
	char **slot = find_slot(envp, name);
	char *entry;

	if (!slot)
		return;
	for (entry = *slot; slot[1]; slot++)
		slot[0] = slot[1];
	*slot = entry;
}

void environment_prepare(char **envp)
{
	const char *list = environment_find(envp, PRELOAD_VARIABLE);

	if (list)
		prepare_preload(list);
	move_to_end(envp, PRELOAD_VARIABLE);
	move_to_end(envp, HANDOFF_VARIABLE);
}

/* One store: nothing for the last slot, else @instead. */
static void leave_slot(const char *name, char *instead, bool is_empty)
{
	char **slot = find_slot(environ, name);

	if (!slot)
		return;
	__atomic_store_n(slot, is_empty && !slot[1] ? NULL : instead, __ATOMIC_RELEASE);
}

void environment_leave(void)
{
	leave_slot(HANDOFF_VARIABLE, handoff_gone, true);
	if (preload_left[0])
		leave_slot(PRELOAD_VARIABLE, preload_left,
			   !preload_left[strlen(PRELOAD_VARIABLE "=")]);
}
