/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A configuration file of QEMU (-readconfig), as qemu_config_foreach() reads it. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/cmdline/parse/inventory.h"

/* A regular file, or NULL. Nothing is waited for, and nothing outlives exec. */
static FILE *open_regular(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	FILE *file = NULL;

	if (fd < 0)
		return NULL;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode))
		file = fdopen(fd, "r");
	if (!file)
		close(fd);
	return file;
}

/* What stands between the first two double quotes of @text; NULL if there are none. */
static char *quoted(struct arena *arena, const char *text)
{
	const char *begin = strchr(text, '"');
	const char *end = begin ? strchr(begin + 1, '"') : NULL;

	return end ? arena_copy(arena, begin + 1, (size_t)(end - begin - 1)) : NULL;
}

/* A line: [GROUP] or [GROUP "ID"] begins a section, KEY = "VALUE" belongs to it. */
static void read_line(struct arena *arena, const char *line, struct item *section)
{
	bool begins = *line == '[';
	size_t len = begins ? strcspn(line + 1, " ]\"\n") : strcspn(line, " \t=\n");
	const char *word = arena_copy(arena, line + begins, len);
	const char *value = quoted(arena, line);

	if (begins)
		section->option.name = word;
	if (value)
		properties_add(arena, &section->properties, begins ? "id" : word, value);
}

void inventory_add_file(struct arena *arena, const char *path, struct inventory *out)
{
	size_t before = out->count, size = 0;
	FILE *file = open_regular(path);
	char *text = NULL;

	if (!file)
		return;
	while (getline(&text, &size, file) >= 0) {
		const char *line = text + strspn(text, " \t\r\n");

		if (!*line || *line == '#')
			continue;
		if (*line == '[')
			inventory_add(arena, out, &(struct item) { .file = path });
		if (out->count > before)
			read_line(arena, line, &out->items[out->count - 1]);
	}
	free(text);
	fclose(file);
}
