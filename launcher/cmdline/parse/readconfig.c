/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/cmdline/parse/readconfig.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* [GROUP] or [GROUP "ID"] */
static void begin_section(struct arena *arena, const char *line, const char *path,
			  struct config *config)
{
	size_t len = strcspn(line + 1, " ]\"\n");
	struct section section = { .group = arena_copy(arena, line + 1, len), .file = path };
	const char *id = quoted(arena, line);

	if (id)
		properties_add(arena, &section.properties, "id", id);
	config->sections = arena_grow(arena, config->sections, config->count, sizeof(section));
	config->sections[config->count++] = section;
}

/* KEY = "VALUE" */
static void add_property(struct arena *arena, const char *line, struct section *section)
{
	const char *key = arena_copy(arena, line, strcspn(line, " \t=\n"));
	const char *value = quoted(arena, line);

	if (value)
		properties_add(arena, &section->properties, key, value);
}

void readconfig_add(struct arena *arena, const char *path, struct config *config)
{
	size_t before = config->count, size = 0;
	FILE *file = open_regular(path);
	char *text = NULL;

	if (!file)
		return;
	while (getline(&text, &size, file) >= 0) {
		const char *line = text + strspn(text, " \t\r\n");

		if (!*line || *line == '#')
			continue;
		if (*line == '[')
			begin_section(arena, line, path, config);
		else if (config->count > before)
			add_property(arena, line, &config->sections[config->count - 1]);
	}
	free(text);
	fclose(file);
}
