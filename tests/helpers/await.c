/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * await [not] FILE [REGEX]: until the file is there, and has a line that this extended regular
 * expression matches; with "not", until that is so no more
 *
 * For scripts that wait: one process, and not one for each look. Looks every 5 ms, since neither
 * /proc nor a FIFO tells anybody of a change. Status 1 after a minute, 2 for a bad expression.
 */
#include <regex.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOOK_MS  5
#define LIMIT_MS 60000

static bool is_there(const char *path, const regex_t *regex)
{
	FILE *file = fopen(path, "re");
	bool found = !regex && file;
	char *line = NULL;
	size_t size = 0;

	while (file && !found && getline(&line, &size, file) >= 0) {
		line[strcspn(line, "\n")] = '\0';
		found = !regexec(regex, line, 0, NULL, 0);
	}
	free(line);
	if (file)
		fclose(file);
	return found;
}

int main(int argc, char **argv)
{
	const struct timespec pause = { .tv_nsec = LOOK_MS * 1000000L };
	bool wanted = argc < 2 || strcmp(argv[1], "not");
	char **words = argv + (wanted ? 1 : 2);
	regex_t regex;

	if (!words[0] || (words[1] && regcomp(&regex, words[1], REG_EXTENDED | REG_NOSUB)))
		return 2;
	for (int i = 0; i < LIMIT_MS / LOOK_MS; i++) {
		if (is_there(words[0], words[1] ? &regex : NULL) == wanted)
			return 0;
		nanosleep(&pause, NULL);
	}
	return 1;
}
