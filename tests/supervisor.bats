#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The supervisor of a private passt: it starts passt again under a VM that runs, and ends it with the VM.

load common
load restart

setup() {
	need qemu-system-x86_64 passt
	cd /tmp
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || tail -n 20 /tmp/vm.log /tmp/log
	end_test
}

BARE=(qemu-system-x86_64 -machine q35 -accel tcg -display none -nodefaults
	-netdev socket,fd=5,id=n -device e1000,netdev=n,romfile=)

# start_vm [OPTION...] -- [WRAPPER...]: a QEMU with the firmware only, as $VM, that uses a private passt;
# $SUPERVISOR is whose child its passt is
start_vm() {
	with_options "$@"
	rm -f "$LOG"
	start vm "$QRAP" --log-file "$LOG" "${OPTIONS[@]}" 5 "${REST[@]}" "${BARE[@]}" "${ARGUMENTS[@]}"
	VM=$PID
	wait_for 10 is_logged released
	SUPERVISOR=$(supervisor_of "$VM")
	passt_of "$SUPERVISOR"
}

ARGUMENTS=()

is_logged() {
	[ "$(events "$@")" -ge 1 ]
}

# is_back N: as many links as that came back
is_back() {
	[ "$(events link-up)" = "$1" ]
}

said() {
	count "$WORK/vm.log" "qrap\\[[0-9]+\\]: .*$1"
}

supervisor_of() {
	pgrep -fx "qrap: passt of $1"
}

# passt_of SUPERVISOR: its passt, in $PASST; status 1 if there is none
passt_of() {
	# Its line has no end.
	read -r PASST _ 2>/dev/null <"/proc/$1/task/$1/children" || [ -n "$PASST" ]
}

# kill_private: the passt of $SUPERVISOR, however it is in the middle of things
kill_private() {
	passt_of "$SUPERVISOR"
	kill -KILL "$PASST"
}

# kill_and_wait N: the Nth time; it is back
kill_and_wait() {
	kill_private
	wait_for 5 is_back "$1"
}

gone() {
	ended "$SUPERVISOR" && ended "$PASST"
}

@test "ps shows what it is; it has nothing of its caller, and QEMU has no child" {
	local fd

	start_vm --passt --
	[ "$(ps -o args= -p "$SUPERVISOR")" = "qrap: passt of $VM" ]
	[ "$(readlink "/proc/$SUPERVISOR/cwd")" = / ]
	[ "$(ps -o sid= -p "$SUPERVISOR" | tr -d ' ')" = "$SUPERVISOR" ]
	[ "$(ps -o ppid= -p "$SUPERVISOR" | tr -d ' ')" = 1 ]
	[ -z "$(ps -o pid= --ppid "$VM")" ]
	for fd in /proc/"$SUPERVISOR"/fd/*; do
		fd=$(readlink "$fd")
		[[ $fd =~ ^(/dev/null|(socket|anon_inode|pipe):.*)$ ]]
		[[ $fd != pipe:* || $(readlink /proc/$$/fd/* "/proc/$VM/fd/"*) != *"$fd"* ]]
	done
}

@test "while nothing happens it does nothing" {
	local before

	start_vm --passt --
	before=$(grep ctxt "/proc/$SUPERVISOR/status")
	pause 1.5
	[ "$(grep ctxt "/proc/$SUPERVISOR/status")" = "$before" ]
}

@test "passt is ended 20 times in a row: it is back within a second each time" {
	local i away worst=0

	start_vm --passt --
	for i in {1..20}; do
		kill_and_wait "$i"
	done
	for away in $(sed -n 's/.*"away_ms":\([0-9]*\).*/\1/p' "$LOG"); do
		[ "$away" -le "$worst" ] || worst=$away
	done
	[ "$worst" -le $((1000 * SLOW)) ]
	lives
	[ "$(events link-down '"reason":"closed"')" = 20 ]
	[ "$(said 'the private passt has closed the connection: the guest has no network until it is back')" = 20 ]
	[ "$(said 'the private passt is back after')" = 20 ]
}

# bats test_tags=slow
@test "after that it is started once in 10 seconds" {
	local i began

	began=$(now_ms)
	start_vm --passt --
	for i in {1..20}; do
		kill_and_wait "$i"
	done
	kill_private
	wait_for 15 is_back 21
	[ $(($(now_ms) - began)) -ge 10000 ]
}

lives() {
	! ended "$VM"
}

# bats test_tags=slow,alone,timeout:180
@test "20 times under a guest's traffic: half of the times it is back within 150 ms, each time within a second" {
	local i since times=()

	need_guest
	start_traffic
	run_vm "$QRAP" --log-file "$LOG" --passt 5 qemu-system-x86_64 -machine q35 "${GUEST[@]}" "${VIRTIO[@]}"
	SUPERVISOR=$(supervisor_of "$VM")
	for i in {1..20}; do
		wait_for_traffic
		set_page "restart-$i"
		since=$(now_ms)
		kill_private
		wait_for "$BACK_SECONDS" has_page "restart-$i"
		times+=($(($(now_ms) - since)))
	done
	mapfile -t times < <(printf '%s\n' "${times[@]}" | sort -n)
	echo "${times[@]}"
	[ "${times[10]}" -le $((150 * SLOW)) ]
	[ "${times[19]}" -le $((1000 * SLOW)) ]
	lives
	refute grep -a 'serious error' /tmp/vm.log
}

