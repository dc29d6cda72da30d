/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading ELF files that may be damaged or hostile. */
#include "launcher/preload/elf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* More than any real file has; less than would take long. */
#define SEGMENTS_MAX 256
#define DYNAMIC_MAX  4096
#define NOTES_MAX    65536
#define SECTIONS_MAX 4096
#define SYMBOLS_MAX  4000000
#define VERSIONS_MAX 4096

/* Symbols read at a time. */
#define SYMBOLS_CHUNK 1024

#define OWN_CLASS (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32)
#define OWN_DATA  (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB)

/* Pieces of the file that are kept: a table, and the strings that it names. */
#define PIECES      2
#define PIECE_BYTES 3072

/**
 * struct elf_pieces - What was read last: what is asked for next is beside it, as a rule
 * @offsets:	Where each is from
 * @lens:	Bytes of each
 * @bytes:	Contents
 * @oldest:	Used longest ago
 */
struct elf_pieces {
	uint64_t offsets[PIECES];
	size_t lens[PIECES];
	char bytes[PIECES][PIECE_BYTES];
	unsigned oldest;
};

static bool read_file(const struct elf *elf, uint64_t offset, void *buf, size_t len)
{
	ssize_t ret;

	do {
		ret = pread(elf->fd, buf, len, (off_t)offset);
	} while (ret < 0 && errno == EINTR);
	return ret == (ssize_t)len;
}

/* These @len bytes, at most %PIECE_BYTES, or NULL. */
static const char *find_bytes(const struct elf *elf, uint64_t offset, size_t len)
{
	struct elf_pieces *pieces = elf->pieces;
	uint64_t left = elf->size - offset;
	unsigned i;

	for (i = 0; i < PIECES; i++) {
		uint64_t at = offset - pieces->offsets[i];

		if (offset < pieces->offsets[i] || at > pieces->lens[i] ||
		    len > pieces->lens[i] - at)
			continue;
		pieces->oldest = !i;
		return pieces->bytes[i] + at;
	}
	i = pieces->oldest;
	pieces->oldest = !i;
	pieces->offsets[i] = offset;
	pieces->lens[i] = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
	if (read_file(elf, offset, pieces->bytes[i], pieces->lens[i]))
		return pieces->bytes[i];
	pieces->lens[i] = 0;
	return NULL;
}

static bool read_at(const struct elf *elf, uint64_t offset, void *buf, size_t len)
{
	const char *bytes;

	if (offset > elf->size || len > elf->size - offset)
		return false;
	if (len > PIECE_BYTES)
		return read_file(elf, offset, buf, len);
	bytes = find_bytes(elf, offset, len);
	if (bytes)
		memcpy(buf, bytes, len);
	return bytes;
}

/* A copy of @count things of @size bytes each, or NULL. */
static void *read_array(const struct elf *elf, uint64_t offset, size_t count, size_t size)
{
	void *array = count ? calloc(count, size) : NULL;

	if (array && read_at(elf, offset, array, count * size))
		return array;
	free(array);
	return NULL;
}

static bool read_string(const struct elf *elf, uint64_t offset, char *out, size_t size)
{
	if (offset >= elf->size)
		return false;
	if (size > elf->size - offset)
		size = (size_t)(elf->size - offset);
	return read_at(elf, offset, out, size) && memchr(out, '\0', size);
}

/* Offset in the file of an address: true if the file has it. */
static bool find_address(const struct elf *elf, uint64_t address, uint64_t *offset)
{
	for (size_t i = 0; i < elf->segment_count; i++) {
		const ElfW(Phdr) *load = &elf->segments[i];

		if (load->p_type != PT_LOAD || address < load->p_vaddr ||
		    address - load->p_vaddr >= load->p_filesz)
			continue;
		*offset = load->p_offset + (address - load->p_vaddr);
		return true;
	}
	return false;
}

bool elf_address(const struct elf *elf, uint64_t offset, uint64_t *address)
{
	for (size_t i = 0; i < elf->segment_count; i++) {
		const ElfW(Phdr) *load = &elf->segments[i];

		if (load->p_type != PT_LOAD || offset < load->p_offset ||
		    offset - load->p_offset >= load->p_filesz)
			continue;
		*address = load->p_vaddr + (offset - load->p_offset);
		return true;
	}
	return false;
}

