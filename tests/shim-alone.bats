#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Shim and programs of one machine, and nothing else: neither launcher nor QEMU, and a connection to
# whatever speaks first. So it can be run by an emulator, too (tests/arch).

load common

# bare COMMAND...: with a connection on 5, and the shim in COMMAND, which a child of this shell is
bare() {
	start server /usr/bin/python3 -c 'if True:
		import socket, time
		s = socket.socket(socket.AF_UNIX)
		s.bind("/tmp/bare.socket")
		s.listen()
		while True:
			client = s.accept()[0]
			try:
				client.send(bytes([0, 0, 0, 60] + 60 * [0]))
			except OSError:
				pass # lost already'
	wait_for 5 listens /tmp/bare.socket
	run as_from_a_shell /usr/bin/python3 -c 'if True:
		import os, socket, sys
		s = socket.socket(socket.AF_UNIX)
		s.connect("/tmp/bare.socket")
		os.dup2(s.fileno(), 5)
		os.environ["LD_PRELOAD"] = sys.argv[1]
		os.execv(sys.argv[2], sys.argv[2:])' "$BUILD/qrap_preload.so" "$@"
	echo "$output"
}

setup() {
	need python3
	export QRAP_FD=5 QRAP_SOCKET=/tmp/bare.socket QRAP_LOG_FILE=/tmp/log.jsonl
	export FAKE_QEMU_FD=5
	LOSE=$BUILD/tests/lose
	QEMU=("$BUILD/tests/fake_qemu" -netdev socket,fd=5)
}

# A program that speaks of the number finds the connection there, and it is the first one.
assert_mended() {
	[ "$status" = 0 ]
	[[ $output == *'fd 5 stream blocking inherited'*'peer=/tmp/bare.socket'* ]]
	grep '"event":"restored".*"action":"the spare"\|"event":"closed".*"action":"put-back"' /tmp/log.jsonl
	[ "$(grep -c '"event":"connected"' /tmp/log.jsonl)" = 0 ]
}

@test "nobody loses it" {
	bare "$LOSE" nothing 5 "${QEMU[@]}"
	[ "$status" = 0 ]
	[[ $output == *'fd 5 stream blocking inherited'*'peer=/tmp/bare.socket'* ]]
	[ "$(grep -c '"event":"program"' /tmp/log.jsonl)" = 2 ]
	refute grep '"level":"warning"' /tmp/log.jsonl
}

@test "closed" {
	bare "$LOSE" close 5 "$LOSE" nothing 5 "${QEMU[@]}"
	assert_mended
}

@test "closed with all others" {
	bare "$LOSE" proc-loop 5 "${QEMU[@]}"
	assert_mended
}

@test "overwritten" {
	need_first
	bare "$LOSE" eventfd 5 "${QEMU[@]}"
	assert_mended
}

@test "marked close-on-exec" {
	bare "$LOSE" setfd 5 "${QEMU[@]}"
	assert_mended
}

@test "closed in a child" {
	bare "$LOSE" fork 5 "${QEMU[@]}"
	assert_mended
}

# On a 32-bit machine the libc has them under names of their own (check-arch: i386).
@test "a program with 64-bit times: its calls are seen" {
	bare "$BUILD/tests/time64" fd=5 "$BUILD/tests/await /tmp/log.jsonl first-frame"
	[ "$status" = 0 ]
	[[ $output == *'received 64'* ]]
	grep '"event":"cloexec".*"call":"ioctl"' /tmp/log.jsonl
	[ "$(grep -o '"event":"[crf][^"]*"' /tmp/log.jsonl | cut -d '"' -f 4 | paste -sd ' ')" = \
		'cloexec claimed released first-frame' ]
}

@test "lost with the spare: a new connection" {
	bare "$LOSE" raw-close_range 5 "${QEMU[@]}"
	[ "$status" = 0 ]
	[[ $output == *'fd 5 stream blocking inherited'*'peer=/tmp/bare.socket'* ]]
	grep '"event":"restored".*"action":"a new connection to the same passt"' /tmp/log.jsonl
}

@test "each line of the log is JSON" {
	bare "$LOSE" close 5 "${QEMU[@]}"
	/usr/bin/python3 -c 'import json, sys
for line in open(sys.argv[1]): json.loads(line)' /tmp/log.jsonl
}

# See tests/helpers/locker_probe.c.
probe() {
	bare "$LOSE" nothing 5 "$BUILD/tests/locker_probe" "$1"
	[ "$status" = 0 ]
	[[ $output == *ok ]]
}

@test "the locker is invisible" {
	probe invisible
}

@test "the locker: calls on other numbers do what they always do" {
	probe others
}

@test "the locker: who insists gets his way" {
	probe insist
	[[ $output == *'65 tries'* ]]
}

@test "the locker: who puts something on its number finds it out of the way" {
	probe overwrite
}

@test "a 32-bit kernel without the calls of 64-bit time: time passes, signals are taken back" {
	"$BUILD/tests/old_kernel"
}
