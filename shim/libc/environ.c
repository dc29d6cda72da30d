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

char **environment_slot(char **envp, const char *name)
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
	char **slot = environment_slot(envp, name);
	char *value = slot ? *slot + strlen(name) + 1 : NULL;

	return value && *value ? value : NULL;
}

static bool is_shim(const char *path, size_t len)
{
	size_t name = strlen(SHIM_FILE);

	return len >= name && !memcmp(path + len - name, SHIM_FILE, name) &&
	       (len == name || path[len - name - 1] == '/');
}

static void move_to_end(char **envp, const char *name)
{
	char **slot = environment_slot(envp, name);
	char *entry;

	if (!slot)
		return;
	for (entry = *slot; slot[1]; slot++)
		slot[0] = slot[1];
	*slot = entry;
}

void environment_prepare(char **envp)
{
	move_to_end(envp, PRELOAD_VARIABLE);
	move_to_end(envp, HANDOFF_VARIABLE);
}

/*
 * One store: an entry without a value leaves the last slot, and stays in another one, where the
 * loader and the shim take it for nothing.
 */
static void leave_slot(const char *name, char *entry)
{
	char **slot = environment_slot(environ, name);

	if (slot)
		__atomic_store_n(slot, entry[strlen(name) + 1] || slot[1] ? entry : NULL,
				 __ATOMIC_RELEASE);
}

/* LD_PRELOAD's list (ld.so(8): separated by colons or blanks) without us. */
static void leave_preload(const char *list)
{
	static char left[2 * PATH_MAX];
	struct text t;
	size_t start;

	text_start(&t, left, sizeof(left));
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
	if (!t.cut)
		leave_slot(PRELOAD_VARIABLE, left);
}

void environment_leave(void)
{
	static char handoff[] = HANDOFF_VARIABLE "=";
	const char *list = environment_find(environ, PRELOAD_VARIABLE);

	leave_slot(HANDOFF_VARIABLE, handoff);
	if (list)
		leave_preload(list);
}
