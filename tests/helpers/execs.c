/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * execs all [WORD]: each function that executes, each in many circumstances, in a child; prints
 *what came of it, a line each: "CIRCUMSTANCE CALL: " and either what the new program got or the
 *errno execs show ...: that new program: its words and its environment, counted and hashed
 *
 * WORD is the last word of what is executed: one that names a QEMU makes a program on the way of
 *it. The shim's own two variables do not count: "+us" where both are there. With and without the
 *shim the lines are the same but for that.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS_MAX   12
#define LONG_WORD   (100 * 1024)
#define MANY        100000
#define SMALL_STACK (64 * 1024)
#define STEP        16
#define TOO_MUCH    8192

extern char **environ;

/**
 * struct job - What is executed
 * @path:	Path, in /tmp
 * @name:	The same, as it is found in PATH
 * @argv:	Words
 * @envp:	Environment, or NULL
 */
struct job {
	const char *path;
	const char *name;
	char *argv[WORDS_MAX + 1];
	char **envp;
};

static uint64_t hash(uint64_t h, const char *word)
{
	for (; *word; word++)
		h = (h ^ (unsigned char)*word) * 1099511628211U;
	return (h ^ '\n') * 1099511628211U;
}

static bool is_ours(const char *entry)
{
	return !strncmp(entry, "QRAP_SHIM=", 10) ||
	       (!strncmp(entry, "LD_PRELOAD=", 11) && strstr(entry, "qrap_preload.so"));
}

static int show(int argc, char **argv)
{
	uint64_t words = 14695981039346656037U, entries = words;
	int count = 0, ours = 0;

	for (int i = 0; i < argc; i++)
		words = hash(words, argv[i]);
	for (char **entry = environ; *entry; entry++) {
		if (is_ours(*entry)) {
			ours++;
			continue;
		}
		entries = hash(entries, *entry);
		count++;
	}
	printf("%d words %llx, %d entries %llx%s\n", argc, (unsigned long long)words, count,
	       (unsigned long long)entries, ours == 2 ? " +us" : "");
	return 0;
}

/* Each call: returns only where it fails, the errno. What spawns waits for its child. */

static int wait_spawned(int ret, pid_t pid)
{
	if (ret)
		return ret;
	waitpid(pid, NULL, 0);
	_exit(0);
}

static int by_execve(const struct job *job)
{
	execve(job->path, job->argv, job->envp);
	return errno;
}

static int by_execv(const struct job *job)
{
	environ = job->envp;
	execv(job->path, job->argv);
	return errno;
}

static int by_execvp(const struct job *job)
{
	environ = job->envp;
	execvp(job->name, job->argv);
	return errno;
}

static int by_execvpe(const struct job *job)
{
	execvpe(job->name, job->argv, job->envp);
	return errno;
}

#define ALL_WORDS(a) a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10], a[11]

static int by_execl(const struct job *job)
{
	environ = job->envp;
	execl(job->path, ALL_WORDS(job->argv), NULL);
	return errno;
}

static int by_execlp(const struct job *job)
{
	environ = job->envp;
	execlp(job->name, ALL_WORDS(job->argv), NULL);
	return errno;
}

static int by_execle(const struct job *job)
{
	execle(job->path, ALL_WORDS(job->argv), NULL, job->envp);
	return errno;
}

static int by_fexecve(const struct job *job)
{
	int fd = open(job->path, O_PATH);

	fexecve(fd, job->argv, job->envp);
	return errno;
}

static int by_posix_spawn(const struct job *job)
{
	pid_t pid = -1;
	int ret = posix_spawn(&pid, job->path, NULL, NULL, job->argv, job->envp);

	return wait_spawned(ret, pid);
}

static int by_posix_spawnp(const struct job *job)
{
	pid_t pid = -1;
	int ret = posix_spawnp(&pid, job->name, NULL, NULL, job->argv, job->envp);

	return wait_spawned(ret, pid);
}

static const struct {
	const char *name;
	int (*run)(const struct job *job);
} calls[] = {
	{ "execve", by_execve },
	{ "execv", by_execv },
	{ "execvp", by_execvp },
	{ "execvpe", by_execvpe },
	{ "execl", by_execl },
	{ "execlp", by_execlp },
	{ "execle", by_execle },
	{ "fexecve", by_fexecve },
	{ "posix_spawn", by_posix_spawn },
	{ "posix_spawnp", by_posix_spawnp },
};

#define CALLS (sizeof(calls) / sizeof(calls[0]))

static char *long_word(char fill)
{
	char *word = malloc(LONG_WORD + 1);

	memset(word, fill, LONG_WORD);
	word[LONG_WORD] = '\0';
	return word;
}

static char **many_entries(void)
{
	char **entries = calloc(MANY + 1, sizeof(*entries));

	for (int i = 0; i < MANY; i++)
		entries[i] = (char *)"A=1";
	return entries;
}

/* Circumstances: each changes the job, which is sound before. */

static void be_plain(struct job *job)
{
	(void)job;
}

static void have_no_environment(struct job *job)
{
	job->envp = NULL;
}

static void have_many_entries(struct job *job)
{
	job->envp = many_entries();
}

