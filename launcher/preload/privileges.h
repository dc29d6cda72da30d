/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Would exec give a program privileges that its caller does not have? */
#ifndef QRAP_PRIVILEGES_H
#define QRAP_PRIVILEGES_H

/**
 * privileges_gained() - Does exec of that program set AT_SECURE, for this user?
 * @path:	Executable, no script: the bits of a script mean nothing
 *
 * As security/commoncap.c of Linux decides it. A security module may have reasons of its own, which
 * only an exec tells.
 *
 * Return: NULL, or what gives them, in a word: "setuid", "setgid", "file capabilities", "the caller
 *	   has them"
 */
const char *privileges_gained(const char *path);

#endif /* QRAP_PRIVILEGES_H */
