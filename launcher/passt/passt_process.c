/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/passt/passt_process.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Of a longer command line the end is not looked at. */
#define COMMAND_LINE_MAX 16384

/* Between a passt's start, or its move into the background, and its socket: no more than that. */
#define START_MS 2000

/* A passt that moves into the background gets a number that is that close, as a rule. */
#define BACKGROUND_PIDS 16

static int open_below(pid_t pid, const char *name, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return open(path, flags | O_RDONLY | O_CLOEXEC);
}

/* Reads a small file of /proc with a NUL behind it: length, or -1. */
static ssize_t read_below(pid_t pid, const char *name, char *buf, size_t size)
{
	int fd = open_below(pid, name, 0);
	ssize_t len;

	if (fd < 0)
		return -1;
	len = read(fd, buf, size - 1);
	close(fd);
	if (len >= 0)
		buf[len] = '\0';
	return len;
}

/* "passt", or a variant of it for some processor: "passt.avx2". */
static bool is_passt(const char *command)
{
	const char *slash = strrchr(command, '/');
	const char *name = slash ? slash + 1 : command;

	return !strncmp(name, "passt", 5) && (!name[5] || name[5] == '.');
}

/* As getopt_long(3) has it, a long option may be cut short where that is unambiguous. */
static bool is_vhost_user(const char *word)
{
	static const char option[] = "--vhost-user";
	size_t len = strlen(word);

	return len >= 4 && len < sizeof(option) && !strncmp(word, option, len);
}

/* The value of --socket, if this word is that option: its own or the next word, or NULL. */
static const char *socket_value(const char *word, const char *next)
{
	static const char *const names[] = { "--socket", "--socket-path", "-s" };
	size_t i, len;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		len = strlen(names[i]);
		if (!strcmp(word, names[i]))
			return next;
		if (!strncmp(word, names[i], len) && word[1] == '-' && word[len] == '=')
			return word + len + 1;
	}
	return !strncmp(word, "-s", 2) ? word + 2 : NULL;
}

static void read_words(struct process *process, const char *words, size_t len)
{
	const char *word, *next, *value;
	const char *end = words + len;

	for (word = words + strlen(words) + 1; word < end; word = next) {
		next = word + strlen(word) + 1;
		if (is_vhost_user(word))
			process->vhost_user = true;
		value = socket_value(word, next < end ? next : "");
		if (value)
			snprintf(process->socket, sizeof(process->socket), "%s", value);
	}
}

/*
 * Name and start from /proc/PID/stat: "PID (NAME) STATE ...", where NAME may contain anything, and
 * number 22 is the start in clock ticks since boot.
 */
static bool read_stat(struct process *process)
{
	char buf[1024];
	struct timespec now, since_boot;
	unsigned long long ticks;
	char *name, *end;

	if (read_below(process->pid, "stat", buf, sizeof(buf)) <= 0)
		return false;
	name = strchr(buf, '(');
	end = strrchr(buf, ')');
	if (!name || !end ||
	    sscanf(end + 1,
		   " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d "
		   "%*d %llu",
		   &ticks) != 1)
		return false;
	*end = '\0';
	snprintf(process->name, sizeof(process->name), "%s", name + 1);
	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &since_boot);
	process->started_ms = (now.tv_sec - since_boot.tv_sec) * 1000LL +
			      (now.tv_nsec - since_boot.tv_nsec) / 1000000 +
			      (int64_t)(ticks * 1000 / (unsigned long)sysconf(_SC_CLK_TCK));
	return true;
}

bool process_read(pid_t pid, struct process *process)
{
	char words[COMMAND_LINE_MAX];
	ssize_t len = read_below(pid, "cmdline", words, sizeof(words));
	char path[32];
	struct stat st;

	*process = (struct process) { .pid = pid, .passt = len > 0 && is_passt(words) };
	if (len < 0 || !read_stat(process))
		return false;
	/* All below it is root's, as nobody may trace a passt; the directory itself is not. */
	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	process->uid = stat(path, &st) ? (uid_t)-1 : st.st_uid;
	if (process->passt)
		read_words(process, words, (size_t)len);
	return true;
}

