/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The launcher's version, for people and for a launcher that meets another on its way to QEMU. */
#ifndef QRAP_VERSION_H
#define QRAP_VERSION_H

/* --version, on stdout: "qrap VERSION". A program that calls it carries the launcher's note. */
void version_print(void);

#endif /* QRAP_VERSION_H */
