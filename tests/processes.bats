#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The shim among others: children of all kinds, threads, and other people's preloads.

load common
load online

setup() {
	need qemu-system-x86_64 passt
	start_passt /tmp/passt_1.socket --debug
	make_vm
}

# forks WHAT: see tests/helpers/forks.c
forks() {
	qrap --log-file "$LOG" "$FD" "$BUILD/tests/forks" "$1" fd="$FD"
	echo "$output"
	echo "$stderr"
	[ "$status" = 0 ]
	[[ $output == *ok ]]
}

@test "fork before the release: both sides go on, the grandchild takes the descriptor" {
	forks daemonize
	[ "$(grep -c '"event":"released"' "$LOG")" = 1 ]
	[ "$(connections)" = 1 ]
}

@test "children before the claim, by fork, vfork and clone: the parent knows nothing of it" {
	forks before
	[ "$(grep -c '"event":"claimed"' "$LOG")" = 1 ]
	[ "$(grep -c '"event":"released"' "$LOG")" = 1 ]
	refute grep '"event":"spare-moved"' "$LOG"
}

@test "children between claim and release: the owner is not done" {
	forks claimed
	[ "$(grep -c '"event":"claimed"' "$LOG")" = 1 ]
	[ "$(grep -c '"event":"released"' "$LOG")" = 1 ]
	refute grep '"event":"owner-closed"' "$LOG"
	refute_warned
}

@test "QEMU's child for another network's helper, between claim and release: QEMU is not done" {
	# What ends QEMU: it gets no descriptor from there.
	printf '#!/bin/sh\necho helper >/tmp/seen\n' >/tmp/helper
	chmod +x /tmp/helper
	run as_from_a_shell "$QRAP" --log-file "$LOG" "$FD" qemu-system-x86_64 -machine none -display none \
		-nodefaults "${NETDEV[@]}" -netdev bridge,id=t,helper=/tmp/helper
	echo "$output"
	[ "$status" = 1 ]
	[ -s /tmp/seen ]
	assert_logged '"event":"claimed"' /qemu-system
	refute grep '"event":"owner-closed"' "$LOG"
}

@test "children after the release, by fork, vfork and clone: passive, the link stays up" {
	forks after
	[ "$(grep -c '"event":"owner-closed"' "$LOG")" = 1 ]
	refute grep '"event":"link-down"' "$LOG"
}

@test "a child by a raw system call, and its own that shares its memory" {
	forks raw-child
}

@test "threads that open and close: no deadlock, and who insists gets his way" {
	forks threads
}

# Other people's preloads.

# stacked PRELOAD: a QEMU that has lost its descriptor, with this LD_PRELOAD
stacked() {
	LD_PRELOAD=$1 COUNTER_FILE=/tmp/counts online "$QRAP" --log-file "$LOG" "$FD" \
		"$BUILD/tests/lose" fclose "$FD" /tmp/qemu-vm
	cat /tmp/counts
	[ "$status" = 0 ]
	assert_logged '"event":"restored"' '"action":"the spare"' 'lose: fclose, pid'
	grep -E '/qemu-system-x86_64 main=1 close=[1-9].* getsockopt=[1-9].* fcntl64=[1-9].* recv=[1-9].* sendmsg=[1-9]' \
		/tmp/counts
	# The shim's own calls, on the locker for one, are not seen by others.
	refute grep -vE ' high=0 ' /tmp/counts
}

@test "a second preload behind ours: both work" {
	stacked "$BUILD/tests/counter_lib.so"
}

@test "a second preload before ours: both work" {
	stacked "$BUILD/tests/counter_lib.so:$BUILD/qrap_preload.so"
}

@test "a second preload behind ours that has the old kind of hash table only" {
	gcc -D_GNU_SOURCE -shared -fPIC -Wl,--hash-style=sysv -o /tmp/counter.so "$TOP/tests/helpers/counter_lib.c" -ldl
	readelf --dynamic --wide /tmp/counter.so >/tmp/dynamic
	grep -q '(HASH)' /tmp/dynamic
	refute grep -q GNU_HASH /tmp/dynamic
	stacked /tmp/counter.so
}

@test "preloads before and behind ours, separated by blanks" {
	cp "$BUILD/tests/counter_lib.so" /tmp/another.so
	stacked "/tmp/another.so $BUILD/qrap_preload.so $BUILD/tests/lose_lib.so"
}

@test "a program with AddressSanitizer as wrapper: its runtime goes first, the shim works" {
	need gcc
	gcc -D_GNU_SOURCE -g -fsanitize=address -o /tmp/lose-sanitized "$TOP/tests/helpers/lose.c" ||
		skip 'no libasan'
	ASAN_OPTIONS=detect_leaks=0 online "$QRAP" --log-file "$LOG" "$FD" /tmp/lose-sanitized close "$FD" /tmp/qemu-vm
	echo "$output"
	[ "$status" = 0 ]
	[[ $output != *AddressSanitizer* && $output != *'ASan runtime'* ]]
	assert_logged '"event":"restored"' '"action":"the spare"' 'lose-sanitized: close, pid'
}
