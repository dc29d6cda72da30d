/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tells the launcher, under whatever name and in whatever copy, from QEMU. */
#include "version.h"

#include <stdio.h>

#include "../shim/note.h"

static const struct note note NOTE_SECTION = {
	.owner_size = sizeof(NOTE_OWNER),
	.desc_size = sizeof(QRAP_VERSION),
	.type = NOTE_LAUNCHER,
	.owner = NOTE_OWNER,
	.desc = QRAP_VERSION,
};

void version_print(void)
{
	printf("qrap %s\n", note.desc);
}
