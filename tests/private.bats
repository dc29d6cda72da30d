#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# --passt: a passt for this VM alone, which comes and goes with it.

load common

setup() {
	need passt
	export FAKE_QEMU_FD=5 QRAP_GUARD=off
	fake_qemus kvm
}

# Processes that are called passt, in $PASSTS; those of this sandbox are the only ones there are.
passts() {
	local comm name pid

	PASSTS=()
	for comm in /proc/[0-9]*/comm; do
		pid=${comm//[^0-9]/}
		read -r name 2>/dev/null <"$comm" || continue
		[[ $name != passt* ]] || ended "$pid" || PASSTS+=("$pid")
	done
}

is_called() {
	[ "$(<"/proc/$1/comm")" = "$2" ]
}

no_passt() {
	passts
	[ ${#PASSTS[@]} = 0 ]
}

# start_vm OPTION...: a VM that runs until it is ended, in $VM, and its passt in $PRIVATE
start_vm() {
	start vm "$QRAP" "$@" 5 sleep 1000
	VM=$PID
	wait_for 10 is_called "$VM" sleep
	passts
	PRIVATE=${PASSTS[*]}
}

# failed WORDS COMMAND: such a passt is the end, with these words, and QEMU is not run
failed() {
	qrap --passt="$2" 5 kvm
	[[ $status == 125 && -z $output && $stderr == "qrap: "*"$1"* ]] && return
	echo "$2: status $status: $output $stderr"
	return 1
}

@test "QEMU gets a connection to a passt that answers, and no socket file is made" {
	FAKE_QEMU_READ=1 qrap --passt 5 kvm
	[ "$status" = 0 ]
	[[ $output == *"fd 5 stream blocking inherited"* ]]
	[[ $output =~ frame\ [0-9]+\ 000000(2a|3c) ]]
	[[ $output == *$'\n''open 0 1 2 5'$'\n'* ]]
	refute ls /tmp/*.socket
}

@test "it ends with the VM: however that ends" {
	local signal

	for signal in TERM KILL; do
		start_vm --passt
		[ -n "$PRIVATE" ]
		kill -$signal "$VM"
		wait_for 3 no_passt
		wait "$VM" || status=$?
		[ "$status" = $((128 + $(kill -l $signal))) ]
	done
	FAKE_QEMU_STATUS=42 qrap --passt 5 kvm
	[ "$status" = 42 ]
	wait_for 3 no_passt
}

@test "in the foreground and in the background: nobody's child, with no descriptor of ours" {
	local command fd target

	exec {kept}</etc/passwd
	for command in passt 'passt -f'; do
		start_vm --passt="$command"
		[ "$(wc -w <<<"$PRIVATE")" = 1 ]
		[ "$(ps -o ppid= -p "$PRIVATE" | tr -d ' ')" = 1 ]
		[ -z "$(ps -o pid= --ppid "$VM")" ]
		for fd in /proc/"$PRIVATE"/fd/*; do
			target=$(readlink "$fd")
			[[ $target == socket:* || $target == anon_inode:* || $target == /dev/null ||
				($fd == */[12] && $target == pipe:*) ]] || {
				echo "$command: $fd $target"
				return 1
			}
		done
		end "$VM"
		wait_for 3 no_passt
	done
}

@test "its words before QEMU runs: the command line as a shell splits it" {
	cat >/tmp/say <<-'END'
		#!/bin/sh
		printf '<%s>' "$@" >&2
		exit 3
	END
	chmod +x /tmp/say
	failed '/tmp/say failed with status 3: <a b><c d><e"f><$g><><h*><--fd><3>' \
		$'/tmp/say  "a b" c\\ d \'e"f\'\t"\\$g" \'\' \\\n h*'
	failed 'a quote does not end' "passt 'x"
	failed 'a quote does not end' "passt \\"
	failed 'no command' ' '
}

