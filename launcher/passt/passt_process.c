/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The passt processes of this host, as far as /proc lets us look: proc(5). */
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

/* What there is to know of a process whose command line is these words. */
static bool read_all(pid_t pid, const char *words, size_t len, struct process *process)
{
	char path[32];
	struct stat st;

	*process = (struct process) { .pid = pid, .passt = len && is_passt(words) };
	if (!read_stat(process))
		return false;
	/* All below it is root's, as nobody may trace a passt; the directory itself is not. */
	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	process->uid = stat(path, &st) ? (uid_t)-1 : st.st_uid;
	if (process->passt)
		read_words(process, words, len);
	return true;
}

/* The words of a command line, each with its NUL, until the next call: their length, or -1. */
static ssize_t read_command_line(pid_t pid, const char **words)
{
	/* Not on the stack: there, what is called further on would be that many pages away. */
	static char buf[COMMAND_LINE_MAX];

	*words = buf;
	return read_below(pid, "cmdline", buf, sizeof(buf));
}

bool process_read(pid_t pid, struct process *process)
{
	const char *words;
	ssize_t len = read_command_line(pid, &words);

	return len >= 0 && read_all(pid, words, (size_t)len, process);
}

bool process_peek_passt(pid_t pid, struct process *process)
{
	const char *words;
	ssize_t len = read_command_line(pid, &words);

	if (len <= 0 || !is_passt(words))
		return false;
	*process = (struct process) { .pid = pid, .uid = (uid_t)-1, .passt = true };
	read_words(process, words, (size_t)len);
	return true;
}

bool process_read_passt(pid_t pid, struct process *process)
{
	const char *words;
	ssize_t len = read_command_line(pid, &words);

	return len > 0 && is_passt(words) && read_all(pid, words, (size_t)len, process);
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
