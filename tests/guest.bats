#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The main job: real guests, online through launcher and shim.

# bats file_tags=timeout:180

load common

setup() {
	need_guest
	start_http
	guest
}

# QEMU's side in explicit mode, without the machine.
QEMU_NETDEV=(-machine q35 -netdev socket,fd=7,id=n -device virtio-net-pci,netdev=n,romfile=)

# The shim said who did it, and that it was mended.
assert_mended() {
	grep -aE '^qrap\[[0-9]+\]: ' <<<"$output" | grep -a "$1" | grep -aE 'put back|restored'
}

# Explicit mode, all ways to name a QEMU and a network.

@test "explicit mode: -net socket and -net nic, QEMU by name" {
	start_passt
	boot "$QRAP" 5 qemu-system-x86_64 -machine q35 "${GUEST[@]}" \
		-net socket,fd=5 -net nic,model=virtio
	[ "$status" = 0 ]
	assert_online
	[[ $output == *"Connected to /tmp/passt_1.socket"* ]]
}

@test "explicit mode: -netdev socket and -device, QEMU by absolute path" {
	start_passt
	boot "$QRAP" 7 "$(command -v qemu-system-x86_64)" "${QEMU_NETDEV[@]}" "${GUEST[@]}"
	[ "$status" = 0 ]
	assert_online
}

@test "explicit mode: -netdev stream, QEMU by relative path" {
	need_netdev stream
	start_passt
	cd /tmp
	ln -s "$(command -v qemu-system-x86_64)" qemu
	boot "$QRAP" 7 ./qemu -machine q35 "${GUEST[@]}" -device virtio-net-pci,netdev=n,romfile= \
		-netdev stream,id=n,addr.type=fd,addr.str=7
	[ "$status" = 0 ]
	assert_online
}

@test "explicit mode with --socket" {
	start_passt /tmp/mine.socket
	boot "$QRAP" --socket /tmp/mine.socket 7 qemu-system-x86_64 "${QEMU_NETDEV[@]}" "${GUEST[@]}"
	[ "$status" = 0 ]
	assert_online
	[[ $output == *"Connected to /tmp/mine.socket"* ]]
}

@test "explicit mode without the shim" {
	start_passt
	boot "$QRAP" --guard off 7 qemu-system-x86_64 "${QEMU_NETDEV[@]}" "${GUEST[@]}"
	[ "$status" = 0 ]
	assert_online
}

# Patch mode: a machine, and no other device on the command line.

# The QEMU that patch mode finds first.
make_kvm() {
	mkdir /tmp/bin
	ln -s "$(command -v qemu-system-x86_64)" /tmp/bin/kvm
	PATH=/tmp/bin:$PATH
}

@test "patch mode: -machine q35" {
	start_passt
	make_kvm
	boot "$QRAP" -machine q35 "${GUEST[@]}"
	[ "$status" = 0 ]
	assert_online
}

@test "patch mode: -machine pc" {
	start_passt
	make_kvm
	boot "$QRAP" -machine pc "${GUEST[@]}"
	[ "$status" = 0 ]
	assert_online
}

@test "patch mode: no machine" {
	start_passt
	make_kvm
	boot "$QRAP" "${GUEST[@]}"
	[ "$status" = 0 ]
	assert_online
}

@test "patch mode: the NIC on the command line is replaced and keeps its MAC address" {
	start_passt
	make_kvm
	boot "$QRAP" -machine q35 "${GUEST[@]}" -netdev user,id=n \
		-device e1000,netdev=n,mac=52:54:00:c0:ff:ee
	[ "$status" = 0 ]
	assert_online
	[[ $output == *"QRAP-GUEST mac=52:54:00:c0:ff:ee"* ]]
}

# Another user.

@test "an unprivileged user with a passt of his own: explicit mode" {
	make_user
	guest
	PASST_AS=("${AS_USER[@]}")
	start_passt
	cd "$USER_HOME"
	boot "${AS_USER[@]}" ./qrap 7 qemu-system-x86_64 "${QEMU_NETDEV[@]}" "${GUEST[@]}"
	[ "$status" = 0 ]
	assert_online
}

@test "an unprivileged user with a passt of his own: patch mode" {
	make_user
	guest
	PASST_AS=("${AS_USER[@]}")
	start_passt
	cd "$USER_HOME"
	boot "${AS_USER[@]}" ./qrap --qemu qemu-system-x86_64 -machine q35 "${GUEST[@]}"
	[ "$status" = 0 ]
	assert_online
}

# The descriptor gets lost, and comes back. Each is first seen to lose it without the shim.

