/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "#! interpreter [argument]" is read as the kernel does (Linux, fs/binfmt_script.c). */
#include "launcher/preload/chain.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "launcher/base/words.h"
#include "launcher/preload/qemu_path.h"

#define BLANKS " \t"

/* Finds env's command: the first word that is not an option, nor a variable. */
static const char *find_env_command(char *words)
{
	char *word;

	while ((word = strsep(&words, BLANKS))) {
		/* -Sprog and --split-string=prog, as well as -S prog (env(1)). */
		if (!strncmp(word, "-S", 2) && word[2])
			word += 2;
		if (*word && *word != '-' && !strchr(word, '='))
			break;
	}
	return word;
}

/* Is it a script? Fills in who runs it. */
static bool read_script(struct chain_file *file)
{
	char *line = file->elf.text;

	if (!*line)
		return false;
	if (strncmp(line, "#!", 2)) {
		file->interpreter = "/bin/sh";
		return true;
	}
	line[strcspn(line, "\n")] = '\0';
	line += 2 + strspn(line + 2, BLANKS);
	file->interpreter = strsep(&line, BLANKS);
	if (!strcmp(path_name(file->interpreter), "env"))
		file->command = find_env_command(line);
	return true;
}

static struct chain_file *add_file(struct chain *chain, const char *path,
				   const struct chain_file *script)
{
	struct chain_file *file = &chain->files[chain->count++];
	int ret;

	snprintf(file->path, sizeof(file->path), "%s", path);
	file->script = script;
	file->is_elf = false;
	file->interpreter = NULL;
	file->command = NULL;
	if (script && access(path, X_OK)) {
		file->error = errno;
		return file;
	}
	ret = elf_read(path, &file->elf);
	file->is_elf = !ret;
	/* The kernel may run what we may not read. */
	if (ret == -EACCES || (ret == -ENOEXEC && read_script(file)))
		ret = 0;
	file->error = -ret;
	return file;
}

/* Adds a file and all that exec will go to from there. */
static void add_files(struct chain *chain, const char *path)
{
	const struct chain_file *script = NULL;
	const char *command = NULL;
	struct qemu found;
	int scripts = 0;

	for (;;) {
		struct chain_file *file = add_file(chain, path, script);

		if (file->interpreter && ++scripts > SCRIPT_DEPTH)
			file->error = ELOOP;
		if (file->error)
			return;
		if (file->interpreter) {
			script = file;
			path = script->interpreter;
			command = script->command;
		} else if (command) {
			/* One that is not found is an error of the file of that name. */
			path = qemu_find_command(command, &found) ? command : found.path;
			command = NULL;
		} else {
			return;
		}
	}
}

void chain_find(struct chain *chain, const char *path, char *const *args)
{
	struct qemu wrapped;

	chain->count = 0;
	add_files(chain, path);
	if (!args || !args[0] || !chain->files[0].elf.is_static)
		return;
	if (qemu_find_in_words(args, &wrapped) || !qemu_find_command(args[0], &wrapped))
		add_files(chain, wrapped.path);
}
