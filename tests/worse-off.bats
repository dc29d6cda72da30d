#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What must not make QEMU worse off than without the shim while passt is away: standard error that
# nobody reads, other users of /tmp, a passt that does not last, QEMU's own way of closing what it
# does not know.

# bats file_tags=timeout:120

load common
load online
load restart
load peers

setup() {
	need passt qemu-system-x86_64
	cd /tmp
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || tail -n 8 /tmp/vm.log /tmp/log
	end_test
}

# start_qemu [WORD...] -- [QEMU_ARGUMENT...]: behind these words a QEMU that is paused, and has a
# monitor, as $VM; it has used its connection. It says nothing itself on standard error.
start_qemu() {
	with_options "$@"
	mkfifo /tmp/monitor.in /tmp/monitor.out
	start monitor cat /tmp/monitor.out
	# Kept open, so that QEMU's end never sees the end of it.
	start keeper sleep 1000
	exec {MONITOR_IN}<>/tmp/monitor.in
	start vm "$QRAP" --log-file "$LOG" 5 "${OPTIONS[@]}" qemu-system-x86_64 -machine q35 \
		-accel tcg -display none -nodefaults -S -chardev pipe,id=m,path=/tmp/monitor \
		-mon chardev=m -netdev socket,fd=5,id=n -device e1000,netdev=n,romfile= "${REST[@]}"
	VM=$PID
	wait_for 10 is_logged released
}

is_logged() {
	[ "$(events "$@")" -ge 1 ]
}

# What people were told by the shim, how many lines with this in it.
said() {
	grep -ac "^qrap\[.*$1" "$WORK/vm.log" || true
}

# What a wrapper does to standard error: COMMAND gets one that takes nothing, and nobody reads.
make_stopped() {
	cat >/tmp/stopped <<-'EOF'
		#!/usr/bin/python3
		import os, pty, sys, termios

		if sys.argv[1] == "pipe":
		    kept, error = os.pipe()
		    os.set_blocking(error, False)
		    try:
		        while True:
		            os.write(error, bytes(4096))
		    except BlockingIOError:
		        os.set_blocking(error, True)
		else:
		    kept, error = pty.openpty()
		    termios.tcflow(error, termios.TCOOFF)
		os.set_inheritable(kept, True)
		os.dup2(error, 2)
		os.execvp(sys.argv[2], sys.argv[2:])
	EOF
	chmod +x /tmp/stopped
}

# stopped_stderr KIND: all goes on with a standard error that takes nothing
stopped_stderr() {
	local before

	make_stopped
	start_passt
	start_qemu /tmp/stopped "$1" --
	kill_passt
	wait_for 2 is_logged link-down
	start_passt
	wait_for 5 is_logged link-up
	kill_passt
	wait_for 2 eval '[ "$(events link-down)" = 2 ]'
	before=$(now_ms)
	echo 'netdev_del n' >&"$MONITOR_IN"
	wait_for 5 is_logged owner-closed
	[ $(($(now_ms) - before)) -lt 700 ]
}

@test "standard error is a pipe that is full: back after a restart, and netdev_del does not wait" {
	stopped_stderr pipe
}

@test "standard error is a terminal that is stopped: back after a restart, and netdev_del does not wait" {
	stopped_stderr terminal
}

@test "standard error is a socket: the lines are there" {
	start_passt
	cat >/tmp/on-socket <<-'EOF'
		#!/usr/bin/python3
		import os, socket, sys

		kept, error = socket.socketpair()
		if os.fork() == 0:
		    error.close()
		    with open("/tmp/said", "wb", 0) as said:
		        while data := kept.recv(4096):
		            said.write(data)
		    os._exit(0)
		kept.close()
		os.dup2(error.fileno(), 2)
		os.execvp(sys.argv[1], sys.argv[1:])
	EOF
	chmod +x /tmp/on-socket
	start_qemu /tmp/on-socket --
	kill_passt
	wait_for 2 grep -q 'has closed the connection: the guest has no network' /tmp/said
}

# Hundredths of a second that the link's thread has had.
thread_time() {
	awk '$2 == "(qrap-link)" { print $14 + $15 }' "/proc/$VM"/task/*/stat
}

# others_change STATEMENT: another user does this with the socket's name without end, while passt is away
others_change() {
	local before

	need_root
	start_passt
	start_qemu --
	kill_passt
	wait_for 2 is_logged link-down
	rm "$SOCKET"
	start other "${ANOTHER_USER[@]}" /usr/bin/python3 -c "
import os, socket

name = '$SOCKET'
listener = socket.socket(socket.AF_UNIX)
listener.bind(name)
open('/tmp/goes', 'w').close()
while True:
    $1"
	wait_for 5 [ -e /tmp/goes ]
	before=$(thread_time)
	sleep 3
	[ $(($(thread_time) - before)) -lt 30 ]
	end "$PID"
	rm -f "$SOCKET"
	start_passt
	wait_for 2 is_logged link-up
}

@test "another user makes and removes the socket's name without end: that costs next to nothing" {
	others_change 'os.path.exists(name) and os.unlink(name); os.close(os.open(name, os.O_CREAT))'
}

@test "another user changes the socket's mode without end: that costs next to nothing" {
	others_change 'os.chmod(name, 0o600); os.chmod(name, 0o666)'
}

# died COUNT: that often at least
died() {
	[ "$(wc -l <"$WORK/dying.log")" -ge "$1" ]
}

@test "a passt that dies again and again: a bounded number of lines, and the last one is so" {
	local last

	start_passt
	start_qemu --
	kill_passt
	wait_for 2 is_logged link-down
	start_dying
	wait_for 60 died 70
	[ $(($(events link-down) + $(events link-up))) -le 64 ]
	[ "$(said .)" -le 64 ]
	end "$DYING"
	rm -f "$SOCKET"
	start_passt
	wait_for 20 eval '[[ $(tail -n 1 "$LOG") == *link-up* ]]'
	last=$(events link-up)
	kill_passt
	wait_for 10 eval '[[ $(tail -n 1 "$LOG") == *link-down* ]]'
	[ "$(events link-up)" = "$last" ]
}

@test "another user's symbolic link in place of the socket: not followed, said once" {
	need_root
	mkdir -m 700 /tmp/private
	PEERS_PATH=/tmp/private/service_%.socket start_peers 1=fake
	start_passt
	start_qemu --
	kill_passt
	wait_for 2 is_logged link-down
	rm -f "$SOCKET"
	"${ANOTHER_USER[@]}" ln -s /tmp/private/service_1.socket "$SOCKET"
	wait_for 5 is_logged link-down '"reason":"symbolic-link"'
	sleep 1.5
	[ "$(events link-up)" = 0 ]
	[ "$(said 'is a symbolic link that anybody may have put there')" = 1 ]
	refute grep connect "$EVENTS"
	rm "$SOCKET"
	start_passt
	wait_for 5 is_logged link-up
}

@test "a symbolic link in a directory of our own is followed" {
	mkdir -m 755 /tmp/own /tmp/elsewhere
	chmod 777 /tmp/elsewhere
	ln -s /tmp/elsewhere/passt.socket /tmp/own/passt.socket
	export QRAP_SOCKET=/tmp/own/passt.socket
	start_passt /tmp/elsewhere/passt.socket
	start_qemu --
	kill_passt
	wait_for 2 is_logged link-down
	start_passt /tmp/elsewhere/passt.socket
	wait_for 5 is_logged link-up
}
