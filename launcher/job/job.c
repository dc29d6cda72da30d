/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/job/job.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher/base/message.h"
#include "launcher/job/supervise.h"

/* They end the job; SIGHUP does where it is not ignored: nohup(1). */
static const int ending[] = { SIGINT, SIGTERM, SIGQUIT, SIGHUP };

/* Is all there that it takes? 0, or -1 after a message. */
static int check(const struct job *job, struct ready *ready, const char *no_shim)
{
	const struct log *log = &job->settings->log;
	uint16_t missing;

	if (!ready_init(ready, &job->settings->job, job->network, &missing))
		return message_error(log,
				     "--ready tcp:%u: no port of this host leads there: add "
				     "--publish %u",
				     missing, missing);
	if (no_shim && (ready->frame || ready->port_count))
		return message_error(log,
				     "nobody sees when the guest is ready, as QEMU runs without "
				     "the shim (%s): --ready console:TEXT needs none",
				     no_shim);
	return 0;
}

/* From here on they come by a descriptor: that, or -1. Whoever has ignored them gets them, too. */
static int catch_signals(sigset_t *before)
{
	struct sigaction hangup;
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++)
		sigaddset(&set, ending[i]);
	if (!sigaction(SIGHUP, NULL, &hangup) && hangup.sa_handler == SIG_IGN)
		sigdelset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, before);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static void pass_signal(int signals, int supervisor)
{
	struct signalfd_siginfo info;
	struct job_signal signal;

	if (read(signals, &info, sizeof(info)) != sizeof(info))
		return;
	signal = (struct job_signal) { (int)info.ssi_signo, info.ssi_code == SI_KERNEL };
	send(supervisor, &signal, sizeof(signal), MSG_NOSIGNAL);
}

static _Noreturn void die_of(int number)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, number);
	signal(number, SIG_DFL);
	raise(number);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	exit(128 + number);
}

/* qrap itself, until the job is over. */
static _Noreturn void wait_for_end(const struct log *log, pid_t pid, int signals, int supervisor)
{
	struct pollfd fds[] = { { .fd = signals, .events = POLLIN },
				{ .fd = supervisor, .events = POLLIN } };
	struct job_end end = { .status = STATUS_FAILED };

	do {
		poll(fds, 2, -1);
		if (fds[0].revents)
			pass_signal(signals, supervisor);
	} while (!fds[1].revents);
	if (recv(supervisor, &end, sizeof(end), 0) != sizeof(end))
		message_error(log, "the job's supervisor has ended: what it has started may still "
				   "run");
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (end.signal)
		die_of(end.signal);
	exit(end.status);
}

int job_begin(struct job *job, const char *no_shim)
{
	const struct log *log = &job->settings->log;
	const pid_t group = getpgrp();
	struct ready ready;
	int pair[2], signals;
	pid_t pid;

	job->control = job->channel = job->out = job->err = -1;
	if (!settings_has_job(job->settings))
		return 0;
	if (check(job, &ready, no_shim))
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return message_error(log, "no job: %s", strerror(errno));
	signals = catch_signals(&job->mask);
	pid = signals < 0 ? -1 : fork();
	if (pid < 0)
		return message_error(log, "no job: %s", strerror(errno));
	if (pid) {
		close(pair[1]);
		wait_for_end(log, pid, signals, pair[0]);
	}
	close(pair[0]);
	close(signals);
	supervise(job, &ready, pair[1], group);
	return 0;
}

static void tell(const struct job *job, int kind, const uint16_t *numbers, unsigned count)
{
	const size_t len = sizeof(struct job_news) + count * sizeof(*numbers);
	struct job_news *news = malloc(len);

	if (!news)
		return;
	news->kind = kind;
	news->count = count;
	memcpy(news->numbers, numbers, count * sizeof(*numbers));
	send(job->channel, news, len, MSG_NOSIGNAL);
	free(news);
}

int job_connected(const struct job *job, bool is_private)
{
	const struct guest_network *network = job->network;
	uint16_t ports[network->forward_count + 1];

	if (job->channel < 0)
		return 0;
	if (!is_private && job->settings->job.port_count)
		return message_error(&job->settings->log,
				     "--ready tcp:%u: this passt was not started for that port",
				     job->settings->job.ports[0]);
	for (unsigned i = 0; i < network->forward_count; i++)
		ports[i] = network->forwards[i].host_port;
	if (is_private)
		tell(job, JOB_PORTS, ports, network->forward_count);
	return 0;
}

void job_before_exec(const struct job *job)
{
	if (job->channel < 0)
		return;
	/* The terminal is the command's. Messages went there, as who is in the background may not.
	 */
	if (job->settings->job.run)
		setpgid(0, 0);
	if (job->out >= 0)
		dup2(job->out, STDOUT_FILENO);
	if (job->err >= 0)
		dup2(job->err, STDERR_FILENO);
}

void job_failed(const struct job *job, int status)
{
	const uint16_t number = (uint16_t)status;

	if (job->channel >= 0)
		tell(job, JOB_FAILED, &number, 1);
}