CLOSING_SHELL=(sh -c 'exec 7>&-; exec "$@"' sh)
OVERWRITING_SHELL=(sh -c 'exec 7>/tmp/log; exec "$@"' sh)
PYTHON=(/usr/bin/python3 -c 'if True:
	import subprocess, sys
	sys.exit(subprocess.call(sys.argv[1:]))')

# lost_without_the_shim COMMAND...: QEMU finds no socket on its number, behind this wrapper
lost_without_the_shim() {
	start_passt /tmp/passt_1.socket
	boot "$QRAP" --guard off 7 "$@" qemu-system-x86_64 "${QEMU_NETDEV[@]}" "${GUEST[@]}"
	[ "$status" != 0 ]
	[[ $output == *"Connected to /tmp/passt_1.socket"* ]]
	[[ $output != *"QRAP-GUEST"* ]]
	end "$PASST"
	rm /tmp/passt_1.socket
}

@test "a shell closes the descriptor" {
	lost_without_the_shim "${CLOSING_SHELL[@]}"
	start_passt
	boot "$QRAP" 7 "${CLOSING_SHELL[@]}" qemu-system-x86_64 "${QEMU_NETDEV[@]}" "${GUEST[@]}"
	[ "$status" = 0 ]
	assert_online
	assert_mended "$(basename "$(realpath "$(command -v sh)")")"
}

@test "a shell puts a file on the descriptor" {
	need_first
	lost_without_the_shim "${OVERWRITING_SHELL[@]}"
	start_passt
	boot "$QRAP" 7 "${OVERWRITING_SHELL[@]}" qemu-system-x86_64 "${QEMU_NETDEV[@]}" "${GUEST[@]}"
	[ "$status" = 0 ]
	assert_online
	assert_mended "$(basename "$(realpath "$(command -v sh)")")"
}

@test "Python's subprocess closes the descriptor" {
	need python3
	lost_without_the_shim "${PYTHON[@]}"
	start_passt
	boot "$QRAP" 7 "${PYTHON[@]}" qemu-system-x86_64 "${QEMU_NETDEV[@]}" "${GUEST[@]}"
	[ "$status" = 0 ]
	assert_online
	assert_mended python
}

@test "a static program closes descriptor and spare: a new connection to the same passt" {
	lost_without_the_shim "$BUILD/tests/lose_static" raw-close_range 7
	start_passt
	boot "$QRAP" 7 "$BUILD/tests/lose_static" raw-close_range 7 qemu-system-x86_64 \
		"${QEMU_NETDEV[@]}" "${GUEST[@]}"
	[ "$status" = 0 ]
	assert_online
	[[ $output == *"held nothing instead of passt's connection"*"restored from a new connection to the same passt"* ]]
}

@test "a chain of wrappers, -netdev stream, and a sandbox: one connection" {
	local chain=(bash -c 'exec 7>/tmp/log; "$@"' bash "$BUILD/tests/lose_static" nothing 7
		"$BUILD/tests/lose" spawn-close 7)

	qemu-system-x86_64 -netdev help | grep -qx stream || skip 'this QEMU has no -netdev stream'
	QEMU_NETDEV=(-machine q35 -netdev stream,id=n,addr.type=fd,addr.str=7
		-device virtio-net-pci,netdev=n,romfile=
		-sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny)
	# For one client only: a second connection would find nobody.
	start_passt /tmp/passt_1.socket --one-off
	boot "$QRAP" 7 "${chain[@]}" qemu-system-x86_64 "${QEMU_NETDEV[@]}" "${GUEST[@]}"
	[ "$status" = 0 ]
	assert_online
	assert_mended bash
	wait_for 5 ended "$PASST"
}

# passt sees the end: for one client only, it ends with its connection.

@test "passt sees the connection end when QEMU ends" {
	start_passt /tmp/passt_1.socket --one-off
	boot "$QRAP" 7 qemu-system-x86_64 "${QEMU_NETDEV[@]}" "${GUEST[@]}"
	assert_online
	wait_for 5 ended "$PASST"
}

@test "passt sees the connection end when QEMU behind a wrapper is killed" {
	start_passt /tmp/passt_1.socket --one-off
	guest "$(guest_script 'network; fetch; sleep 1000')"
	start qemu "$QRAP" 7 "${CLOSING_SHELL[@]}" qemu-system-x86_64 "${QEMU_NETDEV[@]}" "${GUEST[@]}"
	wait_for 30 has /tmp/qemu.log "QRAP-GUEST page=$PAGE"
	refute ended "$PASST"
	kill -KILL "$PID"
	wait_for 5 ended "$PASST"
}
