/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Build-id of a place's file. */
#include "launcher/report/place.h"

#include <inttypes.h>

#include "launcher/preload/elf.h"

char *place_describe(struct arena *arena, const char *module, uint64_t offset)
{
	struct buffer out = { .arena = arena };
	struct elf elf;

	buffer_add_text(&out, arena_format(arena, "%s+0x%" PRIx64, module, offset));
	if (elf_read(module, &elf)) {
		buffer_add_text(&out, ", which cannot be read now");
		return out.text;
	}
	buffer_add_text(&out, elf.build_id_size ? ", build-id " : ", no build-id");
	for (size_t i = 0; i < elf.build_id_size; i++)
		buffer_add_text(&out, arena_format(arena, "%02x", elf.build_id[i]));
	return out.text;
}
