#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Ways to lose a descriptor between qrap and QEMU, all real. Each is a row of a table:
#
#	way CULPRIT CALL SAVER COMMAND...
#
# COMMAND, with a QEMU behind it, is first seen to lose passt's connection without the shim: QEMU does
# not start, or has no network. With the shim QEMU is online; the log and its report name the culprit
# and the call, or, for "unseen", between whom it happened; and what saved it is SAVER:
#
#	refused		the program was not allowed to, since its arguments speak of the number, and of no
#			QEMU behind it
#	the spare	from the locker
#	the same passt	a new connection: the spare was lost, too, or of no use
#	the first look	the spare, in place of something else; but where the thread library runs before
#			the shim, nothing: it stays, with a warning that names the culprit
#
# passt sees exactly one connection, but for the last case.
#
# QEMU and passt are real; the guest is a small program behind a hub (tests/helpers/online.c). Real
# guests are in guest.bats.

load common
load online
load log

# Once for all tests: what a program is called in the log, and the names that log.bash wants.
setup_file() {
	EVENT_NAMES=$(event_names | paste -sd '|')
	SH=$(basename "$(realpath "$(command -v sh)")")
	BASH_NAME=$(basename "$(realpath "$(command -v bash)")")
	export EVENT_NAMES SH BASH_NAME
}

setup() {
	need qemu-system-x86_64 passt
	LOSE=$BUILD/tests/lose
	start_passt /tmp/passt_1.socket --debug
	make_vm
}

# What the log says of the one who did it.
assert_culprit() {
	local culprit=$1 call=$2 saver=$3

	case $saver in
	refused)
		assert_logged "\"exe\":\"[^\"]*/$culprit\"" "\"call\":\"$call\"" '"action":"put-back"'
		;;
	'the spare')
		[ "$culprit" = unseen ] || assert_logged '"event":"restored"' '"action":"the spare"' \
			"connection ($culprit: $call, pid [0-9]*): restored"
		[ "$culprit" != unseen ] || assert_logged '"event":"restored"' \
			'"action":"the spare"' 'connection (lost unseen between .*, and .*; strace .*): restored'
		;;
	'the same passt')
		assert_logged '"event":"restored"' '"action":"a new connection to the same passt"'
		;;
	*)
		echo "no such saver: $saver"
		return 1
		;;
	esac
}

assert_lost_without_the_shim() {
	online "$QRAP" --guard off "$FD" "$@"
	[[ $output == *'Connected to /tmp/passt_1.socket'* ]]
	[[ $output != *'lose: not in this libc'* ]] || skip 'a function that this libc does not have'
	if [ "$status" != 1 ] && [ "$status" != 2 ]; then
		echo "not lost without the shim: status $status: $output"
		return 1
	fi
}

# assert_left CULPRIT CALL: what is on the number stays there, and who did it is said
assert_left() {
	local culprit="($1: $2, pid [0-9]*)"

	[ "$1" != unseen ] || culprit='(lost unseen between .*)'
	[ "$status" != 0 ]
	grep "^qrap.* holds .* instead of passt's connection $culprit: left as it is" <<<"$output"
	assert_logged '"event":"found-instead"' '"action":"left"'
}

# assert_saved CULPRIT CALL SAVER COMMAND...
assert_saved() {
	local culprit=$1 call=$2 saver=$3 before
	shift 3

	before=$(connections)
	online "$QRAP" --log-file "$LOG" "$FD" "$@"
	if [ "$saver" = 'the first look' ]; then
		saver='the spare'
		if ! shim_is_first; then
			assert_left "$culprit" "$call"
			return
		fi
	fi
	if [ "$status" != 0 ]; then
		echo "status $status: $output"
		cat "$LOG"
		return 1
	fi
	assert_culprit "$culprit" "$call" "$saver"
	assert_reported "$culprit" "$call"
	if [ "$saver" != 'the same passt' ] && [ "$(connections)" != $((before + 1)) ]; then
		echo "passt has seen $(($(connections) - before)) connections"
		return 1
	fi
}

# The row, with QEMU behind a script that keeps its arguments to itself.
way() {
	local row=("${@:1:3}")
	shift 3

	assert_lost_without_the_shim "$@" /tmp/qemu-vm
	assert_saved "${row[@]}" "$@" /tmp/qemu-vm
}

