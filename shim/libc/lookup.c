/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The symbol tables of loaded objects (elf(5); "ELF: symbol hash tables" of the gABI). */
#include "shim/libc/lookup.h"

#include <link.h>
#include <stdbool.h>
#include <string.h>

/* In DT_VERSYM: not the default version of that name. */
#define VERSION_HIDDEN 0x8000

/* Numbers in DT_HASH are 32 bits wide, on s390x and alpha as wide as an address. */
#if defined(__s390x__) || defined(__alpha__)
typedef uint64_t sysv_word;
#else
typedef uint32_t sysv_word;
#endif

/**
 * struct object - The tables of a loaded object
 * @base:	What its addresses are relative to
 * @symbols:	DT_SYMTAB
 * @names:	DT_STRTAB
 * @versions:	DT_VERSYM, or NULL
 * @gnu_hash:	DT_GNU_HASH, or NULL
 * @sysv_hash:	DT_HASH, or NULL
 */
struct object {
	uintptr_t base;
	const ElfW(Sym) * symbols;
	const char *names;
	const uint16_t *versions;
	const uint32_t *gnu_hash;
	const sysv_word *sysv_hash;
};

/**
 * struct search - A walk through all objects
 * @wanted:	What is looked for
 * @count:	How many
 * @missing:	How many were not found yet
 * @behind:	Our own object has been passed
 */
struct search {
	struct wanted *wanted;
	size_t count;
	size_t missing;
	bool behind;
};

/* glibc has put an address in place of most offsets, musl has not, nor for what is read-only. */
static const void *at(const struct object *object, uintptr_t where)
{
	return (const void *)(where < object->base ? object->base + where : where);
}

static const ElfW(Dyn) * dynamic_section(const struct dl_phdr_info *info)
{
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
			return (const void *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
	}
	return NULL;
}

/* False for an object that no symbol can be looked up in. */
static bool read_object(const struct dl_phdr_info *info, struct object *object)
{
	const ElfW(Dyn) *entry = dynamic_section(info);

	memset(object, 0, sizeof(*object));
	object->base = info->dlpi_addr;
	for (; entry && entry->d_tag != DT_NULL; entry++) {
		if (entry->d_tag == DT_SYMTAB)
			object->symbols = at(object, entry->d_un.d_ptr);
		else if (entry->d_tag == DT_STRTAB)
			object->names = at(object, entry->d_un.d_ptr);
		else if (entry->d_tag == DT_VERSYM)
			object->versions = at(object, entry->d_un.d_ptr);
		else if (entry->d_tag == DT_GNU_HASH)
			object->gnu_hash = at(object, entry->d_un.d_ptr);
		else if (entry->d_tag == DT_HASH)
			object->sysv_hash = at(object, entry->d_un.d_ptr);
	}
	return object->symbols && object->names && (object->gnu_hash || object->sysv_hash);
}

/* Is it a function of that name, defined here, in its default version? */
static bool fits(const struct object *object, size_t index, const char *name)
{
	const ElfW(Sym) *symbol = &object->symbols[index];
	unsigned char type = symbol->st_info & 0xf;

	if (symbol->st_shndx == SHN_UNDEF || !symbol->st_value ||
	    (type != STT_FUNC && type != STT_NOTYPE))
		return false;
	if (object->versions && object->versions[index] & VERSION_HIDDEN)
		return false;
	return !strcmp(object->names + symbol->st_name, name);
}

/* Index of the symbol, or 0, which is none's. */
static size_t find_by_gnu_hash(const struct object *object, const struct wanted *wanted)
{
	const unsigned bits = 8 * sizeof(ElfW(Addr));
	const uint32_t *table = object->gnu_hash;
	uint32_t buckets = table[0], first = table[1], words = table[2], shift = table[3];
	uint32_t hash = wanted->gnu_hash, index;
	const ElfW(Addr) *bloom = (const void *)(table + 4);
	const uint32_t *bucket = (const void *)(bloom + words);
	const uint32_t *chain = bucket + buckets;
	ElfW(Addr) word;

	if (!buckets || !words)
		return 0;
	word = bloom[hash / bits & (words - 1)];
	if (!(word >> hash % bits & word >> (hash >> shift) % bits & 1))
		return 0;
	index = bucket[hash % buckets];
	for (; index >= first; index++) {
		uint32_t other = chain[index - first];

		if ((other | 1) == (hash | 1) && fits(object, index, wanted->name))
			return index;
		if (other & 1)
			break;
	}
	return 0;
}

static size_t find_by_sysv_hash(const struct object *object, const struct wanted *wanted)
{
	const sysv_word *table = object->sysv_hash;
	sysv_word buckets = table[0], index;
	const sysv_word *chain = table + 2 + buckets;

	if (!buckets)
		return 0;
	for (index = table[2 + wanted->sysv_hash % buckets]; index; index = chain[index]) {
		if (fits(object, index, wanted->name))
			return index;
	}
	return 0;
}

static void look_into(struct search *search, const struct object *object)
{
	struct wanted *wanted = search->wanted, *end = wanted + search->count;
	size_t index;

	for (; wanted < end; wanted++) {
		if (wanted->function)
			continue;
		if (object->gnu_hash)
			index = find_by_gnu_hash(object, wanted);
		else
			index = find_by_sysv_hash(object, wanted);
		if (!index)
			continue;
		wanted->function = object->base + object->symbols[index].st_value;
		search->missing--;
	}
}

static bool is_own_object(const struct dl_phdr_info *info)
{
	const uintptr_t own = (uintptr_t)lookup_behind;

	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];

		if (segment->p_type == PT_LOAD &&
		    own - (info->dlpi_addr + segment->p_vaddr) < segment->p_memsz)
			return true;
	}
	return false;
}

static int visit(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct search *search = arg;
	struct object object;

	(void)size;
	if (!search->behind)
		search->behind = is_own_object(info);
	else if (read_object(info, &object))
		look_into(search, &object);
	return !search->missing;
}

static void hash_name(struct wanted *wanted)
{
	uint32_t gnu = 5381, sysv = 0;

	for (const unsigned char *p = (const unsigned char *)wanted->name; *p; p++) {
		gnu = gnu * 33 + *p;
		sysv = (sysv << 4) + *p;
		sysv = (sysv ^ (sysv >> 24 & 0xf0)) & 0x0fffffff;
	}
	wanted->gnu_hash = gnu;
	wanted->sysv_hash = sysv;
}

void lookup_behind(struct wanted *wanted, size_t count)
{
	struct search search = { .wanted = wanted, .count = count, .missing = count };

	for (size_t i = 0; i < count; i++) {
		wanted[i].function = 0;
		hash_name(&wanted[i]);
	}
	dl_iterate_phdr(visit, &search);
}
