/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Our own options, each with its environment variable: the command line fills the settings. */
#ifndef QRAP_OPTIONS_H
#define QRAP_OPTIONS_H

#include "launcher/base/settings.h"

/**
 * options_parse() - Read the command line and the environment
 * @argc:	As for main()
 * @argv:	As for main(); @settings keeps pointers into it
 * @settings:	Filled, defaults included
 *
 * Where the program runs with privileges gained at exec (AT_SECURE) the variables are ignored.
 *
 * Return: 0, or the exit status after a message
 */
int options_parse(int argc, char **argv, struct settings *settings);

/* --help, on stdout. README's table and the completion are held to it. */
void options_help(void);

/* --version, on stdout. */
void options_version(void);

#endif /* QRAP_OPTIONS_H */
