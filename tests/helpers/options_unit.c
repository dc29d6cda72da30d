/* SPDX-License-Identifier: GPL-2.0-or-later */
/* options_unit [ARGUMENT]...: what the launcher makes of its command line, one member a line. */
#include <stdio.h>

#include "launcher/cli/options.h"

static const char *mode_name(enum mode mode)
{
	static const char *const names[] = {
		[MODE_EXPLICIT] = "explicit", [MODE_PATCH] = "patch",   [MODE_LIST] = "list",
		[MODE_CHECK] = "check",       [MODE_REPORT] = "report", [MODE_HELP] = "help",
		[MODE_VERSION] = "version",
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

int main(int argc, char **argv)
{
	struct settings options;
	int status = options_parse(argc, argv, &options);

	if (status)
		return status;
	printf("mode=%s\nfd=%d\nwait_ms=%d\nlevel=%d\n", mode_name(options.mode), options.fd,
	       options.wait_ms, options.log.level);
	printf("guard=%d\nreconnect=%d\ndry_run=%d\njson=%d\n", options.guard, options.reconnect,
	       options.dry_run, options.json);
	print_text("socket", options.socket);
	print_text("passt", options.passt);
	print_text("qemu", options.qemu);
	print_text("model", options.model);
	print_text("file", options.file);
	print_text("log_file", options.log.file);
	print_trust(&options.trust);
	for (char **word = options.command; *word; word++)
		print_text("word", *word);
	return 0;
}
