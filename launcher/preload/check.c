/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The static checks and a trial exec. */
#include "launcher/preload/check.h"

#include <errno.h>
#include <string.h>

#include "launcher/base/message.h"
#include "launcher/preload/chain.h"
#include "launcher/preload/loadable.h"
#include "launcher/preload/qemu_path.h"
#include "launcher/preload/trial.h"

static void print_program(const struct chain_file *file)
{
	if (file->interpreter[0])
		message_answer("program: %s, a script of %s%s%s; what it runs is not seen",
			       file->path, file->interpreter, *file->command ? " " : "",
			       file->command);
	else
		message_answer("program: %s", file->path);
}

static int find_qemu(const struct settings *options, struct qemu *qemu)
{
	const char *command = options->command[0] ? options->command[0] : options->qemu;

	return command ? qemu_find_command(command, qemu) : qemu_find_default(qemu);
}

int check(const struct settings *options)
{
	struct preload preload;
	struct chain chain;
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
	chain_find(&chain, qemu.path, NULL);
	fits = preload_find_shim(&preload) && preload_check_chain(&preload, &chain) &&
	       trial_run(&preload, qemu.path);
	message_answer("%s%s", fits ? "yes" : "no: ", fits ? "" : preload.reason);
	print_program(&chain.files[0]);
	if (*preload.shim)
		message_answer("shim: %s", preload.shim);
	return fits ? 0 : 1;
}