# The row, with QEMU's arguments as part of the command.
way_in_sight() {
	local row=("${@:1:3}")
	shift 3

	assert_lost_without_the_shim "$@" "${QEMU[@]}"
	assert_saved "${row[@]}" "$@" "${QEMU[@]}"
}

# The row, with a program behind it that is told of the number and starts QEMU by other words.
way_to_number() {
	local row=("${@:1:3}")
	shift 3

	printf '#!/bin/sh\nexec /tmp/qemu-vm\n' >/tmp/start
	chmod +x /tmp/start
	assert_lost_without_the_shim "$@" /tmp/start fd="$FD"
	assert_saved "${row[@]}" "$@" /tmp/start fd="$FD"
}

# Nothing to lose: what the rest stands on.

@test "no way: nobody loses it, and QEMU is online without the shim" {
	online "$QRAP" --guard off "$FD" "$LOSE" nothing "$FD" /tmp/qemu-vm
	[ "$status" = 0 ]
	online "$QRAP" --log-file "$LOG" "$FD" "$LOSE" nothing "$FD" /tmp/qemu-vm
	[ "$status" = 0 ]
	refute_warned
	[ "$(connections)" = 2 ]
}

# Closed.

@test "closed by number in a shell" {
	way "$SH" close 'the spare' sh -c 'exec 5>&-; exec "$@"' sh
}

@test "closed by number in a shell that has QEMU's arguments" {
	way_in_sight "$SH" close 'the spare' sh -c 'exec 5>&-; exec "$@"' sh
}

@test "closed by number in a shell that is told of the number" {
	way_to_number "$SH" close refused sh -c 'exec 5>&-; exec "$@"' sh
}

@test "closed by number in bash" {
	way "$BASH_NAME" close 'the spare' bash -c 'exec 5>&-; exec "$@"' bash
}

@test "closed by number in a program" {
	way lose close 'the spare' "$LOSE" close "$FD"
}

@test "closed by number in a program that has QEMU's arguments" {
	way_in_sight lose close 'the spare' "$LOSE" close "$FD"
}

@test "closed by a loop over /proc/self/fd" {
	way lose close 'the spare' "$LOSE" proc-loop "$FD"
}

@test "closed by a loop over /proc/self/fd in a program that has QEMU's arguments" {
	way_in_sight lose close 'the spare' "$LOSE" proc-loop "$FD"
}

@test "closed by a loop over all numbers" {
	way lose close 'the spare' "$LOSE" number-loop "$FD"
}

@test "closed by loops over /proc/self/fd until nothing is left" {
	way lose close 'the same passt' "$LOSE" insist "$FD"
	assert_logged '"action":"gave-way"' 'gave way after 64 times'
}

@test "closed by close_range" {
	way lose close_range 'the spare' "$LOSE" close_range "$FD"
}

@test "closed by close_range in a program that has QEMU's arguments" {
	way_in_sight lose close_range 'the spare' "$LOSE" close_range "$FD"
}

@test "closed by close_range in a program that is told of the number" {
	way_to_number lose close_range refused "$LOSE" close_range "$FD"
}

@test "closed by closefrom" {
	way lose closefrom 'the spare' "$LOSE" closefrom "$FD"
}

@test "closed by fclose" {
	way lose fclose 'the spare' "$LOSE" fclose "$FD"
}

@test "closed by fclose in a program that has QEMU's arguments" {
	way_in_sight lose fclose 'the spare' "$LOSE" fclose "$FD"
}

@test "closed by a raw system call" {
	way unseen - 'the spare' "$LOSE" raw-close "$FD"
}

@test "closed with the spare by a raw system call" {
	way unseen - 'the same passt' "$LOSE" raw-close_range "$FD"
}

@test "closed in a static program" {
	way unseen - 'the spare' "$BUILD/tests/lose_static" close "$FD"
}

@test "closed with the spare in a static program" {
	way unseen - 'the same passt' "$BUILD/tests/lose_static" close_range "$FD"
}

@test "closed by the constructor of a library of a wrapper" {
	LD_PRELOAD=$BUILD/tests/lose_lib.so LOSE_FD=$FD LOSE_IN=lose \
		way unseen - 'the spare' "$LOSE" nothing "$FD"
}

