/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Our two entries in a program's environment: the handoff and LD_PRELOAD. */
#ifndef QRAP_ENVIRON_H
#define QRAP_ENVIRON_H

#include <stdbool.h>

struct handoff;

/* Longest name of a sanitizer's runtime. */
#define ENVIRONMENT_NAME_MAX 63

/* Where a variable is in an environment, or NULL. */
char **environment_slot(char **envp, const char *name);

/* Its value in place, or NULL if there is none or it is empty. */
char *environment_find(char **envp, const char *name);

/**
 * environment_prepare() - Get ready to leave the environment with one store for each slot
 * @envp:	The program's environment, while nothing else looks at it
 *
 * Moves our entries to the end, where a NULL takes them away.
 */
void environment_prepare(char **envp);

/*
 * Takes our entries out of @envp, the environment that children get from now on. What is to stay of
 * LD_PRELOAD, other people's libraries, stays.
 */
void environment_leave(char **envp);

/* Remembers where the shim is, from the environment that the program was started with. */
void environment_note(char **envp);

/* Can a program that is executed now read the shim there, in this root and as this user? */
bool environment_shows_shim(void);

/* Are both entries in it? @runtime: what stands in front of the shim, "" for nothing. */
bool environment_has_us(char *const *envp, char runtime[ENVIRONMENT_NAME_MAX + 1]);

/**
 * environment_return() - A copy of an environment, with our entries in it
 * @envp:	Environment, whose own entries of these names are left out; or NULL
 * @handoff:	What the handoff says
 * @without_runtime: The first library of its LD_PRELOAD goes
 *
 * The shim is the first library of LD_PRELOAD, others of @envp follow. The copy is a mapping of its
 * own, since exec wants it for a moment only: a vfork child that succeeds leaves it to its parent.
 *
 * Return: for environment_free(), or NULL where there is no memory
 */
char **environment_return(char *const *envp, const struct handoff *handoff, bool without_runtime);

/* Gives back what environment_return() made. */
void environment_free(char **envp);

#endif /* QRAP_ENVIRON_H */
