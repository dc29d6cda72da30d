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
	[[ $stderr == *'qrap: a passt that is free, else passt would run: passt '*' --fd '* ]]
	qrap --dry-run 5 kvm
	[[ $stderr == 'qrap: a passt that is free, else passt would run: passt '*' --fd '* ]]
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

# A line that promises something.

FORWARD=(-nic user,model=virtio,hostfwd=tcp:127.0.0.1:2222-:22,dnssearch=example.org)

@test "a line that promises something has a private passt, whatever else is free" {
	start_passt
	qrap "${FORWARD[@]}"
	[ "$status" = 0 ]
	[[ $stderr == *'Started passt for this VM: 127.0.0.1:2222 -> guest 22' ]]
	passt_is_free
	# --publish is one more.
	qrap --publish 2223:23 "${FORWARD[@]}"
	[[ $stderr == *'VM: 127.0.0.1:2222 -> guest 22, 127.0.0.1:2223 -> guest 23' ]]
	qrap --publish 2222:23 "${FORWARD[@]}"
	[ "$status" = 125 ]
	[[ $stderr == *'hostfwd=tcp:127.0.0.1:2222-:22 and --publish 2222:23: the same port of the host' ]]
}

@test "its forwards are in QEMU's environment, a port that was chosen with its number" {
	printf '#!/bin/sh\nenv\n' >/tmp/say
	chmod 755 /tmp/say
	qrap --qemu /tmp/say -nic user,model=virtio,hostfwd=tcp::-:22,hostfwd=udp:127.0.0.1:0-:53
	[[ $stderr =~ 127.0.0.1:([0-9]+)' -> guest 22, 127.0.0.1:'([0-9]+)' -> guest 53/udp'$ ]]
	[ "${BASH_REMATCH[1]}" != 0 ]
	[[ $output == *"QRAP_PORT_22=${BASH_REMATCH[1]}"$'\n'* ]]
	[[ $output == *"QRAP_PORT_53_UDP=${BASH_REMATCH[2]}"* ]]
}

@test "a line that promises something, where no passt can be started: the one that is found, and what is lost" {
	start_passt
	QRAP_PATH=$WITHOUT qrap "${FORWARD[@]}"
	[ "$status" = 0 ]
	[[ $stderr == *"Connected to /tmp/passt_1.socket
qrap: no passt can be started (can't run passt: No such file or directory), so this one is used, and lost is: hostfwd=tcp:127.0.0.1:2222-:22, dnssearch=example.org" ]]
	end_all
	QRAP_PATH=$WITHOUT qrap "${FORWARD[@]}"
	[ "$status" = 125 ]
	[[ $stderr == *'no passt is free ('*"), and none can be started: can't run passt: No such file or directory; one is wanted for hostfwd=tcp:127.0.0.1:2222-:22, dnssearch=example.org"* ]]
	QRAP_PATH=$WITHOUT qrap --passt=try "${FORWARD[@]}"
	[ "$status" = 0 ]
	[ "$(arguments)" = "$(printf '%s\n' kvm "${FORWARD[@]}")" ]
}

@test "a line that promises something, with --socket and off: that passt, and what is lost" {
	local option

	start_passt
	for option in --socket=/tmp/passt_1.socket --passt=off; do
		wait_for 5 passt_is_free
		qrap $option "${FORWARD[@]}"
		[ "$status" = 0 ]
		[[ $stderr == *"qrap: lost, as this passt was not started for it: hostfwd=tcp:127.0.0.1:2222-:22, dnssearch=example.org; --passt has it" ]]
	done
	# Nothing was promised: nothing is lost.
	wait_for 5 passt_is_free
	qrap --passt=off -nic user,model=virtio
	[[ $stderr != *lost* ]]
}

@test "a port that is taken is an error that names the word, whatever passt is free" {
	start_passt /tmp/passt_1.socket -t 127.0.0.1/2222:22
	qrap "${FORWARD[@]}"
	[ "$status" = 125 ]
	[[ $stderr == *'qrap: hostfwd=tcp:127.0.0.1:2222-:22: TCP port 2222: Address already in use; if a passt that is there is what has it, --passt=off uses that one' ]]
	passt_is_free
	qrap --passt=off "${FORWARD[@]}"
	[ "$status" = 0 ]
	[[ $stderr == *'Connected to /tmp/passt_1.socket'* ]]
}

@test "nothing moves: QEMU runs as it is without passt; an error where an option asks for one" {
	local value option

	for value in none user,restrict=on; do
		QRAP_PASST=passt QRAP_PUBLISH=22 qrap -nic "$value"
		[ "$status" = 0 ]
		[ "$(arguments)" = "$(printf '%s\n' kvm -nic "$value")" ]
		[[ $output == *'fd 5 closed'* ]]
		[[ $stderr == "qrap: QEMU runs as it is, without passt: "* ]]
		for option in --passt --publish=22 --socket=/tmp/x; do
			qrap "$option" -nic "$value"
			[ "$status" = 125 ]
			[ -z "$output" ]
			[[ $stderr == "qrap: the guest cannot come to passt: "* ]]
		done
	done
}

# bats test_tags=timeout:90
@test "a guest with a forward where no passt runs: the host reaches it" {
	need_guest
	unset QRAP_GUARD
	start_http
	guest_that_answers
	start vm "$QRAP" qemu-system-x86_64 -machine q35 -nic user,model=virtio,hostfwd=tcp:127.0.0.1:2222-:22 "${GUEST[@]}"
	wait_for 40 has /tmp/vm.log "QRAP-GUEST page=$PAGE"
	has /tmp/vm.log 'lease=10.0.2.15/24 router=10.0.2.2'
	wait_for 10 reaches_guest
	end "$PID"
	wait_for 3 no_passt_runs
}

reaches_guest() {
	[ "$(timeout 1 "$QRAP_GUEST/busybox" wget -q -O - http://127.0.0.1:2222/)" = 'from the guest' ]
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
