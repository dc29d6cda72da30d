/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * options_unit [ARGUMENT]...: what the launcher makes of its command line, one member a line.
 *
 * options_unit @FILE: of each line of the file, words with a blank between them, in a child each:
 * the line, and behind it status, mode and the words that are left.
 */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher/cli/options.h"

static const char *mode_name(enum mode mode)
{
	static const char *const names[] = {
		[MODE_EXPLICIT] = "explicit", [MODE_PATCH] = "patch",     [MODE_LIST] = "list",
		[MODE_CHECK] = "check",       [MODE_REPORT] = "report",   [MODE_HELP] = "help",
		[MODE_VERSION] = "version",   [MODE_PROGRAM] = "program",
	};

	return names[mode];
}

static void print_text(const char *name, const char *value)
{
	if (value)
		printf("%s=%s\n", name, value);
}

static void print_trust(const struct passt_trust *trust)
{
	printf("trust=%s", trust->any ? "any" : "");
	for (unsigned i = 0; i < trust->count; i++)
		printf("%s%u", i || trust->any ? "," : "", (unsigned)trust->uids[i]);
	putchar('\n');
}

static int print_line(char *line, const char *name)
{
	char *words[64] = { (char *)name };
	int count = 1;
	struct settings options;
	int status;

	for (char *word = strtok(line, " "); word && count < 63; word = strtok(NULL, " "))
		words[count++] = word;
	status = options_parse(count, words, &options);
	printf("status %d", status);
	if (!status) {
		printf(", mode=%s", mode_name(options.mode));
		for (char **word = options.command; *word; word++)
			printf(", word=%s", *word);
	}
	putchar('\n');
	return 0;
}

static int print_each(const char *path, const char *name)
{
	FILE *file = fopen(path, "re");
	char line[4096];

	if (!file)
		return 2;
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		printf("%s: ", line);
		fflush(stdout);
		if (!fork()) {
			print_line(line, name);
			fflush(stdout);
			_exit(0);
		}
		wait(NULL);
	}
	fclose(file);
	return 0;
}

int main(int argc, char **argv)
{
	struct settings options;
	int status;

	if (argc == 2 && argv[1][0] == '@')
		return print_each(argv[1] + 1, argv[0]);
	status = options_parse(argc, argv, &options);
	if (status)
		return status;
	printf("mode=%s\nfd=%d\nwait_ms=%d\nlevel=%d\n", mode_name(options.mode), options.fd,
	       options.wait_ms, options.log.level);
	printf("guard=%d\nreconnect=%d\ndry_run=%d\njson=%d\n", options.guard, options.reconnect,
	       options.dry_run, options.json);
	print_text("socket", options.socket);
	print_text("passt", options.passt.command);
	for (unsigned i = 0; i < options.publish.forward_count; i++) {
		const struct forward *f = &options.publish.forwards[i];

		printf("publish=%s %d %d%s\n", f->address, f->host_port, f->guest_port,
		       f->udp ? " udp" : "");
	}
	print_text("qemu", options.qemu);
	print_text("model", options.model);
	print_text("file", options.file);
	print_text("log_file", options.log.file);
	print_trust(&options.trust);
	for (char **word = options.command; *word; word++)
		print_text("word", *word);
	return 0;
}
