/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Launcher and shim each carry their version in a note of their ELF file (elf(5), PT_NOTE), where
 * it can be read without running them: is that shim ours, is that "kvm" qrap under another name?
 */
#ifndef QRAP_ELF_NOTE_H
#define QRAP_ELF_NOTE_H

#include <stdint.h>

/* Owner of our notes, as it stands in n_name. */
#define NOTE_OWNER "qrap"

/* n_type: which of the two programs this is. */
enum note_type {
	NOTE_SHIM = 1,
	NOTE_LAUNCHER = 2,
};

/* Attributes of the one struct note of each program; the linker makes a PT_NOTE of the section. */
#define NOTE_SECTION __attribute__((section(".note.qrap"), aligned(4), used))

/**
 * struct note - A note as it stands in the file
 * @owner_size:	Bytes of @owner, with its NUL
 * @desc_size:	Bytes of @desc, with its NUL
 * @type:	enum note_type
 * @owner:	NOTE_OWNER, padded to a multiple of 4 bytes
 * @desc:	Version, padded to a multiple of 4 bytes
 */
struct note {
	uint32_t owner_size;
	uint32_t desc_size;
	uint32_t type;
	char owner[(sizeof(NOTE_OWNER) + 3) / 4 * 4];
	char desc[(sizeof(QRAP_VERSION) + 3) / 4 * 4];
};

#endif /* QRAP_ELF_NOTE_H */
