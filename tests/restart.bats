#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Real passt, killed and started again under real guests and QEMUs.

# bats file_tags=slow,timeout:180

load common
load restart
load peers

setup() {
	need_guest
	cd /tmp
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || tail -n 20 /tmp/vm.log /tmp/log
	end_test
}

MONITOR=(-chardev pipe,id=m,path=/tmp/monitor -mon chardev=m)

make_monitor() {
	mkfifo /tmp/monitor.in /tmp/monitor.out
	start monitor cat /tmp/monitor.out
	# Kept open, so that QEMU's end never sees the end of it.
	start keeper sleep 1000
	exec {MONITOR_IN}<>/tmp/monitor.in
}

monitor() {
	echo "$1" >&"$MONITOR_IN"
}

# What people were told by the shim, how many lines with this in it.
said() {
	count "$WORK/vm.log" "qrap\\[[0-9]+\\]: .*$1"
}

is_logged() {
	[ "$(events "$@")" -ge 1 ]
}

# start_bare [OPTION...] -- [QEMU_ARGUMENT...]: a QEMU with the firmware only, whose NIC takes nothing,
# as $VM
start_bare() {
	with_options "$@"
	start vm "$QRAP" --log-file "$LOG" "${OPTIONS[@]}" 5 qemu-system-x86_64 -machine q35 -accel tcg \
		-display none -nodefaults -netdev socket,fd=5,id=n \
		-device e1000,netdev=n,romfile= "${REST[@]}"
	VM=$PID
	wait_for 10 is_logged released
}

lives() {
	! ended "$VM"
}

@test "10 restarts in the middle of traffic: each time the guest is back within a second" {
	local i

	start_passt
	start_vm -- "${VIRTIO[@]}"
	for i in {1..10}; do
		restart_passt "restart-$i"
		[ "$OUTAGE" -le $((1000 * SLOW)) ]
	done
	wait_for_traffic
	lives
	[ "$(events first-frame)" = 1 ]
	# No other end of the link than those: neither side has seen a damaged frame.
	[ "$(events link-down)" = 10 ]
	[ "$(events link-down '"reason":"closed"')" = 10 ]
	[ "$(events link-up '"away_ms":[0-9]*,"dropped":[0-9]*,"padded":[0-9]*')" = 10 ]
	[ "$(said 'has closed the connection')" = 10 ]
	[ "$(said 'is back after')" = 10 ]
	refute grep -a 'serious error' /tmp/vm.log
}

@test "3 restarts with the stream netdev" {
	local i

	need_netdev stream
	start_passt
	start_vm -- -netdev stream,id=n,addr.type=fd,addr.str=5 \
		-device virtio-net-pci,netdev=n,romfile=
	for i in 1 2 3; do
		restart_passt "restart-$i"
		[ "$OUTAGE" -le $((1000 * SLOW)) ]
	done
	[ "$(events link-down)" = 3 ]
}

@test "a guest that is reset, and one whose link is set off, while passt is away" {
	start_passt
	make_monitor
	[[ $(qemu-system-x86_64 -version) != *'version 5.'* ]] || skip 'this QEMU resets no such guest'
	NO_REBOOT=()
	start_vm -- "${VIRTIO[@]}" "${MONITOR[@]}"
	wait_for_traffic
	kill_passt
	wait_for 5 is_logged link-down
	monitor system_reset
	set_page after-reset
	start_passt
	wait_for 30 has_page after-reset
	wait_for_traffic
	monitor 'set_link n off'
	kill_passt
	set_page after-off
	start_passt
	wait_for 5 eval '[ "$(events link-up)" = 2 ]'
	refute has_page after-off
	monitor 'set_link n on'
	wait_for 15 has_page after-off
	lives
}