@test "closed by the constructor of a library in QEMU itself" {
	LD_PRELOAD=$BUILD/tests/lose_lib.so LOSE_FD=$FD LOSE_IN=qemu-system-x86_64 \
		way unseen - 'the spare' "$LOSE" nothing "$FD"
}

# Something else is on the number.

@test "overwritten by a file in a shell" {
	way "$SH" close 'the first look' sh -c 'exec 5>/tmp/file; exec "$@"' sh
}

@test "overwritten by a file in bash that has QEMU's arguments" {
	way_in_sight "$BASH_NAME" dup2 'the first look' bash -c 'exec 5>/tmp/file; exec "$@"' bash
}

@test "overwritten by /dev/null" {
	way lose dup2 'the first look' "$LOSE" null "$FD"
}

@test "overwritten by a file" {
	way lose dup2 'the first look' "$LOSE" file "$FD"
}

@test "overwritten by a pipe" {
	way lose dup2 'the first look' "$LOSE" pipe "$FD"
}

@test "overwritten by an eventfd" {
	way lose dup2 'the first look' "$LOSE" eventfd "$FD"
}

@test "overwritten by a socket that is not connected" {
	way lose dup2 'the first look' "$LOSE" unconnected "$FD"
}

@test "overwritten by a listening socket" {
	way lose dup2 'the first look' "$LOSE" listener "$FD"
}

@test "overwritten by a datagram socket" {
	way lose dup2 'the first look' "$LOSE" datagram "$FD"
}

@test "overwritten by a stream whose other end is closed" {
	way lose dup2 'the first look' "$LOSE" dead-stream "$FD"
}

@test "overwritten by dup3" {
	way lose dup3 'the first look' "$LOSE" dup3 "$FD"
}

# Marked close-on-exec.

@test "marked close-on-exec by fcntl" {
	way lose fcntl 'the spare' "$LOSE" setfd "$FD"
}

@test "marked close-on-exec by fcntl on all that /proc/self/fd shows" {
	way lose fcntl 'the spare' "$LOSE" setfd-loop "$FD"
}

@test "marked close-on-exec by ioctl" {
	way lose ioctl 'the spare' "$LOSE" fioclex "$FD"
}

@test "marked close-on-exec by close_range" {
	way lose close_range 'the spare' "$LOSE" mark-range "$FD"
}

# In a child.

@test "posix_spawn with a close action" {
	way lose posix_spawn_file_actions_addclose 'the spare' "$LOSE" spawn-close "$FD"
}

@test "posix_spawn with a close action for all that /proc/self/fd shows" {
	way lose posix_spawn_file_actions_addclose 'the spare' "$LOSE" spawn-close-loop "$FD"
}

@test "posix_spawn with a dup2 action" {
	way lose posix_spawn_file_actions_adddup2 'the first look' "$LOSE" spawn-dup2 "$FD"
}

@test "posix_spawn with an open action" {
	way unseen - 'the first look' "$LOSE" spawn-open "$FD"
}

@test "posix_spawn with a closefrom action" {
	way lose posix_spawn_file_actions_addclosefrom_np 'the spare' "$LOSE" spawn-closefrom "$FD"
}

@test "posix_spawn with a closefrom action from 0" {
	way lose posix_spawn_file_actions_addclosefrom_np 'the spare' "$LOSE" spawn-closefrom-0 "$FD"
}

@test "closed in a child after vfork" {
	way lose close_range 'the spare' "$LOSE" vfork "$FD"
}

@test "closed in a child after vfork of a program that has QEMU's arguments" {
	way_in_sight lose close_range 'the spare' "$LOSE" vfork "$FD"
}

@test "closed in a child after fork" {
	way lose close 'the spare' "$LOSE" fork "$FD"
}

@test "closed in a daemon, after two forks" {
	way lose closefrom 'the spare' "$LOSE" double-fork "$FD"
}

# Wrappers that people have.

# python CODE: fills $PYTHON with the interpreter and $PYTHON_NAME with its name
find_python() {
	need python3
	PYTHON=$(/usr/bin/python3 -c 'import os, sys; print(os.path.realpath(sys.executable))')
	PYTHON_NAME=$(basename "$PYTHON")
}

# How Python closes all depends on its version, and on the libc.
CLOSES_ALL='\(close\|close_range\|posix_spawn_file_actions_addclosefrom_np\)'
CALL='import subprocess, sys; sys.exit(subprocess.call(sys.argv[1:]))'

