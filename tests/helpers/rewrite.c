/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What patch mode makes of QEMU's arguments: one word a line on stdout; on stderr "fd N", what was
 * promised, or why all stays as it is, and the changes ("!" in front of those that are said on
 * every run).
 *
 * rewrite [-q QEMU] [-m MODEL] [-o FD]... [-g] [-f FILE | -t FILE] [--] [ARGUMENT]...
 *
 * -o: that descriptor is open in the caller. -g: only tell whether a guest is started, by the exit
 * status. -f: the arguments are in FILE, each with a NUL behind it, and nothing but their number
 * and the milliseconds that it took are printed; such a line may be longer than exec allows. -t: as
 * -f for several lines, each with the word "\n" behind it. Their words are printed like that, too,
 * with an empty line in between; with -g the answer for each, one a line.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "launcher/cmdline/parse/starts_guest.h"
#include "launcher/cmdline/rewrite/rewrite.h"

static unsigned char open_fds[1024];

static bool is_open(int fd)
{
	return fd < (int)sizeof(open_fds) && open_fds[fd];
}

static char **read_words(const char *path)
{
	int fd = open(path, O_RDONLY);
	struct stat st;
	size_t count = 0, size;
	char *text, **words;

	if (fd < 0 || fstat(fd, &st))
		return NULL;
	size = (size_t)st.st_size;
	text = mmap(NULL, size + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (text == MAP_FAILED)
		return NULL;
	for (size_t i = 0; i < size; i++)
		count += !text[i];
	words = calloc(count + 1, sizeof(*words));
	for (size_t i = 0, at = 0; words && i < count; i++) {
		words[i] = text + at;
		at += strlen(text + at) + 1;
	}
	return words;
}

static double processor_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static void print_network(const struct guest_network *network)
{
	for (unsigned i = 0; i < network->forward_count; i++) {
		const struct forward *forward = &network->forwards[i];

		fprintf(stderr, "forward %s %s %u %u: %s\n", forward->udp ? "udp" : "tcp",
			forward->address, forward->host_port, forward->guest_port, forward->word);
	}
	if (network->address || network->gateway || network->dns)
		fprintf(stderr, "network %s/%u %s %s\n", network->address ? network->address : "-",
			network->prefix, network->gateway ? network->gateway : "-",
			network->dns ? network->dns : "-");
	if (network->hostname || network->domainname)
		fprintf(stderr, "names %s %s\n", network->hostname ? network->hostname : "-",
			network->domainname ? network->domainname : "-");
	for (const char *const *search = network->search; search && *search; search++)
		fprintf(stderr, "search %s\n", *search);
	if (network->no_ipv4 || network->no_ipv6)
		fprintf(stderr, "no %s\n", network->no_ipv4 ? "IPv4" : "IPv6");
}

static int print(const struct rewrite_result *result)
{
	for (char **arg = result->args; *arg; arg++)
		puts(*arg);
	fprintf(stderr, "fd %d\n", result->fd);
	if (result->stays)
		fprintf(stderr, "stays %s\n", result->stays);
	if (result->promised)
		fprintf(stderr, "promised %s\n", result->promised);
	print_network(&result->network);
	for (size_t i = 0; i < result->changes.count; i++)
		fprintf(stderr, "%s%s\n", result->changes.list[i].notable ? "!" : "",
			result->changes.list[i].line);
	return 0;
}

static int rewrite(const struct rewrite_request *request, bool only_count)
{
	double before = processor_ms();
	struct rewrite_result result;
	size_t count = 0;
	int ret = rewrite_command_line(request, &result);

	if (ret) {
		fprintf(stderr, "%s\n", result.error ? result.error : strerror(-ret));
		return 1;
	}
	if (!only_count)
		return print(&result);
	while (result.args[count])
		count++;
	printf("%zu words, %.3f ms\n", count, processor_ms() - before);
	return 0;
}

static int rewrite_each(struct rewrite_request *request, char **words, bool only_ask)
{
	struct rewrite_result result;

	for (; *words; words++) {
		request->args = words;
		while (*words && strcmp(*words, "\n"))
			words++;
		if (!*words)
			return 2;
		*words = NULL;
		if (only_ask) {
			puts(starts_guest(request->args) ? "guest" : "no guest");
			continue;
		}
		if (rewrite_command_line(request, &result))
			return 1;
		for (char **arg = result.args; *arg; arg++)
			puts(*arg);
		putchar('\n');
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct rewrite_request request = { .qemu = "qemu-system-x86_64", .is_open = is_open };
	bool only_ask = false, table = false;
	char *file = NULL;
	int option;

	while ((option = getopt(argc, argv, "+q:m:o:gf:t:")) != -1) {
		if (option == 'q')
			request.qemu = optarg;
		else if (option == 'm')
			request.model = optarg;
		else if (option == 'o')
			open_fds[strtoul(optarg, NULL, 10) % sizeof(open_fds)] = 1;
		else if (option == 'g')
			only_ask = true;
		else if (option == 'f' || option == 't')
			file = optarg, table = option == 't';
		else
			return 2;
	}
	request.args = file ? read_words(file) : argv + optind;
	if (!request.args)
		return 2;
	if (table)
		return rewrite_each(&request, request.args, only_ask);
	if (only_ask)
		return starts_guest(request.args) ? 0 : 1;
	return rewrite(&request, file);
}