@test "a VM in the background" {
	local vm

	run as_from_a_shell sh -c '"$@" | cat' sh "$QRAP" --log-file "$LOG" --passt 5 "${BARE[@]}" -daemonize \
		-pidfile /tmp/pid
	[ "$status" = 0 ]
	VM=$(</tmp/pid)
	wait_for 10 is_logged released
	wait_for 2 supervisor_of "$VM"
	SUPERVISOR=$(supervisor_of "$VM")
	kill_and_wait 1
	lives
	passt_of "$SUPERVISOR"
	kill -KILL "$VM"
	wait_for 1 gone
}

@test "with another root and user, and with everything denied" {
	need_root
	mkdir /tmp/jail
	run_with chroot=/tmp/jail user=nobody
	ARGUMENTS=("${RUN_WITH[@]}" -sandbox on,obsolete=deny,spawn=deny,resourcecontrol=deny)
	start_vm --passt --
	kill_and_wait 1
	kill_and_wait 2
	lives
	end "$VM"
	ARGUMENTS=(-sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny)
	start_vm --passt --
	kill_and_wait 1
	lives
}

# monitor COMMAND: to QEMU's monitor, of ARGUMENTS+=("${MONITOR[@]}") after make_monitor
MONITOR=(-chardev pipe,id=m,path=/tmp/monitor -mon chardev=m)

make_monitor() {
	mkfifo /tmp/monitor.in /tmp/monitor.out
	start monitor cat /tmp/monitor.out
	exec {MONITOR_IN}<>/tmp/monitor.in
}

monitor() {
	echo "$1" >&"$MONITOR_IN"
}

@test "a VM that is paused gets it back; one whose netdev is removed has none any more" {
	make_monitor
	BARE=(qemu-system-x86_64 -machine none -display none -nodefaults -netdev socket,fd=5,id=n
		-netdev user,id=b -netdev hubport,hubid=0,id=h0,netdev=n -netdev hubport,hubid=0,id=h1,netdev=b)
	ARGUMENTS=("${MONITOR[@]}")
	start_vm --passt --
	monitor stop
	wait_for 5 eval 'monitor "info status" && has /tmp/monitor.log paused'
	kill_and_wait 1
	monitor cont
	kill_and_wait 2
	passt_of "$SUPERVISOR"
	monitor 'netdev_del h0'
	monitor 'netdev_del n'
	wait_for 5 is_logged owner-closed
	wait_for 2 ended "$PASST"
	pause 0.5
	refute passt_of "$SUPERVISOR"
	lives
	end "$VM"
	wait_for 1 ended "$SUPERVISOR"
}

@test "its ports are kept; one that is taken meanwhile is told, and had again later" {
	start_vm --passt='passt -t 127.0.0.1/2222:22' --
	kill_and_wait 1
	serves_port 2222
	kill -STOP "$SUPERVISOR"
	kill_private
	wait_for 2 not_serves_port 2222
	start taker /usr/bin/python3 -c 'import socket, time
s = socket.socket(); s.bind(("127.0.0.1", 2222)); s.listen(); time.sleep(1000)'
	wait_for 5 serves_port 2222
	kill -CONT "$SUPERVISOR"
	wait_for 5 is_logged link-down '"reason":"not-started"'
	[ "$(said 'does not start again: -t 127.0.0.1/2222:22: TCP port 2222: Address already in use: still waiting')" = 1 ]
	lives
	end "$PID"
	wait_for 5 is_back 2
	serves_port 2222
}

# serves_port NUMBER: somebody listens on this port of 127.0.0.1, or of all addresses
serves_port() {
	local address

	printf -v address ' (0100007F|00000000):%04X 00000000:0000 0A' "$1"
	has_line /proc/net/tcp "$address"
}

not_serves_port() {
	! serves_port "$1"
}