@test "Python: subprocess, which closes all descriptors" {
	find_python
	way "$PYTHON_NAME" "$CLOSES_ALL" 'the spare' "$PYTHON" -c "$CALL"
}

@test "Python: subprocess of a program that has QEMU's arguments" {
	find_python
	way_in_sight "$PYTHON_NAME" "$CLOSES_ALL" 'the spare' "$PYTHON" -c "$CALL"
}

@test "Python: subprocess with a preexec_fn, by fork" {
	find_python
	way "$PYTHON_NAME" "$CLOSES_ALL" 'the spare' "$PYTHON" -c 'if True:
		import subprocess, sys
		sys.exit(subprocess.call(sys.argv[1:], preexec_fn=lambda: None))'
}

@test "Python: os.closerange" {
	find_python
	way "$PYTHON_NAME" "$CLOSES_ALL" 'the spare' "$PYTHON" -c 'if True:
		import os, sys
		os.closerange(3, 256)
		os.execvp(sys.argv[1], sys.argv[1:])'
}

@test "Python: os.set_inheritable" {
	find_python
	way "$PYTHON_NAME" ioctl 'the spare' "$PYTHON" -c 'if True:
		import os, sys
		os.set_inheritable(5, False)
		os.execvp(sys.argv[1], sys.argv[1:])'
}

@test "Python: os.posix_spawn with a close action" {
	find_python
	way "$PYTHON_NAME" posix_spawn_file_actions_addclose 'the spare' "$PYTHON" -c 'if True:
		import os, sys
		pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ,
				      file_actions=[(os.POSIX_SPAWN_CLOSE, 5)])
		sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))'
}

@test "Perl: POSIX::close" {
	need perl
	way perl close 'the spare' perl -e 'use POSIX; POSIX::close(5); exec @ARGV' --
}

@test "start-stop-daemon -b" {
	need start-stop-daemon
	way start-stop-daemon 'close\(from\)\?' 'the spare' start-stop-daemon --start --background --exec "$LOSE" -- \
		nothing "$FD"
}

@test "a chain: script, static program, Python, shell" {
	find_python
	way "$BASH_NAME" dup2 'the spare' bash -c 'exec 5>/tmp/file; "$@"; exit' bash \
		"$BUILD/tests/lose_static" nothing "$FD" \
		"$PYTHON" -c 'if True:
			import subprocess, sys
			sys.exit(subprocess.call(sys.argv[1:], close_fds=False))' \
		"$BUILD/tests/lose_static" setfd "$FD" sh -c 'exec 5>&-; exec "$@"' sh
}

@test "a chain: each program closes all that it knows" {
	find_python
	way lose close_range 'the spare' "$LOSE" close_range "$FD" "$LOSE" spawn-closefrom "$FD" \
		"$PYTHON" -c "$CALL" "$LOSE" proc-loop "$FD" "$LOSE" closefrom "$FD"
}

# The two netdevs that take a descriptor, and JSON.

CLOSING_SHELL=(sh -c 'exec 5>&-; exec "$@"' sh)

@test "-netdev stream: closed by number in a shell" {
	need_netdev stream
	NETDEV=(-netdev "stream,id=a,addr.type=fd,addr.str=$FD")
	make_vm
	way "$SH" close 'the spare' "${CLOSING_SHELL[@]}"
}

@test "-netdev stream: closed by close_range in a program that has QEMU's arguments" {
	need_netdev stream
	NETDEV=(-netdev "stream,id=a,addr.type=fd,addr.str=$FD")
	make_vm
	way_in_sight lose close_range 'the spare' "$LOSE" close_range "$FD"
}

@test "-netdev stream: overwritten by an eventfd" {
	need_netdev stream
	NETDEV=(-netdev "stream,id=a,addr.type=fd,addr.str=$FD")
	make_vm
	way lose dup2 'the first look' "$LOSE" eventfd "$FD"
}

@test "-netdev stream: closed by the constructor of a library in QEMU itself" {
	need_netdev stream
	NETDEV=(-netdev "stream,id=a,addr.type=fd,addr.str=$FD")
	make_vm
	LD_PRELOAD=$BUILD/tests/lose_lib.so LOSE_FD=$FD LOSE_IN=qemu-system-x86_64 \
		way unseen - 'the spare' "$LOSE" nothing "$FD"
}

