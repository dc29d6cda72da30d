#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# libvirt for real, without its daemon: virt-qemu-run starts one domain, with qrap as its emulator.
#
# bats file_tags=slow,timeout:120

load common
load libvirt

ROOT=/tmp/libvirt
CONSOLE=/tmp/console
MAC=52:54:00:c0:ff:ee
EMULATOR=/tmp/bin/qrap

setup() {
	need_root
	need_guest
	need virt-qemu-run virsh
	make_user_of_libvirt
	make_configuration
	install_qrap
	start_http
}

# As `make install` does it, and what patch mode finds first.
install_qrap() {
	mkdir -p /tmp/bin /tmp/lib/qrap
	cp "$QRAP" $EMULATOR
	[ ! -e "$BUILD/qrap_preload.so" ] || cp "$BUILD/qrap_preload.so" /tmp/lib/qrap/
	ln -s "$(command -v qemu-system-x86_64)" /tmp/bin/kvm
	export PATH=/tmp/bin:$PATH
}

# interface MODEL MAC: libvirt's words for a NIC
interface() {
	echo "<interface type='user'><mac address='$2'/><model type='$1'/></interface>"
}

# domain MACHINE INTERFACES [VARIABLE=VALUE]...: the domain, in /tmp/domain.xml
domain() {
	local machine=$1 interfaces=$2 variable
	shift 2

	{
		cat <<-END
			<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
			<name>guest</name>
			<memory unit='MiB'>256</memory>
			<os>
				<type arch='x86_64' machine='$machine'>hvm</type>
				<kernel>$QRAP_GUEST/vmlinuz</kernel>
				<initrd>$QRAP_GUEST/initrd</initrd>
				<cmdline>console=ttyS0 panic=-1 quiet qrap.port=$HTTP_PORT ${WORDS:-}</cmdline>
			</os>
			<features><acpi/></features>
			<cpu mode='maximum'/>
			<on_reboot>destroy</on_reboot>
			<devices>
				<emulator>$EMULATOR</emulator>
				<serial type='file'><source path='$CONSOLE'/></serial>
				<controller type='usb' model='none'/>
				<memballoon model='none'/>
				$interfaces
			</devices>
			<qemu:commandline>
				<qemu:env name='QRAP_LOG_FILE' value='/tmp/journey'/>
		END
		for variable; do
			echo "<qemu:env name='${variable%%=*}' value='${variable#*=}'/>"
		done
		echo '</qemu:commandline></domain>'
	} >/tmp/domain.xml
}

start_domain() {
	start domain env LIBVIRT_DEBUG=warning virt-qemu-run --root $ROOT /tmp/domain.xml
	DOMAIN=$PID
}

# Asks virt-qemu-run to end, which destroys the domain; it does not end by itself.
end_domain() {
	kill -INT "$DOMAIN"
	wait_for 10 ended "$DOMAIN"
}

is_shut_down() {
	grep -qs ': shutting down, reason=' $ROOT/log/qemu/guest.log || ended "$DOMAIN"
}

# Starts the domain, and waits until it has shut itself down.
run_domain() {
	start_domain
	wait_for 50 is_shut_down || echo 'does not shut down'
	end_domain || true
	cat /tmp/domain.log $CONSOLE /tmp/journey $ROOT/log/qemu/guest.log 2>/dev/null |
		tr -d '\r\033' >/tmp/all || true
	grep ': shutting down, reason=shutdown' /tmp/all
}

# assert_guest [MAC]: it was online, by one connection in all
assert_guest() {
	if ! { grep -q 'QRAP-GUEST lease=[0-9]' $CONSOLE && grep -q "QRAP-GUEST page=$PAGE" $CONSOLE; }; then
		echo 'not online:'
		cat /tmp/all
		return 1
	fi
	[ -z "${1:-}" ] || grep -q "QRAP-GUEST mac=$1" $CONSOLE
	[ "$(grep -c '"event":"connected"' /tmp/journey)" = 1 ]
}

