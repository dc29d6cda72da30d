/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Does a filter of system calls (seccomp(2)) that is in force already kill this program for a call
 * that only the shim makes? A child finds out, before the program itself runs. A filter that is
 * there is no reason to stand down: under Docker's and most others, all works.
 */
#ifndef QRAP_CALL_TRIAL_H
#define QRAP_CALL_TRIAL_H

#include <stdbool.h>

/**
 * struct call_trial - What came of it
 * @call:	Name of the first call that is killed, or NULL
 * @can_log:	What an event in the log takes is not killed, nor what tells the store
 */
struct call_trial {
	const char *call;
	bool can_log;
};

/**
 * call_trial() - Try all calls that only the shim makes in a child, once in this process
 *
 * Without a filter no child is made. The program notices none: its end sends no signal, and it is
 * waited for.
 *
 * Return: what came of it; no call where there could be no child
 */
const struct call_trial *call_trial(void);

/* Is there a filter at all? Then what is rarely needed, and rarely allowed, is not done. */
bool call_trial_is_filtered(void);

#endif /* QRAP_CALL_TRIAL_H */
