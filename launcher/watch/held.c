/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Descendants only, by their parents' lists of children: a look at all processes of a host would
 * take 50 us for each of them. The file counts and not how it came there, so that static programs
 * and those of other users, where /proc lets us look, are seen as well.
 */
#include "launcher/watch/held.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

/* Major number of /dev/null, /dev/zero and the like: whoever has those open keeps nothing. */
#define MEMORY_MAJOR 1

/**
 * struct family - Processes found so far, each one before its children
 * @arena:	Where they are kept
 * @pids:	Those
 * @count:	How many
 */
struct family {
	struct arena *arena;
	int *pids;
	size_t count;
};

static DIR *open_directory(int pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return opendir(path);
}

/* Adds the children that one thread of a process has made. Return: false where nobody says. */
static bool add_children(struct family *family, DIR *threads, const char *thread)
{
	char path[NAME_MAX + sizeof("/children")];
	FILE *file;
	int fd, pid;

	snprintf(path, sizeof(path), "%s/children", thread);
	fd = openat(dirfd(threads), path, O_RDONLY | O_CLOEXEC);
	file = fd >= 0 ? fdopen(fd, "r") : NULL;
	if (!file)
		return false;
	while (fscanf(file, "%d", &pid) == 1) {
		family->pids = arena_grow(family->arena, family->pids, family->count, sizeof(pid));
		family->pids[family->count++] = pid;
	}
	fclose(file);
	return true;
}

static bool add_family(struct family *family, int pid)
{
	DIR *threads = open_directory(pid, "task");
	struct dirent *entry;
	bool known = false;

	while (threads && (entry = readdir(threads))) {
		if (entry->d_name[0] != '.')
			known |= add_children(family, threads, entry->d_name);
	}
	if (threads)
		closedir(threads);
	return known;
}

void held_read_process(int pid, struct holder *holder)
{
	char path[64], line[512] = "";
	char *name, *end;
	unsigned long long start = 0;
	struct timespec now;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (file && !fgets(line, sizeof(line), file))
		line[0] = '\0';
	if (file)
		fclose(file);
	/* PID (NAME) STATE PPID ..., and the time of its start as the 22nd: proc(5). */
	name = strchr(line, '(');
	end = strrchr(line, ')');
	holder->pid = pid;
	if (!name || !end)
		return;
	*end = '\0';
	snprintf(holder->program, sizeof(holder->program), "%s", name + 1);
	sscanf(end + 1,
	       " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
	       &holder->parent, &start);
	clock_gettime(CLOCK_BOOTTIME, &now);
	holder->age_ms = now.tv_sec * 1000 + now.tv_nsec / 1000000 -
			 (int64_t)(start * 1000 / (unsigned long long)sysconf(_SC_CLK_TCK));
}

/* Is what the process has under this name the watched file, opened for the same? */
static bool is_same(const struct watched *watched, int pid, DIR *fds, const char *name,
		    const struct stat *st)
{
	struct identity id = { .dev = st->st_dev, .ino = st->st_ino };
	struct stat link;

	if (st->st_ino != watched->id.ino || st->st_dev != watched->id.dev)
		return false;
	if ((S_ISCHR(st->st_mode)) && major(st->st_rdev) == MEMORY_MAJOR)
		return false;
	if (!(st->st_mode & S_IFMT))
		id.cookie = identity_anonymous(pid, atoi(name));
	return identity_same(&id, &watched->id) &&
	       !fstatat(dirfd(fds), name, &link, AT_SYMLINK_NOFOLLOW) &&
	       (link.st_mode & (S_IRUSR | S_IWUSR)) == watched->access;
}

/* Notes what a process has of the list. */
static void look_at(int pid, const struct watched *list, int count, struct holder *holders)
{
	DIR *fds = open_directory(pid, "fd");
	struct dirent *entry;
	struct stat st;

	while (fds && (entry = readdir(fds))) {
		if (entry->d_name[0] == '.' || fstatat(dirfd(fds), entry->d_name, &st, 0))
			continue;
		for (int i = 0; i < count; i++) {
			if (!is_same(&list[i], pid, fds, entry->d_name, &st))
				continue;
			if (!holders[i].pid) {
				held_read_process(pid, &holders[i]);
				holders[i].fd = atoi(entry->d_name);
			} else if (holders[i].last != pid) {
				holders[i].more++;
			}
			holders[i].last = pid;
		}
	}
	if (fds)
		closedir(fds);
}

int held_find(const struct watched *list, int count, struct holder *holders)
{
	struct family family = { .arena = arena_new() };
	bool known = add_family(&family, getpid());
	int held = 0;

	memset(holders, 0, (size_t)count * sizeof(*holders));
	for (size_t i = 0; i < family.count; i++) {
		look_at(family.pids[i], list, count, holders);
		add_family(&family, family.pids[i]);
	}
	arena_free(family.arena);
	for (int i = 0; i < count; i++)
		held += holders[i].pid != 0;
	return known ? held : -1;
}
