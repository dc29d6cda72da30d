#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The locker: programs do not see it, and cannot lose it by accident; QEMU empties it.

load common
load online

setup() {
	need qemu-system-x86_64 passt
}

# probe WHAT: see tests/helpers/locker_probe.c
probe() {
	start_passt
	qrap --log-file "$LOG" 5 "$BUILD/tests/locker_probe" "$@"
	echo "$output"
	echo "$stderr"
	[ "$status" = 0 ]
	[[ $output == *ok ]]
}

@test "invisible: close, dup, dup2, fcntl and ioctl say EBADF, ranges step over it" {
	probe invisible
}

@test "calls on other numbers do what they always do" {
	probe others
}

@test "bounded: who insists gets his way after 64 tries, with one warning" {
	probe insist
	[[ $output == *'65 tries'* ]]
	[ "$(grep -c 'gave way after 64 times' <<<"$stderr")" = 1 ]
}

@test "tries of vfork children do not count for the parent" {
	probe vfork
}

@test "a vfork child that insists loses its own copy only" {
	probe insist-in-vfork
}

@test "who puts something on its number finds it out of the way" {
	probe overwrite
	[[ $stderr != *warning* ]]
	grep '"event":"spare-moved"' "$LOG"
}

@test "a dup2 that fails does not move it" {
	probe overwrite-badly
	refute grep '"event":"spare-moved"' "$LOG"
}

@test "a vfork child that puts something on its number moves its own copy only" {
	probe overwrite-in-vfork
}

# The release.

@test "emptied: passt sees the end of the VM although a daemon still holds a copy" {
	start_passt /tmp/passt_1.socket --one-off
	make_vm
	cat >/tmp/wrapper <<-'END'
		#!/bin/sh
		sleep 1000 5>&- >/dev/null 2>&1 &
		echo $! >/tmp/daemon.pid
		exec "$@"
	END
	chmod +x /tmp/wrapper
	online --then 'ls -l /proc/$(cat /tmp/daemon.pid)/fd' "$QRAP" 5 /tmp/wrapper "${QEMU[@]}"
	[ "$status" = 0 ]
	STARTED+=("$(cat /tmp/daemon.pid)")
	refute ended "$(cat /tmp/daemon.pid)"
	# It does hold a copy: a socket on a high number, and nothing on 5.
	[[ $output =~ \ [0-9]{2,}\ -\>\ socket: ]]
	[[ $output != *' 5 -> '* ]]
	wait_for 5 ended "$PASST"
}

# Of the same kind: all that a program keeps which the end of a start does not end (agents, loggers, servers).
@test "a daemon of its own session that closes everything does not hold passt" {
	need python3 start-stop-daemon
	start_passt
	for daemon in 'start-stop-daemon --start --background --make-pidfile --pidfile /tmp/pid --exec /bin/sleep -- 1000' \
		"/usr/bin/python3 /tmp/daemon"; do
		cat >/tmp/daemon <<-'END'
			import os, time
			if not os.fork():
			    os.setsid()
			    os.closerange(3, 1024)
			    with open("/tmp/pid", "w") as file:
			        print(os.getpid(), file=file, flush=True)
			    time.sleep(1000)
		END
		rm -f /tmp/pid
		read -r -a words <<<"$daemon"
		as_from_a_shell "$QRAP" 5 "${words[@]}"
		wait_for 5 has_line /tmp/pid '^[0-9]+'
		STARTED+=("$(</tmp/pid)")
		wait_for 5 passt_is_free
		refute ended "$(</tmp/pid)"
	done
}

@test "QEMU's children inherit neither descriptor nor preload nor variable" {
	start_passt
	make_vm
	online --tell $'migrate -d "exec:env >/tmp/env; ls -l /proc/self/fd >/tmp/fds; touch /tmp/ready"\n' \
		--then "$BUILD/tests/await /tmp/ready" "$QRAP" 5 "${QEMU[@]}"
	[ "$status" = 0 ]
	grep '^PATH=' /tmp/env
	refute grep -E '^(LD_PRELOAD|QRAP_SHIM)' /tmp/env
	# ls itself opens 3.
	refute grep -E ' [4-9] -> | [0-9]{2,} -> ' /tmp/fds
}

@test "QEMU's children keep other people's LD_PRELOAD" {
	start_passt
	make_vm
	LD_PRELOAD=$BUILD/tests/lose_lib.so \
		online --tell $'migrate -d "exec:env >/tmp/env; touch /tmp/ready"\n' \
		--then "$BUILD/tests/await /tmp/ready" "$QRAP" 5 "${QEMU[@]}"
	[ "$status" = 0 ]
	grep -xF "LD_PRELOAD=$BUILD/tests/lose_lib.so" /tmp/env
	refute grep '^QRAP_SHIM' /tmp/env
}

@test "QEMU keeps no copy of the connection" {
	start_passt
	make_vm
	online --then 'cat /proc/$(pidof qemu-system-x86_64)/fdinfo/5
		find -L /proc/$(pidof qemu-system-x86_64)/fd -inum $(stat -L -c %i \
			/proc/$(pidof qemu-system-x86_64)/fd/5)' "$QRAP" --log-file "$LOG" 5 "${QEMU[@]}"
	[ "$status" = 0 ]
	# Close-on-exec, non-blocking, read and write.
	[[ $output =~ flags:[[:space:]]*02004002 ]]
	[ "$(grep -c '^/proc/.*/fd/' <<<"$output")" = 1 ]
	[[ $output == *'/fd/5'* ]]
	refute_warned
}
