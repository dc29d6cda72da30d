/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qemu_unit [COMMAND]: which file would be run for a command, or as patch mode's QEMU. */
#include <stdio.h>

#include "launcher/preload/qemu_path.h"

int main(int argc, char **argv)
{
	struct qemu qemu;
	const struct settings settings = { .mode = MODE_PATCH, .qemu = argc > 1 ? argv[1] : NULL };
	int status = qemu_find(&settings, &qemu);

	printf("name=%s\npath=%s\n", qemu.name ? qemu.name : "", qemu.path);
	return status;
}
