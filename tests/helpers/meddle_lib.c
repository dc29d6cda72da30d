/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A preload that does to a program what the shim must not: $MEDDLE says what, one of the words of
 * meddle() below. For a test of what tests/same-without notices.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *word;

static bool is(const char *what)
{
	return word && !strcmp(word, what);
}

static void *end_at_once(void *unused)
{
	return unused;
}

static void make_child(bool wait_for_it)
{
	pid_t pid = fork();

	if (!pid) {
		usleep(20000);
		_exit(wait_for_it ? 0 : 7);
	}
	if (wait_for_it)
		waitpid(pid, NULL, 0);
}

static void block(int signal)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signal);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static void limit_files(rlim_t number)
{
	const struct rlimit limit = { number, number };

	setrlimit(RLIMIT_NOFILE, &limit);
}

__attribute__((constructor)) static void meddle(void)
{
	pthread_t thread;

	word = getenv("MEDDLE");
	if (is("open"))
		open("/dev/null", O_RDONLY);
	if (is("close"))
		close(5);
	if (is("mark"))
		fcntl(5, F_SETFD, FD_CLOEXEC);
	if (is("nonblocking"))
		fcntl(5, F_SETFL, O_NONBLOCK);
	if (is("ignore"))
		signal(SIGUSR1, SIG_IGN);
	if (is("catch"))
		signal(SIGUSR1, _exit);
	if (is("block"))
		block(SIGUSR1);
	if (is("limit"))
		limit_files(100);
	if (is("umask"))
		umask(0);
	if (is("directory") && chdir("/"))
		abort();
	if (is("variable"))
		setenv("ANOTHER", "variable", 1);
	if (is("file"))
		close(open("left", O_CREAT | O_WRONLY, 0600));
	if (is("output") && write(STDOUT_FILENO, "text\n", 5) < 0)
		abort();
	if (is("errors") && write(STDERR_FILENO, "text\n", 5) < 0)
		abort();
	if (is("child") || is("orphan"))
		make_child(is("child"));
	if (is("thread") && !pthread_create(&thread, NULL, end_at_once, NULL))
		pthread_join(thread, NULL);
}

__attribute__((destructor)) static void end(void)
{
	if (is("status"))
		_exit(9);
}
