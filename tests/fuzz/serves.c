/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A frame of the guest's: no byte behind its end is read, and what says that a service is there has
 * both its port and the flags in it. Input: the frame.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "shim/link/serves.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint16_t port = serves_port(data, size);
	bool found = !port;

	for (size_t at = 34; !found && at + 20 <= size; at++) {
		found = (data[at] << 8 | data[at + 1]) == port && (data[at + 13] & 0x16) == 0x12;
	}
	if (!found)
		abort();
	/* More behind it changes nothing of what was found. */
	if (port && size < SERVES_BYTES) {
		uint8_t more[SERVES_BYTES] = { 0 };

		memcpy(more, data, size);
		if (serves_port(more, sizeof(more)) != port)
			abort();
	}
	return 0;
}
