/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Our two entries in a program's environment: the handoff and LD_PRELOAD. */
#ifndef QRAP_ENVIRON_H
#define QRAP_ENVIRON_H

struct handoff;

/**
 * environment_find() - Find a variable
 * @envp:	Environment, or NULL
 * @name:	Its name
 *
 * Return: its value in place, or NULL
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

/**
 * environment_return() - A copy of an environment, with our entries in it again
 * @envp:	Environment, whose own entries of these names are left out; or NULL
 * @handoff:	What the handoff says
 *
 * Behind environment_prepare(). The shim is the first library of LD_PRELOAD, others of @envp
 * follow. The copy is a mapping of its own, since exec wants it for a moment only.
 *
 * Return: for environment_free(), or NULL where there is no memory
 */
char **environment_return(char *const *envp, const struct handoff *handoff);
void environment_free(char **envp);

#endif /* QRAP_ENVIRON_H */