@test "a guest that moves to another QEMU, with a passt of its own" {
	start_passt
	make_monitor
	start_vm -- "${VIRTIO[@]}" "${MONITOR[@]}"
	restart_passt before
	monitor 'migrate "exec:cat >/tmp/state"'
	wait_for 20 eval '[ -s /tmp/state ] && monitor "info migrate" && has_line /tmp/monitor.log "^(Migration status|Status):[[:space:]]*completed"'
	monitor quit
	wait "$VM"
	set_page after
	start vm "$QRAP" --log-file "$LOG" 5 qemu-system-x86_64 -machine q35 "${GUEST[@]}" \
		"${VIRTIO[@]}" -incoming 'exec:cat /tmp/state'
	VM=$PID
	wait_for 20 has_page after
	restart_passt restarted
}

@test "a guest that is saved, and loaded again after a restart" {
	need qemu-img
	qemu-img create -q -f qcow2 /tmp/disk.qcow2 1G
	start_passt
	make_monitor
	start_vm -- "${VIRTIO[@]}" "${MONITOR[@]}" \
		-drive if=none,id=d,format=qcow2,file=/tmp/disk.qcow2
	wait_for_traffic
	monitor 'savevm here'
	wait_for 30 eval 'monitor "info snapshots" && has_line /tmp/monitor.log "^(--|[0-9]+) +here"'
	restart_passt between
	monitor 'loadvm here'
	set_page after
	wait_for 20 has_page after
	lives
}

@test "a VM that is paused: the end of the link is noticed, and the new one taken up later" {
	start_passt
	make_monitor
	start_vm -- "${VIRTIO[@]}" "${MONITOR[@]}"
	wait_for_traffic
	monitor stop
	wait_for 5 eval 'monitor "info status" && has /tmp/monitor.log paused'
	kill_passt
	wait_for 2 is_logged link-down
	set_page later
	start_passt
	wait_for 2 is_logged link-up
	refute has_page later
	monitor cont
	wait_for 5 has_page later
	[ "$(events link-down)" = 1 ]
}

@test "a NIC that takes nothing: the end of the link is noticed, and nothing spins" {
	local before after

	start_passt
	start_bare --
	kill_passt
	wait_for 2 is_logged link-down
	before=$(awk '{ print $14 + $15 }' "/proc/$VM/stat")
	pause 1.5
	after=$(awk '{ print $14 + $15 }' "/proc/$VM/stat")
	# Hundredths of a second; the firmware waits, too.
	[ $((after - before)) -lt 100 ]
	start_passt
	wait_for 5 is_logged link-up
	lives
}

@test "a VM in the background" {
	local vm

	start_passt
	run as_from_a_shell "$QRAP" --log-file "$LOG" 5 qemu-system-x86_64 -machine q35 -accel tcg \
		-display none -nodefaults -netdev socket,fd=5,id=n \
		-device e1000,netdev=n,romfile= -daemonize -pidfile /tmp/pid
	[ "$status" = 0 ]
	vm=$(</tmp/pid)
	wait_for 10 is_logged released
	kill_passt
	wait_for 2 is_logged link-down
	start_passt
	wait_for 5 is_logged link-up
	kill "$vm"
	wait_for 5 ended "$vm"
}

@test "--reconnect off: one line, and the guest is without a network" {
	start_passt
	start_vm --reconnect off -- "${VIRTIO[@]}"
	wait_for_traffic
	kill_passt
	set_page never
	start_passt
	wait_for 5 is_logged link-down '"action":"none"'
	pause 1.5
	refute has_page never
	[ "$(said .)" = 1 ]
	[ "$(said 'from now on the guest has no network')" = 1 ]
	[ "$(events owner-closed)" = 1 ]
	lives
}

@test "--passt with --reconnect off: its end is the link's end, said in one line" {
	local comm

	start_bare --passt --reconnect off --
	for comm in /proc/[0-9]*/comm; do
		[[ $(<"$comm") != passt* ]] || kill -KILL "${comm//[^0-9]/}"
	done
	wait_for 5 is_logged link-down '"action":"none"'
	[ "$(said 'the private passt has closed the connection: from now on')" = 1 ]
	lives
}

