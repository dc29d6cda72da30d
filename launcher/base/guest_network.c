/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/base/guest_network.h"

#include <string.h>

void forward_add_text(struct text *text, const struct forward *forward)
{
	const char *address = forward->address;

	if (!strcmp(address, "0.0.0.0"))
		address = "127.0.0.1";
	else if (!strcmp(address, "::"))
		address = "::1";
	text_format(text, strchr(address, ':') ? "[%s]" : "%s", address);
	text_format(text, ":%d -> guest %d%s", forward->host_port, forward->guest_port,
		    forward->udp ? "/udp" : "");
}
