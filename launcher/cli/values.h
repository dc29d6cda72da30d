/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Our own options one by one: name, variable, and how the value is read. */
#ifndef QRAP_VALUES_H
#define QRAP_VALUES_H

#include "launcher/cli/options.h"

enum takes {
	TAKES_VALUE,    /* --opt VALUE, --opt=VALUE */
	TAKES_OPTIONAL, /* --opt, --opt=VALUE */
	TAKES_NOTHING,  /* --opt */
};

/**
 * struct given - A setting as the user gave it
 * @value:	Its value, or NULL if it was not given
 * @source:	"--socket" or "QRAP_SOCKET", for messages
 */
struct given {
	const char *value;
	const char *source;
};

/**
 * struct setting - One of our own options
 * @option:	With its dashes
 * @variable:	Environment variable that does the same, or NULL
 * @takes:	Whether it has a value
 * @fallback:	Value where none has to be given
 * @apply:	Puts the value into the options: 0, or -1 after a message
 */
struct setting {
	const char *option;
	const char *variable;
	enum takes takes;
	const char *fallback;
	int (*apply)(struct settings *options, const struct given *given);
};

/* Index of each; messages need the level of the log, so that one is applied first. */
enum {
	SETTING_LOG,
	SETTING_SOCKET,
	SETTING_PASST,
	SETTING_QEMU,
	SETTINGS = 14,
};

extern const struct setting settings[SETTINGS];

/* Fills in what holds when nothing is given. */
void settings_default(struct settings *options);

/* Would that command, a name or a path, be qrap again? */
bool settings_names_qrap(const char *command);

#endif /* QRAP_VALUES_H */
