/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program of this machine in the place of one of another machine, which it runs by QEMU's user
 * emulation: same name, same arguments, same environment. So tests run foreign programs, and those
 * each other, without the kernel's help (binfmt_misc).
 *
 * EMULATOR, SYSROOT: QEMU, and the directory of the other machine's libraries; BUILD: this one in
 * BUILD/x stands for BUILD/real/x. Static, so that it takes no LD_PRELOAD of the other machine.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Which program we stand for, whatever name we were started by. */
static int find_real(char *real, size_t size)
{
	char own[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", own, sizeof(own) - 1);

	if (len < 0)
		return -1;
	own[len] = '\0';
	if (strncmp(own, BUILD "/", sizeof(BUILD)))
		return -1;
	snprintf(real, size, "%s/real/%s", BUILD, own + sizeof(BUILD));
	return access(real, X_OK);
}

int main(int argc, char **argv)
{
	char **words = calloc((size_t)argc + 8, sizeof(*words));
	static char real[2 * PATH_MAX], preload[PATH_MAX];
	const char *value = getenv("LD_PRELOAD");
	char **w = words;

	if (!words || find_real(real, sizeof(real)))
		return 125;
	*w++ = (char *)EMULATOR;
	*w++ = (char *)"-L";
	*w++ = (char *)SYSROOT;
	*w++ = (char *)"-0";
	*w++ = argv[0];
	/* For the emulated program, not for the emulator. */
	if (value) {
		snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", value);
		unsetenv("LD_PRELOAD");
		*w++ = (char *)"-E";
		*w++ = preload;
	}
	*w++ = real;
	memcpy(w, argv + 1, (size_t)argc * sizeof(*argv));
	execv(EMULATOR, words);
	perror(EMULATOR);
	return 125;
}
