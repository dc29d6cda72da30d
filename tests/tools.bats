#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Tools that start QEMU by themselves, as they are, with nothing but qrap in front of them.

# bats file_tags=slow,timeout:120

load common

setup() {
	need passt qemu-system-x86_64 qemu-img
	cd /tmp || return
}

no_passt_runs() {
	running_besides "${KNOWN[@]}"
	[[ "${RUNNING[*]}" != *passt* ]]
}

reaches_guest() {
	[ "$(timeout 1 "$QRAP_GUEST/busybox" wget -q -O - "http://127.0.0.1:$1/")" = 'from the guest' ]
}

@test "debvm-run: its guest is online, and its ssh port leads there" {
	need debvm-run mke2fs /sbin/debugfs
	need_guest
	start_http
	guest_that_answers
	mkdir -p root/boot
	cp "$QRAP_GUEST/vmlinuz" root/boot/vmlinuz-1
	cp "$QRAP_GUEST/initrd" root/boot/initrd.img-1
	ln -s vmlinuz-1 root/boot/vmlinuz
	ln -s initrd.img-1 root/boot/initrd.img
	mke2fs -q -t ext4 -L root -d root rootfs.ext4 60M
	# It takes /dev/kvm where that is there; the last -cpu and -append count.
	[ ! -e /dev/kvm ] || mount --bind /dev/null /dev/kvm
	start vm "$QRAP" debvm-run -i rootfs.ext4 -s 2222 -- -cpu max -m 256 -append "${GUEST[-1]}"
	wait_for 60 has vm.log "QRAP-GUEST page=$PAGE"
	has vm.log 'Started passt for this VM: 127.0.0.1:2222 -> guest 22'
	wait_for 10 reaches_guest 2222
	# QEMU is its child.
	kill "$(pgrep --parent "$PID" qemu)"
	wait_for 5 ended "$PID"
	wait_for 5 no_passt_runs
}

# Its guest would have to show a prompt: here it waits for that, with QEMU running, and no longer.
@test "autopkgtest-virt-qemu: QEMU runs with its sockets in time, and its ssh port is passt's" {
	need autopkgtest-virt-qemu
	qemu-img create -q -f qcow2 empty.qcow2 64M
	mkdir bin
	# It enables KVM where that seems to be there.
	cat >bin/qemu-system-x86_64 <<-END
		#!/bin/bash
		exec $(command -v qemu-system-x86_64) "\${@/-enable-kvm/-nodefaults}"
	END
	chmod 755 bin/qemu-system-x86_64
	export PATH=/tmp/bin:$PATH
	mkfifo orders
	start tool bash -c 'exec "$@" <>orders' bash "$QRAP" --log-file log \
		autopkgtest-virt-qemu --debug --ram-size 128 --cpus 1 --timeout-reboot 3 empty.qcow2
	echo open >orders
	wait_for 20 has tool.log 'Started passt for this VM: 127.0.0.1:10022 -> guest 22'
	wait_for 20 has tool.log "expect: b' login: '"
	[ "$(count log '"event":"published"' '"port":10022,')" = 1 ]
	# It gives up, and ends QEMU by SIGTERM.
	wait_for 20 ended "$PID"
	wait_for 5 no_passt_runs
}
