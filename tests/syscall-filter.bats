#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# QEMU under a filter of system calls (seccomp) that a wrapper has set, tests/helpers/filter.c: where
# that kills for a call that only the shim makes, QEMU runs as without the shim, and a line says so.
# Of the same kind is all that is in force before QEMU runs and that only the shim runs into: what a
# filter answers with an error, no /proc, limits, is in faults.bats and shim-surroundings.bats.

load common

LOG=/tmp/log

# Calls that the shim makes and this QEMU does not, seen by the third test; and those of which it is one
# of both, depending on its version and its libc's.
SHIM_CALLS=(inotify_init1 inotify_add_watch epoll_ctl epoll_pwait socketpair rt_sigpending
	rt_sigtimedwait fstat getppid clock_gettime shutdown recvmsg)
QEMU_CALLS=(epoll_create1 memfd_create dup3 lseek ioctl prctl prlimit64 rt_sigprocmask setsockopt sendmsg sendto
	getpeername readlinkat)

setup() {
	need qemu-system-x86_64 passt
	cd /tmp
}

# start_filtered OPTION... -- RULE...: a QEMU with a hub on passt's network, as $VM, its monitor is
# descriptor 9
start_filtered() {
	local options=()

	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	start_passt
	# What the last one said is none of this one's.
	rm -f /tmp/monitor /tmp/vm.log
	mkfifo /tmp/monitor
	exec 9<>/tmp/monitor
	as_from_monitor "$QRAP" --log-file $LOG "${options[@]}" 5 "$BUILD/tests/filter" "${@:2}" -- \
		qemu-system-x86_64 -accel tcg -M none -display none -nodefaults -netdev socket,fd=5,id=a \
		-netdev user,id=b -netdev hubport,hubid=0,id=h0,netdev=a -netdev hubport,hubid=0,id=h1,netdev=b \
		-monitor stdio "${QEMU_MORE[@]}"
}

QEMU_MORE=()

as_from_monitor() {
	"$@" </tmp/monitor >/tmp/vm.log 2>&1 3>&- 4>&- 9>&- &
	VM=$!
	STARTED+=("$VM")
}

# QEMU runs, or has ended.
is_settled() {
	has /tmp/vm.log '(qemu)' || ended "$VM"
}

# Passt's end has been noticed: by the shim, or by QEMU, which gives the number up.
has_noticed() {
	ended "$VM" || has_line $LOG '"event":"link-down"' || [ ! -e "/proc/$VM/fd/5" ] ||
		[[ $(readlink "/proc/$VM/fd/5") != socket:* ]]
}

# live: QEMU runs until its monitor ends it, and passt ends before; its status is in $status
live() {
	wait_for 10 is_settled
	kill_passt_and_wait
	echo quit >&9
	wait_for 10 ended "$VM"
	status=0
	wait "$VM" || status=$?
	exec 9>&-
	rm -f /tmp/monitor
}

kill_passt_and_wait() {
	kill -KILL "$PASST"
	wait "$PASST" 2>/dev/null || true
	wait_for 10 has_noticed
}

# end_of OPTION... -- RULE...: its status, without what is in the log of another one
end_of() {
	rm -f $LOG
	start_filtered "$@"
	live
	grep -v -e '^(qemu)' -e '^QEMU ' /tmp/vm.log || true
}

@test "killed for one call of the shim's: QEMU runs as without it, and one line says why" {
	local call

	for call in "${SHIM_CALLS[@]}"; do
		echo "$call"
		end_of -- "kill=$call"
		[ "$status" = 0 ]
		[ "$(grep -c '^qrap\[.*qemu-system-x86_64 runs without the shim: a filter' /tmp/vm.log)" = 1 ]
		grep "kills it for $call\$" /tmp/vm.log
	done
}

