/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A job's supervisor: QEMU, the supervisor of a private passt and the command are its children, and
 * what they leave behind becomes its child (prctl(2), PR_SET_CHILD_SUBREAPER). It ends all of them,
 * also when qrap itself is killed.
 */
#ifndef QRAP_SUPERVISE_H
#define QRAP_SUPERVISE_H

#include "launcher/job/job.h"
#include "launcher/job/ready.h"

/* What qrap itself tells the supervisor: a signal has come. */
struct job_signal {
	int number;
	bool typed; /* by the terminal, which sends it to the command as well */
};

/* What it is told at the end: @signal is what to end by, or 0. */
struct job_end {
	int status;
	int signal;
};

/* What the process that becomes QEMU tells the supervisor, each with @count numbers behind it. */
struct job_news {
	enum { JOB_PORTS, JOB_FAILED } kind;
	unsigned count;
	uint16_t numbers[]; /* host ports of the forwards; a status */
};

/**
 * supervise() - Become the supervisor, with a child that is to become QEMU
 * @job:	Filled for that child
 * @ready:	What is waited for
 * @front:	Socket to qrap itself
 * @group:	Process group of qrap itself
 *
 * Return: in the child only
 */
void supervise(struct job *job, struct ready *ready, int front, pid_t group);

#endif /* QRAP_SUPERVISE_H */
