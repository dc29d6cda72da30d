/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which descriptor numbers the arguments of a program speak of. */
#ifndef QRAP_MENTION_H
#define QRAP_MENTION_H

#include <stdbool.h>

/**
 * mentions_descriptor() - Does a word of a command line name this number as a descriptor?
 * @word:	One argument, or several in one (sh -c '...')
 * @fd:		Descriptor number
 *
 * Known forms: fd=N, fds=A:B, vhostfd=, vhostfds=, sockfd=, "fd":"N" (any blanks and quotes),
 * addr.str=N and its JSON form, fd:N, /dev/fd/N, /proc/self/fd/N (QEMU.md, section 4).
 *
 * Return: true if it does
 */
bool mentions_descriptor(const char *word, int fd);

#endif /* QRAP_MENTION_H */
