/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A reader for ELF files (elf(5)) that nobody vouches for: every number in them is checked against
 * the file before it is used, and no amount of work depends on a number alone. Nothing is mapped,
 * so that a file that shrinks meanwhile is an error and no SIGBUS.
 */
#ifndef QRAP_ELF_H
#define QRAP_ELF_H

#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest name of a library, a symbol or a version that is read, with its NUL. */
#define ELF_NAME_MAX 256

struct elf_pieces;

/**
 * struct elf - An open ELF file
 * @fd:		Descriptor, close-on-exec
 * @size:	Size of the file in bytes
 * @header:	Its header; beyond e_ident only if @native
 * @machine:	e_machine, in our byte order, for any file
 * @native:	Class and byte order are ours: all else can be read
 * @segments:	Program headers
 * @segment_count: How many
 * @dynamic:	Dynamic section, up to DT_NULL
 * @dynamic_count: How many entries, 0 for a static program
 * @pieces:	Of its own: parts of the file that were read
 */
struct elf {
	int fd;
	uint64_t size;
	ElfW(Ehdr) header;
	uint16_t machine;
	bool native;
	ElfW(Phdr) * segments;
	size_t segment_count;
	ElfW(Dyn) * dynamic;
	size_t dynamic_count;
	struct elf_pieces *pieces;
};

/**
 * elf_open() - Open an ELF file
 * @path:	Its path
 * @elf:	Filled on success; for elf_close()
 *
 * Return: 0; -ENOEXEC if it is not a sound ELF file; -errno
 */
int elf_open(const char *path, struct elf *elf);

void elf_close(struct elf *elf);

/* Path of its dynamic loader (PT_INTERP): false if it has none; "" if it cannot be read. */
bool elf_interpreter(const struct elf *elf, char *path, size_t size);

/* Name of the @index-th library that it needs (DT_NEEDED), from 0: false if there is none. */
bool elf_needed(const struct elf *elf, size_t index, char name[ELF_NAME_MAX]);

/* Name that it has as a library (DT_SONAME): false if it has none. */
bool elf_soname(const struct elf *elf, char name[ELF_NAME_MAX]);

/* Is it a static-pie: position independent, with a dynamic section, and meant to be run? */
bool elf_is_pie(const struct elf *elf);

/**
 * elf_note() - Read a note (PT_NOTE)
 * @elf:	File
 * @owner:	Its owner ("GNU", ...)
 * @type:	Its type
 * @desc:	Filled with the first @size bytes of its contents
 * @size:	Size of @desc
 *
 * Return: length of the contents, which may be more than @size; -1 if there is no such note
 */
long elf_note(const struct elf *elf, const char *owner, uint32_t type, void *desc, size_t size);

/**
 * elf_version_needed() - Name a symbol version that it needs from a library (DT_VERNEED)
 * @elf:	File
 * @library:	Name of the library ("libc.so.6")
 * @index:	From 0
 * @version:	Filled ("GLIBC_2.34")
 *
 * Return: true if there is one with that index
 */
bool elf_version_needed(const struct elf *elf, const char *library, size_t index,
			char version[ELF_NAME_MAX]);

/**
 * elf_version_missing() - Does a library lack a version that a program needs of it?
 * @library:	Library
 * @version:	Version
 *
 * Return: true if @library can be read and does not define it (DT_VERDEF)
 */
bool elf_version_missing(const struct elf *library, const char *version);

/* Address in memory, as the file counts it, of an offset of the file: false if it has none. */
bool elf_address(const struct elf *elf, uint64_t offset, uint64_t *address);

/**
 * elf_symbol() - Which function is at an address?
 * @elf:	Program, library, or the file with what was stripped from it
 * @address:	Address as elf_address() gives it
 * @name:	Filled with the function's name
 * @distance:	Filled with the bytes from its beginning
 *
 * Looks into .symtab, else into .dynsym; a name is only given if the function covers the address.
 *
 * Return: true if one was found
 */
bool elf_symbol(const struct elf *elf, uint64_t address, char name[ELF_NAME_MAX],
		uint64_t *distance);

#endif /* QRAP_ELF_H */