@test "-netdev in JSON: closed by number in a shell" {
	need_netdev stream
	NETDEV=(-netdev '{"type": "socket", "id": "a", "fd": "5"}')
	make_vm
	way "$SH" close 'the spare' "${CLOSING_SHELL[@]}"
}

@test "-netdev stream in JSON: closed by number in a shell that has QEMU's arguments" {
	need_netdev stream
	NETDEV=(-netdev '{"type":"stream","id":"a","addr":{"type":"fd","str":"5"}}')
	make_vm
	way_in_sight "$SH" close 'the spare' "${CLOSING_SHELL[@]}"
}

# What QEMU does itself before it takes the descriptor.

@test "QEMU with -add-fd, which closes the number" {
	# A number that nothing else of QEMU's gets by chance.
	FD=50
	NETDEV=(-netdev socket,id=a,fd=50)
	make_vm -add-fd fd="$FD",set=2
	way qemu-system-x86_64 close refused "$LOSE" nothing "$FD"
}

@test "QEMU with -daemonize: closed by number in a shell" {
	make_vm -daemonize
	way "$SH" close 'the spare' "${CLOSING_SHELL[@]}"
}

@test "QEMU with -daemonize and -netdev stream: closed by close_range" {
	need_netdev stream
	NETDEV=(-netdev "stream,id=a,addr.type=fd,addr.str=$FD")
	make_vm -daemonize
	way lose close_range 'the spare' "$LOSE" close_range "$FD"
}

@test "QEMU with -sandbox and everything denied: closed by number in a shell" {
	make_vm -sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny
	way "$SH" close 'the spare' "${CLOSING_SHELL[@]}"
}

@test "QEMU with -sandbox and everything denied: closed with the spare in a static program" {
	make_vm -sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny
	way unseen - 'the same passt' "$BUILD/tests/lose_static" close_range "$FD"
}

@test "QEMU with -async-teardown, whose helper closes everything: closed by number in a shell" {
	run_with async-teardown=on
	make_vm "${RUN_WITH[@]}"
	way "$SH" close 'the spare' "${CLOSING_SHELL[@]}"
}

@test "QEMU with -runas: closed by number in a shell" {
	need_root
	run_with user=nobody
	make_vm "${RUN_WITH[@]}"
	way "$SH" close 'the spare' "${CLOSING_SHELL[@]}"
}

# For chroot. QEMU's monitor may connect to its peer before or behind it.
make_root() {
	mkdir -p /tmp/root/tmp
	mount --bind /tmp /tmp/root/tmp
}

@test "QEMU with -chroot: closed by number in a shell" {
	need_root
	make_root
	run_with chroot=/tmp/root
	make_vm "${RUN_WITH[@]}"
	way "$SH" close 'the spare' "${CLOSING_SHELL[@]}"
}

@test "QEMU with -daemonize, -sandbox, -runas and -chroot: closed by close_range" {
	need_root
	make_root
	run_with user=nobody chroot=/tmp/root
	make_vm "${RUN_WITH[@]}" -daemonize -sandbox \
		on,obsolete=deny,elevateprivileges=allow,spawn=allow,resourcecontrol=deny
	way lose close_range 'the spare' "$LOSE" close_range "$FD"
}

# What QEMU may run under.

@test "strace: closed by number in a shell" {
	need strace
	way "$SH" close 'the spare' strace -f -o /dev/null -e trace=none "${CLOSING_SHELL[@]}"
}

@test "strace: QEMU behind a program that closes everything" {
	need strace
	way lose close_range 'the spare' "$LOSE" close_range "$FD" strace -f -o /dev/null -e trace=none
}

# bats test_tags=timeout:120
@test "valgrind: QEMU behind a program that closes everything" {
	need valgrind
	need_plain_launcher
	way_in_sight lose close_range 'the spare' "$LOSE" close_range "$FD" valgrind -q --tool=none
}

@test "gdb: QEMU behind a program that closes everything" {
	need gdb
	way_in_sight lose close_range 'the spare' "$LOSE" close_range "$FD" \
		gdb -batch -nx -iex 'set debuginfod enabled off' -ex run --args
}

# passt itself.

