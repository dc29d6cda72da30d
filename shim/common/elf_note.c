/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The shim's version, for the launcher that is about to load it. */
#include "shim/common/elf_note.h"

static const struct note note NOTE_SECTION = {
	.owner_size = sizeof(NOTE_OWNER),
	.desc_size = sizeof(QRAP_VERSION),
	.type = NOTE_SHIM,
	.owner = NOTE_OWNER,
	.desc = QRAP_VERSION,
};
