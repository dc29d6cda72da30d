#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Each function that executes, to the letter as without the shim: results, errno, words, environment;
# and in a vfork child, on a small stack, with arguments that are as large as they may be.

load common

setup() {
	need passt
	start_passt
	ln -s "$BUILD/tests/execs" /tmp/execs
	echo 'echo script "$@"' >/tmp/execs-script
	chmod 755 /tmp/execs-script
	echo plain >/tmp/execs-plain
	chmod 644 /tmp/execs-plain
	mkdir /tmp/execs-directory
}

# execs WORD: what the calls do without the shim in /tmp/without, with it in /tmp/with
execs() {
	as_from_a_shell "$QRAP" --guard off --log quiet 5 "$BUILD/tests/execs" all "$1" >/tmp/without
	as_from_a_shell "$QRAP" --log quiet 5 "$BUILD/tests/execs" all "$1" >/tmp/with
	[ "$(wc -l </tmp/without)" -gt 100 ]
}

@test "what is not on the way to QEMU: nothing is added, nothing is another" {
	execs cat
	diff /tmp/without /tmp/with
	refute grep -q '+us' /tmp/with
}

@test "what is on the way: its two variables, and all else to the letter" {
	execs qemu-system-x86_64
	diff <(sed 's/ +us$//' /tmp/without) <(sed 's/ +us$//' /tmp/with)
	refute grep -q '+us' /tmp/without
	# A vfork child's, too; but where there is no room for them nothing is added.
	refute grep -E '^(plain|NULL-environment|100000-entries|long-words) .* entries [0-9a-f]*$' /tmp/with
	[ "$(grep -c '^plain vfork .*+us$' /tmp/with)" = 6 ]
	[ "$(grep -c '^largest .* entries [0-9a-f]*$' /tmp/with)" -ge 9 ]
}
