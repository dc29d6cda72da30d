#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the shim takes of a machine, at most: the figures of the manual's section "Bounds". Instructions
# and time of a program that merely inherits it are rows of tests/bench/load.

load common
load online
load peers

setup() {
	cd /tmp
}

# start_idle [VARIABLE=VALUE]: an idle program behind qrap, as $VM, which waits for its input
start_idle() {
	start idle env FAKE_QEMU_WAIT=yes "$QRAP" 5 nice -n 0 env "$@" sh -c 'exec "$0" <>/tmp/input' \
		"$BUILD/tests/fake_qemu"
	VM=$PID
	wait_for 5 has_line /tmp/idle.log '^open '
	wait_for 5 sleeps
}

sleeps() {
	[[ $(<"/proc/$VM/stat") == *') S '* ]]
}

# own_pages [VARIABLE=VALUE]: KiB of the idle program that are no file's, the least of 3 starts. (Private_Dirty
# also counts pages of a file on a tmpfs.)
own_pages() {
	local i kb least=999999

	for i in 1 2 3; do
		start_idle "$@"
		kb=$(sed -n 's/^Anonymous: *\([0-9]*\) kB/\1/p' "/proc/$VM/smaps_rollup")
		end "$VM"
		wait_for 5 passt_is_free
		[ "$kb" -ge "$least" ] || least=$kb
	done
	echo "$least"
}

@test "memory: an idle program has at most 36 KiB more for itself than with an empty library" {
	local with without

	need_plain_launcher
	need gcc
	[ -r /proc/self/smaps_rollup ] || skip 'this kernel has no smaps_rollup'
	gcc -shared -nostdlib -x c -o /tmp/empty.so - </dev/null
	mkfifo /tmp/input
	start_peers 1=fake
	with=$(own_pages)
	without=$(own_pages LD_PRELOAD=/tmp/empty.so)
	echo "with the shim $with KiB, with an empty library $without KiB"
	[ "$without" -gt 0 ]
	[ $((with - without)) -le 36 ]
}

# cpu_time PID: nanoseconds of processor time that all threads of a process have had
cpu_time() {
	local file ns sum=0

	for file in "/proc/$1/task/"*/schedstat; do
		read -r ns _ <"$file"
		sum=$((sum + ns))
	done
	echo $sum
}

# What a QEMU takes in 3 seconds, in millionths of a core.
cpu_share() {
	local since=${EPOCHREALTIME/./} before

	before=$(cpu_time "$VM")
	pause 3
	echo $((($(cpu_time "$VM") - before) * 1000 / (${EPOCHREALTIME/./} - since)))
}

@test "processor time: a QEMU whose passt is away takes less than 1 % of a core" {
	local share

	need qemu-system-x86_64 passt
	[ -r /proc/self/schedstat ] || skip 'this kernel has no schedstat'
	start_passt
	start vm "$QRAP" --log-file "$LOG" 5 qemu-system-x86_64 -machine none -display none -nodefaults \
		-netdev socket,fd=5,id=a -netdev hubport,hubid=0,id=h,netdev=a
	VM=$PID
	wait_for 10 has_line "$LOG" '"event":"released"'
	kill -KILL "$PASST"
	wait_for 5 has_line "$LOG" '"event":"link-down"'
	share=$(cpu_share)
	echo "$share millionths of a core"
	[ "$share" -lt 10000 ]
	# It does wait for passt.
	start_passt
	wait_for 5 has_line "$LOG" '"event":"link-up"'
}

# stack_use WHAT [WORD...]: behind the launcher with $OPTIONS (tests/helpers/stack_use.c)
stack_use() {
	as_from_a_shell "$QRAP" "${OPTIONS[@]}" 5 nice -n 0 "$BUILD/tests/stack_use" "$@" 2>/dev/null
}

# assert_at_most BYTES CALLS: none of the calls that this matches takes more of a stack
assert_at_most() {
	local bytes call n=0

	while read -r bytes call; do
		[[ $call =~ ^($2)$ ]] || continue
		n=$((n + 1))
		if [ "$bytes" -gt "$1" ]; then
			echo "${OPTIONS[*]}: $call takes $bytes bytes of the stack"
			return 1
		fi
	done <<<"$output"
	[ $n -gt 0 ]
}

@test "stack: calls that have nothing to do with the connection take at most 512 bytes" {
	need_plain_launcher
	start_peers 1=fake
	for options in '' '--log trace --log-file /tmp/log'; do
		read -r -a OPTIONS <<<"$options"
		for word in '' fd=5; do
			run stack_use measure $word
			echo "$output"
			assert_at_most 512 'close of others|getsockopt and fcntl|send|recv|fork'
		done
	done
	# A signal handler has room for seven calls without the shim.
	OPTIONS=(--guard off)
	[ "$(stack_use small)" = ok ]
}

# A program may give its handlers 8 KiB (SIGSTKSZ), of which the kernel takes up to 3.5 for what a processor
# with AVX-512 has in its registers. Of this kind are also coroutines and threads with PTHREAD_STACK_MIN.
@test "stack: a call that loses the connection takes at most 4 KiB: handlers with 8 KiB close it and live" {
	local options word

	need_plain_launcher
	start_peers 1=fake
	for options in '--log normal' '--log-file /tmp/log' '--log trace' '--log trace --log-file /tmp/log'; do
		read -r -a OPTIONS <<<"$options"
		for word in '' fd=5; do
			run stack_use measure $word
			assert_at_most 4096 '.*'
			[ "$(stack_use small $word)" = ok ]
		done
	done
}

# bats test_tags=slow,timeout:180
@test "log: a passt that dies again and again makes 60 lines at once and 10 in each minute after that" {
	local first

	need qemu-system-x86_64 passt python3
	start_passt
	start vm "$QRAP" --log-file "$LOG" 5 qemu-system-x86_64 -machine none -display none -nodefaults \
		-netdev socket,fd=5,id=a -netdev hubport,hubid=0,id=h,netdev=a
	wait_for 10 has_line "$LOG" '"event":"released"'
	kill -KILL "$PASST"
	wait_for 5 has_line "$LOG" '"event":"link-down"'
	start_dying
	wait_for 60 eval '[ "$(count /tmp/dying.log died)" -ge 70 ]'
	first=$(count "$LOG" '"event":"link-')
	pause 60
	[ "$(count /tmp/dying.log died)" -ge 100 ]
	echo "$first lines, then $(($(count "$LOG" '"event":"link-') - first)); on standard error $(count /tmp/vm.log 'qrap\[')"
	[ "$first" -le 64 ]
	[ $(($(count "$LOG" '"event":"link-') - first)) -le 12 ]
	[ "$(count /tmp/vm.log 'qrap\[')" -le 80 ]
}
