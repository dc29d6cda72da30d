/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For fuzzers all is compiled with this in front. ASan's strcmp() tells libFuzzer of every two
 * texts that differ, which is a third of the time where words are looked up in lists. A loop that
 * ASan sees finds the same mistakes without that.
 */
#ifndef QRAP_FUZZ_LEAN_H
#define QRAP_FUZZ_LEAN_H

#include <string.h>

static inline int lean_strcmp(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (unsigned char)*a - (unsigned char)*b;
}

#define strcmp lean_strcmp

#endif /* QRAP_FUZZ_LEAN_H */
