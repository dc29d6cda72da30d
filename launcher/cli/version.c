/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tells the launcher, under whatever name and in whatever copy, from QEMU. */
#include "launcher/cli/version.h"

#include <stdio.h>

#include "shim/common/elf_note.h"

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
