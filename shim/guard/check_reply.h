/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The trial exec of qrap --check: the launcher starts a program with the shim and this variable,
 * the number of a pipe's descriptor. A shim that was loaded writes "qrap VERSION\n" to it and ends
 * the process with status 0, before anything of the program has run.
 */
#ifndef QRAP_CHECK_REPLY_H
#define QRAP_CHECK_REPLY_H

#define CHECK_REPLY_VARIABLE "QRAP_CHECK"

/* What the shim writes. */
#define CHECK_REPLY_LINE "qrap " QRAP_VERSION "\n"

/* Answers if the environment asks for it, and then does not return; for the constructor. */
void check_reply(char **envp);

#endif /* QRAP_CHECK_REPLY_H */
