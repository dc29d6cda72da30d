#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A short run of the rewriter's fuzzer; `make fuzz` is the long one, with all of them.
#
# bats file_tags=timeout:180

bats_require_minimum_version 1.5.0
load common

@test "a few seconds of random command lines" {
	need clang
	compgen -G '/usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-*' >/dev/null ||
		skip 'libclang-rt-dev is not installed'
	make -s -C "$TOP" "BUILD=$BUILD" "$BUILD/fuzz/netargs" 3>&- 4>&-
	"$TOP/tests/fuzz/run" 5 "$BUILD/fuzz/netargs" 3>&- 4>&-
}
