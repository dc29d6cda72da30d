/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which descriptor numbers the arguments of a program speak of. */
#ifndef QRAP_FD_ARGS_H
#define QRAP_FD_ARGS_H

#include <stdbool.h>

/**
 * mentions_descriptor() - Does a word of a command line name this number as a descriptor?
 * @word:	One argument, or several in one (sh -c '...')
 * @fd:		Descriptor number
 *
 * Known forms: fd=N, fds=A:B, vhostfd=, vhostfds=, sockfd=, "fd":"N" (any blanks and quotes),
 * addr.str=N and its JSON form, fd:N, /dev/fd/N, /proc/self/fd/N.
 *
 * Return: true if it does
 */
bool mentions_descriptor(const char *word, int fd);

/**
 * arg_names_fd() - Does a word of QEMU's command line say that a network is on this number?
 * @word:	One argument, or several in one (sh -c '...')
 * @fd:		Descriptor number
 *
 * A part of the above: fd=N and addr.str=N as properties, as they follow a comma, a blank or a
 * quote, and the same in JSON. Not --fd=N, clientfd=N or /dev/fd/N, which other programs have for
 * files of their own.
 *
 * Return: true if it does
 */
bool arg_names_fd(const char *word, int fd);

/**
 * arg_names_qemu() - Is a word, or one of several in one (sh -c '...'), the name or path of a QEMU?
 * @word:	One argument
 *
 * "qemu", "kvm", "qemu-...", with or without a directory: what its packages install. But not
 * "qemu-bridge-helper", which QEMU runs.
 *
 * Return: true if it is
 */
bool arg_names_qemu(const char *word);

#endif /* QRAP_FD_ARGS_H */
