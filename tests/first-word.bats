#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# qrap in front of what starts QEMU: a QEMU, a program that calls one by its name, a disk image.

load common

setup() {
	need passt
	export FAKE_QEMU_FD=5
	LINKS=$BUILD/bin
	cd /tmp || return
}

# script PATH: what a test writes on its standard input can be run
script() {
	{ echo '#!/bin/bash' && cat; } >"$1"
	chmod 755 "$1"
}

@test "a QEMU as the first word, by name and by path: patch mode with that one" {
	local word

	fake_qemus qemu-system-aarch64 qemu-system-x86_64 kvm
	start_passt
	for word in qemu-system-aarch64 /tmp/bin/qemu-kvm bin/qemu-system-x86_64 kvm; do
		[ -e "${word##*/}" ] || ln -sf "$BUILD/tests/fake_qemu" "/tmp/bin/${word##*/}"
		wait_for 5 passt_is_free
		qrap "$word" -m 64 disk.img
		[ "$status" = 0 ]
		[ "$(arguments | head -n 4)" = "$(printf '%s\n' "$word" -m 64 disk.img)" ]
		[[ $output == *'fd 5 stream '*' peer=/tmp/passt_1.socket'* ]]
	done
	# Nothing but the name: a QEMU without arguments has its network as well.
	wait_for 5 passt_is_free
	qrap kvm
	[ "$status" = 0 ]
	[[ $output == *'fd 5 stream '* ]]
}

@test "a QEMU as the first word: not found is 127, not runnable 126, what is asked goes to it" {
	fake_qemus kvm
	start_passt
	QRAP_PATH=/tmp/bin qrap qemu-system-s390x -m 64
	[ "$status" = 127 ]
	[[ $stderr == *'qemu-system-s390x: no such command'* ]]
	echo >qemu-kvm
	qrap ./qemu-kvm -m 64
	[ "$status" = 126 ]
	qrap kvm -version
	[ "$status" = 0 ]
	[ "$(arguments)" = $'kvm\n-version' ]
	passt_is_free
}

@test "a QEMU as the first word: --qemu names another one, its variable does not" {
	fake_qemus kvm other
	start_passt
	qrap --qemu other kvm -m 64
	[ "$(arguments | head -n 2)" = $'other\n-m' ]
	wait_for 5 passt_is_free
	QRAP_QEMU=other qrap kvm -m 64
	[ "$(arguments | head -n 2)" = $'kvm\n-m' ]
}

@test "a disk image stays one, executable or not" {
	local image

	fake_qemus kvm
	start_passt
	# A text that only a shell would run; what QEMU calls a file; a directory; a command's name.
	echo 'echo no' >text
	head -c 4096 /dev/zero >raw
	cp text kvm-image
	cp text qemu-kvm
	cp text true
	mkdir fat
	chmod 755 text raw kvm-image qemu-kvm true
	for image in text raw kvm-image qemu-kvm true ./raw /tmp/text missing.img ./missing fat \
		nbd:localhost:1 ssh://host/image; do
		wait_for 5 passt_is_free
		qrap "$image" -m 64
		[ "$status" = 0 ]
		[ "$(arguments | head -n 3)" = "$(printf '%s\n' kvm "$image" -m)" ]
	done
}

@test "a program: the links are first in its PATH, our options are its variables" {
	local socket=/tmp/it.socket

	script say <<-'END'
		echo "$PATH"
		echo "$*"
		command -v kvm qemu-kvm qemu-system-x86_64
		env | grep -E '^QRAP_(GUARD|LOG|LOG_FILE|PASST|SOCKET|WAIT)=' | sort
	END
	QRAP_WAIT=7 QRAP_PASST=passt qrap --socket it.socket --guard=off --log-file l ./say -m 'a b'
	[ "$status" = 0 ]
	[ "$output" = "$(printf '%s\n' "$LINKS:$PATH" '-m a b' "$LINKS"/{kvm,qemu-kvm,qemu-system-x86_64} \
		QRAP_GUARD=off QRAP_LOG_FILE=/tmp/l "QRAP_SOCKET=$socket" QRAP_WAIT=7)" ]
	# A name of PATH, and a file of that name here.
	mkdir path
	mv say path/say-it
	PATH=/tmp/path:$PATH qrap say-it one
	[[ $output == *$'\none\n'* ]]
	script say-it <<<'echo here'
	PATH=/tmp/path:$PATH qrap say-it
	[ "$output" = here ]
	mkdir path/sub
	cd path/sub
	mkdir say-it
	PATH=/tmp/path:$PATH qrap say-it two
	[[ $output == *$'\ntwo\n'* ]]
}

