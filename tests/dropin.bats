#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What scripts and libvirt rely on: all of this the original does as well (make check-original).

load common

setup() {
	need passt
	export FAKE_QEMU_FD=5
	fake_qemus kvm
}

@test "explicit mode: the command's arguments are untouched, argv[0] is the command" {
	start_passt
	qrap 5 kvm -net socket,fd=5 -net nic,model=e1000 'two words' ''
	[ "$status" = 0 ]
	[ "$(arguments)" = "$(printf '%s\n' kvm -net socket,fd=5 -net nic,model=e1000 'two words' '')" ]
	[[ $output == *"fd 5 stream "*" peer=/tmp/passt_1.socket"* ]]
}

@test "explicit mode: any number from 3 up, as strtol reads it" {
	local given number

	for given in 4 7 100 0x11 010; do
		number=$((given))
		start_passt
		FAKE_QEMU_FD=$number qrap "$given" kvm x
		[[ $output == *"fd $number stream "* ]]
		end "$PASST"
		rm /tmp/passt_1.socket
	done
}

@test "the descriptor is blocking, inherited and without timeouts" {
	start_passt
	qrap 5 kvm
	[[ $output == *"fd 5 stream blocking inherited rcvtimeo=0 sndtimeo=0 peer=/tmp/passt_1.socket"* ]]
}

@test "the answer to the probe stays queued for QEMU" {
	start_passt
	FAKE_QEMU_READ=1 qrap 5 kvm
	# 42 bytes, or as many as Ethernet has at least, behind their length: to all, from passt, ARP, reply;
	# passt of 2026 may be asking for the guest by itself before it answers
	[[ $output =~ 000000(2a|3c)[0-9a-f]{24}0806000108000604000[12] ]]
}

@test "patch mode: QEMU is kvm, else qemu-kvm, else qemu-system-ARCH, and argv[0] that name" {
	local name

	start_passt
	mkdir /tmp/only
	for name in "qemu-system-$(uname -m)" qemu-kvm kvm; do
		ln -s "$BUILD/tests/fake_qemu" "/tmp/only/$name"
		wait_for 5 passt_is_free
		QRAP_PATH=/tmp/only qrap -m 1
		[ "$status" = 0 ]
		[ "$(arguments | head -n 1)" = "$name" ]
	done
}

@test "patch mode: the last resort is /usr/libexec/qemu-kvm" {
	local rights=()

	start_passt
	[ "$(id -u)" = 0 ] || rights=(--user --map-root-user)
	mkdir /tmp/empty
	run_apart as_from_a_shell unshare "${rights[@]}" --mount --propagation private bash -c '
		mount -t tmpfs tmpfs /usr/libexec
		ln -s "$1" /usr/libexec/qemu-kvm
		PATH=/tmp/empty exec "$2" -m 1' bash "$BUILD/tests/fake_qemu" "$QRAP"
	[ "$status" = 0 ]
	[ "$(arguments | head -n 1)" = /usr/libexec/qemu-kvm ]
}

@test "the lowest-numbered socket that answers wins" {
	start_passt /tmp/passt_7.socket
	start_passt /tmp/passt_3.socket
	qrap 5 kvm
	[[ $output == *"peer=/tmp/passt_3.socket"* ]]
}

@test "a socket that nobody listens on any more is passed over" {
	start_passt /tmp/passt_1.socket
	end "$PASST"
	[ -S /tmp/passt_1.socket ]
	start_passt /tmp/passt_2.socket
	qrap 5 kvm
	[[ $output == *"peer=/tmp/passt_2.socket"* ]]
	[[ $stderr == *"Connected to /tmp/passt_2.socket"* ]]
}

@test "the last socket that is probed is number 99" {
	start_passt /tmp/passt_100.socket
	QRAP_PASST=off qrap 5 kvm
	[ "$status" != 0 ]
	start_passt /tmp/passt_99.socket
	qrap 5 kvm
	[[ $output == *"peer=/tmp/passt_99.socket"* ]]
}

@test "messages are on stderr, none on stdout, and one is this line" {
	start_passt
	qrap 5 kvm
	[ "$(head -n 1 <<<"$output")" = "pid $(sed -n 's/^pid //p' <<<"$output")" ]
	[ "$(grep -c . <<<"$stderr")" = 1 ]
	[ "$stderr" = 'Connected to /tmp/passt_1.socket' ]
}