static int read_segments(struct elf *elf)
{
	size_t count = elf->header.e_phnum;

	if (!count)
		return 0;
	if (count > SEGMENTS_MAX || elf->header.e_phentsize != sizeof(*elf->segments))
		return -ENOEXEC;
	elf->segments = read_array(elf, elf->header.e_phoff, count, sizeof(*elf->segments));
	if (!elf->segments)
		return -ENOEXEC;
	elf->segment_count = count;
	return 0;
}

static const ElfW(Phdr) * find_segment(const struct elf *elf, uint32_t type)
{
	for (size_t i = 0; i < elf->segment_count; i++) {
		if (elf->segments[i].p_type == type)
			return &elf->segments[i];
	}
	return NULL;
}

static int read_dynamic(struct elf *elf)
{
	const ElfW(Phdr) *segment = find_segment(elf, PT_DYNAMIC);
	size_t most = segment ? segment->p_filesz / sizeof(*elf->dynamic) : 0;
	size_t count = 0;

	if (!most)
		return 0;
	if (most > DYNAMIC_MAX)
		return -ENOEXEC;
	elf->dynamic = read_array(elf, segment->p_offset, most, sizeof(*elf->dynamic));
	if (!elf->dynamic)
		return -ENOEXEC;
	while (count < most && elf->dynamic[count].d_tag != DT_NULL)
		count++;
	elf->dynamic_count = count;
	return 0;
}

