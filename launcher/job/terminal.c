/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/job/terminal.h"

#include <fcntl.h>
#include <string.h>

void terminal_save(struct terminal *terminal)
{
	memset(terminal, 0, sizeof(*terminal));
	for (int fd = 0; fd < 3; fd++) {
		terminal->flags[fd] = fcntl(fd, F_GETFL);
		terminal->is_terminal[fd] = !tcgetattr(fd, &terminal->settings[fd]);
	}
}

void terminal_restore(const struct terminal *terminal)
{
	for (int fd = 0; fd < 3; fd++) {
		const int flags = terminal->flags[fd];

		if (flags >= 0 && flags != fcntl(fd, F_GETFL))
			fcntl(fd, F_SETFL, flags);
		if (terminal->is_terminal[fd])
			tcsetattr(fd, TCSANOW, &terminal->settings[fd]);
	}
}
