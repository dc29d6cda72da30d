/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * connect_exec PATH COMMAND [ARG]...: connects to the UNIX socket PATH, leaves the connection on
 * descriptor 5 and runs the command. The least that has to be done to start a QEMU.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd;

	if (argc < 3 || strlen(argv[1]) >= sizeof(addr.sun_path))
		return 2;
	strcpy(addr.sun_path, argv[1]);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) || dup2(fd, 5) < 0) {
		perror(argv[1]);
		return 1;
	}
	if (fd != 5)
		close(fd);
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 1;
}
