#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The shim without the launcher: LD_PRELOAD, QRAP_FD and QRAP_SOCKET, set by whoever starts QEMU.

load common
load online

setup() {
	need qemu-system-x86_64 passt
	start_passt /tmp/passt_1.socket --debug
	make_vm
	SHIM=$BUILD/qrap_preload.so
	VARIABLES=(env "LD_PRELOAD=$SHIM" "QRAP_FD=$FD" QRAP_SOCKET=/tmp/passt_1.socket
		"QRAP_LOG_FILE=$LOG")
}

# connected COMMAND...: with a connection to passt on the number, made by somebody else
CONNECTED=(/usr/bin/python3 -c 'if True:
	import os, socket, sys
	s = socket.socket(socket.AF_UNIX)
	s.connect("/tmp/passt_1.socket")
	os.dup2(s.fileno(), 5)
	os.execvp(sys.argv[1], sys.argv[1:])')

@test "QEMU alone: the shim connects" {
	online "${QEMU[@]}"
	[ "$status" = 2 ]
	online "${VARIABLES[@]}" "${QEMU[@]}"
	[ "$status" = 0 ]
	assert_logged '"event":"connected"' '/qemu-system' '"socket":"/tmp/passt_1.socket"'
	assert_logged '"event":"released"' '/qemu-system'
	refute_warned
	[ "$(connections)" = 1 ]
}

@test "QEMU alone, -netdev stream" {
	need_netdev stream
	NETDEV=(-netdev "stream,id=a,addr.type=fd,addr.str=$FD")
	make_vm
	online "${VARIABLES[@]}" "${QEMU[@]}"
	[ "$status" = 0 ]
	[ "$(connections)" = 1 ]
}

@test "QEMU behind a script and programs: the one that is to use the number connects" {
	online "${VARIABLES[@]}" "$BUILD/tests/lose" nothing "$FD" "$BUILD/tests/lose" nothing "$FD" \
		/tmp/qemu-vm
	[ "$status" = 0 ]
	assert_logged '"event":"connected"' '/qemu-system'
	[ "$(connections)" = 1 ]
	refute_warned
	# All of them belong to one run.
	[ "$(grep -o '"run":"[^"]*"' "$LOG" | sort -u | wc -l)" = 1 ]
}

@test "a connection that is there already is taken as it is" {
	need python3
	online "${CONNECTED[@]}" "${VARIABLES[@]}" "${QEMU[@]}"
	[ "$status" = 0 ]
	refute grep '"event":"connected"' "$LOG"
	refute_warned
	[ "$(connections)" = 1 ]
}

@test "... and a spare of it is made: wrappers may lose it" {
	need python3
	online "${CONNECTED[@]}" "${VARIABLES[@]}" "$BUILD/tests/lose" fclose "$FD" \
		"$BUILD/tests/lose" spawn-close "$FD" /tmp/qemu-vm
	[ "$status" = 0 ]
	assert_logged '"event":"restored"' '"action":"the spare"' 'lose: fclose, pid'
	[ "$(connections)" = 1 ]
}

@test "... and its own path is known without QRAP_SOCKET" {
	need python3
	online "${CONNECTED[@]}" "${VARIABLES[@]}" QRAP_SOCKET= "$BUILD/tests/lose_static" \
		raw-close_range "$FD" "${QEMU[@]}"
	# The static program comes before any that has the shim: nobody has seen a connection.
	[ "$status" = 2 ]
	[[ $output == *'QRAP_FD=5: no connection there, and no QRAP_SOCKET'* ]]
	online "${CONNECTED[@]}" "${VARIABLES[@]}" QRAP_SOCKET= "$BUILD/tests/lose" nothing "$FD" \
		"$BUILD/tests/lose_static" raw-close_range "$FD" "${QEMU[@]}"
	[ "$status" = 0 ]
	assert_logged '"event":"restored"' '"action":"a new connection to the same passt"'
}

@test "a file on the number gives way, with a warning" {
	need_first
	online sh -c 'exec 5>/tmp/file; exec "$@"' sh "${VARIABLES[@]}" "${QEMU[@]}"
	[ "$status" = 0 ]
	[[ $output == *"descriptor 5 of qemu-system-x86_64 held a file instead of passt's connection"* ]]
	[ ! -s /tmp/file ]
}

@test "after the release QEMU's children inherit neither descriptor nor preload nor handoff" {
	online --tell $'migrate -d "exec:env >/tmp/env; ls -l /proc/self/fd >/tmp/fds; touch /tmp/ready"\n' \
		--then "$BUILD/tests/await /tmp/ready" "${VARIABLES[@]}" "${QEMU[@]}"
	[ "$status" = 0 ]
	grep '^PATH=' /tmp/env
	refute grep -E '^(LD_PRELOAD|QRAP_SHIM|QRAP_FD)' /tmp/env
	refute grep -E ' [4-9] -> | [0-9]{2,} -> ' /tmp/fds
}

@test "no passt: QEMU starts, is told, and has its network when passt comes" {
	end "$PASST"
	rm -f /tmp/passt_1.socket
	start later sh -c '"$BUILD/tests/await" "$0" link-down
		exec passt --foreground --socket /tmp/passt_1.socket' "$LOG"
	online --patience 10 --then "$BUILD/tests/await $LOG link-up" "${VARIABLES[@]}" \
		"${QEMU[@]}"
	[ "$status" = 0 ]
	[[ $output == *'qrap['*']: passt at /tmp/passt_1.socket cannot be reached: nobody listens'* ]]
	[[ $output == *'The guest starts without a network and gets it when passt listens there again'* ]]
	assert_logged '"event":"link-up"'
}

@test "QRAP_RECONNECT=off: QEMU does not start without passt" {
	end "$PASST"
	rm -f /tmp/passt_1.socket
	online "${VARIABLES[@]}" QRAP_RECONNECT=off "${QEMU[@]}"
	[ "$status" = 2 ]
	[[ $output == *'The guest has no network'* ]]
}

@test "QRAP_LOG: quiet, normal, trace" {
	need_first
	online "${VARIABLES[@]}" QRAP_LOG=trace "${QEMU[@]}"
	[ "$status" = 0 ]
	[[ $output =~ qrap\[[0-9]+\]:\ .*qemu-system-x86_64\ uses\ descriptor\ 5 ]]
	online sh -c 'exec 5>/tmp/file; exec "$@"' sh "${VARIABLES[@]}" "${QEMU[@]}"
	[[ $output == *qrap[* ]]
	online sh -c 'exec 5>/tmp/file; exec "$@"' sh "${VARIABLES[@]}" QRAP_LOG=quiet "${QEMU[@]}"
	[ "$status" = 0 ]
	[[ $output != *qrap[* ]]
}

@test "QRAP_LOG_FILE and QRAP_SOCKET relative to where it starts" {
	cd /tmp
	online "${VARIABLES[@]}" QRAP_LOG_FILE=relative.jsonl QRAP_SOCKET=passt_1.socket \
		sh -c 'cd /; exec "$@"' sh /tmp/qemu-vm
	# QEMU has changed its directory, so the helper's sockets have absolute paths.
	[ "$status" = 0 ]
	grep '"event":"released"' /tmp/relative.jsonl
	[ ! -e /relative.jsonl ]
}

@test "QRAP_TRUST: somebody else's passt is not used" {
	need_root
	end "$PASST"
	rm -f /tmp/passt_1.socket
	PASST_AS=(setpriv --reuid 4711 --regid 4711 --clear-groups)
	start_passt /tmp/passt_1.socket --debug
	online "${VARIABLES[@]}" QRAP_RECONNECT=off "${QEMU[@]}"
	[ "$status" = 2 ]
	[[ $output == *'it runs as a user who is not trusted'* ]]
	online "${VARIABLES[@]}" QRAP_TRUST=1,4711 "${QEMU[@]}"
	[ "$status" = 0 ]
	online "${VARIABLES[@]}" QRAP_TRUST=any "${QEMU[@]}"
	[ "$status" = 0 ]
}

@test "values that are none: said, and ignored" {
	online "${VARIABLES[@]}" QRAP_LOG=loud QRAP_RECONNECT=maybe QRAP_TRUST=root,1 "${QEMU[@]}"
	[ "$status" = 0 ]
	[[ $output == *'QRAP_LOG=loud: no such value, ignored'* ]]
	[[ $output == *'QRAP_RECONNECT=maybe: no such value, ignored'* ]]
	[[ $output == *'QRAP_TRUST=root,1: neither any nor uids, ignored'* ]]
}

@test "QRAP_FD that is no number, or a standard descriptor: nothing is guarded, programs run" {
	for fd in x -1 0 2 5x 99999999999999999999 '5 '; do
		run env "LD_PRELOAD=$SHIM" QRAP_FD="$fd" QRAP_SOCKET=/tmp/passt_1.socket echo fine
		[ "$status" = 0 ]
		[[ $output == *"QRAP_FD=$fd: no descriptor number: nothing is guarded"*fine ]]
	done
	run env "LD_PRELOAD=$SHIM" QRAP_FD= QRAP_SOCKET=/tmp/passt_1.socket echo fine
	[ "$output" = fine ]
	run env "LD_PRELOAD=$SHIM" QRAP_FD=5 "QRAP_SOCKET=/$(printf "%200s" "" | tr ' ' x)" echo fine
	[ "$status" = 0 ]
	[[ $output == *'path too long'*fine ]]
	run env "LD_PRELOAD=$SHIM" echo fine
	[ "$output" = fine ]
}