@test "no descriptors, one that does not start, one that dies each time: told, and the VM runs" {
	local count

	cat >/tmp/mad <<-'END'
		#!/bin/sh
		[ ! -e /tmp/bad ] || { echo these words; exit 7; }
		[ ! -e /tmp/dies ] || { echo . >>/tmp/dies; (sleep 0.2; kill -KILL $$) & }
		exec passt -f "$@"
	END
	chmod +x /tmp/mad
	start_vm --passt=/tmp/mad --
	prlimit --pid "$SUPERVISOR" --nofile=5:1024
	kill_private
	wait_for 5 is_logged link-down '"reason":"not-started"'
	[ "$(said 'does not start again: Too many open files: still waiting')" = 1 ]
	[ "$(said 'the private passt: /tmp/mad was ended by signal 9: ')" = 1 ]
	prlimit --pid "$SUPERVISOR" --nofile=1024:1024
	wait_for 5 is_back 1
	touch /tmp/bad
	kill_private
	wait_for 5 has /tmp/vm.log 'does not start again: /tmp/mad failed with status 7: these words'
	rm /tmp/bad
	wait_for 5 is_back 2
	touch /tmp/dies
	kill_private
	wait_for 10 eval '[ "$(events link-up)" -ge 5 ]'
	wait_for 10 eval '[ "$(wc -l </tmp/dies)" -ge 16 ]'
	pause 1.5
	count=$(wc -l </tmp/dies)
	pause 1
	[ "$count" -le 20 ]
	[ "$(wc -l </tmp/dies)" -le $((count + 1)) ]
	lives
}

# Whoever else still has the number.
@test "it ends with the VM, ports and all: QEMU, the supervisor, both killed, and helpers that hold the number" {
	local helper='setsid sleep 1003 </dev/null >/dev/null 2>&1 & exec "$@"' signal

	for signal in TERM KILL; do
		start_vm --passt='passt -t 0.0.0.0/2222:22' -- sh -c "$helper" sh
		serves_port 2222
		kill -$signal "$VM"
		wait_for 1 gone
		not_serves_port 2222
		pgrep -fx 'sleep 1003'
		# Nothing of the last one is in the way of the next.
	done
	start_vm --passt='passt -f -t 0.0.0.0/2222:22' --
	kill -KILL "$SUPERVISOR"
	lives
	kill -0 "$PASST"
	kill "$VM"
	wait_for 1 gone
	start_vm --passt --
	kill -KILL "$SUPERVISOR" "$VM"
	wait_for 1 gone
	# It has ended, and there will be no other: said once.
	start_vm --passt --
	kill -KILL "$SUPERVISOR"
	kill -KILL "$PASST"
	wait_for 5 is_logged link-down '"action":"none"'
	[ "$(said 'the private passt has closed the connection: from now on the guest has no network')" = 1 ]
	lives
	pkill -fx 'sleep 1003'
}

@test "a passt that was found is free when its VM has ended, whoever else holds the number" {
	start_passt
	start vm "$QRAP" --log-file "$LOG" 5 sh -c 'setsid sleep 1006 </dev/null >/dev/null 2>&1 & exec "$@"' sh \
		"${BARE[@]}"
	VM=$PID
	wait_for 10 is_logged released
	refute passt_is_free
	end "$VM"
	wait_for 1 passt_is_free
	pkill -fx 'sleep 1006'
}

@test "what a wrapper starts goes with it: in the background, and of a command that forks" {
	cat >/tmp/wrapped <<-'END'
		#!/bin/sh
		setsid sleep 1004 </dev/null >/dev/null 2>&1 3>&- &
		passt "$@"
		exec sleep 1005 </dev/null >/dev/null 2>&1 3>&-
	END
	chmod +x /tmp/wrapped
	start_vm --passt=/tmp/wrapped --
	pgrep -fx 'sleep 100[45]'
	kill -KILL "$VM"
	wait_for 1 ended "$SUPERVISOR"
	refute pgrep -fx 'sleep 100[45]'
}

@test "at most one zombie for each VM where process 1 waits for nobody" {
	need_root
	cat >/tmp/init.py <<-'END'
		import os, subprocess, sys, time
		for i in range(3):
		    vm = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
		    assert vm.wait(timeout=30) == 0
		def stats():
		    for pid in filter(str.isdigit, os.listdir("/proc")):
		        try:
		            yield pid, open("/proc/%s/stat" % pid).read()
		        except OSError:
		            pass  # it has just gone
		for i in range(100):
		    alive = [s for p, s in stats() if p != "1" and ") Z " not in s]
		    if not alive:
		        break
		    time.sleep(0.05)
		left = [s for p, s in stats() if ") Z " in s]
		print("zombies", len(left), left, "alive", alive)
	END
	three_vms --passt
	three_vms --passt --guard off
	three_vms --passt='passt -f'
}

# three_vms OPTION...: below a process 1 of their own, one after the other
three_vms() {
	run as_from_a_shell unshare --pid --fork --mount-proc /usr/bin/python3 /tmp/init.py "$QRAP" "$@" 5 true
	echo "$output"
	[[ $output == *'zombies '[0-3]' '*'alive []'* ]]
}

@test "lost with its spare while passt is gone: the supervisor starts another one" {
	cat >/tmp/lose.sh <<-'END'
		passt=$(cat /proc/"$(pgrep -fx "qrap: passt of $$")"/task/*/children)
		kill -KILL $passt
		exec 5>&-
		exec "$@"
	END
	start_vm --passt -- sh /tmp/lose.sh
	is_logged restored
	kill_and_wait 1
	lives
}
