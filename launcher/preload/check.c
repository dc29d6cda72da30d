/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The static checks and a trial exec, for QEMU and for what stands in front of it. */
#include "launcher/preload/check.h"

#include <errno.h>
#include <string.h>

#include "launcher/base/message.h"
#include "launcher/preload/loadable.h"
#include "launcher/preload/qemu_path.h"
#include "launcher/preload/script.h"
#include "launcher/preload/trial.h"

/* Programs in front of QEMU that are followed. */
#define HOPS_MAX 5

/**
 * struct hops - The programs that were looked at
 * @paths:	Their paths, in the order in which they run
 * @count:	How many
 */
struct hops {
	char paths[HOPS_MAX][PATH_MAX];
	unsigned count;
};

static bool follow(struct hops *hops, struct preload *preload, struct qemu *program)
{
	const char *path = hops->paths[hops->count];
	char target[SCRIPT_WORD_MAX];
	struct qemu next;

	strcpy(hops->paths[hops->count++], program->path);
	if (!preload_check(preload, program) || !trial_run(preload, path))
		return false;
	if (hops->count == HOPS_MAX || !script_target(path, target) ||
	    qemu_find_command(target, &next))
		return true;
	return follow(hops, preload, &next);
}

static void print_hops(const struct hops *hops)
{
	struct script script;

	for (unsigned i = 0; i < hops->count; i++) {
		if (script_read(hops->paths[i], &script))
			message_answer("program: %s, a script of %s%s%s%s", hops->paths[i],
				       script.interpreter, *script.command ? " " : "",
				       script.command,
				       i + 1 < hops->count ? ", which runs"
							   : "; what it runs is not seen");
		else
			message_answer("program: %s", hops->paths[i]);
	}
}

static int find_qemu(const struct settings *options, struct qemu *qemu)
{
	const char *command = options->command[0] ? options->command[0] : options->qemu;

	return command ? qemu_find_command(command, qemu) : qemu_find_default(qemu);
}

int check(const struct settings *options)
{
	struct preload preload;
	struct hops hops = { .count = 0 };
	struct qemu qemu;
	int status = find_qemu(options, &qemu);
	bool fits;

	if (status == STATUS_CANNOT_RUN) {
		message_answer("no: %s cannot be run: %s", qemu.path, strerror(errno));
		return 1;
	}
	if (status) {
		message_answer("no: %s: no such command", qemu.name ? qemu.name : "QEMU");
		return status;
	}
	fits = preload_find_shim(&preload) && follow(&hops, &preload, &qemu);
	message_answer("%s%s", fits ? "yes" : "no: ", fits ? "" : preload.reason);
	print_hops(&hops);
	if (*preload.shim)
		message_answer("shim: %s", preload.shim);
	return fits ? 0 : 1;
}
