#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What `make fuzz` makes of its fuzzers; they themselves are run by that, for seconds in CI.

load common

# fuzzer NAME COMMAND: one that ends as that does, and says that it has done 400 runs
fuzzer() {
	mkdir -p /tmp/build/fuzz
	printf '%s\n' '#!/bin/sh' 'echo "$@" >>/tmp/calls' \
		'echo "stat::number_of_executed_units: 400"' "$2" >"/tmp/build/fuzz/$1"
	chmod +x "/tmp/build/fuzz/$1"
}

@test "no finding: status 0, and the counts" {
	fuzzer netargs true
	fuzzer other true
	BUILD=/tmp/build FUZZ_SECONDS=3 run "$TOP/tests/fuzz/run" /tmp/build/fuzz/{netargs,other}
	[ "$status" = 0 ]
	[ "${lines[-1]}" = '# 2 passed, 0 failed, 0 skipped' ]
	grep -E '^\| netargs \| [0-9]+ \| 400 \| [0-9]+ \| [1-9][0-9]* \| 0 \|$' /tmp/build/fuzz/table.md
	grep -E '^\| other \| [0-9]+ \| 400 \| [0-9]+ \| 0 \| 0 \|$' /tmp/build/fuzz/table.md
	[ "$(grep -c -- '-max_total_time=3 /tmp/build/fuzz/corpus/' /tmp/calls)" = 2 ]
	[ "$(grep -c -- '-dict=tests/fuzz/netargs.dict' /tmp/calls)" = 1 ]
}

@test "a finding: status 1, its report, and the next one is run all the same" {
	fuzzer bad 'echo "ERROR: a report"; exit 77'
	fuzzer good true
	BUILD=/tmp/build run "$TOP/tests/fuzz/run" /tmp/build/fuzz/{bad,good}
	[ "$status" = 1 ]
	[ "${lines[0]}" = 'not ok 1 fuzz: bad, after 400 runs in 0 s' ]
	grep -x '# ERROR: a report' <<<"$output"
	grep '^ok 2 fuzz: good' <<<"$output"
	grep -E '^\| bad \|.* 1 \|$' /tmp/build/fuzz/table.md
	[ "${lines[-1]}" = '# 1 passed, 1 failed, 0 skipped' ]
}

@test "runs: on after the time until there are as many" {
	fuzzer slow true
	BUILD=/tmp/build FUZZ_SECONDS=1 FUZZ_RUNS=1000 run "$TOP/tests/fuzz/run" /tmp/build/fuzz/slow
	[ "$status" = 0 ]
	grep '^| slow | [0-9]* | 1200 |' /tmp/build/fuzz/table.md
	[ "$(grep -o -- '-max_total_time=[0-9]*\|-runs=[0-9]*' /tmp/calls | tr '\n' ' ')" = \
		'-max_total_time=1 -runs=600 -runs=200 ' ]
}