# A wrapper that ends passt, with RESTART starts another one on the same path, and goes on.
make_passt_killer() {
	cat >/tmp/passt-killer <<-'END'
		#!/bin/sh
		kill "$(cat /tmp/passt.pid)"
		"$BUILD/tests/await" not /proc/net/unix ' 00010000 .* /tmp/passt_1.socket'
		if [ -n "$RESTART" ]; then
			passt --foreground --socket /tmp/passt_1.socket --debug 5>&- \
				>/tmp/passt_1.socket.log 2>&1 &
			echo $! >/tmp/passt.pid
			"$BUILD/tests/await" /proc/net/unix ' 00010000 .* /tmp/passt_1.socket'
		fi
		exec "$@"
	END
	chmod +x /tmp/passt-killer
	echo "$PASST" >/tmp/passt.pid
}

# The passt that a wrapper has started, so that it is ended.
adopt_passt() {
	PASST=$(cat /tmp/passt.pid)
	STARTED+=("$PASST")
}

@test "passt restarted between the hand-over and the claim" {
	make_passt_killer
	export RESTART=yes
	assert_lost_without_the_shim /tmp/passt-killer /tmp/qemu-vm
	adopt_passt
	assert_saved unseen - 'the same passt' /tmp/passt-killer /tmp/qemu-vm
	assert_logged '"event":"lost"' '"found":"a connection that passt has ended"'
	[ "$(connections)" = 1 ]
	adopt_passt
}

@test "passt restarted, and all descriptors closed" {
	make_passt_killer
	export RESTART=yes
	assert_lost_without_the_shim /tmp/passt-killer "$LOSE" number-loop "$FD" /tmp/qemu-vm
	adopt_passt
	assert_saved lose close 'the same passt' /tmp/passt-killer "$LOSE" number-loop "$FD" /tmp/qemu-vm
	assert_logged '"event":"lost"' '"found":"nothing"' 'lose: close, pid'
	adopt_passt
}

# What is beyond reach, and what the user is told.

@test "beyond reach for now: passt is gone, and comes back when QEMU runs" {
	make_passt_killer
	online "$QRAP" --guard off "$FD" /tmp/passt-killer "$LOSE" close "$FD" /tmp/qemu-vm
	[ "$status" = 2 ]
	start_passt /tmp/passt_1.socket --debug
	echo "$PASST" >/tmp/passt.pid
	start later sh -c '"$BUILD/tests/await" "$0" link-down
		exec passt --foreground --socket /tmp/passt_1.socket' "$LOG"
	online --patience 10 --then "$BUILD/tests/await $LOG link-up" "$QRAP" \
		--log-file "$LOG" "$FD" /tmp/passt-killer "$LOSE" close "$FD" /tmp/qemu-vm
	[ "$status" = 0 ]
	[[ $output == *"connection on descriptor $FD was lost"*'found nothing (lose: close, pid '* ]]
	[[ $output == *'passt at /tmp/passt_1.socket cannot be reached: nobody listens there.'* ]]
	[[ $output == *'The guest starts without a network and gets it when passt listens there again'* ]]
	assert_logged '"event":"lost"' '"action":"link-down"' '"errno":111'
	assert_logged '"event":"link-up"'
}

@test "beyond reach: passt is gone, and reconnecting is not wanted" {
	make_passt_killer
	online "$QRAP" --reconnect off --log-file "$LOG" "$FD" /tmp/passt-killer "$LOSE" close "$FD" /tmp/qemu-vm
	[ "$status" = 2 ]
	[[ $output == *"connection on descriptor $FD was lost"* ]]
	[[ $output == *'The guest has no network: start passt and the guest again'* ]]
	[[ $output == *'can'"'"'t get socket option SO_TYPE'* ]]
}

@test "beyond reach: closed by a program for which LD_PRELOAD was cleared, and whose words name no QEMU" {
	printf '#!/bin/sh\nexec 5>&-\nexec %s\n' "${QEMU[*]@Q}" >/tmp/start
	chmod +x /tmp/start
	online "$QRAP" --log-file "$LOG" "$FD" env -u LD_PRELOAD /tmp/start
	[ "$status" = 2 ]
	[[ $output == *'can'"'"'t get socket option SO_TYPE'* ]]
	assert_logged '"event":"program"' '/env"' '"found":"intact"'
	[ "$(grep -c '"event":"program"' "$LOG")" = 1 ]
	assert_logged '"event":"environment"' '"command":"/tmp/start"' '"action":"left"'
	run "$QRAP" --report "$LOG"
	[[ $output == *'env'* ]]
}