@test "a failure is reported with its last words" {
	failed 'Invalid port specifier' 'passt -t 99999'
	failed 'Invalid port specifier' 'passt -f -t 99999'
	failed "unrecognized option '--bogus'" 'passt --bogus'
	failed "can't run nosuch: No such file or directory" 'nosuch -f'
	failed "can't run /tmp: Permission denied" /tmp
	failed 'true does not serve descriptor 3' true
	failed 'ended by signal 9' 'sh -c "kill -9 $$"'
	# Much to say, and the end of it matters.
	failed 'status 1: the end' 'sh -c "yes | head -c 300000; echo the end; exit 1"'
	wait_for 3 no_passt
}

@test "a passt that dies later is a dead link, no zombie" {
	start_vm --passt='passt -f'
	kill "$PRIVATE"
	wait_for 3 ended "$PRIVATE"
	[ -z "$(ps -o pid= --ppid "$VM")" ]
	refute ended "$VM"
}

@test "started with few descriptors, or none at all" {
	run sh -c 'exec "$@" <&- >&- 3>&- 4>&-' sh "$QRAP" --passt 5 kvm
	[ "$status" = 0 ]
	run sh -c 'exec "$@" <&- >&- 2>&- 3>&- 4>&-' sh "$QRAP" --passt 5 kvm
	[ "$status" = 0 ]
}

# What is inherited and decides what a signal does: ignored ones and blocked ones. (`trap "" CHLD` of a
# shell does not get through exec.)

@test "SIGCHLD ignored by the caller: passt is waited for, its number is its own, QEMU finds it ignored" {
	run as_from_a_shell env --ignore-signal=CHLD "$QRAP" --passt 5 kvm
	[ "$status" = 0 ]
	[[ $output == *"fd 5 stream"* ]]
	run as_from_a_shell env --ignore-signal=CHLD "$QRAP" --passt 5 grep '^SigIgn:' /proc/self/status
	echo "$output"
	(((0x${output##*[!0-9a-f]} >> (17 - 1)) & 1))
	# Gone by itself, it would have no status, and another process could have its number.
	run as_from_a_shell env --ignore-signal=CHLD "$QRAP" --passt='sh -c "exit 3"' 5 kvm
	echo "$output"
	[ "$status" = 125 ]
	[[ $output == *'sh failed with status 3'* ]]
	wait_for 3 no_passt
}

@test "SIGTERM and all other signals blocked by the caller: what is started ends with the launcher all the same" {
	start hopeless env --block-signal "$QRAP" --passt='sh -c "sleep 1001"' 5 kvm
	wait_for 5 has_sleep
	kill -KILL "$PID"
	wait_for 5 has_no_sleep
}

has_sleep() {
	pgrep -fx 'sleep 1001' >/dev/null
}

has_no_sleep() {
	! has_sleep
}

@test "what is typed at the terminal ends QEMU, not its passt" {
	start_vm --passt='passt -f'
	[ "$(ps -o sid= -p "$PRIVATE")" != "$(ps -o sid= -p "$VM")" ]
}

@test "one that is busy in the foreground without an answer is given up" {
	start hopeless "$QRAP" --passt='sh -c "sleep 1000"' 5 kvm
	wait_for 15 ended "$PID"
	grep -q 'sh was not ready after 10 s' /tmp/hopeless.log
	refute grep -x 'sleep 1000' <(ps -eo args=)
}

# bats test_tags=timeout:90
@test "a guest with a port forward: the host reaches it" {
	need_guest
	unset QRAP_GUARD
	start_http
	guest "$(guest_script 'network && fetch
		while :; do
			printf "HTTP/1.0 200 OK\r\n\r\nfrom the guest\n" | nc -l -p 22 >/dev/null
		done')"
	start vm "$QRAP" --passt='passt -t 2222:22' --qemu qemu-system-x86_64 -machine q35 "${GUEST[@]}"
	wait_for 40 has /tmp/vm.log 'QRAP-GUEST page='
	grep -aq "QRAP-GUEST page=$PAGE" /tmp/vm.log
	wait_for 10 reaches_guest
	end "$PID"
	wait_for 3 no_passt
}

reaches_guest() {
	[ "$(timeout 1 "$QRAP_GUEST/busybox" wget -q -O - http://127.0.0.1:2222/)" = 'from the guest' ]
}
