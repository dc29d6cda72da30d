/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file that is about to be executed: what would it make of the shim in its environment? */
#ifndef QRAP_EXEC_TARGET_H
#define QRAP_EXEC_TARGET_H

#include <stdbool.h>

enum target_kind {
	TARGET_NONE,    /* it cannot be executed, and the call fails */
	TARGET_LOADS,   /* its dynamic loader loads the shim */
	TARGET_IGNORES, /* it does without: static, or with privileges gained at exec */
	TARGET_REFUSES, /* its loader complains, or ends it: other machine, other libc */
};

/**
 * struct exec_target - What is executed, as the wrapped functions have it
 * @dir:	Descriptor of the directory for a relative @path, or of the file if that is "";
 *AT_FDCWD
 * @path:	Path
 * @by_search:	It is looked for in PATH where there is no slash in it
 */
struct exec_target {
	int dir;
	const char *path;
	bool by_search;
};

/**
 * exec_target_kind() - Look at the file, and at a script's interpreter
 * @target:	What is executed
 * @runtime:	Name of a library, or NULL
 * @needs:	Filled if there is a @runtime: is that name in the file?
 *
 * What can be executed and not read is taken for a program that ignores the shim.
 */
enum target_kind exec_target_kind(const struct exec_target *target, const char *runtime,
				  bool *needs);

#endif /* QRAP_EXEC_TARGET_H */