# A domain that has run, from start to end, with a passt that takes one client only.
assert_runs() {
	start_passt /tmp/passt_1.socket --one-off
	run_domain
	assert_guest "$@"
	wait_for 5 ended "$PASST"
}

@test "libvirt: q35, virtio" {
	domain q35 "$(interface virtio $MAC)"
	assert_runs $MAC
}

@test "libvirt: q35, e1000e" {
	domain q35 "$(interface e1000e $MAC)"
	assert_runs $MAC
}

@test "libvirt: q35, rtl8139" {
	domain q35 "$(interface rtl8139 $MAC)"
	assert_runs $MAC
}

@test "libvirt: pc, virtio" {
	domain pc "$(interface virtio $MAC)"
	assert_runs $MAC
}

@test "libvirt: pc, e1000e" {
	domain pc "$(interface e1000e $MAC)"
	assert_runs $MAC
}

@test "libvirt: pc, rtl8139" {
	domain pc "$(interface rtl8139 $MAC)"
	assert_runs $MAC
}

@test "libvirt: two interfaces, the first one stays" {
	domain q35 "$(interface virtio $MAC)$(interface e1000e 52:54:00:00:00:02)"
	assert_runs $MAC
	grep -q '52:54:00:00:00:02' /tmp/all
}

@test "libvirt: q35, no interface at all" {
	domain q35 ''
	assert_runs
}

@test "libvirt: pc, no interface at all" {
	domain pc ''
	assert_runs
}

@test "libvirt: an interface of type ethernet, whose descriptors libvirt opens itself" {
	domain q35 "<interface type='ethernet'><mac address='$MAC'/><model type='virtio'/><target dev='tap7'/></interface>"
	[ -c /dev/net/tun ] || skip 'no /dev/net/tun'
	assert_runs $MAC
}

@test "libvirt misses none of its devices" {
	domain q35 "$(interface virtio $MAC)"
	assert_runs $MAC
	grep -q warning /tmp/domain.log
	refute grep -iE 'missing device|not found|non-existent' /tmp/domain.log
}

@test "libvirt misses a device with the original, and its probing wants a passt" {
	[ -x /usr/bin/qrap ] || skip 'no other qrap is installed'
	EMULATOR=/usr/bin/qrap
	domain pc "$(interface virtio $MAC)"
	start_passt
	run_domain
	grep -i 'missing device' /tmp/domain.log
	end "$PASST"
	rm -rf $CONSOLE $ROOT/log $ROOT/cache /tmp/passt_1.socket
	start_passt /tmp/passt_1.socket --one-off
	start_domain
	wait_for 10 ended "$PASST"
	refute grep -qs "QRAP-GUEST page=$PAGE" $CONSOLE
}

@test "libvirt: settings by <qemu:env>" {
	start_passt /tmp/mine.socket
	domain q35 "$(interface virtio $MAC)" QRAP_SOCKET=/tmp/mine.socket QRAP_LOG=trace
	run_domain
	assert_guest $MAC
	grep -q '"socket":"/tmp/mine.socket"' /tmp/journey
	grep -q '^Connected to /tmp/mine.socket' $ROOT/log/qemu/guest.log
	grep -q '^qrap\[[0-9]*\]: .*uses descriptor' $ROOT/log/qemu/guest.log
}

@test "libvirt: a private passt by <qemu:env>" {
	domain q35 "$(interface virtio $MAC)" QRAP_PASST=passt
	run_domain
	assert_guest $MAC
}

@test "libvirt: the emulator's name says which QEMU" {
	EMULATOR=/tmp/bin/qrap-qemu-system-x86_64
	ln -s qrap $EMULATOR
	rm /tmp/bin/kvm
	printf '#!/bin/sh\nexit 1\n' >/tmp/bin/kvm
	chmod +x /tmp/bin/kvm
	domain q35 "$(interface virtio $MAC)"
	assert_runs $MAC
}