static void have_long_words(struct job *job)
{
	for (int i = 2; i < WORDS_MAX - 1; i++)
		job->argv[i] = long_word((char)('a' + i));
}

static void be_missing(struct job *job)
{
	job->path = "/tmp/execs-missing";
	job->name = "execs-missing";
}

static void be_null(struct job *job)
{
	job->path = job->name = NULL;
}

static void be_not_executable(struct job *job)
{
	job->path = "/tmp/execs-plain";
	job->name = "execs-plain";
}

static void be_a_directory(struct job *job)
{
	job->path = "/tmp/execs-directory";
	job->name = "execs-directory";
}

/* Executable, without #!: run by a shell where PATH is searched. */
static void be_a_script(struct job *job)
{
	job->path = "/tmp/execs-script";
	job->name = "execs-script";
}

static const struct {
	const char *name;
	void (*change)(struct job *job);
} circumstances[] = {
	{ "plain", be_plain },
	{ "NULL-environment", have_no_environment },
	{ "100000-entries", have_many_entries },
	{ "long-words", have_long_words },
	{ "missing", be_missing },
	{ "NULL-path", be_null },
	{ "not-executable", be_not_executable },
	{ "directory", be_a_directory },
	{ "script", be_a_script },
};

#define CIRCUMSTANCES (sizeof(circumstances) / sizeof(circumstances[0]))

static void fill(struct job *job, const char *word)
{
	static char *envp[] = { "PATH=/tmp:/usr/bin:/bin", "A=1", "B=2", NULL };

	*job = (struct job) { .path = "/tmp/execs", .name = "execs", .envp = envp };
	job->argv[0] = (char *)"execs";
	job->argv[1] = (char *)"show";
	for (int i = 2; i < WORDS_MAX - 1; i++)
		job->argv[i] = (char *)"w";
	job->argv[WORDS_MAX - 1] = (char *)word;
}

static void say(const char *circumstance, const char *call, int error)
{
	printf("%s %s: errno %d\n", circumstance, call, error);
	fflush(stdout);
}

/* In a child of its own, by fork() or vfork(). */
static void try(size_t circumstance, size_t call, const char *word, bool by_vfork)
{
	static volatile int error;
	struct job job;
	pid_t pid;

	fill(&job, word);
	circumstances[circumstance].change(&job);
	setenv("PATH", "/tmp:/usr/bin:/bin", 1);
	printf("%s %s%s: ", circumstances[circumstance].name, by_vfork ? "vfork " : "",
	       calls[call].name);
	fflush(stdout);
	error = 0;
	pid = by_vfork ? vfork() : fork();
	if (!pid) {
		error = calls[call].run(&job);
		if (!by_vfork)
			say("", "", error);
		_exit(1);
	}
	waitpid(pid, NULL, 0);
	if (error)
		say("", "", error);
}

/* With as large an environment as there may be: what is just small enough is so with the shim, too.
 */
static void try_largest(size_t call, const char *word)
{
	char **envp = many_entries(), *filling;
	struct rlimit limit;
	size_t count;
	struct job job;
	pid_t pid;
	int error;

	printf("largest %s: ", calls[call].name);
	fflush(stdout);
	pid = fork();
	if (pid) {
		waitpid(pid, NULL, 0);
		return;
	}
	getrlimit(RLIMIT_STACK, &limit);
	filling = long_word('x');
	fill(&job, word);
	job.envp = envp;
	envp[0] = (char *)"PATH=/tmp:/usr/bin:/bin";
	/* As many as make a little more than there may be: then each is made shorter. */
	count = limit.rlim_cur / 4 / LONG_WORD + 2;
	filling += LONG_WORD - (limit.rlim_cur / 4 + TOO_MUCH) / count;
	for (size_t i = 1; i <= count; i++)
		envp[i] = filling;
	envp[count + 1] = NULL;
	do {
		error = calls[call].run(&job);
		filling += STEP;
		for (size_t i = 1; i <= count; i++)
			envp[i] = filling;
	} while (error == E2BIG && strnlen(filling, STEP + 1) > STEP);
	say("", "", error);
	_exit(1);
}

static void *try_in_thread(void *word)
{
	for (size_t call = 0; call < CALLS; call++)
		try(0, call, word, false);
	return NULL;
}

/* With 64 KiB of stack. */
static void try_on_small_stack(const char *word)
{
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, SMALL_STACK);
	printf("on a small stack:\n");
	pthread_create(&thread, &attributes, try_in_thread, (void *)word);
	pthread_join(thread, NULL);
}

static int try_all(const char *word)
{
	for (size_t i = 0; i < CIRCUMSTANCES; i++) {
		for (size_t call = 0; call < CALLS; call++)
			try(i, call, word, false);
	}
	for (size_t call = 0; call < CALLS; call++) {
		if (calls[call].run != by_execv && calls[call].run != by_execvp &&
		    calls[call].run != by_execl && calls[call].run != by_execlp)
			try(0, call, word, true);
		try_largest(call, word);
	}
	try_on_small_stack(word);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "show"))
		return show(argc, argv);
	if (argc == 3 && !strcmp(argv[1], "all"))
		return try_all(argv[2]);
	return 2;
}