@test "... and so it is in the log" {
	end_of -- kill=inotify_init1
	has_line $LOG '"event":"preload-skipped".*"call":"inotify_init1"'
	[ "$(count $LOG '"exe":"[^"]*qemu-system' '"event":"program".*"found":"intact".*"action":"observes"')" = 1 ]
	run "$QRAP" --report $LOG
	echo "$output"
	[[ $output == *'no shim (a filter of system calls (seccomp) kills it for inotify_init1)'* ]]
	[[ $output == *'verdict: unknown'* ]]
	end_of -- kill=rt_sigpending
	has_line $LOG '"event":"preload-skipped".*"call":"rt_sigpending"'
}

@test "what kills QEMU without the shim does so with it, and nothing else does" {
	local call without

	for call in "${QEMU_CALLS[@]}" "${SHIM_CALLS[@]}"; do
		end_of --guard off -- "kill=$call"
		without=$status
		end_of -- "kill=$call"
		echo "$call: $without, $status"
		[ "$status" = "$without" ]
	done
}

@test "in all ways to be killed" {
	local action

	for action in thread trap; do
		end_of -- $action=epoll_ctl
		[ "$status" = 0 ]
		grep 'kills it for epoll_ctl$' /tmp/vm.log
	done
}

# What makes the child that tries them is not what it is judged by.
@test "a filter that kills for none of them is no reason to stand down" {
	local rules

	ulimit -S -c hard
	for rules in eperm=getcwd enosys=clone3 'enosys=clone3 eperm=clone3' kill=fork eperm=wait4; do
		# shellcheck disable=SC2086 # rules
		end_of -- $rules
		echo "$rules: $status"
		[ "$status" = 0 ]
		[ "$(count $LOG '"event":"link-down"')" = 1 ]
		[ "$(count $LOG '"event":"preload-skipped"')" = 0 ]
	done
}

@test "the child that tries them leaves nothing: no signal, no zombie, no core file" {
	ulimit -S -c hard
	start_filtered -- kill=inotify_init1
	wait_for 10 is_settled
	[ -z "$(ps -o pid= --ppid "$VM")" ]
	grep -x 'SigPnd:	0*' "/proc/$VM/status"
	grep -x 'ShdPnd:	0*' "/proc/$VM/status"
	live
	[ "$status" = 0 ]
	[ -z "$(compgen -G '/tmp/core*')" ]
}

@test "QEMU's own filter, set later, kills for none of them" {
	QEMU_MORE=(-sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny)
	end_of -- eperm=getcwd
	[ "$status" = 0 ]
	[ "$(count $LOG '"event":"link-down"')" = 1 ]
	[ "$(count $LOG '"event":"preload-skipped"')" = 0 ]
}

@test "a wrapper script with QEMU's words, and QEMU behind it: one line, then none of them has the shim" {
	printf '#!/bin/sh\n"$@"\n' >/tmp/wrapper
	chmod +x /tmp/wrapper
	start_passt
	run as_from_a_shell "$QRAP" 5 "$BUILD/tests/filter" kill=socketpair -- /tmp/wrapper \
		qemu-system-x86_64 -M none -display none -netdev socket,fd=5,id=a -version
	echo "$output"
	[ "$status" = 0 ]
	[ "$(grep -c 'runs without the shim' <<<"$output")" = 1 ]
	[[ $output == *'dash runs without the shim'* || $output == *'/bin/'*' runs without the shim'* ]]
}

@test "the shim without the launcher" {
	start_passt
	run as_from_a_shell "$BUILD/tests/filter" kill=memfd_create -- env QRAP_FD=5 \
		QRAP_SOCKET=/tmp/passt_1.socket "LD_PRELOAD=$BUILD/qrap_preload.so" "$BUILD/tests/fake_qemu" fd=5
	echo "$output"
	[ "$status" = 0 ]
	[[ $output == *'QRAP_FD=5: nothing is guarded: a filter of system calls (seccomp) kills it for memfd_create'* ]]
}
