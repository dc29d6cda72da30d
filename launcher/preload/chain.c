/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "#! interpreter [argument]" is read as the kernel does (Linux, fs/binfmt_script.c). */
#include "launcher/preload/chain.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "launcher/preload/qemu_path.h"

#define BLANKS " \t"

/* How many interpreters, one for the other, the kernel goes through (Linux, exec_binprm). */
#define SCRIPT_DEPTH 5

static bool add_file(struct chain *chain, const char *path, const struct chain_file *script,
		     int depth);

/* Reads the beginning of a file, with a NUL behind it: its length, 0 also if it cannot be read. */
static size_t read_beginning(const char *path, char buf[SCRIPT_LINE_MAX])
{
	int fd = open_regular(path);
	ssize_t len = fd < 0 ? 0 : read(fd, buf, SCRIPT_LINE_MAX - 1);

	if (fd >= 0)
		close(fd);
	buf[len < 0 ? 0 : len] = '\0';
	return len < 0 ? 0 : (size_t)len;
}

/* Finds env's command: the first word that is not an option, nor a variable. */
static void find_command(char *words, char command[SCRIPT_LINE_MAX])
{
	char *rest = words, *word;

	while ((word = strsep(&rest, BLANKS))) {
		/* -Sprog and --split-string=prog, as well as -S prog (env(1)). */
		if (!strncmp(word, "-S", 2) && word[2])
			word += 2;
		if (!*word || *word == '-' || strchr(word, '='))
			continue;
		strcpy(command, word);
		return;
	}
}

/* Is it a script? Fills in who runs it. */
static bool read_script(struct chain_file *file)
{
	char buf[SCRIPT_LINE_MAX];
	size_t len = read_beginning(file->path, buf);
	char *at;

	if (len < 2 || memcmp(buf, "#!", 2)) {
		/* Programs have zeroes in their beginning, texts do not. */
		if (!len || memchr(buf, '\0', len))
			return false;
		strcpy(file->interpreter, "/bin/sh");
		return true;
	}
	buf[strcspn(buf, "\n")] = '\0';
	at = buf + 2 + strspn(buf + 2, BLANKS);
	len = strcspn(at, BLANKS);
	memcpy(file->interpreter, at, len);
	file->interpreter[len] = '\0';
	if (!strcmp(path_name(file->interpreter), "env"))
		find_command(at + len, file->command);
	return true;
}

static bool add_script(struct chain *chain, const struct chain_file *script, int depth)
{
	struct qemu command;

	if (!add_file(chain, script->interpreter, script, depth + 1))
		return false;
	if (!script->command[0])
		return true;
	/* One that is not found is an error of the file of that name. */
	if (qemu_find_command(script->command, &command))
		strcpy(command.path, script->command);
	return add_file(chain, command.path, script, depth + 1);
}

static struct chain_file *new_file(struct chain *chain, const char *path,
				   const struct chain_file *script)
{
	struct chain_file *file = &chain->files[chain->count++];

	snprintf(file->path, sizeof(file->path), "%s", path);
	file->script = script;
	file->error = 0;
	file->is_elf = false;
	file->interpreter[0] = '\0';
	file->command[0] = '\0';
	return file;
}

/* Adds a file and all that exec will go to from there: false if the chain ends by an error. */
static bool add_file(struct chain *chain, const char *path, const struct chain_file *script,
		     int depth)
{
	struct chain_file *file;
	int ret;

	if (depth > SCRIPT_DEPTH || chain->count == CHAIN_MAX) {
		chain->files[chain->count - 1].error = ELOOP;
		return false;
	}
	file = new_file(chain, path, script);
	if (script && access(path, X_OK)) {
		file->error = errno;
		return false;
	}
	ret = elf_read(path, &file->elf);
	file->is_elf = !ret;
	if (ret == -ENOEXEC && read_script(file))
		return add_script(chain, file, depth);
	/* The kernel may run what we may not read. */
	file->error = ret == -EACCES ? 0 : -ret;
	return !file->error;
}

void chain_find(struct chain *chain, const char *path, char *const *args)
{
	const struct chain_file *first = &chain->files[0];
	struct qemu wrapped;

	chain->count = 0;
	if (!add_file(chain, path, NULL, 0) || !args || !args[0])
		return;
	if (!first->is_elf || !elf_is_static(&first->elf))
		return;
	if (qemu_find_in_words(args, &wrapped) || !qemu_find_command(args[0], &wrapped))
		add_file(chain, wrapped.path, NULL, 0);
}
