/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the launcher has to know of an ELF file (elf(5)), read once. Nobody vouches for the file:
 * every number in it is checked before it is used, and the work is bounded whatever they say.
 * Nothing is mapped, so that a file that shrinks meanwhile is an error and no SIGBUS.
 */
#ifndef QRAP_ELF_H
#define QRAP_ELF_H

#include <limits.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the kernel reads of a script, with a NUL (Linux, BINPRM_BUF_SIZE). */
#define SCRIPT_LINE_MAX 256

/* Longest name of a library and longest version that is kept, with its NUL. */
#define ELF_NAME_MAX 256

/* A build-id is a hash, of 20 bytes as a rule. */
#define ELF_BUILD_ID_MAX 64

/* More program headers than any real file has. */
#define ELF_SEGMENTS_MAX 64

/**
 * struct elf - What is known of an ELF file
 * @text:	Of a text, which is no ELF file: its beginning, NUL-terminated; of others ""
 * @machine:	e_machine
 * @class:	ELFCLASS32 or ELFCLASS64
 * @order:	ELFDATA2LSB or ELFDATA2MSB
 * @native:	Class and byte order are ours: only then what follows was read
 * @is_pie:	Position independent
 * @is_static:	No dynamic loader loads it, nor is it one, which can be run as a program
 * @libc:	"glibc" or "musl", which it is linked with; NULL if it cannot be told
 * @sanitizer:	Sanitizer's runtime that it needs, or ""
 * @note:	Which program of ours it is (enum note_type), 0: none
 * @version:	Version in that note, cut if it is longer
 * @build_id:	Its build-id, cut if it is longer
 * @build_id_size: Bytes of it, 0: it has none
 * @segment_count: How many program headers it has
 * @interpreter: Path of its dynamic loader (PT_INTERP), or ""
 * @segments:	Program headers
 */
struct elf {
	char text[SCRIPT_LINE_MAX];
	uint16_t machine;
	unsigned char class;
	unsigned char order;
	bool native;
	bool is_pie;
	bool is_static;
	const char *libc;
	char sanitizer[ELF_NAME_MAX];
	uint32_t note;
	char version[ELF_NAME_MAX];
	unsigned char build_id[ELF_BUILD_ID_MAX];
	size_t build_id_size;
	size_t segment_count;
	char interpreter[PATH_MAX];
	ElfW(Phdr) segments[ELF_SEGMENTS_MAX];
};

/**
 * elf_read() - Read what is known of an ELF file
 * @path:	Its path
 * @elf:	Filled
 *
 * Return: 0; -ENOEXEC if it is not a sound ELF file; -errno
 */
int elf_read(const char *path, struct elf *elf);

/* Address that an offset in the file has, as addr2line(1) wants it; 0: nothing is loaded from
 * there. */
uint64_t elf_address(const struct elf *elf, uint64_t offset);

/* Is this library's name that of a sanitizer's runtime, which has to be loaded first? */
bool elf_is_sanitizer(const char *library);

#endif /* QRAP_ELF_H */
