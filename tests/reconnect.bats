#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# passt goes and comes back, and QEMU never notices: the link on its own, and a QEMU that forwards
# frames between a peer that dies and a receiver that checks each of them (tests/helpers/relink.c).

load common

HUB=(qemu-system-x86_64 -machine none -display none -nodefaults -monitor stdio
	-netdev socket,fd=6,id=b)
HUB_PORTS=(-netdev hubport,hubid=0,id=h0,netdev=a -netdev hubport,hubid=0,id=h1,netdev=b)
SOCKET=(-netdev socket,fd=5,id=a)
STREAM=(-netdev stream,id=a,addr.type=fd,addr.str=5)

LOG=/tmp/log

setup() {
	cd /tmp
}

unit() {
	run "$BUILD/tests/link_unit" "$1"
	[ -z "$output" ] || echo "$output"
	[ "$status" = 0 ]
}

# through_hub SCENARIO COUNT [WORD...]: through the launcher and a QEMU with a hub; words are options
# of the launcher, or of QEMU behind --
through_hub() {
	local scenario=$1 count=$2
	local -a options=()
	shift 2

	need qemu-system-x86_64
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	[ $# = 0 ] || shift
	[ $# -gt 0 ] || set -- "${SOCKET[@]}"
	run as_from_a_shell "$BUILD/tests/relink" "$scenario" "$count" \
		"$QRAP" --socket /tmp/passt.socket --log-file $LOG "${options[@]}" 5 "${HUB[@]}" "$@" \
		"${HUB_PORTS[@]}"
	echo "$output"
	[ "$status" = 0 ]
}

# events NAME [REASON]: how many of them are in the log
events() {
	count $LOG "\"event\":\"$1\"" "${2:+\"reason\":\"$2\"}"
}

# Lines of the shim on standard error, where QEMU's monitor may have left its prompt.
said() {
	grep -cE "^(\(qemu\) )?qrap\[.*$1" <<<"$output" || true
}

# The link on its own.

@test "frames pass in both directions, byte for byte" {
	unit plain-traffic
}

@test "a job is told of the first frame and of each service once, until it knows enough" {
	unit observed
}

@test "recvmsg with buffers that are spread out, through a restart" {
	unit scattered
}

@test "buffers smaller than a dummy frame" {
	unit small-buffers
}

@test "the rest of a frame whose beginning went to a connection that is gone is swallowed" {
	unit split-send
	unit split-drop
}

@test "a frame is sent whole or not at all" {
	unit whole-or-not
}

@test "no EAGAIN where poll says that there is room" {
	unit no-spin
}

@test "no EAGAIN for QEMU: a dummy, the rest of the frame, or padding" {
	unit spurious-wakeup
}

@test "a length that cannot be takes the link down, even behind its first two bytes" {
	unit bad-length
}

@test "a look with MSG_PEEK takes nothing and counts for nothing" {
	unit peek
}

@test "a forked child sees things as they are and changes nothing" {
	unit child
}

@test "the owner's close ends it all: thread and descriptors, a fresh connection too" {
	unit stop
	unit stop-with-offer
}

@test "signals to QEMU end no wait of the link's: not for its thread, not for the rest of a frame" {
	unit stop-with-signals
	unit stall-with-signals
}

@test "a passt that only reads no more has ended: no frame is dropped for good" {
	unit shutdown-read
}

@test "a start without passt: the link comes up later" {
	unit prepared
}

@test "another socket on the number is left alone" {
	unit not-ours
}

@test "no descriptor left when the link ends: it comes back when there is one" {
	unit no-descriptors
}

@test "the thread blocks all signals" {
	unit no-signals
}

@test "a program takes the shim's own numbers: none of its files is touched, the link ends" {
	unit numbers-taken
}

@test "reconnect off: the end of passt is the end" {
	unit no-reconnect
}

# Behind a QEMU.

@test "passt dies at every byte offset of a frame, 300 times" {
	through_hub cut 300
	[[ $output == *" padded=298"* ]]
	[ "$(events owner-closed)" = 1 ]
}

@test "passt dies at every byte offset of a frame, with the stream netdev" {
	need_netdev stream
	through_hub cut 300 -- "${STREAM[@]}"
	[[ $output == *" padded=298"* ]]
}

@test "passt dies with large frames from the guest half read, 200 times" {
	through_hub half-sent 200
}

@test "passt dies in the middle of traffic in both directions, 100 times" {
	through_hub bulk 100
}

@test "the same under QEMU's sandbox, as libvirt sets it" {
	through_hub bulk 20 -- "${SOCKET[@]}" \
		-sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny
}

@test "lengths that cannot be: the link goes down, and none of it reaches QEMU" {
	through_hub hostile 24
	[ "$(events link-down bad-length)" -ge 1 ]
	[ "$(said 'sent a frame of .* bytes, which cannot be')" -ge 1 ]
}

# bats test_tags=timeout:120
@test "stop and cont under load abort a plain QEMU with half a frame sent" {
	local i

	need qemu-system-x86_64
	ulimit -c 0
	# Now and then; else a frame was cut, the other thing that happens to a plain one, or nothing.
	for i in {1..30}; do
		run as_from_a_shell "$BUILD/tests/relink" plain-stop 20 \
			"${HUB[@]}" "${SOCKET[@]}" "${HUB_PORTS[@]}"
		[[ $output != *"/iov.c:"*": Assertion"* ]] || break
		echo "$output"
	done
	[[ $output == *"/iov.c:"*": Assertion"* ]]
}

@test "stop and cont under load do nothing to QEMU with the link" {
	through_hub stop 40
	[ "$(events link-down)" = 0 ]
}

@test "a new passt that closes at once, a few times: no word of it" {
	through_hub closes-at-once 5
	[ "$(events link-down)" = 1 ]
	[ "$(events link-up)" = 1 ]
}

@test "a passt that is in use is waited for, and said to be in use once" {
	through_hub busy 3000
	[ "$(events link-down)" = 2 ]
	[ "$(events link-down in-use)" = 1 ]
	[ "$(events link-up)" = 1 ]
	[ "$(said 'is in use by another client')" = 1 ]
}

@test "netdev_del: passt sees the end, and nobody connects again" {
	through_hub owner-closes 400
	[ "$(events owner-closed)" = 1 ]
	[ "$(events link-down)" = 0 ]
}

# in_time TIMES: is their median under 2 ms, and all of them under 10 ms?
in_time() {
	local sorted

	sorted=$(sort -n <<<"$1")
	[ "$(sed -n 10p <<<"$sorted")" -lt $((2000 * SLOW)) ] && [ "$(tail -n 1 <<<"$sorted")" -lt $((10000 * SLOW)) ]
}

# bats test_tags=alone
@test "from listen to the connection: a median under 2 ms, 10 ms at worst" {
	local i times runs_in_time=0

	# A machine that is busy with something else for a moment says nothing about us.
	for i in 1 2 3 4 5; do
		through_hub time 20
		times=$(grep -a '^[0-9]*$' <<<"$output")
		[ "$(wc -l <<<"$times")" = 20 ]
		if in_time "$times"; then
			runs_in_time=1
			break
		fi
	done
	[ $runs_in_time = 1 ]
}
