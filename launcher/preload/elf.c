/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/preload/elf.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/base/words.h"
#include "shim/common/elf_note.h"

/* More than any real file has; less than would take long. */
#define DYNAMIC_MAX 1024
#define NOTES_MAX   4096

#define OWN_CLASS (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32)
#define OWN_ORDER (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB)

static bool begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

bool elf_is_sanitizer(const char *library)
{
	static const char *const runtimes[] = { "libasan.", "libhwasan.", "liblsan.", "libtsan.",
						"libclang_rt.asan" };

	for (size_t i = 0; i < sizeof(runtimes) / sizeof(runtimes[0]); i++) {
		if (begins(library, runtimes[i]))
			return true;
	}
	return false;
}

/* Whose libc is this dynamic loader's or library's name? NULL: cannot be told. */
static const char *libc_of_name(const char *name)
{
	if (begins(name, "ld-musl-") || begins(name, "libc.musl-") || !strcmp(name, "libc.so"))
		return "musl";
	if (begins(name, "ld-linux") || begins(name, "ld64.so.") || begins(name, "ld.so.") ||
	    !strcmp(name, "libc.so.6"))
		return "glibc";
	return NULL;
}

static size_t min_size(uint64_t a, size_t b)
{
	return a < b ? (size_t)a : b;
}

/* Reads up to @size bytes: how many there were, 0 also for an offset that cannot be. */
static size_t read_some(int fd, uint64_t offset, void *buf, size_t size)
{
	ssize_t ret = pread(fd, buf, size, (off_t)offset);

	return ret < 0 ? 0 : (size_t)ret;
}

static bool read_string(int fd, uint64_t offset, char *out, size_t size)
{
	return memchr(out, '\0', read_some(fd, offset, out, size));
}

/* Offset in the file of an address in memory; 0: the file does not have it. */
static uint64_t find_offset(const struct elf *elf, uint64_t address)
{
	for (size_t i = 0; i < elf->segment_count; i++) {
		const ElfW(Phdr) *load = &elf->segments[i];

		if (load->p_type == PT_LOAD && address >= load->p_vaddr &&
		    address - load->p_vaddr < load->p_filesz)
			return load->p_offset + (address - load->p_vaddr);
	}
	return 0;
}

uint64_t elf_address(const struct elf *elf, uint64_t offset)
{
	for (size_t i = 0; i < elf->segment_count; i++) {
		const ElfW(Phdr) *load = &elf->segments[i];

		if (load->p_type == PT_LOAD && offset >= load->p_offset &&
		    offset - load->p_offset < load->p_filesz)
			return load->p_vaddr + (offset - load->p_offset);
	}
	return 0;
}

/* Its dynamic loader. The kernel runs no program where that is no path. */
static bool read_interpreter(int fd, const ElfW(Phdr) * segment, struct elf *elf)
{
	elf->is_static = false;
	if (!read_string(fd, segment->p_offset, elf->interpreter, sizeof(elf->interpreter)))
		return false;
	elf->libc = libc_of_name(path_name(elf->interpreter));
	return elf->interpreter[0];
}

/* What the name of a library that it needs, or its own name as one, tells. */
static void note_library(struct elf *elf, int64_t tag, const char *name)
{
	const char *libc = libc_of_name(name);

	if (!elf->libc)
		elf->libc = libc;
	if (tag == DT_SONAME && libc)
		elf->is_static = false;
	if (tag == DT_NEEDED && !elf->sanitizer[0] && elf_is_sanitizer(name))
		strcpy(elf->sanitizer, name);
}

static void read_dynamic(int fd, const ElfW(Phdr) * segment, struct elf *elf)
{
	ElfW(Dyn) dynamic[DYNAMIC_MAX];
	size_t count = read_some(fd, segment->p_offset, dynamic,
				 min_size(segment->p_filesz, sizeof(dynamic))) /
		       sizeof(*dynamic);
	char name[ELF_NAME_MAX];
	uint64_t names = 0;

	for (size_t i = 0; i < count; i++) {
		if (dynamic[i].d_tag == DT_STRTAB)
			names = find_offset(elf, dynamic[i].d_un.d_ptr);
	}
	for (size_t i = 0; names && i < count && dynamic[i].d_tag != DT_NULL; i++) {
		int64_t tag = dynamic[i].d_tag;

		if ((tag == DT_NEEDED || tag == DT_SONAME) &&
		    read_string(fd, names + dynamic[i].d_un.d_val, name, sizeof(name)))
			note_library(elf, tag, name);
	}
}

