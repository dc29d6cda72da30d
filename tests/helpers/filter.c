/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * filter ACTION=CALL... -- COMMAND [ARGUMENT]...: runs COMMAND under a filter of system calls
 * (seccomp(2)) that does ACTION for each CALL, and lets all others through
 *
 * ACTION: kill (the process), thread (kill that), trap, enosys, eperm. CALL: its name as below, or
 * fork: a clone that makes no thread.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_clone3
#define SYS_clone3 435
#endif

#define RULES_MAX 64

#define CALL(name)                \
	{                         \
#name, SYS_##name \
	}

static const struct {
	const char *name;
	int number;
} calls[] = {
	CALL(clock_gettime),  CALL(clone),
	CALL(clone3),         CALL(dup3),
	CALL(epoll_create1),  CALL(epoll_ctl),
	CALL(epoll_pwait),    CALL(fstat),
	CALL(getcwd),         CALL(geteuid),
	CALL(getppid),        CALL(getpeername),
	CALL(getrandom),      CALL(inotify_add_watch),
	CALL(inotify_init1),  CALL(inotify_rm_watch),
	CALL(ioctl),          CALL(memfd_create),
	CALL(prctl),          CALL(prlimit64),
	CALL(pwrite64),       CALL(readlinkat),
	CALL(recvmsg),        CALL(rt_sigpending),
	CALL(rt_sigprocmask), CALL(rt_sigtimedwait),
	CALL(sendmsg),        CALL(sendto),
	CALL(setsockopt),     CALL(shutdown),
	CALL(socketpair),     CALL(wait4),
	CALL(waitid),
};

static const struct {
	const char *name;
	unsigned value;
} actions[] = {
	{ "kill", SECCOMP_RET_KILL_PROCESS },   { "thread", SECCOMP_RET_KILL_THREAD },
	{ "trap", SECCOMP_RET_TRAP },           { "enosys", SECCOMP_RET_ERRNO | ENOSYS },
	{ "eperm", SECCOMP_RET_ERRNO | EPERM },
};

static struct sock_filter rules[RULES_MAX];
static unsigned short count;

static void add(unsigned short code, unsigned k, unsigned char yes, unsigned char no)
{
	rules[count++] = (struct sock_filter)BPF_JUMP(code, k, yes, no);
}

static void load(size_t offset)
{
	add(BPF_LD | BPF_W | BPF_ABS, (unsigned)offset, 0, 0);
}

/* "ACTION=CALL": 0, or -1 if there is no such thing. */
static int add_rule(const char *word)
{
	const char *name = strchr(word, '=');
	const unsigned none = SECCOMP_RET_LOG;
	unsigned action = none;
	int number = -1;

	for (size_t i = 0; name && i < sizeof(actions) / sizeof(*actions); i++) {
		if (strlen(actions[i].name) == (size_t)(name - word) &&
		    !strncmp(actions[i].name, word, (size_t)(name - word)))
			action = actions[i].value;
	}
	for (size_t i = 0; name && i < sizeof(calls) / sizeof(*calls); i++) {
		if (!strcmp(calls[i].name, name + 1))
			number = calls[i].number;
	}
	if (name && !strcmp(name, "=fork")) {
		add(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 4);
		load(offsetof(struct seccomp_data, args[0]));
		add(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 1, 0);
		add(BPF_RET | BPF_K, action, 0, 0);
		load(offsetof(struct seccomp_data, nr));
		return action != none ? 0 : -1;
	}
	add(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 1);
	add(BPF_RET | BPF_K, action, 0, 0);
	return action != none && number >= 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
	struct sock_fprog program = { .filter = rules };
	int i;

	load(offsetof(struct seccomp_data, nr));
	for (i = 1; i < argc && strcmp(argv[i], "--") && count + 6 < RULES_MAX; i++) {
		if (add_rule(argv[i])) {
			fprintf(stderr, "filter: %s: no such rule\n", argv[i]);
			return 2;
		}
	}
	add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
	program.len = count;
	if (argc - i < 2 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
		perror("filter");
		return 2;
	}
	execvp(argv[i + 1], argv + i + 1);
	perror(argv[i + 1]);
	return 2;
}
