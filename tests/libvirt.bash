# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# For tests with libvirt's embedded driver, whose root is $ROOT: `load libvirt`. Root only.

# The driver looks this user and these groups up; nothing runs as them.
make_user_of_libvirt() {
	cp /etc/passwd /etc/group /tmp/
	grep -q ^libvirt-qemu: /tmp/passwd || echo 'libvirt-qemu:x:64055:64055::/:/bin/false' >>/tmp/passwd
	grep -q ^libvirt-qemu: /tmp/group || echo 'libvirt-qemu:x:64055:' >>/tmp/group
	grep -q ^kvm: /tmp/group || echo 'kvm:x:64056:' >>/tmp/group
	mount --bind /tmp/passwd /etc/passwd
	mount --bind /tmp/group /etc/group
}

make_configuration() {
	mkdir -p "$ROOT/etc"
	cat >"$ROOT/etc/qemu.conf" <<-END
		user = "root"
		group = "root"
		dynamic_ownership = 0
		security_driver = "none"
		namespaces = []
		cgroup_controllers = []
		stdio_handler = "file"
	END
}