/* Keeps what two notes say: ours, and the build-id. */
static void keep_note(struct elf *elf, const ElfW(Nhdr) * note, const char *owner, const char *desc)
{
	if (note->n_namesz == sizeof(NOTE_OWNER) && !memcmp(owner, NOTE_OWNER, note->n_namesz)) {
		elf->note = note->n_type;
		memcpy(elf->version, desc, min_size(note->n_descsz, ELF_NAME_MAX - 1));
	}
	if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == sizeof("GNU") &&
	    !memcmp(owner, "GNU", note->n_namesz)) {
		elf->build_id_size = min_size(note->n_descsz, ELF_BUILD_ID_MAX);
		memcpy(elf->build_id, desc, elf->build_id_size);
	}
}

static size_t padded(size_t size, size_t align)
{
	return (size + align - 1) / align * align;
}

static void read_notes(int fd, const ElfW(Phdr) * segment, struct elf *elf)
{
	const size_t align = segment->p_align == 8 ? 8 : 4;
	char notes[NOTES_MAX];
	size_t len =
		read_some(fd, segment->p_offset, notes, min_size(segment->p_filesz, sizeof(notes)));
	size_t at = 0;

	while (at < len && len - at >= sizeof(ElfW(Nhdr))) {
		ElfW(Nhdr) note;
		size_t owner = at + sizeof(note);
		size_t desc;

		memcpy(&note, notes + at, sizeof(note));
		if (note.n_namesz > len || note.n_descsz > len)
			return;
		desc = padded(owner + note.n_namesz, align);
		if (desc > len || note.n_descsz > len - desc)
			return;
		keep_note(elf, &note, notes + owner, notes + desc);
		at = padded(desc + note.n_descsz, align);
	}
}

/* What only a file of our class and byte order is read for. */
static bool read_native(int fd, const ElfW(Ehdr) * header, struct elf *elf)
{
	size_t size = header->e_phnum * sizeof(*elf->segments);

	if (size > sizeof(elf->segments) ||
	    (size && header->e_phentsize != sizeof(*elf->segments)) ||
	    read_some(fd, header->e_phoff, elf->segments, size) != size)
		return false;
	elf->segment_count = header->e_phnum;
	elf->is_pie = header->e_type == ET_DYN;
	elf->is_static = true;
	for (size_t i = 0; i < elf->segment_count; i++) {
		const ElfW(Phdr) *segment = &elf->segments[i];

		if (segment->p_type == PT_INTERP && !read_interpreter(fd, segment, elf))
			return false;
		if (segment->p_type == PT_DYNAMIC)
			read_dynamic(fd, segment, elf);
		if (segment->p_type == PT_NOTE)
			read_notes(fd, segment, elf);
	}
	return true;
}

static int read_file(int fd, struct elf *elf)
{
	size_t len = read_some(fd, 0, elf->text, sizeof(elf->text) - 1);
	ElfW(Ehdr) header;

	/* The smaller header, as a short file of the other class is known by it. */
	if (len < sizeof(Elf32_Ehdr) || memcmp(elf->text, ELFMAG, SELFMAG)) {
		/* Programs have zeroes in their beginning, texts do not. */
		if (memchr(elf->text, '\0', len))
			elf->text[0] = '\0';
		return -ENOEXEC;
	}
	/* e_machine is at the same place in both classes. */
	memcpy(&header, elf->text, sizeof(header));
	elf->text[0] = '\0';
	elf->class = header.e_ident[EI_CLASS];
	elf->order = header.e_ident[EI_DATA];
	elf->native = elf->class == OWN_CLASS && elf->order == OWN_ORDER;
	elf->machine =
		elf->order == OWN_ORDER ? header.e_machine : __builtin_bswap16(header.e_machine);
	if (!elf->native || (len >= sizeof(header) && read_native(fd, &header, elf)))
		return 0;
	return -ENOEXEC;
}

int elf_read(const char *path, struct elf *elf)
{
	struct stat st;
	int fd, ret;

	/* What is large is not cleared: it is long before it is full. */
	memset(elf, 0, offsetof(struct elf, interpreter));
	elf->interpreter[0] = '\0';
	if (stat(path, &st))
		return -errno;
	/* To open a device may do something, to read from a FIFO may wait. */
	if (!S_ISREG(st.st_mode))
		return -ENOEXEC;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	ret = read_file(fd, elf);
	close(fd);
	return ret;
}