@test "words of the message for a failed probe" {
	start_passt /tmp/passt_1.socket
	end "$PASST"
	QRAP_PASST=off QRAP_LOG=trace qrap 5 kvm
	[[ $stderr == *"Probe of /tmp/passt_1.socket failed"* ]]
}

@test "words of the message for a missing QEMU" {
	start_passt
	mkdir /tmp/empty
	[ ! -e /usr/libexec/qemu-kvm ] || skip 'there is one in /usr/libexec'
	QRAP_PATH=/tmp/empty qrap -m 1
	[ "$status" != 0 ]
	[ -z "$output" ]
	[[ $stderr == *"Couldn't find qemu command"* ]]
}

@test "exec in place: QEMU has the launcher's pid" {
	start_passt
	start launcher "$QRAP" 5 kvm
	wait "$PID"
	grep -qx "pid $PID" /tmp/launcher.log
}

@test "exit status: QEMU's own; not 0 without a passt" {
	start_passt
	FAKE_QEMU_STATUS=42 qrap 5 kvm
	[ "$status" = 42 ]
	end "$PASST"
	rm /tmp/passt_1.socket
	QRAP_PASST=off qrap 5 kvm
	[ "$status" != 0 ]
	[ -z "$output" ]
}

# rewritten DEVICE ARGUMENT...: patch mode keeps a device of the guest, and of the arguments nothing
rewritten() {
	local keep=$1 words i
	shift

	wait_for 5 passt_is_free
	qrap -machine pc -m 256 "$@" -device "$keep" -name guest
	[ "$status" = 0 ]
	arguments >/tmp/arguments
	mapfile -t words < <(tail -n +2 /tmp/arguments)
	for ((i = 0; i < ${#words[@]}; i += 2)); do
		case "${words[i]} ${words[i + 1]}" in
		-device*virtio-net-pci* | -netdev*socket*) echo "${words[i]}" >>/tmp/added ;;
		*) printf '%s\n' "${words[@]:i:2}" >>/tmp/kept ;;
		esac
	done
	printf '%s\n' -machine pc -m 256 -device "$keep" -name guest | diff - /tmp/kept
	printf '%s\n' -device -netdev | diff - /tmp/added
	rm /tmp/kept /tmp/added
}

@test "patch mode: the five models are replaced by virtio-net, key=value" {
	local model

	start_passt
	for model in virtio-net-pci virtio-net-ccw e1000 e1000e rtl8139; do
		rewritten virtio-rng-pci,id=rng0,bus=pci.0,addr=0x4 \
			-netdev user,id=hostnet0 -device "$model,netdev=hostnet0,id=net0"
		grep -qE '^virtio-net-pci,.*netdev=hostnet0(,|$)' /tmp/arguments
		grep -qE '^virtio-net-pci,.*x-txburst=4096(,|$)' /tmp/arguments
		[ "$(tail -n 2 /tmp/arguments)" = "$(printf '%s\n' -netdev socket,fd=5,id=hostnet0)" ]
	done
}

@test "patch mode: the five models are replaced by virtio-net, JSON" {
	local model

	start_passt
	for model in virtio-net-pci virtio-net-ccw e1000 e1000e rtl8139; do
		rewritten '{"driver":"virtio-rng-pci","id":"rng0","bus":"pci.0","addr":"0x4"}' \
			-netdev '{"type":"user","id":"hostnet0"}' \
			-device "{\"driver\":\"$model\",\"netdev\":\"hostnet0\",\"id\":\"net0\"}"
		grep -qE '^\{"driver":"virtio-net-pci",.*"netdev":"hostnet0"' /tmp/arguments
		grep -qE '^\{"driver":"virtio-net-pci",.*"x-txburst":4096' /tmp/arguments
		[ "$(tail -n 1 /tmp/arguments)" = '{"type":"socket","fd":"5","id":"hostnet0"}' ]
	done
}

@test "patch mode: -net and what follows it is dropped" {
	start_passt
	rewritten virtio-rng-pci,id=rng0,bus=pci.0,addr=0x4 -net nic,model=e1000 -net user
}

@test "patch mode: a command line of 140000 words" {
	local many

	start_passt
	ulimit -S -s 32768
	mapfile -t many < <(seq 140000)
	as_from_a_shell timeout 30 "$QRAP" -S "${many[@]}" >/tmp/got
	sed -n 's/^argv [0-9]* \([0-9]*\)$/\1/p' /tmp/got | cmp - <(seq 140000)
	grep -q '^fd 5 stream ' /tmp/got
}
