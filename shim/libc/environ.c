/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/libc/environ.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shim/common/handoff.h"
#include "shim/common/sys.h"
#include "shim/common/text.h"

#define PRELOAD_VARIABLE "LD_PRELOAD"
#define SHIM_FILE        "qrap_preload.so"

/* The shim's path: a copy, as programs write over their first environment (setproctitle). */
static char shim_path[PATH_MAX];

static char handoff_gone[] = HANDOFF_VARIABLE "=";

static bool is_entry_of(const char *entry, const char *name)
{
	size_t len = strlen(name);

	return !strncmp(entry, name, len) && entry[len] == '=';
}

char **environment_slot(char **envp, const char *name)
{
	for (; envp && *envp; envp++) {
		if (is_entry_of(*envp, name))
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
static void leave_slot(char **envp, const char *name, char *entry)
{
	char **slot = environment_slot(envp, name);

	if (slot)
		__atomic_store_n(slot, entry[strlen(name) + 1] || slot[1] ? entry : NULL,
				 __ATOMIC_RELEASE);
}

/* LD_PRELOAD's next entry (ld.so(8): they are separated by colons or blanks), or NULL. */
static const char *next_entry(const char *list, size_t *len)
{
	list += strspn(list, ": ");
	*len = strcspn(list, ": ");
	return *len ? list : NULL;
}

/* LD_PRELOAD's list without us, and without its first entry where that is to go. */
static void add_others(struct text *t, const char *list, bool without_first)
{
	size_t len;

	for (; (list = next_entry(list, &len)); list += len, without_first = false) {
		if (without_first || is_shim(list, len))
			continue;
		if (t->buf[t->len - 1] != '=')
			text_add(t, ":");
		text_add_n(t, list, len);
	}
}

void environment_note(char **envp)
{
	const char *list = environment_find(envp, PRELOAD_VARIABLE);
	size_t len;

	for (; list && (list = next_entry(list, &len)); list += len) {
		if (!is_shim(list, len) || len >= sizeof(shim_path))
			continue;
		memcpy(shim_path, list, len);
		shim_path[len] = '\0';
	}
}

bool environment_shows_shim(void)
{
	int fd = sys_open(shim_path, O_RDONLY | O_CLOEXEC, 0);

	/* A name without a directory is the loader's to look for. */
	if (fd >= 0)
		sys_close(fd);
	return fd >= 0 || (*shim_path && !strchr(shim_path, '/'));
}

bool environment_has_us(char *const *envp, char runtime[ENVIRONMENT_NAME_MAX + 1])
{
	const char *list = environment_find((char **)envp, PRELOAD_VARIABLE);
	size_t len, kept;

	runtime[0] = '\0';
	for (; list && (list = next_entry(list, &len)); list += len) {
		if (is_shim(list, len))
			return environment_find((char **)envp, HANDOFF_VARIABLE);
		kept = len <= ENVIRONMENT_NAME_MAX ? len : 0;
		memcpy(runtime, list, kept);
		runtime[kept] = '\0';
	}
	return false;
}

void environment_leave(char **envp)
{
	static char left[2 * PATH_MAX];
	const char *list = environment_find(envp, PRELOAD_VARIABLE);
	struct text t;

	leave_slot(envp, HANDOFF_VARIABLE, handoff_gone);
	if (!list)
		return;
	text_start(&t, left, sizeof(left));
	text_add(&t, PRELOAD_VARIABLE "=");
	add_others(&t, list, false);
	if (!t.cut)
		leave_slot(envp, PRELOAD_VARIABLE, left);
}

/**
 * struct environment - A copy of an environment
 * @size:	Of the mapping that it is in, in bytes
 * @envp:	Its slots, and behind them the two entries that are ours
 */
struct environment {
	size_t size;
	char *envp[];
};

static size_t count_entries(char *const *envp)
{
	size_t n = 0;

	while (envp && envp[n])
		n++;
	return n;
}

/* A copy with room for @slots, and for @bytes of text: NULL where there is no memory. */
static struct environment *map_environment(size_t slots, size_t bytes)
{
	size_t size = sizeof(struct environment) + slots * sizeof(char *) + bytes;
	struct environment *copy =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (copy == MAP_FAILED)
		return NULL;
	copy->size = size;
	return copy;
}

/* Our two entries, and the end, from @slot on; the first one's text has @size bytes. */
static void put_entries(char **slot, char *text, size_t size, const char *list,
			bool without_runtime, const struct handoff *handoff)
{
	struct text t;

	text_start(&t, text, size);
	text_add(&t, PRELOAD_VARIABLE "=");
	text_add(&t, shim_path);
	if (list)
		add_others(&t, list, without_runtime);
	slot[0] = text;
	slot[1] = text + size;
	slot[2] = NULL;
	memcpy(slot[1], handoff_gone, sizeof(handoff_gone));
	handoff_write(handoff, slot[1] + sizeof(handoff_gone) - 1);
}

char **environment_return(char *const *envp, const struct handoff *handoff, bool without_runtime)
{
	const char *list = environment_find((char **)envp, PRELOAD_VARIABLE);
	size_t size = sizeof(PRELOAD_VARIABLE "=:") + strlen(shim_path) + (list ? strlen(list) : 0);
	size_t slots = count_entries(envp) + 3;
	struct environment *copy =
		map_environment(slots, size + sizeof(handoff_gone) + HANDOFF_SIZE);
	size_t n = 0;

	if (!copy)
		return NULL;
	for (; envp && *envp; envp++) {
		if (!is_entry_of(*envp, PRELOAD_VARIABLE) && !is_entry_of(*envp, HANDOFF_VARIABLE))
			copy->envp[n++] = *envp;
	}
	put_entries(copy->envp + n, (char *)(copy->envp + slots), size, list, without_runtime,
		    handoff);
	return copy->envp;
}

void environment_free(char **envp)
{
	struct environment *copy =
		(struct environment *)((char *)envp - offsetof(struct environment, envp));

	munmap(copy, copy->size);
}
