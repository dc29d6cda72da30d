#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The locker: programs do not see it, and cannot lose it by accident; QEMU empties it.

load common

setup() {
	need qemu-system-x86_64 passt
}

# probe WHAT: see tests/helpers/locker_probe.c
probe() {
	start_passt
	qrap --log-file /tmp/log.jsonl 5 "$BUILD/tests/locker_probe" "$@"
	echo "$output"
	echo "$stderr"
	[ "$status" = 0 ]
	[[ $output == *ok ]]
}

@test "invisible: close, dup, dup2, fcntl and ioctl say EBADF, ranges step over it" {
	probe invisible
}

@test "calls on other numbers do what they always do" {
	probe others
}

@test "bounded: who insists gets his way after 64 tries, with one warning" {
	probe insist
	[[ $output == *'65 tries'* ]]
	[ "$(grep -c 'gave way after 64 times' <<<"$stderr")" = 1 ]
}

@test "tries of vfork children do not count for the parent" {
	probe vfork
}

@test "a vfork child that insists loses its own copy only" {
	probe insist-in-vfork
}

@test "who puts something on its number finds it out of the way" {
	probe overwrite
	[[ $stderr != *warning* ]]
	grep '"event":"spare-moved"' /tmp/log.jsonl
}

@test "a dup2 that fails does not move it" {
	probe overwrite-badly
	refute grep '"event":"spare-moved"' /tmp/log.jsonl
}

@test "a vfork child that puts something on its number moves its own copy only" {
	probe overwrite-in-vfork
}
