/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A job: QEMU, its passt and a command are processes below one that ends them all (supervise.h),
 * and qrap itself waits for that one, passes signals on and ends with the job's status.
 */
#ifndef QRAP_JOB_H
#define QRAP_JOB_H

#include <signal.h>
#include <stdbool.h>

#include "launcher/base/guest_network.h"
#include "launcher/base/settings.h"

/**
 * struct job - A job as the process sees it that becomes QEMU
 * @settings:	This run
 * @network:	Its forwards, of which host ports may still be chosen
 * @mask:	Signals that the caller had blocked
 * @control:	Socket to the one who observes the guest (shim/common/control.h), or -1
 * @channel:	Socket to the supervisor, or -1: there is no job
 * @out:	What QEMU gets as standard output, or -1 for ours
 * @err:	... and as standard error
 */
struct job {
	const struct settings *settings;
	const struct guest_network *network;
	sigset_t mask;
	int control;
	int channel;
	int out;
	int err;
};

/**
 * job_begin() - Go on below a supervisor
 * @job:	With @settings and @network; all else is filled
 * @no_shim:	Why QEMU runs without the shim, or NULL: it does not
 *
 * Nothing has been started. The process that called does not come back: it ends with the job's
 * status.
 *
 * Return: 0 in the process that is to become QEMU, or where no job is wanted; -1 after a message
 */
int job_begin(struct job *job, const char *no_shim);

/*
 * There is a connection: @is_private, the forwards are served, and their ports are known. Return:
 * 0, or -1 after a message, where a port was to be ready that is not served.
 */
int job_connected(const struct job *job, bool is_private);

/* QEMU is executed next: its output goes where the job wants it. */
void job_before_exec(const struct job *job);

/* QEMU is not run: this process ends with that status of qrap's own. */
void job_failed(const struct job *job, int status);

#endif /* QRAP_JOB_H */
