/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the launcher has to know of an ELF file (elf(5)), read once. Nobody vouches for the file:
 * every number in it is checked before it is used, and the work is bounded whatever they say.
 * Nothing is mapped, so that a file that shrinks meanwhile is an error and no SIGBUS.
 */
#ifndef QRAP_ELF_H
#define QRAP_ELF_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest name of a library that is read, with its NUL. */
#define ELF_NAME_MAX 256

/* Longest version of ours that is read, with its NUL. */
#define ELF_VERSION_MAX 64

/* A build-id is a hash, of 20 bytes as a rule. */
#define ELF_BUILD_ID_MAX 64

/**
 * struct elf - What is known of an ELF file
 * @machine:	e_machine
 * @class:	ELFCLASS32 or ELFCLASS64
 * @order:	ELFDATA2LSB or ELFDATA2MSB
 * @native:	Class and byte order are ours: only then what follows was read
 * @is_pie:	Position independent, with a dynamic section
 * @is_loader:	It is a dynamic loader, which can be run as a program
 * @libc:	"glibc" or "musl", which it is linked with; NULL if it cannot be told
 * @interpreter: Path of its dynamic loader (PT_INTERP), or ""
 * @sanitizer:	Sanitizer's runtime that it needs, or ""
 * @note:	Which program of ours it is (enum note_type), 0: none
 * @version:	Version in that note, cut if it is longer
 * @build_id:	Its build-id, cut if it is longer
 * @build_id_size: Bytes of it, 0: it has none
 */
struct elf {
	uint16_t machine;
	unsigned char class;
	unsigned char order;
	bool native;
	bool is_pie;
	bool is_loader;
	const char *libc;
	char interpreter[PATH_MAX];
	char sanitizer[ELF_NAME_MAX];
	uint32_t note;
	char version[ELF_VERSION_MAX];
	unsigned char build_id[ELF_BUILD_ID_MAX];
	size_t build_id_size;
};

/**
 * elf_read() - Read what is known of an ELF file
 * @path:	Its path
 * @elf:	Filled
 *
 * Return: 0; -ENOEXEC if it is not a sound ELF file; -errno
 */
int elf_read(const char *path, struct elf *elf);

/**
 * elf_address() - Address that an offset in a file has, as addr2line(1) wants it
 * @path:	Path of the ELF file
 * @offset:	Offset in it, in bytes
 * @address:	Filled
 *
 * Return: false if the file cannot be read or loads nothing from there
 */
bool elf_address(const char *path, uint64_t offset, uint64_t *address);

/* Fills what is known of this program itself: machine, class and byte order. */
void elf_read_self(struct elf *elf);

/* Can both be in one process: same machine, class and byte order? */
bool elf_same_kind(const struct elf *program, const struct elf *library);

/* Is it neither loaded by a dynamic loader, nor one itself? False for one that is not native. */
bool elf_is_static(const struct elf *elf);

/* Is this library's name that of a sanitizer's runtime, which has to be loaded first? */
bool elf_is_sanitizer(const char *library);

/* Opens a regular file: to open a device may do something, to read from a FIFO may wait. */
int open_regular(const char *path);

/* The part of a path behind its last slash. */
const char *path_name(const char *path);

#endif /* QRAP_ELF_H */
