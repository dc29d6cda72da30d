/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Symbol and build-id of a place in a program. */
#include "launcher/report/place.h"

#include <inttypes.h>
#include <stdio.h>

#include "launcher/preload/elf.h"

#define DEBUG_FILES "/usr/lib/debug/.build-id"

/* A build-id is a hash, of 20 bytes as a rule; as hexadecimal digits. */
#define BUILD_ID_BYTES  64
#define BUILD_ID_DIGITS (2 * BUILD_ID_BYTES + 1)

/* Build-id of a file (note NT_GNU_BUILD_ID, type 3), "" if it has none. */
static void read_build_id(const struct elf *elf, char id[BUILD_ID_DIGITS])
{
	unsigned char bytes[BUILD_ID_BYTES];
	long len = elf_note(elf, "GNU", NT_GNU_BUILD_ID, bytes, sizeof(bytes));

	id[0] = '\0';
	for (long i = 0; i < len && i < BUILD_ID_BYTES; i++)
		sprintf(id + 2 * i, "%02x", bytes[i]);
}

/* Looks a function up in the debugging file that belongs to a build-id. */
static bool find_debug_symbol(const char *id, uint64_t address, char name[ELF_NAME_MAX],
			      uint64_t *distance)
{
	char path[sizeof(DEBUG_FILES) + BUILD_ID_DIGITS + 16];
	struct elf elf;
	bool found;

	if (!id[0])
		return false;
	snprintf(path, sizeof(path), DEBUG_FILES "/%.2s/%s.debug", id, id + 2);
	if (elf_open(path, &elf))
		return false;
	found = elf_symbol(&elf, address, name, distance);
	elf_close(&elf);
	return found;
}

static bool find_symbol(const struct elf *elf, const char *id, uint64_t offset,
			char name[ELF_NAME_MAX], uint64_t *distance)
{
	uint64_t address;

	/* The byte before: a call that does not return may be the last of its function. */
	if (!offset || !elf_address(elf, offset - 1, &address))
		return false;
	if (!elf_symbol(elf, address, name, distance) &&
	    !find_debug_symbol(id, address, name, distance))
		return false;
	++*distance;
	return true;
}

char *place_describe(struct arena *arena, const char *module, uint64_t offset)
{
	struct buffer out = { .arena = arena };
	char name[ELF_NAME_MAX], id[BUILD_ID_DIGITS];
	uint64_t distance;
	struct elf elf;

	buffer_add_text(&out, arena_format(arena, "%s+0x%" PRIx64, module, offset));
	if (elf_open(module, &elf)) {
		buffer_add_text(&out, ", which cannot be read now");
		return out.text;
	}
	read_build_id(&elf, id);
	if (find_symbol(&elf, id, offset, name, &distance))
		buffer_add_text(&out, arena_format(arena, " (%s+0x%" PRIx64 ")", name, distance));
	buffer_add_text(&out, id[0] ? ", build-id " : ", no build-id");
	buffer_add_text(&out, id);
	elf_close(&elf);
	return out.text;
}
