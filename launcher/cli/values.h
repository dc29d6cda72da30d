/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the value of each of our own options is read. */
#ifndef QRAP_VALUES_H
#define QRAP_VALUES_H

#include "shim/common/log.h"

/**
 * struct given - A value as the user gave it
 * @text:	The value, or NULL if it was not given
 * @source:	"--socket" or "QRAP_SOCKET", for messages
 */
struct given {
	const char *text;
	const char *source;
};

/**
 * value_reader - Read a value into the settings
 * @log:	For messages
 * @given:	Value and source
 * @member:	What it goes into, the option's member of struct settings
 *
 * Return: 0, or -1 after a message
 */
typedef int value_reader(const struct log *log, const struct given *given, void *member);

/* For any member of its type: const char *, a path made absolute, bool on or off, bool true. */
value_reader value_text, value_path, value_switch, value_flag;

/* For one option each. */
value_reader value_socket, value_passt, value_publish, value_wait, value_trust, value_qemu,
	value_log, value_list, value_run, value_ready, value_timeout, value_result, value_status;

#endif /* QRAP_VALUES_H */