@test "libvirt: installed under the name of QEMU, it runs the next one of that name" {
	mkdir /tmp/first
	cp /tmp/bin/qrap /tmp/first/kvm
	mkdir -p /tmp/lib/qrap
	EMULATOR=/tmp/first/kvm
	PATH=/tmp/first:$PATH
	domain q35 "$(interface virtio $MAC)"
	assert_runs $MAC
}

@test "libvirt: destroy ends QEMU, passt sees it, and nothing is left" {
	local qemu

	WORDS=$(guest_script 'network; fetch; sleep 1000')
	domain q35 "$(interface virtio $MAC)"
	start_passt /tmp/passt_1.socket --one-off
	start_domain
	wait_for 40 has $CONSOLE "QRAP-GUEST page=$PAGE"
	qemu=$(sed -n 's/.*"pid":\([0-9]*\),.*"event":"claimed".*/\1/p' /tmp/journey)
	refute ended "$qemu"
	refute ended "$PASST"
	end_domain
	wait_for 10 ended "$qemu"
	wait_for 5 ended "$PASST"
}

@test "libvirt: shutdown is the guest's own, and passt sees the end" {
	WORDS=$(guest_script 'network; fetch
		for button in /dev/input/event*; do
			dd if="$button" of=/tmp/pressed bs=24 count=1 2>/dev/null &
		done
		set -- /dev/input/event*
		until [ "$(ls -l /proc/[0-9]*/fd 2>/dev/null | grep -c /dev/input/event)" -ge $# ]; do
			sleep 0.1
		done
		say listening
		until [ -s /tmp/pressed ]; do sleep 0.1; done
		say button')
	domain q35 "$(interface virtio $MAC)"
	start_passt /tmp/passt_1.socket --one-off
	mkfifo /tmp/orders
	exec {orders}<>/tmp/orders
	start virsh sh -c 'exec virsh --connect "$1" </tmp/orders' sh "qemu:///embed?root=$ROOT"
	echo 'create /tmp/domain.xml' >&"$orders"
	wait_for 40 has $CONSOLE 'QRAP-GUEST listening'
	grep -q "QRAP-GUEST page=$PAGE" $CONSOLE
	refute ended "$PASST"
	echo 'shutdown guest' >&"$orders"
	wait_for 20 ended "$PASST"
	grep -q 'QRAP-GUEST button' $CONSOLE
	wait_for 10 has $ROOT/log/qemu/guest.log 'shutting down, reason=shutdown'
	echo quit >&"$orders"
	wait_for 10 ended "$PID"
}

@test "KubeVirt's way: qemu-kvm in /usr/libexec, passt --runas 107, the same process becomes QEMU" {
	# Nothing of this host's /usr/libexec is needed in there.
	cp -r "$BUILD/qrap" "$BUILD/qrap_preload.so" "$QRAP_GUEST"/{vmlinuz,initrd} /tmp/
	QRAP_GUEST=/tmp
	guest "$(guest_script 'network; fetch; sleep 1000')"
	chmod 755 /tmp/qrap
	mkdir /tmp/empty
	start_passt /tmp/passt_1.socket --runas 107
	# shellcheck disable=SC2016
	start kubevirt unshare --mount --propagation private bash -c '
		mount -t tmpfs tmpfs /usr/libexec
		cp "$(command -v qemu-system-x86_64)" /usr/libexec/qemu-kvm
		PATH=/tmp/empty exec /usr/bin/setpriv --reuid=107 --regid=107 --clear-groups \
			/tmp/qrap --log-file /tmp/kubevirt.journey "$@"' bash -machine q35 "${GUEST[@]}"
	wait_for 40 has /tmp/kubevirt.log "QRAP-GUEST page=$PAGE"
	[ "$(stat -c %u "/proc/$PID")" = 107 ]
	[ "$(cat "/proc/$PID/comm")" = qemu-kvm ]
	[ "$(readlink "/proc/$PID/exe")" = /usr/libexec/qemu-kvm ]
	[ "$(tr '\0' '\n' <"/proc/$PID/cmdline" | head -n 1)" = /usr/libexec/qemu-kvm ]
}
