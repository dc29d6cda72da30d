/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A passt for this VM alone, on a socket pair.
 *
 *	launcher -- keeper -- passt [-- passt in the background]
 *
 * The keeper waits for passt's exit status, as we will be QEMU, who expects no child. When passt
 * answers, the keeper is sent away, and whatever of passt still runs is no child of ours.
 */
#include "launcher/passt/private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher/base/message.h"
#include "launcher/base/sigchld.h"
#include "launcher/base/words.h"
#include "shim/common/sys.h"

/* To get ready: netlink, namespaces and a fork take passt some 20 ms. */
#define START_MS 10000

/* A passt in the background that has not answered by then is one that never does. */
#define CHECK_REPLY_MS 1000

/* Its exit status follows the end of its connection at once. */
#define STATUS_MS 1000

/* Where passt finds things: standard streams first. */
#define PASST_FD   3
#define REPORT_FD  4
#define PASST_FD_S "3"

/* What keeper or passt-to-be tell the launcher: errno of a failed exec, or a wait status. */
struct report {
	int exec_error;
	int status;
};

/**
 * struct start - A passt that is being started
 * @log:	For messages
 * @words:	Its command line
 * @fd:		Our end of the connection
 * @keeper:	Process that waits for it
 * @sigchld_waits: There was a SIGCHLD before it
 * @reports:	Where its reports come from
 * @voice:	Where its words come from
 * @said:	Its last words
 * @said_len:	How many bytes
 * @said_all:	The rest is of no interest
 * @reported:	There was a report: @report
 * @report:	How it went
 * @answered:	It has answered
 * @hung_up:	Its end of the connection is closed
 */
struct start {
	const struct log *log;
	struct words words;
	int fd;
	pid_t keeper;
	bool sigchld_waits;
	int reports;
	int voice;
	char said[4096];
	size_t said_len;
	bool said_all;
	bool reported;
	struct report report;
	bool answered;
	bool hung_up;
};

/* Ends of pairs and pipes that the children need. */
struct ends {
	int passt;
	int reports;
	int voice;
};

static void close_from(int first)
{
	int fd;

#ifdef SYS_close_range
	if (!syscall(SYS_close_range, first, ~0U, 0))
		return;
#endif
	/* Before Linux 5.9. Ours are low; those that our parent left us are, as a rule. */
	for (fd = first; fd < 65536; fd++)
		close(fd);
}

/* Puts the ends where passt finds them, whatever is there now; nothing else stays open. */
static int arrange_descriptors(const struct ends *ends)
{
	int passt = fcntl(ends->passt, F_DUPFD, REPORT_FD + 1);
	int voice = fcntl(ends->voice, F_DUPFD, REPORT_FD + 1);
	int null = open("/dev/null", O_RDWR);

	if (passt < 0 || voice < 0 || null < 0)
		return -errno;
	if (dup2(null, STDIN_FILENO) < 0 || dup2(voice, STDOUT_FILENO) < 0 ||
	    dup2(voice, STDERR_FILENO) < 0 || dup2(passt, PASST_FD) < 0 ||
	    dup3(ends->reports, REPORT_FD, O_CLOEXEC) < 0)
		return -errno;
	close_from(REPORT_FD + 1);
	return 0;
}

static _Noreturn void become_passt(const struct start *start, struct ends *ends)
{
	struct report report = { 0 };
	int ret;

	ends->reports = fcntl(ends->reports, F_DUPFD, REPORT_FD + 1);
	ret = arrange_descriptors(ends);
	if (!ret) {
		ends->reports = REPORT_FD;
		/* Nobody hears what it says later on: no reason to die of it. */
		signal(SIGPIPE, SIG_IGN);
		execvp(start->words.argv[0], start->words.argv);
		ret = -errno;
	}
	report.exec_error = -ret;
	_exit(write(ends->reports, &report, sizeof(report)) < 0 ? 126 : 127);
}

static void end_group(int sig)
{
	signal(sig, SIG_DFL);
	kill(0, sig);
}

/*
 * Keeper and passt do not outlive a launcher that is ended before passt is ready. From then on
 * there is no keeper, whom SIGKILL ends alone, and the end of its connection is what ends passt.
 */
