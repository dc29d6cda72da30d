/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ELF reader against damaged files. Input: changes to a real program, each of four bytes of
 * offset and two of value, or with an odd length a file as it is. Nothing is expected of the
 * answers but that they come, and that names are ended.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "launcher/preload/elf.h"

#define SAMPLE     "/bin/true"
#define SAMPLE_MAX (1 << 20)
#define CHANGE     6

/**
 * struct sample - A real program
 * @bytes:	Its file
 * @size:	Size of it
 * @fd:		Memory file for the damaged one
 */
struct sample {
	char bytes[SAMPLE_MAX];
	size_t size;
	int fd;
};

static struct sample sample;

static void insist(bool truth)
{
	if (!truth)
		abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	int fd = open(SAMPLE, O_RDONLY);

	(void)argc;
	(void)argv;
	insist(fd >= 0);
	sample.size = (size_t)read(fd, sample.bytes, sizeof(sample.bytes));
	close(fd);
	sample.fd = memfd_create("elf", 0);
	insist(sample.fd >= 0);
	return 0;
}

static void write_whole(const void *bytes, size_t size)
{
	insist(!ftruncate(sample.fd, 0));
	insist(pwrite(sample.fd, bytes, size, 0) == (ssize_t)size);
}

static void write_changes(const uint8_t *data, size_t size)
{
	write_whole(sample.bytes, sample.size);
	for (; size >= CHANGE; data += CHANGE, size -= CHANGE) {
		uint32_t offset;

		memcpy(&offset, data, sizeof(offset));
		insist(pwrite(sample.fd, data + sizeof(offset), 2, offset % sample.size) == 2);
	}
}

static void read_all(const struct elf *elf)
{
	char name[ELF_NAME_MAX], path[64], desc[32];
	uint64_t distance, address;

	if (elf_interpreter(elf, path, sizeof(path)))
		insist(memchr(path, '\0', sizeof(path)));
	for (size_t i = 0; elf_needed(elf, i, name); i++)
		insist(memchr(name, '\0', sizeof(name)));
	elf_soname(elf, name);
	elf_is_pie(elf);
	elf_note(elf, "GNU", 3, desc, sizeof(desc));
	for (size_t i = 0; i < 8 && elf_version_needed(elf, "libc.so.6", i, name); i++)
		insist(memchr(name, '\0', sizeof(name)));
	elf_version_missing(elf, "GLIBC_2.34");
	for (uint64_t at = 0; at < elf->size; at += elf->size / 4 + 1) {
		if (elf_address(elf, at, &address) && elf_symbol(elf, address, name, &distance))
			insist(memchr(name, '\0', sizeof(name)));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[32];
	struct elf elf;

	if (size % 2)
		write_whole(data, size);
	else
		write_changes(data, size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", sample.fd);
	if (elf_open(path, &elf))
		return 0;
	read_all(&elf);
	elf_close(&elf);
	return 0;
}