/* Regular files only: to open a device may do something, to read from a FIFO may wait. */
static int open_regular(const char *path, uint64_t *size)
{
	struct stat st;
	int fd;

	if (stat(path, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOEXEC;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return -ENOEXEC;
	}
	*size = (uint64_t)st.st_size;
	return fd;
}

static uint16_t machine_of(const ElfW(Ehdr) * header)
{
	/* e_machine is at the same place in both classes. */
	uint16_t machine = header->e_machine;

	return header->e_ident[EI_DATA] == OWN_DATA ? machine : __builtin_bswap16(machine);
}

static int read_header(struct elf *elf)
{
	/* The smaller header comes first, so that a short file of the other class is known. */
	if (!read_at(elf, 0, &elf->header, sizeof(Elf32_Ehdr)) ||
	    memcmp(elf->header.e_ident, ELFMAG, SELFMAG))
		return -ENOEXEC;
	elf->machine = machine_of(&elf->header);
	elf->native = elf->header.e_ident[EI_CLASS] == OWN_CLASS &&
		      elf->header.e_ident[EI_DATA] == OWN_DATA;
	if (!elf->native)
		return 0;
	if (!read_at(elf, 0, &elf->header, sizeof(elf->header)))
		return -ENOEXEC;
	if (read_segments(elf))
		return -ENOEXEC;
	return read_dynamic(elf);
}

int elf_open(const char *path, struct elf *elf)
{
	int ret;

	memset(elf, 0, sizeof(*elf));
	elf->fd = open_regular(path, &elf->size);
	if (elf->fd < 0)
		return elf->fd;
	elf->pieces = calloc(1, sizeof(*elf->pieces));
	ret = elf->pieces ? read_header(elf) : -ENOMEM;
	if (ret)
		elf_close(elf);
	return ret;
}

void elf_close(struct elf *elf)
{
	close(elf->fd);
	free(elf->segments);
	free(elf->dynamic);
	free(elf->pieces);
}

bool elf_interpreter(const struct elf *elf, char *path, size_t size)
{
	const ElfW(Phdr) *segment = find_segment(elf, PT_INTERP);

	if (!segment)
		return false;
	if (segment->p_filesz > size || !read_string(elf, segment->p_offset, path, size))
		*path = '\0';
	return true;
}

/* Value of the @index-th dynamic entry with this tag. */
static bool find_dynamic(const struct elf *elf, int64_t tag, size_t index, uint64_t *value)
{
	for (size_t i = 0; i < elf->dynamic_count; i++) {
		if (elf->dynamic[i].d_tag != tag || index--)
			continue;
		*value = elf->dynamic[i].d_un.d_val;
		return true;
	}
	return false;
}

static bool read_dynamic_string(const struct elf *elf, uint64_t at, char name[ELF_NAME_MAX])
{
	uint64_t table, offset;

	return find_dynamic(elf, DT_STRTAB, 0, &table) && find_address(elf, table, &offset) &&
	       at < elf->size && read_string(elf, offset + at, name, ELF_NAME_MAX);
}

bool elf_needed(const struct elf *elf, size_t index, char name[ELF_NAME_MAX])
{
	uint64_t at;

	return find_dynamic(elf, DT_NEEDED, index, &at) && read_dynamic_string(elf, at, name);
}

bool elf_soname(const struct elf *elf, char name[ELF_NAME_MAX])
{
	uint64_t at;

	return find_dynamic(elf, DT_SONAME, 0, &at) && read_dynamic_string(elf, at, name);
}

bool elf_is_pie(const struct elf *elf)
{
	return elf->native && elf->header.e_type == ET_DYN && elf->dynamic_count;
}

static size_t padded(size_t size, size_t align)
{
	return (size + align - 1) / align * align;
}

/* Looks for a note in the @len bytes of a segment: where its contents are, or NULL. */
static const char *search_notes(const char *notes, size_t len, size_t align, const char *owner,
				uint32_t type, size_t *desc_size)
{
	size_t at = 0;

	while (at < len && len - at >= sizeof(ElfW(Nhdr))) {
		ElfW(Nhdr) note;
		size_t name, desc;

		memcpy(&note, notes + at, sizeof(note));
		name = at + sizeof(note);
		if (note.n_namesz > len || note.n_descsz > len)
			return NULL;
		desc = padded(name + note.n_namesz, align);
		if (desc > len || note.n_descsz > len - desc)
			return NULL;
		if (note.n_type == type && note.n_namesz == strlen(owner) + 1 &&
		    !memcmp(notes + name, owner, note.n_namesz)) {
			*desc_size = note.n_descsz;
			return notes + desc;
		}
		at = padded(desc + note.n_descsz, align);
	}
	return NULL;
}

static long read_note(const struct elf *elf, const ElfW(Phdr) * segment, const char *owner,
		      uint32_t type, void *desc, size_t size)
{
	size_t len = segment->p_filesz <= NOTES_MAX ? (size_t)segment->p_filesz : 0;
	char *notes = read_array(elf, segment->p_offset, len, 1);
	size_t found = 0;
	const char *contents;
	long ret = -1;

	if (!notes)
		return -1;
	contents = search_notes(notes, len, segment->p_align == 8 ? 8 : 4, owner, type, &found);
	if (contents) {
		memcpy(desc, contents, found < size ? found : size);
		ret = (long)found;
	}
	free(notes);
	return ret;
}

long elf_note(const struct elf *elf, const char *owner, uint32_t type, void *desc, size_t size)
{
	long ret = -1;

	for (size_t i = 0; i < elf->segment_count && ret < 0; i++) {
		if (elf->segments[i].p_type == PT_NOTE)
			ret = read_note(elf, &elf->segments[i], owner, type, desc, size);
	}
	return ret;
}

/**
 * find_needed_library() - Find what is needed of a library in DT_VERNEED
 * @elf:	File
 * @library:	Its name
 * @need:	Filled
 * @offset:	Filled with the offset of @need in the file
 */
static bool find_needed_library(const struct elf *elf, const char *library, ElfW(Verneed) * need,
				uint64_t *offset)
{
	char name[ELF_NAME_MAX];
	uint64_t address;

	if (!find_dynamic(elf, DT_VERNEED, 0, &address) || !find_address(elf, address, offset))
		return false;
	for (size_t i = 0; i < VERSIONS_MAX; i++) {
		if (!read_at(elf, *offset, need, sizeof(*need)))
			return false;
		if (read_dynamic_string(elf, need->vn_file, name) && !strcmp(name, library))
			return true;
		if (!need->vn_next)
			return false;
		*offset += need->vn_next;
	}
	return false;
}

bool elf_version_needed(const struct elf *elf, const char *library, size_t index,
			char version[ELF_NAME_MAX])
{
	ElfW(Verneed) need;
	ElfW(Vernaux) one;
	uint64_t offset;

	if (!find_needed_library(elf, library, &need, &offset) || index >= need.vn_cnt)
		return false;
	offset += need.vn_aux;
	for (size_t i = 0; i <= index; i++) {
		if (!read_at(elf, offset, &one, sizeof(one)))
			return false;
		offset += one.vna_next;
	}
	return read_dynamic_string(elf, one.vna_name, version);
}

bool elf_version_missing(const struct elf *library, const char *version)
{
	char name[ELF_NAME_MAX];
	ElfW(Verdef) def;
	ElfW(Verdaux) one;
	uint64_t address, offset;

	if (!find_dynamic(library, DT_VERDEF, 0, &address) ||
	    !find_address(library, address, &offset))
		return false;
	for (size_t i = 0; i < VERSIONS_MAX; i++) {
		if (!read_at(library, offset, &def, sizeof(def)) ||
		    !read_at(library, offset + def.vd_aux, &one, sizeof(one)) ||
		    !read_dynamic_string(library, one.vda_name, name))
			return false;
		if (!strcmp(name, version))
			return false;
		if (!def.vd_next)
			return true;
		offset += def.vd_next;
	}
	return false;
}

/* Index of the section of this type, with its header, or 0. */
static size_t find_section(const struct elf *elf, uint32_t type, ElfW(Shdr) * section)
{
	size_t count = elf->header.e_shnum;

	if (count > SECTIONS_MAX || elf->header.e_shentsize != sizeof(*section))
		return 0;
	for (size_t i = 1; i < count; i++) {
		if (!read_at(elf, elf->header.e_shoff + i * sizeof(*section), section,
			     sizeof(*section)))
			return 0;
		if (section->sh_type == type)
			return i;
	}
	return 0;
}

/* The function among @count symbols that covers an address, or NULL. */
static const ElfW(Sym) * search_symbols(const ElfW(Sym) * symbols, size_t count, uint64_t address)
{
	for (size_t i = 0; i < count; i++) {
		const ElfW(Sym) *symbol = &symbols[i];

		/* The type is in the low four bits in either class. */
		if (ELF32_ST_TYPE(symbol->st_info) == STT_FUNC && symbol->st_shndx != SHN_UNDEF &&
		    address >= symbol->st_value && address - symbol->st_value < symbol->st_size)
			return symbol;
	}
	return NULL;
}

static bool find_symbol(const struct elf *elf, const ElfW(Shdr) * table, uint64_t address,
			ElfW(Sym) * found)
{
	size_t left = table->sh_size / sizeof(*found);
	uint64_t offset = table->sh_offset;

	if (left > SYMBOLS_MAX)
		return false;
	while (left) {
		size_t count = left < SYMBOLS_CHUNK ? left : SYMBOLS_CHUNK;
		ElfW(Sym) *symbols = read_array(elf, offset, count, sizeof(*found));
		const ElfW(Sym) * symbol;

		if (!symbols)
			return false;
		symbol = search_symbols(symbols, count, address);
		if (symbol)
			*found = *symbol;
		free(symbols);
		if (symbol)
			return true;
		left -= count;
		offset += count * sizeof(*found);
	}
	return false;
}

static bool find_symbol_name(const struct elf *elf, uint32_t type, uint64_t address,
			     char name[ELF_NAME_MAX], uint64_t *distance)
{
	ElfW(Shdr) table, strings;
	ElfW(Sym) symbol;

	if (!find_section(elf, type, &table) || !find_symbol(elf, &table, address, &symbol))
		return false;
	if (!read_at(elf, elf->header.e_shoff + (uint64_t)table.sh_link * sizeof(strings), &strings,
		     sizeof(strings)))
		return false;
	*distance = address - symbol.st_value;
	return symbol.st_name < strings.sh_size &&
	       read_string(elf, strings.sh_offset + symbol.st_name, name, ELF_NAME_MAX);
}

bool elf_symbol(const struct elf *elf, uint64_t address, char name[ELF_NAME_MAX],
		uint64_t *distance)
{
	return find_symbol_name(elf, SHT_SYMTAB, address, name, distance) ||
	       find_symbol_name(elf, SHT_DYNSYM, address, name, distance);
}