enum holding process_holds(pid_t pid, bool (*wanted)(uint32_t inode, void *arg), void *arg)
{
	int fd = open_below(pid, "fd", O_DIRECTORY);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	enum holding holding = HOLDS_NOT;
	const struct dirent *entry;
	char target[64];
	unsigned inode;
	ssize_t len;

	if (!directory) {
		if (fd >= 0)
			close(fd);
		return errno == ENOENT ? HOLDS_NOT : HOLDS_UNKNOWN;
	}
	while (holding == HOLDS_NOT && (entry = readdir(directory))) {
		len = readlinkat(fd, entry->d_name, target, sizeof(target) - 1);
		if (len <= 0)
			continue;
		target[len] = '\0';
		if (sscanf(target, "socket:[%u]", &inode) == 1 && wanted(inode, arg))
			holding = HOLDS;
	}
	closedir(directory);
	return holding;
}

void processes_each(bool (*visit)(pid_t pid, void *arg), void *arg)
{
	DIR *directory = opendir("/proc");
	const struct dirent *entry;

	if (!directory)
		return;
	while ((entry = readdir(directory))) {
		if (isdigit((unsigned char)entry->d_name[0]) && !visit(atoi(entry->d_name), arg))
			break;
	}
	closedir(directory);
}

static bool is_listener(uint32_t inode, void *arg)
{
	const struct candidate *candidate = arg;

	return inode == candidate->listener;
}

static bool same_path(const char *path, const struct candidate *candidate)
{
	struct stat st;

	if (!strcmp(path, candidate->path))
		return true;
	/* A relative one is relative to a directory that we do not know. */
	return path[0] == '/' && !stat(path, &st) && st.st_dev == candidate->device &&
	       st.st_ino == candidate->file;
}

static bool has_default_name(const struct candidate *candidate)
{
	return !strncmp(candidate->path, CANDIDATE_PREFIX, sizeof(CANDIDATE_PREFIX) - 1);
}

enum holding passt_serves(const struct process *process, const struct candidate *candidate)
{
	enum holding holding = HOLDS_UNKNOWN;
	int64_t made_ms;

	if (candidate->listener)
		holding = process_holds(process->pid, is_listener, (void *)candidate);
	if (holding != HOLDS_UNKNOWN)
		return holding;
	/* Newer passt makes its socket first, and then changes from root to another user. */
	if (process->uid != candidate->uid && candidate->uid)
		return HOLDS_NOT;
	if (process->socket[0])
		return same_path(process->socket, candidate) ? HOLDS : HOLDS_NOT;
	if (!has_default_name(candidate))
		return HOLDS_NOT;
	made_ms = candidate->made.tv_sec * 1000LL + candidate->made.tv_nsec / 1000000;
	return llabs(process->started_ms - made_ms) > START_MS ? HOLDS_NOT : HOLDS_UNKNOWN;
}

/* Is a plain passt, and none of the other kind, where the listener or its child must be? */
static bool plain_passt_at(pid_t listener)
{
	struct process process;
	bool plain = false;
	int i;

	for (i = 0; listener > 0 && i <= BACKGROUND_PIDS; i++) {
		if (!process_read(listener + i, &process) || !process.passt)
			continue;
		if (process.vhost_user)
			return false;
		plain = true;
		if (!i)
			break;
	}
	return plain;
}

struct question {
	const struct candidate *candidate;
	pid_t listener;
	enum vhost_user answer;
};

static bool ask_process(pid_t pid, void *arg)
{
	struct question *question = arg;
	struct process process;
	enum holding holding;

	if (!process_read(pid, &process) || !process.vhost_user)
		return true;
	holding = passt_serves(&process, question->candidate);
	if (holding == HOLDS || (holding == HOLDS_UNKNOWN && pid == question->listener))
		question->answer = VHOST_USER_YES;
	else if (holding == HOLDS_UNKNOWN)
		question->answer = VHOST_USER_MAYBE;
	return question->answer != VHOST_USER_YES;
}

enum vhost_user passt_speaks_vhost_user(const struct candidate *candidate, pid_t listener)
{
	struct question question = { .candidate = candidate, .listener = listener };

	/* The usual case, without a look at all processes of the host. */
	if (plain_passt_at(listener))
		return VHOST_USER_NO;
	processes_each(ask_process, &question);
	return question.answer;
}
