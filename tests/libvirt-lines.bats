#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Command lines that libvirt itself makes, for machines x NICs x other devices.
#
# bats file_tags=slow,timeout:150

load common
load libvirt

ROOT=/tmp/libvirt

@test "all that libvirt makes comes out with one NIC, the same one, and QEMU takes it" {
	need_root
	need python3 virsh qemu-system-x86_64 qemu-system-i386 qemu-system-aarch64 qemu-system-s390x \
		qemu-system-ppc64 qemu-system-riscv64
	make_user_of_libvirt
	make_configuration
	mkdir /tmp/domains
	truncate -s 1M /tmp/domains/disk{0,1,2,3,4}.img
	"$TOP/tests/libvirt-lines" make /tmp/domains >/tmp/commands
	virsh --quiet -c "qemu:///embed?root=$ROOT" "$(cat /tmp/commands)" \
		</dev/null >/tmp/lines 2>/tmp/virsh.err 3>&- 4>&-
	run "$TOP/tests/libvirt-lines" check "$QRAP" /tmp/lines 3>&- 4>&-
	[ "$status" = 0 ]
	[[ $output == *"72 command lines, 0 errors" ]]
}
