/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "#! interpreter [argument]", as the kernel reads it (Linux, fs/binfmt_script.c). */
#include "launcher/preload/script.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLANKS " \t"

/* As much of a script as is searched for what it runs. */
#define SCRIPT_TEXT_MAX 65536

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

/* Is it for one of the shells, whose names all end so? */
static bool is_shell_script(const struct script *script)
{
	const char *name = script->command[0] ? script->command : script->interpreter;
	size_t len = strlen(name);

	return len >= 2 && !strcmp(name + len - 2, "sh");
}

/* Copies a word of a shell, without the quotes around it: false if it is empty or too long. */
static bool copy_word(const char *from, char word[SCRIPT_WORD_MAX])
{
	const char *ends = *from == '"' ? "\"\n" : *from == '\'' ? "'\n" : " \t\n;&|";
	size_t len;

	if (*from == '"' || *from == '\'')
		from++;
	len = strcspn(from, ends);
	if (!len || len >= SCRIPT_WORD_MAX)
		return false;
	memcpy(word, from, len);
	word[len] = '\0';
	return true;
}

/* Finds the next line that begins with @word, blanks in front of it left out: what follows it. */
static const char *find_line(const char *text, const char *word)
{
	size_t len = strlen(word);

	while (*text) {
		text += strspn(text, BLANKS);
		if (!strncmp(text, word, len))
			return text + len;
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	return NULL;
}

/* Puts in place of "$NAME" or "${NAME}" the first absolute path that the script sets it to. */
static bool resolve(const char *text, char word[SCRIPT_WORD_MAX])
{
	char name[SCRIPT_WORD_MAX + 1];
	size_t skip = word[1] == '{' ? 2 : 1;
	size_t len = strcspn(word + skip, "}");

	memcpy(name, word + skip, len);
	strcpy(name + len, "=");
	while ((text = find_line(text, name))) {
		if (copy_word(text, word) && *word == '/')
			return true;
	}
	return false;
}

bool script_target(const char *path, char target[SCRIPT_WORD_MAX])
{
	static const char command[] = "exec ";
	char text[SCRIPT_TEXT_MAX];
	struct script script;
	const char *at = text;

	if (!script_read(path, &script) || !is_shell_script(&script) ||
	    read_beginning(path, text, sizeof(text)) <= 0)
		return false;
	while ((at = find_line(at, command))) {
		/* "exec 5>&-" runs nothing; "$@" is not ours to know. */
		if (!copy_word(at + strspn(at, BLANKS), target) || strpbrk(target, "<>@*"))
			continue;
		if (*target != '$' || resolve(text, target))
			return true;
	}
	return false;
}
