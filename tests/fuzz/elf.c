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

static void insist_sound(const struct elf *elf)
{
	insist(memchr(elf->interpreter, '\0', sizeof(elf->interpreter)));
	insist(memchr(elf->sanitizer, '\0', sizeof(elf->sanitizer)));
	insist(memchr(elf->version, '\0', sizeof(elf->version)));
	insist(elf->build_id_size <= sizeof(elf->build_id));
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
	if (!elf_read(path, &elf))
		insist_sound(&elf);
	return 0;
}
