#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The main job: real guests, online through launcher and shim.

load common

setup() {
	need_guest
	start_http
	guest
}

NETDEV=(-netdev socket,fd=7,id=n -device virtio-net-pci,netdev=n)

@test "explicit mode: -net socket and -net nic, QEMU by name" {
	start_passt
	boot "$QRAP" 5 qemu-system-x86_64 -machine q35 -net socket,fd=5 -net nic,model=virtio \
		"${GUEST[@]}"
	[ "$status" = 0 ]
	assert_online
}
