/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Our two entries in a program's environment: the handoff and LD_PRELOAD. */
#ifndef QRAP_ENVIRON_H
#define QRAP_ENVIRON_H

/**
 * environment_find() - Find a variable
 * @envp:	Environment, or NULL
 * @name:	Its name
 *
 * Return: its value in place, or NULL if there is none or it is empty
 */
char *environment_find(char **envp, const char *name);

/**
 * environment_replace() - Put another entry into the slot of a variable
 * @envp:	Environment
 * @name:	Name of a variable in it; nothing happens if it is not
 * @entry:	"NAME=VALUE", in memory that lives as long as the process
 */
void environment_replace(char **envp, const char *name, char *entry);

/**
 * environment_prepare() - Get ready to leave the environment with one store for each slot
 * @envp:	The program's environment, while nothing else looks at it
 *
 * Moves our entries to the end, where a NULL takes them away, and prepares what is to stay of
 * LD_PRELOAD: other people's libraries.
 */
void environment_prepare(char **envp);

/* Takes our entries out of the environment that children get from now on. */
void environment_leave(void);

#endif /* QRAP_ENVIRON_H */