@test "chroot: the path is out of sight, said once" {
	need_root
	mkdir /tmp/jail
	start_passt
	run_with chroot=/tmp/jail
	start_bare -- "${RUN_WITH[@]}"
	kill_passt
	wait_for 5 is_logged link-down '"reason":"changed-root"'
	start_passt
	pause 2.5
	[ "$(events link-down)" = 2 ]
	[ "$(events link-up)" = 0 ]
	[ "$(said .)" = 2 ]
	[ "$(said 'cannot be reached from here: QEMU has changed its root')" = 1 ]
	lives
}

@test "chroot with the socket's directory in it: the guest is back" {
	need_root
	mkdir -p /tmp/jail/tmp
	mount --bind /tmp /tmp/jail/tmp
	start_passt
	run_with chroot=/tmp/jail user=nobody
	start_vm -- "${RUN_WITH[@]}" "${VIRTIO[@]}"
	wait_for_traffic
	kill_passt
	set_page second
	start_passt
	# So it is before passt of 2026, which makes it as root.
	chown nobody "$SOCKET"
	wait_for "$BACK_SECONDS" has_page second
}

@test "another user after -runas: the link comes back where he may connect" {
	need_root
	start_passt
	run_with user=nobody
	start_bare -- "${RUN_WITH[@]}"
	kill_passt
	wait_for 2 is_logged link-down
	start_passt
	# So it is before passt of 2026, which makes it as root.
	chown nobody "$SOCKET"
	wait_for 5 is_logged link-up
	lives
}

@test "another user after -runas who may not connect: said once" {
	need_root
	start_passt
	run_with user=daemon
	start_bare -- "${RUN_WITH[@]}"
	kill_passt
	wait_for 2 is_logged link-down
	start_passt
	wait_for 5 is_logged link-down '"reason":"no-permission"'
	pause 1.5
	[ "$(said 'may not be connected to from here')" = 1 ]
	[ "$(said .)" = 2 ]
	lives
}

@test "somebody else takes the name: not trusted, said once, and the real one is taken later" {
	need_root
	start_passt
	start_bare --
	kill_passt
	wait_for 2 is_logged link-down
	rm "$SOCKET"
	PEERS_AS=("${ANOTHER_USER[@]}")
	start_peers 1=fake
	chmod 666 "$SOCKET"
	wait_for 5 is_logged link-down '"reason":"not-trusted","uid":4711'
	kill -STOP "$PEERS" # our own tries stay in its queue now: that is not another client
	pause 2.5
	kill -CONT "$PEERS"
	refute grep data "$EVENTS"
	[ "$(said 'runs as uid 4711')" = 1 ]
	[ "$(said .)" = 2 ]
	end "$PEERS"
	rm "$SOCKET"
	start_passt
	wait_for 5 is_logged link-up
}

@test "a new passt that closes at once: said once, however often it is tried" {
	start_passt
	start_bare --
	kill_passt
	wait_for 2 is_logged link-down
	rm "$SOCKET"
	start_peers 1=eof
	wait_for 10 is_logged link-down '"reason":"closes-at-once"'
	pause 2.5
	[ "$(said 'closes new connections at once')" = 1 ]
	[ "$(said .)" = 2 ]
	end "$PEERS"
	rm "$SOCKET"
	start_passt
	wait_for 5 is_logged link-up
	lives
}

@test "the directory goes as well, and comes back" {
	mkdir -m 777 /tmp/run
	start_passt /tmp/run/passt.socket
	start_bare --socket /tmp/run/passt.socket --
	kill_passt
	rm -r /tmp/run
	wait_for 5 is_logged link-down '"reason":"unwatched"'
	mkdir -m 777 /tmp/run
	start_passt /tmp/run/passt.socket
	wait_for 5 is_logged link-up
	[ "$(said 'cannot be watched')" = 1 ]
}

@test "while passt is away, waiting costs nothing" {
	local before after

	start_passt
	start_bare -- -S
	kill_passt
	wait_for 2 is_logged link-down
	pause 0.5
	before=$(cat "/proc/$VM"/task/*/stat | awk '{ n += $14 + $15 } END { print n }')
	pause 3
	after=$(cat "/proc/$VM"/task/*/stat | awk '{ n += $14 + $15 } END { print n }')
	[ $((after - before)) -le 1 ]
}
