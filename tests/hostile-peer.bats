#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A passt that does what no passt should, in dozens of ways, to a QEMU with a hub: QEMU lives on, answers
# QMP all the time, and goes on with the next good passt (tests/helpers/hostile_peer.c, one QEMU
# for all of them).

bats_require_minimum_version 1.5.0
load common

HUB=(qemu-system-x86_64 -machine none -display none -nodefaults -qmp stdio
	-netdev socket,fd=6,id=b)
HUB_PORTS=(-netdev hubport,hubid=0,id=h0,netdev=a -netdev hubport,hubid=0,id=h1,netdev=b)

setup() {
	cd /tmp
}

# survives [NETDEV...]: at least 30 misbehaviours with this network, and after each a good passt
survives() {
	need qemu-system-x86_64
	run as_from_a_shell timeout --kill-after=2 60 "$BUILD/tests/hostile_peer" "$QRAP" \
		--socket /tmp/passt.socket 5 "${HUB[@]}" "$@" "${HUB_PORTS[@]}"
	echo "$output"
	[ "$status" = 0 ]
	[ "$(grep -c ' back=.* median=' <<<"$output")" -ge 30 ]
}

# bats test_tags=timeout:70
@test "peers that misbehave: QEMU lives, answers, and a good passt is taken up after each" {
	survives -netdev socket,fd=5,id=a
}

# bats test_tags=timeout:70
@test "peers that misbehave, with the stream netdev" {
	need_netdev stream
	survives -netdev stream,id=a,addr.type=fd,addr.str=5
}
