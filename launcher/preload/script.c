/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "#! interpreter [argument]", as the kernel reads it (Linux, fs/binfmt_script.c). */
#include "launcher/preload/script.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLANKS " \t"

/* The beginning of a regular file, with a NUL behind it: its length, or -1. */
static ssize_t read_beginning(const char *path, char *buf, size_t size)
{
	struct stat st;
	ssize_t len;
	int fd;

	if (stat(path, &st) || !S_ISREG(st.st_mode))
		return -1;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return -1;
	len = read(fd, buf, size - 1);
	close(fd);
	buf[len < 0 ? 0 : len] = '\0';
	return len;
}

/* The first word that is not an option of env, nor a variable for it. */
static void find_command(struct script *script, char *words)
{
	char *rest = words, *word;

	while ((word = strsep(&rest, BLANKS))) {
		/* -Sprog and --split-string=prog, as well as -S prog (env(1)). */
		if (!strncmp(word, "-S", 2) && word[2])
			word += 2;
		if (!*word || *word == '-' || strchr(word, '='))
			continue;
		strcpy(script->command, word);
		return;
	}
}

bool script_read(const char *path, struct script *script)
{
	char buf[SCRIPT_LINE_MAX];
	ssize_t len = read_beginning(path, buf, sizeof(buf));
	const char *name;
	char *at;

	memset(script, 0, sizeof(*script));
	if (len <= 0)
		return false;
	if (strncmp(buf, "#!", 2)) {
		strcpy(script->interpreter, "/bin/sh");
		/* Programs have zeroes in their beginning, texts do not. */
		return !memchr(buf, '\0', (size_t)len);
	}
	buf[strcspn(buf, "\n")] = '\0';
	at = buf + 2 + strspn(buf + 2, BLANKS);
	len = (ssize_t)strcspn(at, BLANKS);
	memcpy(script->interpreter, at, (size_t)len);
	at += len;
	name = strrchr(script->interpreter, '/');
	if (!strcmp(name ? name + 1 : script->interpreter, "env"))
		find_command(script, at);
	return true;
}
