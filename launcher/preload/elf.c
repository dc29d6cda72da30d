/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/preload/elf.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim/common/elf_note.h"

/* More than any real file has; less than would take long. */
#define SEGMENTS_MAX 64
#define DYNAMIC_MAX  1024
#define NOTES_MAX    4096

#define OWN_CLASS (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32)
#define OWN_ORDER (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB)

/* Our own header, where the linker has put it into memory. */
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

/**
 * struct elf_file - An ELF file that is being read
 * @fd:		Descriptor
 * @header:	Its header
 * @segments:	Its program headers
 */
struct elf_file {
	int fd;
	ElfW(Ehdr) header;
	ElfW(Phdr) segments[SEGMENTS_MAX];
};

const char *path_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

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

/* Reads up to @size bytes: how many there were, 0 also for an offset that cannot be. */
static size_t read_some(const struct elf_file *file, uint64_t offset, void *buf, size_t size)
{
	ssize_t ret;

	do {
		ret = pread(file->fd, buf, size, (off_t)offset);
	} while (ret < 0 && errno == EINTR);
	return ret < 0 ? 0 : (size_t)ret;
}

static size_t min_size(uint64_t a, size_t b)
{
	return a < b ? (size_t)a : b;
}

static bool read_string(const struct elf_file *file, uint64_t offset, char *out, size_t size)
{
	size_t len = read_some(file, offset, out, size);

	return memchr(out, '\0', len);
}

static const ElfW(Phdr) * find_segment(const struct elf_file *file, uint32_t type)
{
	for (size_t i = 0; i < file->header.e_phnum; i++) {
		if (file->segments[i].p_type == type)
			return &file->segments[i];
	}
	return NULL;
}

/* Offset in the file of an address in memory: true if the file has it. */
static bool find_address(const struct elf_file *file, uint64_t address, uint64_t *offset)
{
	for (size_t i = 0; i < file->header.e_phnum; i++) {
		const ElfW(Phdr) *load = &file->segments[i];

		if (load->p_type != PT_LOAD || address < load->p_vaddr ||
		    address - load->p_vaddr >= load->p_filesz)
			continue;
		*offset = load->p_offset + (address - load->p_vaddr);
		return true;
	}
	return false;
}

/* Its dynamic loader. The kernel runs no program where that is no path. */
static bool read_interpreter(const struct elf_file *file, struct elf *elf)
{
	const ElfW(Phdr) *segment = find_segment(file, PT_INTERP);

	if (!segment)
		return true;
	if (!read_string(file, segment->p_offset, elf->interpreter, sizeof(elf->interpreter)))
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
	if (tag == DT_SONAME)
		elf->is_loader = libc;
	else if (!elf->sanitizer[0] && elf_is_sanitizer(name))
		strcpy(elf->sanitizer, name);
}

/* Offset in the file of the names that its dynamic section is about, or 0. */
static uint64_t find_strings(const struct elf_file *file, const ElfW(Dyn) * dynamic, size_t count)
{
	uint64_t offset;

	for (size_t i = 0; i < count; i++) {
		if (dynamic[i].d_tag == DT_STRTAB)
			return find_address(file, dynamic[i].d_un.d_ptr, &offset) ? offset : 0;
	}
	return 0;
}

static void read_dynamic(const struct elf_file *file, struct elf *elf)
{
	const ElfW(Phdr) *segment = find_segment(file, PT_DYNAMIC);
	ElfW(Dyn) dynamic[DYNAMIC_MAX];
	char name[ELF_NAME_MAX];
	size_t count = 0, most;
	uint64_t strings;

	if (!segment)
		return;
	most = read_some(file, segment->p_offset, dynamic,
			 min_size(segment->p_filesz, sizeof(dynamic))) /
	       sizeof(*dynamic);
	while (count < most && dynamic[count].d_tag != DT_NULL)
		count++;
	elf->is_pie = count && file->header.e_type == ET_DYN;
	strings = find_strings(file, dynamic, count);
	for (size_t i = 0; strings && i < count; i++) {
		int64_t tag = dynamic[i].d_tag;

		if ((tag == DT_NEEDED || tag == DT_SONAME) &&
		    read_string(file, strings + dynamic[i].d_un.d_val, name, sizeof(name)))
			note_library(elf, tag, name);
	}
}