@test "a program: its status, and why it cannot be run" {
	script fail <<<'exit 42'
	qrap ./fail
	[ "$status" = 42 ]
	qrap true
	[ "$status" = 0 ]
	printf '#!/nowhere/sh\n' >./broken
	chmod 755 broken
	qrap ./broken
	[ "$status" = 127 ]
	[[ $stderr == "qrap: Couldn't run ./broken: "* ]]
	# Where there are no links it is said before anything runs.
	cp "$QRAP" "$BUILD/qrap_preload.so" .
	QRAP=/tmp/qrap qrap ./fail
	[ "$status" = 125 ]
	[[ $stderr == *'/tmp/bin/kvm: No such file'* ]]
	qrap --dry-run ./fail 'a b'
	[ "$status" = 0 ]
	[ "$output" = "./fail 'a b'" ]
	[[ $stderr == *"$LINKS is first in PATH"* ]]
}

@test "a program that calls QEMU by name: the QEMU has its network, by our options" {
	fake_qemus qemu-system-x86_64
	start_passt /tmp/it.socket
	script start-vm.sh <<-'END'
		cd /
		exec qemu-system-x86_64 -m 64 -nic user,model=e1000 "$@"
	END
	qrap --socket it.socket ./start-vm.sh disk.img
	[ "$status" = 0 ]
	[ "$(arguments | head -n 3)" = $'qemu-system-x86_64\n-m\n64' ]
	[[ $output == *'fd 5 stream '*' peer=/tmp/it.socket'* ]]
	[[ $output != *e1000* ]]
	[[ $stderr == *'Connected to /tmp/it.socket'* ]]
}

@test "a link runs the next QEMU of that very name, never another one" {
	start_passt
	fake_qemus kvm qemu-kvm qemu-system-x86_64
	export PATH=$LINKS:$PATH
	for name in kvm qemu-kvm qemu-system-x86_64; do
		wait_for 5 passt_is_free
		run_apart as_from_a_shell "$name" -m 64
		[ "$(arguments | head -n 2)" = "$name"$'\n-m' ]
	done
	rm /tmp/bin/qemu-system-x86_64
	PATH=$LINKS:/tmp/bin run_apart as_from_a_shell "$LINKS/qemu-system-x86_64" -m 64
	[ "$status" = 127 ]
	PATH=$LINKS:/tmp/bin QRAP_QEMU=kvm run_apart as_from_a_shell "$LINKS/qemu-system-x86_64" -m 64
	[ "$status" = 127 ]
	# The option of a program's run names the same QEMU in another place.
	wait_for 5 passt_is_free
	mkdir other
	ln -s "$BUILD/tests/fake_qemu" other/qemu-system-x86_64
	QRAP_QEMU=/tmp/other/qemu-system-x86_64 run_apart as_from_a_shell qemu-system-x86_64 -m 64
	[ "$(arguments | head -n 1)" = /tmp/other/qemu-system-x86_64 ]
	# Any QEMU of this host is a kvm.
	rm /tmp/bin/kvm
	wait_for 5 passt_is_free
	PATH=$LINKS:/tmp/bin run_apart as_from_a_shell "$LINKS/kvm" -m 64
	[ "$(arguments | head -n 1)" = qemu-kvm ]
}

@test "a link is QEMU: its version and help, any option, and a number is a disk image" {
	fake_qemus kvm
	export PATH=$LINKS:$PATH
	for word in --version --help -version -help; do
		run_apart as_from_a_shell kvm "$word"
		[ "$(arguments)" = "kvm"$'\n'"$word" ]
	done
	start_passt
	run_apart as_from_a_shell kvm --new-option=1 x
	[ "$(arguments | head -n 3)" = $'kvm\n--new-option=1\nx' ]
	wait_for 5 passt_is_free
	run_apart as_from_a_shell kvm 7 true
	[ "$(arguments | head -n 3)" = $'kvm\n7\ntrue' ]
}

@test "once only: a kvm that is a script which calls qemu-system-x86_64, both behind links" {
	local guard

	fake_qemus qemu-system-x86_64
	script /tmp/bin/kvm <<<'exec qemu-system-x86_64 -enable-kvm "$@"'
	script start-vm.sh <<<'exec kvm -m 64 -nic user,model=virtio'
	for guard in on off; do
		start_passt
		start_passt /tmp/passt_2.socket
		qrap --guard $guard ./start-vm.sh
		[ "$status" = 0 ]
		[ "$stderr" = 'Connected to /tmp/passt_1.socket' ]
		[ "$(arguments | grep -c '^socket,.*fd=5')" = 1 ]
		[[ $output == *'fd 5 stream '*' peer=/tmp/passt_1.socket'* ]]
		end_all
		rm /tmp/*.socket
	done
}

# bats test_tags=timeout:90
@test "a guest of a start script is online: qrap ./start-vm.sh" {
	need_guest
	start_http
	guest
	start_passt
	script start-vm.sh <<<'exec qemu-system-x86_64 -machine q35 -nic user,model=e1000 "$@"'
	boot "$QRAP" ./start-vm.sh "${GUEST[@]}"
	assert_online
	[[ $output == *'Connected to /tmp/passt_1.socket'* ]]
}

# bats test_tags=timeout:90
@test "a guest by qrap qemu-system-x86_64 is online" {
	need_guest
	start_http
	guest
	start_passt
	boot "$QRAP" qemu-system-x86_64 -machine q35 "${GUEST[@]}"
	assert_online
}
