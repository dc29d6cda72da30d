#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A job with a whole Debian: systemd, sshd, a key. Under TCG it takes a minute until sshd answers.

# bats file_tags=slow,debian,timeout:400

load common

setup() {
	need qemu-system-x86_64 passt ssh
	[ -z "${QRAP_NO_DEBIAN:-}" ] || skip "$QRAP_NO_DEBIAN"
	cp "$QRAP_DEBIAN/key" /tmp/key
	chmod 600 /tmp/key
	SSH='ssh -i /tmp/key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes
		-o LogLevel=ERROR -o ConnectionAttempts=1 -p $QRAP_PORT_22 root@127.0.0.1'
	SSH=${SSH//$'\n\t\t'/ }
}

# debian_job OPTION...: output, stderr and status
debian_job() {
	run_apart as_from_a_shell "$QRAP" --log-file /tmp/log --publish 22 --ready tcp:22 --timeout $((150 * SLOW)) \
		--result /tmp/result "$@" --qemu qemu-system-x86_64 -machine q35 -accel tcg -cpu max -smp 2 -m 1024 \
		-nographic -nodefaults -serial stdio -no-reboot -kernel "$QRAP_DEBIAN/vmlinuz" \
		-initrd "$QRAP_DEBIAN/initrd" -append 'root=/dev/vda console=ttyS0 panic=0 quiet' \
		-drive "file=$QRAP_DEBIAN/disk,format=raw,if=virtio,snapshot=on"
	echo "$output $stderr" | tail -n 30
}

@test "ssh by key works at its first connection, and its status is qrap's" {
	debian_job --run "$SSH 'systemctl is-active ssh; cat /etc/hostname; exit 7'"
	[ "$status" = 7 ]
	[[ $output == *active*guest* && $stderr == *'Ready after '* ]]
	grep -q '"command_status":7' /tmp/result
	runs_alone "${KNOWN[@]}"
}

@test "a guest that powers itself off by command: that command's status" {
	debian_job --run "$SSH 'systemctl poweroff; exit 0' || exit 5; sleep 3; exit 6"
	[ "$status" = 6 ]
	runs_alone "${KNOWN[@]}"
}