/* Keeps what two notes say: ours, and the build-id. */
static void keep_note(struct elf *elf, const ElfW(Nhdr) * note, const char *owner, const char *desc)
{
	if (note->n_namesz == sizeof(NOTE_OWNER) && !memcmp(owner, NOTE_OWNER, note->n_namesz)) {
		elf->note = note->n_type;
		memcpy(elf->version, desc, min_size(note->n_descsz, ELF_VERSION_MAX - 1));
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

static void read_notes(const struct elf_file *file, const ElfW(Phdr) * segment, struct elf *elf)
{
	const size_t align = segment->p_align == 8 ? 8 : 4;
	char notes[NOTES_MAX];
	size_t len = read_some(file, segment->p_offset, notes,
			       min_size(segment->p_filesz, sizeof(notes)));
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
static int read_native(struct elf_file *file, struct elf *elf)
{
	const ElfW(Ehdr) *header = &file->header;
	size_t size = header->e_phnum * sizeof(*file->segments);

	if (header->e_phnum > SEGMENTS_MAX ||
	    (size && header->e_phentsize != sizeof(*file->segments)) ||
	    read_some(file, header->e_phoff, file->segments, size) != size)
		return -ENOEXEC;
	if (!read_interpreter(file, elf))
		return -ENOEXEC;
	read_dynamic(file, elf);
	for (size_t i = 0; i < header->e_phnum; i++) {
		if (file->segments[i].p_type == PT_NOTE)
			read_notes(file, &file->segments[i], elf);
	}
	return 0;
}

/* Beginning of a header: e_machine is at the same place in both classes. */
static void keep_header(struct elf *elf, const ElfW(Ehdr) * header)
{
	elf->class = header->e_ident[EI_CLASS];
	elf->order = header->e_ident[EI_DATA];
	elf->native = elf->class == OWN_CLASS && elf->order == OWN_ORDER;
	elf->machine =
		elf->order == OWN_ORDER ? header->e_machine : __builtin_bswap16(header->e_machine);
}

static int read_file(struct elf_file *file, struct elf *elf)
{
	size_t len = read_some(file, 0, &file->header, sizeof(file->header));

	/* The smaller header, as a short file of the other class is known by it. */
	if (len < sizeof(Elf32_Ehdr) || memcmp(file->header.e_ident, ELFMAG, SELFMAG))
		return -ENOEXEC;
	keep_header(elf, &file->header);
	if (!elf->native)
		return 0;
	return len == sizeof(file->header) ? read_native(file, elf) : -ENOEXEC;
}

int open_regular(const char *path)
{
	struct stat st;
	int fd;

	if (stat(path, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOEXEC;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

int elf_read(const char *path, struct elf *elf)
{
	struct elf_file file = { .fd = open_regular(path) };
	int ret;

	memset(elf, 0, sizeof(*elf));
	if (file.fd < 0)
		return file.fd;
	ret = read_file(&file, elf);
	close(file.fd);
	return ret;
}

bool elf_address(const char *path, uint64_t offset, uint64_t *address)
{
	struct elf_file file = { .fd = open_regular(path) };
	struct elf elf = { 0 };
	bool found = false;

	if (file.fd < 0)
		return false;
	if (!read_file(&file, &elf) && elf.native) {
		for (size_t i = 0; !found && i < file.header.e_phnum; i++) {
			const ElfW(Phdr) *load = &file.segments[i];

			found = load->p_type == PT_LOAD && offset >= load->p_offset &&
				offset - load->p_offset < load->p_filesz;
			if (found)
				*address = load->p_vaddr + (offset - load->p_offset);
		}
	}
	close(file.fd);
	return found;
}

void elf_read_self(struct elf *elf)
{
	memset(elf, 0, sizeof(*elf));
	keep_header(elf, &__ehdr_start);
}

bool elf_same_kind(const struct elf *program, const struct elf *library)
{
	return program->machine == library->machine && program->class == library->class &&
	       program->order == library->order;
}

bool elf_is_static(const struct elf *elf)
{
	return elf->native && !elf->interpreter[0] && !elf->is_loader;
}
