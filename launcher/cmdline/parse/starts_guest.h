/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Does a command line of QEMU start a guest, or does it only ask QEMU something? */
#ifndef QRAP_STARTS_GUEST_H
#define QRAP_STARTS_GUEST_H

#include <stdbool.h>

/**
 * starts_guest() - Does this command line start a guest?
 * @args:	QEMU's arguments without argv[0], NULL-terminated
 *
 * Not for -version, -help, -h, -machine none, -device help and the other help values: such a run
 * goes straight to QEMU. Decided from the parsed line.
 *
 * Return: true if it does
 */
bool starts_guest(char **args);

#endif /* QRAP_STARTS_GUEST_H */
