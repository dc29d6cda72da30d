/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * handoff store: the store's number, as QRAP_SHIM has it
 * handoff NAME=NUMBER...: the value of QRAP_SHIM with other members, sound for all that the shim
 * sees
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shim/common/handoff.h"

static bool set_member(struct handoff *handoff, const char *setting)
{
	const char *value = strchr(setting, '=');
	uint64_t n = value ? strtoull(value + 1, NULL, 10) : 0;

	if (value && !strncmp(setting, "fd=", 3))
		handoff->fd = (int32_t)n;
	else if (value && !strncmp(setting, "cookie=", 7))
		handoff->socket.cookie = n;
	else if (value && !strncmp(setting, "store-cookie=", 13))
		handoff->store_id.cookie = n;
	else
		return false;
	return true;
}

int main(int argc, char **argv)
{
	static char text[HANDOFF_SIZE];
	static struct handoff handoff;
	const char *value = getenv(HANDOFF_VARIABLE);

	if (!value || !handoff_read(value, &handoff) || argc < 2)
		return 2;
	if (!strcmp(argv[1], "store"))
		return printf("%d\n", handoff.store) < 0;
	for (int i = 1; i < argc; i++) {
		if (!set_member(&handoff, argv[i]))
			return 2;
	}
	handoff_write(&handoff, text);
	return puts(text) < 0;
}
