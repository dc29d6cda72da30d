/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/job/result.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/base/json.h"
#include "launcher/base/memory.h"
#include "launcher/base/message.h"

/* Behind the file's name, as mkstemp(3) wants it. */
#define NEW ".XXXXXX"

/* A new file beside it, in @path: descriptor, or -1. */
static int open_new(const char *file, char **path)
{
	if (asprintf(path, "%s" NEW, file) < 0) {
		*path = NULL;
		return -1;
	}
	return mkstemp(*path);
}

int result_check(const struct log *log, const char *file)
{
	struct stat st;
	char *path;
	int fd;

	/* A device would be replaced by a file. */
	if (!lstat(file, &st) && !S_ISREG(st.st_mode))
		return message_error(log, "--result %s: not a regular file", file);
	fd = open_new(file, &path);
	if (fd < 0)
		return message_error(log, "--result %s: %s", file, strerror(errno));
	close(fd);
	unlink(path);
	free(path);
	return 0;
}

static void add_member(struct buffer *out, const char *name, int64_t value)
{
	buffer_add_text(out, ",\"");
	buffer_add_text(out, name);
	buffer_add_text(out, value < 0 ? "\":null"
				       : arena_format(out->arena, "\":%lld", (long long)value));
}

/* {"22":40022,"53/udp":40053}; of two for one port of the guest the first, as the variables. */
static void add_ports(struct buffer *out, const struct guest_network *network)
{
	const char *comma = "";

	buffer_add_text(out, ",\"ports\":{");
	for (unsigned i = 0; network && i < network->forward_count; i++) {
		const struct forward *f = &network->forwards[i];
		bool again = false;

		for (unsigned j = 0; j < i; j++)
			again |= network->forwards[j].guest_port == f->guest_port &&
				 network->forwards[j].udp == f->udp;
		if (again)
			continue;
		buffer_add_text(out, arena_format(out->arena, "%s\"%u%s\":%u", comma, f->guest_port,
						  f->udp ? "/udp" : "", f->host_port));
		comma = ",";
	}
	buffer_add_text(out, "}");
}

static void make_text(struct buffer *out, const struct settings *settings,
		      const struct result *result)
{
	buffer_add_text(out, arena_format(out->arena, "{\"status\":%d,\"reason\":\"%s\"",
					  result->status, result->reason));
	add_member(out, "ready_ms", result->ready_ms);
	add_member(out, "run_ms", result->run_ms);
	add_member(out, "command_status", result->command_status);
	add_member(out, "qemu_status", result->qemu_status);
	add_ports(out, result->network);
	buffer_add_text(out, ",\"log\":");
	if (settings->log.file)
		json_add_string(out, settings->log.file);
	else
		buffer_add_text(out, "null");
	buffer_add_text(out, "}\n");
}

void result_write(const struct settings *settings, const struct result *result)
{
	const char *file = settings->job.result;
	struct buffer out = { .arena = arena_new() };
	mode_t mask;
	char *path;
	int fd;

	if (!file)
		return;
	umask(mask = umask(0));
	make_text(&out, settings, result);
	fd = open_new(file, &path);
	if (fd >= 0 && write(fd, out.text, out.len) == (ssize_t)out.len &&
	    !fchmod(fd, 0666 & ~mask) && !close(fd) && !rename(path, file))
		return;
	message_error(&settings->log, "--result %s: %s", file, strerror(errno));
	if (fd >= 0)
		unlink(path);
}

void result_write_failed(const struct settings *settings, int status)
{
	const struct result result = {
		.status = status,
		.reason = "failed",
		.ready_ms = -1,
		.run_ms = -1,
		.command_status = -1,
		.qemu_status = -1,
	};

	result_write(settings, &result);
}
