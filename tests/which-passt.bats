#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Which passt: one that is found, a private one, or none at all.

load common

setup() {
	need passt
	export FAKE_QEMU_FD=5 QRAP_GUARD=off
	fake_qemus kvm
	WITHOUT=/tmp/bin
}

no_passt_runs() {
	running_besides "${KNOWN[@]}"
	[[ "${RUNNING[*]}" != *passt* ]]
}

# The milliseconds that it took are in $MS; without what bats adds to it.
timed_qrap() {
	local start=${EPOCHREALTIME/./}

	qrap "$@"
	MS=$(((${EPOCHREALTIME/./} - start) / 1000))
}

# occupy: a VM on the passt that waits
occupy() {
	start vm "$QRAP" --passt=off 5 sleep 1000
	wait_for 5 has /tmp/vm.log Connected
}

@test "none is there: a private one, which is said in one line, and ends with the VM" {
	FAKE_QEMU_READ=1 qrap -m 64
	[ "$status" = 0 ]
	[ "$stderr" = 'Started passt for this VM' ]
	[[ $output =~ frame\ [0-9]+\ 000000(2a|3c) ]]
	refute ls /tmp/*.socket
	wait_for 3 no_passt_runs
	# Explicit mode, too; by variable as well.
	qrap 5 kvm
	[ "$stderr" = 'Started passt for this VM' ]
	QRAP_PASST=auto qrap --log-file /tmp/log 5 kvm
	[ "$stderr" = 'Started passt for this VM' ]
	[ "$(count /tmp/log '"event":"started"')" = 1 ]
	wait_for 3 no_passt_runs
}

@test "one is free: that one, and no private one" {
	start_passt
	qrap -m 64
	[ "$stderr" = 'Connected to /tmp/passt_1.socket' ]
	[[ $output == *'peer=/tmp/passt_1.socket'* ]]
}

@test "all are in use: a private one after a second; with off and with --socket an error after 2.5 s" {
	start_passt
	occupy
	timed_qrap -m 64
	[ "$status" = 0 ]
	[ "$stderr" = 'Started passt for this VM' ]
	[ $MS -ge 1000 ]
	[ $MS -lt $((2000 * SLOW)) ]
	timed_qrap --passt=off -m 64
	[ "$status" = 125 ]
	[[ $stderr == *'in use by another VM: /tmp/passt_1.socket' ]]
	[ $MS -ge 2500 ]
	timed_qrap --socket /tmp/passt_1.socket -m 64
	[ "$status" = 125 ]
	[ $MS -ge 2500 ]
}

@test "all are in use, and one becomes free within the second: that one" {
	start_passt
	occupy
	start launcher "$QRAP" --log trace 5 sleep 1000
	wait_for 5 has /tmp/launcher.log 'in use'
	end "${STARTED[-2]}"
	wait_for 5 has /tmp/launcher.log 'Connected to /tmp/passt_1.socket'
	refute has /tmp/launcher.log Started
}

@test "--wait is waited out before a private one is started" {
	start launcher "$QRAP" --wait 30 5 sleep 1000
	pause 1
	start_passt
	wait_for 10 has /tmp/launcher.log 'Connected to /tmp/passt_1.socket'
	end_all
	rm /tmp/passt_1.socket
	timed_qrap --wait 1.5 -m 64
	[ "$stderr" = 'Started passt for this VM' ]
	[ $MS -ge 1500 ]
}

@test "neither is to be had: one error says why for both" {
	QRAP_PATH=$WITHOUT qrap -m 64
	[ "$status" = 125 ]
	[ -z "$output" ]
	[ "$stderr" = "qrap: no passt found (/tmp/passt_1.socket to /tmp/passt_99.socket), and none can be started: can't run passt: No such file or directory" ]
	printf '#!/bin/sh\necho it cannot be >&2\nexit 1\n' >/tmp/bin/passt
	chmod 755 /tmp/bin/passt
	qrap -m 64
	[ "$status" = 125 ]
	[[ $stderr == *'and none can be started: passt failed with status 1: it cannot be' ]]
}

@test "neither is to be had, by a kernel without user namespaces for this user" {
	make_user
	run as_from_a_shell unshare --user --map-user=4711 bash -c '
		echo 0 >/proc/sys/user/max_user_namespaces
		exec "$@"' bash "$QRAP" 5 true
	[ "$status" = 125 ]
	[[ $output == *'and none can be started: passt failed with status 1: '* ]]
}

@test "one of another user is passed over, and said, where a private one is started" {
	make_user
	PASST_AS=("${AS_USER[@]}")
	start_passt
	qrap -m 64
	[ "$status" = 0 ]
	[ "$stderr" = "qrap: passed over, not trusted: /tmp/passt_1.socket (user 4711); --trust 4711 allows it
Started passt for this VM" ]
	qrap --passt=off -m 64
	[ "$status" = 125 ]
}

@test "off: an error where none is found, with no word of a private one that failed" {
	qrap --passt=off -m 64
	[ "$status" = 125 ]
	[ "$stderr" = 'qrap: no passt found (/tmp/passt_1.socket to /tmp/passt_99.socket): start one with "passt", or let qrap run one for this VM with --passt' ]
	QRAP_PASST=off qrap 5 kvm
	[ "$status" = 125 ]
	no_passt_runs
}

@test "try: QEMU runs the line as it is where neither is to be had, with a warning" {
	QRAP_PATH=$WITHOUT qrap --passt=try -nic user,model=e1000 disk.img
	[ "$status" = 0 ]
	[ "$(arguments)" = $'kvm\n-nic\nuser,model=e1000\ndisk.img' ]
	[[ $output == *'fd 5 closed'* ]]
	[ "$stderr" = "qrap: no passt is free, and none can be started (can't run passt: No such file or directory): QEMU runs as it is" ]
	# There is no line of explicit mode that would do without.
	QRAP_PATH=$WITHOUT qrap --passt=try 5 kvm
	[ "$status" = 125 ]
	qrap --passt=try -m 64
	[ "$stderr" = 'Started passt for this VM' ]
	start_passt
	QRAP_PASST=try qrap -m 64
	[ "$stderr" = 'Connected to /tmp/passt_1.socket' ]
}

@test "a dry run says which passt it would be" {
	qrap --dry-run -m 64
	[ "$status" = 0 ]
	[[ $stderr == *'qrap: a passt that is free, else passt would run: passt --fd '* ]]
	qrap --dry-run 5 kvm
	[[ $stderr == 'qrap: a passt that is free, else passt would run: passt --fd '* ]]
	qrap --dry-run --passt='passt -4 -a "a b"' -m 64
	[[ $stderr == *"qrap: passt would run: passt -4 -a 'a b' --fd "* ]]
	for option in --passt=off --socket=/tmp/x; do
		qrap --dry-run "$option" -m 64
		[[ $stderr != *passt\ would* ]]
	done
	# No guest, no passt.
	qrap --dry-run -version
	[ -z "$stderr" ]
	no_passt_runs
}

# bats test_tags=timeout:90
@test "a guest is online where no passt runs: qrap disk.qcow2" {
	need_guest
	unset QRAP_GUARD
	start_http
	guest
	boot "$QRAP" --qemu qemu-system-x86_64 -machine q35 "${GUEST[@]}"
	assert_online
	[[ $output == *'Started passt for this VM'* ]]
	wait_for 3 no_passt_runs
}
