/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mention_unit WORD FD: prints "connection", "descriptor" or "no": what the word says of the number
 */
#include <stdio.h>
#include <stdlib.h>

#include "shim/common/fd_args.h"

int main(int argc, char **argv)
{
	int fd;

	if (argc != 3)
		return 2;
	fd = atoi(argv[2]);
	if (arg_names_fd(argv[1], fd))
		puts("connection");
	else
		puts(mentions_descriptor(argv[1], fd) ? "descriptor" : "no");
	return 0;
}
