#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# QEMU executes itself anew while it uses the connection: its live update, migration mode cpr-exec. The new one
# has to find what the first one found. Of the same kind: everything that the shim changes in a QEMU that
# runs (close-on-exec, our variables, the store), and all functions that execute.

load common
load online

setup() {
	need python3 passt
	PROGRAM=(/usr/bin/python3 "$TOP/tests/helpers/live_update.py" fd=5)
}

# updates [OPTION...] FDNUM WORD...: behind qrap, and what the report says of it
updates() {
	run as_from_a_shell "$QRAP" --log-file "$LOG" "$@"
	[ "$status" = 0 ]
}

assert_intact() {
	"$QRAP" --report "$LOG" >/tmp/report
	has_line /tmp/report '^verdict: intact$'
	refute_warned
}

@test "by each function that executes" {
	local functions=(execve execv execvp execvpe execl execlp execle fexecve execveat)

	start_passt /tmp/passt_1.socket --debug
	updates 5 "${PROGRAM[@]}" "${functions[@]}" child end
	[ "$output" = "Connected to /tmp/passt_1.socket
$(printf '%s answered\n' "${functions[@]}" child)
nothing" ]
	[ "$(connections)" = 1 ]
	assert_intact
}

@test "one that fails changes nothing" {
	start_passt /tmp/passt_1.socket --debug
	updates 5 "${PROGRAM[@]}" fail end
	[[ $output == *'No such file or directory / No such file or directory
as before answered
end answered' ]]
	[ "$(connections)" = 1 ]
}

@test "in the middle of a frame: a new connection" {
	start_passt /tmp/passt_1.socket --debug
	updates 5 "${PROGRAM[@]}" half end
	[[ $output == *'half answered
end answered' ]]
	[ "$(connections)" = 2 ]
	assert_intact
}

@test "while the link is down" {
	start_passt
	mkfifo /tmp/word
	start vm "$QRAP" --log-file "$LOG" 5 "${PROGRAM[@]}" wait end 7<>/tmp/word </tmp/word
	wait_for 20 has "$WORK/vm.log" 'wait answered'
	end "$PASST"
	echo >/tmp/word
	wait_for 20 has_line "$LOG" '"event":"lost"'
	start_passt
	wait_for 30 ended "${STARTED[1]}"
	[ "$(count "$LOG" "\"event\":\"handed-over\".*\"action\":\"not connected\"")" = 1 ]
	has "$WORK/vm.log" 'end answered'
}

@test "with a private passt" {
	updates --passt 5 "${PROGRAM[@]}" execv execvp end
	[[ $output == *'execv answered
execvp answered
end answered' ]]
	assert_intact
}
