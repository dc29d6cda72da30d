#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Which file is run for a command, and as patch mode's QEMU.

load common

setup() {
	cd /tmp || return
	mkdir a b c
	PATH_BEFORE=$PATH
}

look_for() {
	PATH=$SEARCH run "$BUILD/tests/qemu_unit" "$@"
}

assert_found() {
	if [ "$status" != 0 ] || [ "$output" != "name=$1"$'\n'"path=$2" ]; then
		echo "not $1, $2: $status $output"
		return 1
	fi
}

assert_status() {
	[ "$status" = "$1" ] || { echo "status $status: $output"; return 1; }
	[ -z "${2:-}" ] || [[ $output == *"path=$2"* ]] || { echo "not $2: $output"; return 1; }
}

# program PATH...: something that can be run
program() {
	local path

	for path; do
		printf '#!/bin/sh\n' >"$path"
		chmod 755 "$path"
	done
}

@test "a command by name, in the order of PATH" {
	SEARCH=/tmp/a:/tmp/b
	program b/q
	look_for q
	assert_found q /tmp/b/q
	program a/q
	look_for q
	assert_found q /tmp/a/q
}

@test "a command by path, absolute and relative" {
	SEARCH=/tmp/b
	program a/q
	look_for a/q
	assert_found a/q a/q
	look_for ./a/q
	assert_found ./a/q ./a/q
	look_for /tmp/a/q
	assert_found /tmp/a/q /tmp/a/q
}

@test "empty elements of PATH are the current directory" {
	program q
	for SEARCH in '' :/tmp/a /tmp/a: /tmp/a::/tmp/b; do
		look_for q
		assert_found q ./q
	done
}

@test "no PATH: as exec does" {
	run env -u PATH "$BUILD/tests/qemu_unit" sh
	assert_found sh /bin/sh
}

@test "nothing there: 127" {
	SEARCH=/tmp/a:/nowhere
	for command in no-such ./no-such /tmp/a/no-such /etc/passwd/x ''; do
		look_for "$command"
		assert_status 127
	done
}

@test "there, and cannot be run: 126, and which" {
	SEARCH=/tmp/a:/tmp/b
	echo x >a/file
	mkdir a/directory
	mkfifo a/fifo
	chmod 755 a/fifo
	# Of several the first one is named.
	echo x >b/file
	for name in file directory fifo; do
		look_for $name
		assert_status 126 /tmp/a/$name
		look_for ./a/$name
		assert_status 126 ./a/$name
	done
	ln -s loop a/loop
	look_for ./a/loop
	assert_status 126
}

@test "one that cannot be run does not end the search" {
	SEARCH=/tmp/a:/tmp/b:/tmp/c
	echo x >a/q
	mkdir b/q
	program c/q
	look_for q
	assert_found q /tmp/c/q
}

@test "not permitted to this user: 126" {
	need_root
	program a/q
	chmod 700 a/q
	cp "$BUILD/tests/qemu_unit" .
	run setpriv --reuid 4711 --clear-groups ./qemu_unit ./a/q
	assert_status 126 ./a/q
	chmod 700 a
	run setpriv --reuid 4711 --clear-groups ./qemu_unit ./a/q
	assert_status 126 ./a/q
}

@test "names and paths without end" {
	local long
	long=$(printf 'x%.0s' {1..5000})

	program a/q
	SEARCH=/$long:$long:/tmp/a
	look_for q
	assert_found q /tmp/a/q
	look_for "$long"
	assert_status 127
	look_for "./$long"
	assert_status 127
}

@test "patch mode: kvm, qemu-kvm, qemu-system-ARCH, in this order" {
	SEARCH=/tmp/a:/tmp/b
	program "b/qemu-system-$(uname -m)"
	look_for
	assert_found "qemu-system-$(uname -m)" "/tmp/b/qemu-system-$(uname -m)"
	program b/qemu-kvm
	look_for
	assert_found qemu-kvm /tmp/b/qemu-kvm
	program b/kvm
	look_for
	assert_found kvm /tmp/b/kvm
	program a/qemu-kvm
	look_for
	assert_found kvm /tmp/b/kvm
}

@test "patch mode: a kvm that cannot be run does not end the search" {
	SEARCH=/tmp/a:/tmp/b
	echo x >a/kvm
	look_for
	assert_status 126 /tmp/a/kvm
	program b/qemu-kvm
	look_for
	assert_found qemu-kvm /tmp/b/qemu-kvm
	program b/kvm
	look_for
	assert_found kvm /tmp/b/kvm
}

@test "patch mode: /usr/libexec/qemu-kvm is the last" {
	need_root
	SEARCH=/tmp/a
	look_for
	assert_status 127
	mount -t tmpfs -o mode=755 tmpfs /usr/libexec
	program /usr/libexec/qemu-kvm
	look_for
	assert_found /usr/libexec/qemu-kvm /usr/libexec/qemu-kvm
}

# The launcher in the search path under QEMU's names, each in another way; qemu-kvm is a QEMU.
@test "qrap is never its own QEMU: link, hard link, copy, link to a copy" {
	SEARCH=/tmp/a:/tmp/b
	[ -x "$BUILD/qrap" ] || skip 'no launcher'
	program b/qemu-kvm
	cp "$BUILD/qrap" c/copy
	ln c/copy a/kvm
	look_for
	assert_found qemu-kvm /tmp/b/qemu-kvm
	ln -sf /tmp/c/copy a/kvm
	look_for
	assert_found qemu-kvm /tmp/b/qemu-kvm
	ln -sf "$BUILD/qrap" a/kvm
	look_for
	assert_found qemu-kvm /tmp/b/qemu-kvm
	look_for kvm
	assert_status 127
	look_for ./a/kvm
	assert_status 127
	program b/kvm
	look_for
	assert_found kvm /tmp/b/kvm
}

@test "installed as kvm, the launcher itself finds QEMU" {
	[ -x "$QRAP" ] || skip 'no launcher'
	ln -s "$QRAP" a/kvm
	cat >b/kvm <<-'END'
		#!/bin/sh
		echo "QEMU $0 $*"
	END
	chmod 755 b/kvm
	PATH=/tmp/a:/tmp/b:$PATH_BEFORE run timeout 10 kvm -version
	[ "$status" = 0 ]
	[[ $output == *'QEMU /tmp/b/kvm -version'* ]]
}

@test "by its own name qrap is a command: two networks, one inside the other" {
	[ -x "$BUILD/qrap" ] || skip 'no launcher'
	SEARCH=/tmp/a
	cp "$BUILD/qrap" a/qrap
	look_for qrap
	assert_found qrap /tmp/a/qrap
}
