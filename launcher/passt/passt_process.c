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

/* Of a longer environment neither. */
#define ENVIRONMENT_MAX (256 * 1024)

/* Between a passt's start, or its move into the background, and its socket: no more than that. */
#define START_MS 2000

/* A passt that moves into the background gets a number that is that close, as a rule. */
#define BACKGROUND_PIDS 16

/* Reads a small file of /proc with a NUL behind it: length, or -1. */
static ssize_t read_below(pid_t pid, const char *name, char *buf, size_t size)
{
	char path[64];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
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
static bool is_option(const char *word, const char *option)
{
	size_t len = strcspn(word, "=");

	return len >= 4 && !strncmp(word, option, len);
}

/* The value of --socket, if this word is that option: its own or the next word, or NULL. */
static const char *socket_value(const char *word, const char *next)
{
	const char *value = word + strcspn(word, "=");

	/* The longer name of --socket. */
	if (is_option(word, "--socket-path"))
		return *value ? value + 1 : next;
	if (!strncmp(word, "-s", 2))
		return word[2] ? word + 2 : next;
	return NULL;
}

static void read_words(struct process *process, const char *words, size_t len)
{
	const char *word, *next, *value;
	const char *end = words + len;

	for (word = words + strlen(words) + 1; word < end; word = next) {
		next = word + strlen(word) + 1;
		if (is_option(word, "--vhost-user"))
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
	struct timespec now, since_boot;
	char buf[1024];
	char *name, *end, *field;

	if (read_below(process->pid, "stat", buf, sizeof(buf)) <= 0)
		return false;
	name = strchr(buf, '(');
	field = end = strrchr(buf, ')');
	for (int number = 2; field && number < 22; number++)
		field = strchr(field + 1, ' ');
	if (!name || !field)
		return false;
	sscanf(end + 1, " %*c %d", &process->parent);
	*end = '\0';
	snprintf(process->name, sizeof(process->name), "%s", name + 1);
	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &since_boot);
	process->started_ms =
		(now.tv_sec - since_boot.tv_sec) * 1000LL +
		(now.tv_nsec - since_boot.tv_nsec) / 1000000 +
		(int64_t)(strtoull(field, NULL, 10) * 1000 / (unsigned long)sysconf(_SC_CLK_TCK));
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

pid_t passt_vm(const struct process *process)
{
	char title[64];
	pid_t vm = 0;

	if (process->passt && read_below(process->parent, "cmdline", title, sizeof(title)) > 0)
		sscanf(title, SUPERVISOR_TITLE, &vm);
	return vm;
}

/* ADDR/HPORT:GPORT, or a part of it, as passt has it. */
static bool read_forward(struct arena *arena, const char *word, struct forward *forward)
{
	const char *slash = strchr(word, '/');
	const char *ports = slash ? slash + 1 : word;
	unsigned host, guest;
	char end;
	int count = sscanf(ports, "%5u:%5u%c", &host, &guest, &end);

	if ((count != 2 && (count != 1 || ports[strspn(ports, "0123456789")])) ||
	    (slash && word + strspn(word, "0123456789abcdefABCDEF.:") != slash))
		return false;
	*forward = (struct forward) {
		.word = word,
		.address = slash ? arena_copy(arena, word, (size_t)(slash - word)) : "0.0.0.0",
		.host_port = (uint16_t)host,
		.guest_port = (uint16_t)(count == 2 ? guest : host),
	};
	return true;
}

void passt_forwards(pid_t pid, struct arena *arena, struct guest_network *network)
{
	char *words = arena_get(arena, COMMAND_LINE_MAX);
	ssize_t len = read_below(pid, "cmdline", words, COMMAND_LINE_MAX);
	struct forward forward;

	*network = (struct guest_network) { 0 };
	for (const char *word = words; word < words + len; word += strlen(word) + 1) {
		const char *next = word + strlen(word) + 1;

		if ((strcmp(word, "-t") && strcmp(word, "-u")) || next >= words + len ||
		    !read_forward(arena, next, &forward))
			continue;
		forward.udp = word[1] == 'u';
		network->forwards = arena_grow(arena, network->forwards, network->forward_count,
					       sizeof(forward));
		network->forwards[network->forward_count++] = forward;
	}
}

bool process_sockets(pid_t pid, void (*visit)(uint32_t inode, void *arg), void *arg)
{
	const struct dirent *entry;
	char path[64];
	DIR *directory;
	unsigned inode;
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	directory = opendir(path);
	if (!directory)
		return errno == ENOENT;
	while ((entry = readdir(directory))) {
		len = readlinkat(dirfd(directory), entry->d_name, path, sizeof(path) - 1);
		if (len <= 0)
			continue;
		path[len] = '\0';
		if (sscanf(path, "socket:[%u]", &inode) == 1)
			visit(inode, arg);
	}
	closedir(directory);
	return true;
}

bool process_handoff(pid_t pid, struct handoff *handoff)
{
	static const char name[] = HANDOFF_VARIABLE "=";
	static char environment[ENVIRONMENT_MAX];
	ssize_t len = read_below(pid, "environ", environment, sizeof(environment));

	for (char *entry = environment; entry < environment + len; entry += strlen(entry) + 1) {
		if (!strncmp(entry, name, strlen(name)))
			return handoff_read(entry + strlen(name), handoff);
	}
	return false;
}

void processes_each(void (*visit)(pid_t pid, void *arg), void *arg)
{
	DIR *directory = opendir("/proc");
	const struct dirent *entry;

	if (!directory)
		return;
	while ((entry = readdir(directory))) {
		if (isdigit((unsigned char)entry->d_name[0]))
			visit(atoi(entry->d_name), arg);
	}
	closedir(directory);
}

/* Takes an inode number away once it was seen. */
static void clear_if_same(uint32_t inode, void *arg)
{
	uint32_t *wanted = arg;

	if (inode == *wanted)
		*wanted = 0;
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

enum serves passt_serves(const struct process *process, const struct candidate *candidate)
{
	uint32_t listener = candidate->listener;

	if (listener && process_sockets(process->pid, clear_if_same, &listener))
		return listener ? SERVES_NOT : SERVES;
	/* Newer passt makes its socket first, and then changes from root to another user. */
	if (process->uid != candidate->uid && candidate->uid)
		return SERVES_NOT;
	if (process->socket[0])
		return same_path(process->socket, candidate) ? SERVES : SERVES_NOT;
	if (strncmp(candidate->path, CANDIDATE_PREFIX, sizeof(CANDIDATE_PREFIX) - 1))
		return SERVES_NOT;
	return llabs(process->started_ms - candidate->made_ms) > START_MS ? SERVES_NOT
									  : SERVES_MAYBE;
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

static void ask_process(pid_t pid, void *arg)
{
	struct question *question = arg;
	struct process process;
	enum serves serves;

	if (question->answer == VHOST_USER_YES || !process_read(pid, &process) ||
	    !process.vhost_user)
		return;
	serves = passt_serves(&process, question->candidate);
	if (serves == SERVES || (serves == SERVES_MAYBE && pid == question->listener))
		question->answer = VHOST_USER_YES;
	else if (serves == SERVES_MAYBE)
		question->answer = VHOST_USER_MAYBE;
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