static void end_with(pid_t launcher)
{
	if (signal(SIGTERM, end_group) == SIG_IGN)
		signal(SIGTERM, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != launcher)
		raise(SIGTERM);
}

/* The keeper, in a session of its own, so that what is typed at the terminal is QEMU's alone. */
static _Noreturn void keep_passt(const struct start *start, struct ends *ends, pid_t launcher)
{
	struct report report = { 0 };
	pid_t passt;

	setsid();
	end_with(launcher);
	signal(SIGCHLD, SIG_DFL);
	passt = fork();
	if (!passt)
		become_passt(start, ends);
	if (passt < 0)
		report.exec_error = errno;
	/* What it held open would hide that passt closes its own. */
	close(ends->passt);
	close(ends->voice);
	close(start->fd);
	while (passt > 0 && waitpid(passt, &report.status, 0) < 0 && errno == EINTR)
		;
	_exit(write(ends->reports, &report, sizeof(report)) < 0);
}

/* Makes the socket pair and the pipes and forks: 0 or -errno, and the caller closes all ends. */
static int fork_keeper(struct start *start, struct ends *ends)
{
	const pid_t launcher = getpid();
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return -errno;
	start->fd = pair[0];
	ends->passt = pair[1];
	if (pipe2(pair, O_CLOEXEC))
		return -errno;
	start->reports = pair[0];
	ends->reports = pair[1];
	if (pipe2(pair, O_CLOEXEC))
		return -errno;
	start->voice = pair[0];
	ends->voice = pair[1];
	fcntl(start->reports, F_SETFL, O_NONBLOCK);
	fcntl(start->voice, F_SETFL, O_NONBLOCK);

	start->sigchld_waits = sigchld_waits();
	start->keeper = fork();
	if (!start->keeper)
		keep_passt(start, ends, launcher);
	return start->keeper < 0 ? -errno : 0;
}

static void close_if_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* Starts passt and asks it for an answer: 0 or -errno. */
static int launch(struct start *start)
{
	struct ends ends = { -1, -1, -1 };
	int ret;

	ret = fork_keeper(start, &ends);
	close_if_open(ends.passt);
	close_if_open(ends.reports);
	close_if_open(ends.voice);
	if (!ret) {
		ret = passt_ask(start->fd);
		/* Gone already: its exit status tells more. */
		if (ret == -EPIPE || ret == -ECONNRESET)
			ret = 0;
	}
	return ret;
}

/*
 * Takes in what passt says; of much only the end is kept, and nothing of the help that some of its
 * errors end with.
 */
static void hear(struct start *start)
{
	size_t half = sizeof(start->said) / 2;
	char *help;
	ssize_t len;

	while (start->voice >= 0) {
		if (start->said_len > half) {
			memmove(start->said, start->said + start->said_len - half, half);
			start->said_len = half;
		}
		len = read(start->voice, start->said + start->said_len, half - 1);
		if (len < 0)
			return;
		if (!len) {
			close(start->voice);
			start->voice = -1;
		}
		if (start->said_all)
			continue;
		start->said_len += (size_t)len;
		start->said[start->said_len] = '\0';
		help = strstr(start->said, "Usage:");
		if (help) {
			start->said_len = (size_t)(help - start->said);
			start->said_all = true;
		}
	}
}

static void take_report(struct start *start)
{
	ssize_t len = read(start->reports, &start->report, sizeof(start->report));

	/* The end of the pipe without a report: somebody has killed the keeper. */
	if (!len)
		start->report.status = SIGKILL;
	start->reported = len >= 0;
}

static void look(struct start *start)
{
	int ret;

	hear(start);
	if (!start->reported)
		take_report(start);
	ret = passt_answered(start->fd);
	start->answered = ret > 0;
	start->hung_up = ret < 0;
}

static bool failed(const struct start *start)
{
	return start->reported && (start->report.exec_error || start->report.status);
}

