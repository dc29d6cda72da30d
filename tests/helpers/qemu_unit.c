/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qemu_unit [COMMAND]: which file would be run for a command, or as patch mode's QEMU. */
#include <stdio.h>

#include "launcher/preload/qemu_path.h"

int main(int argc, char **argv)
{
	struct qemu qemu;
	int status = argc > 1 ? qemu_find_command(argv[1], &qemu) : qemu_find_default(&qemu);

	printf("name=%s\npath=%s\n", qemu.name ? qemu.name : "", qemu.path);
	return status;
}