/* Waits until passt has answered, failed, or is not going to do either. */
static void wait_until_ready(struct start *start)
{
	int64_t now = sys_now_ms();
	int64_t deadline = now + START_MS;
	bool reported = false, hung_up = false;

	for (look(start); !start->answered && !failed(start) && now < deadline; look(start)) {
		struct pollfd pollfds[] = {
			{ .fd = start->reported ? -1 : start->reports, .events = POLLIN },
			{ .fd = start->hung_up ? -1 : start->fd, .events = POLLIN },
			{ .fd = start->voice, .events = POLLIN },
		};

		if (start->hung_up && start->reported)
			return;
		if (start->reported != reported)
			deadline = now + CHECK_REPLY_MS;
		if (start->hung_up != hung_up)
			deadline = now + STATUS_MS;
		reported = start->reported;
		hung_up = start->hung_up;
		sys_poll(pollfds, 3, (int)(deadline - now));
		now = sys_now_ms();
	}
	hear(start);
}

/* The last line that passt said, but for its complaints that there is no system log. */
static const char *last_words(struct start *start)
{
	static const char complaint[] = "Failed to send ";
	const char *last = "it said nothing";
	char *line;

	start->said[start->said_len] = '\0';
	for (line = strtok(start->said, "\n"); line; line = strtok(NULL, "\n")) {
		if (strncmp(line, complaint, sizeof(complaint) - 1))
			last = line;
	}
	return last;
}

static void report_failure(struct start *start)
{
	const char *name = start->words.argv[0];
	int status = start->report.status;
	const char *said = last_words(start);

	if (start->report.exec_error)
		message_error(start->log, "--passt: can't run %s: %s", name,
			      strerror(start->report.exec_error));
	else if (start->reported && WIFSIGNALED(status))
		message_error(start->log, "--passt: %s was ended by signal %d: %s", name,
			      WTERMSIG(status), said);
	else if (start->reported && status)
		message_error(start->log, "--passt: %s failed with status %d: %s", name,
			      WEXITSTATUS(status), said);
	else if (start->hung_up)
		message_error(start->log,
			      "--passt: %s does not serve descriptor " PASST_FD_S ": %s", name,
			      said);
	else
		message_error(start->log, "--passt: %s was not ready after %d s: %s", name,
			      START_MS / 1000, said);
}

/* Is it up? If so a passt that is in the background but mute is a warning. */
static bool is_ready(const struct start *start)
{
	if (start->answered)
		return true;
	if (failed(start) || start->hung_up || !start->reported)
		return false;
	message_warning(start->log, "--passt: %s runs, but does not answer", start->words.argv[0]);
	return true;
}

/* The keeper goes; a passt that is not ready goes with it, at the latest when its socket closes. */
static void dismiss_keeper(const struct start *start, bool ready)
{
	if (start->keeper <= 0)
		return;
	if (!ready)
		kill(-start->keeper, SIGTERM);
	kill(start->keeper, SIGKILL);
	while (waitpid(start->keeper, NULL, 0) < 0 && errno == EINTR)
		;
	if (!start->sigchld_waits)
		sigchld_take_back();
}

/* The command line: what the user gave, and the descriptor. 0, or -1 after a message. */
static int make_words(struct start *start, const char *command)
{
	int ret = words_split(command, &start->words);

	if (ret == -EINVAL) {
		message_error(start->log, "--passt: a quote does not end: %s", command);
		return -1;
	}
	if (!ret && !start->words.count) {
		message_error(start->log, "--passt: no command in it; leave it out for passt");
		return -1;
	}
	if (!ret)
		ret = words_add(&start->words, "--fd");
	if (!ret)
		ret = words_add(&start->words, PASST_FD_S);
	if (ret)
		message_error(start->log, "--passt: %s", strerror(-ret));
	return ret ? -1 : 0;
}

int private_passt_start(const struct log *log, const char *command, struct connection *connection)
{
	struct start start = { .log = log, .fd = -1, .reports = -1, .voice = -1 };
	bool ready = false;
	int ret = -1;

	if (!make_words(&start, command)) {
		ret = launch(&start);
		if (ret)
			message_error(log, "--passt: %s", strerror(-ret));
	}
	if (!ret) {
		wait_until_ready(&start);
		ready = is_ready(&start);
		if (!ready)
			report_failure(&start);
	}
	dismiss_keeper(&start, ready);
	words_free(&start.words);
	close_if_open(start.reports);
	close_if_open(start.voice);
	if (!ready) {
		close_if_open(start.fd);
		return -1;
	}
	connection->fd = start.fd;
	connection->path[0] = '\0';
	return 0;
}
