#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# QEMU executes itself anew while it uses the connection: its live update, migration mode cpr-exec. The new one
# has to find what the first one found. Of the same kind: everything that the shim changes in a QEMU that
# runs (close-on-exec, our variables, the store), and all functions that execute.

load common
load restart
load online

setup() {
	need python3 passt
	PROGRAM=(/usr/bin/python3 "$TOP/tests/helpers/live_update.py" fd=5)
}

# What the guest does: ten times a second it asks for a page.
# shellcheck disable=SC2016 # the guest's variables
PAGES='
network
while :; do
	fetch
	sleep 0.1
done'

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
	start vm "$QRAP" --log-file "$LOG" 5 "${PROGRAM[@]}" wait end
	wait_for 20 has "$WORK/vm.log" 'wait answered'
	end "$PASST"
	wait_for 20 is_logged link-down
	touch /tmp/go-on
	wait_for 20 has_line "$LOG" '"event":"lost"'
	start_passt
	wait_for 30 ended "${STARTED[1]}"
	is_logged handed-over '"action":"not connected"'
	run "$QRAP" --report "$LOG"
	[ "$status" = 1 ]
	[[ $output == *'passt ended the connection, or was ended: no program lost it'*'verdict: mended'* ]]
	has "$WORK/vm.log" 'end answered'
}

@test "with a private passt" {
	updates --passt 5 "${PROGRAM[@]}" execv execvp end
	[[ $output == *'execv answered
execvp answered
end answered' ]]
	assert_intact
}

# in_sid COMMAND...: in a root of Debian sid, whose QEMU can do it, with /tmp/tree as /qrap
in_sid() {
	"$TOP/tests/releases/enter" "$QRAP_ROOT_SID" /tmp/tree "$@"
}

is_logged() {
	[ "$(events "$@")" -ge 1 ]
}

# bats test_tags=slow,root:sid
@test "QEMU's own: a real guest goes on, with its network, and passt may restart behind it" {
	goes_on --guard=on
}

# bats test_tags=slow,root:sid
@test "QEMU's own, with a private passt: the same, and that is started again" {
	goes_on --passt
}

# goes_on OPTION: with this one of the launcher's
goes_on() {
	need_guest
	need_root
	[ -n "${QRAP_ROOT_SID:-}" ] || skip "${QRAP_NO_ROOT_SID:-run by tests/run only}"
	mkdir -p /tmp/tree/build
	cp "$BUILD"/{qrap,qrap_preload.so} /tmp/tree/build/
	cp "$QRAP_GUEST"/{vmlinuz,initrd} "$TOP/tests/helpers/live_update_vm.py" /tmp/tree/
	mkfifo /tmp/tree/commands
	LOG=/tmp/tree/log
	start_http
	set_page first
	QRAP_GUEST=. guest "$(guest_script "$PAGES")"
	start vm in_sid /usr/bin/python3 live_update_vm.py commands log "$1" \
		-machine q35,aux-ram-share=on,memory-backend=ram "${VIRTIO[@]}" "${GUEST[@]}" \
		-object memory-backend-memfd,id=ram,size=256M,share=on
	VM=$PID
	exec 7<>/tmp/tree/commands
	wait_for 60 has_page first
	echo update >&7
	wait_for 30 is_logged handed-over '"exe":"[^"]*/qemu-system-x86_64"'
	set_page second
	wait_for 30 has_page second
	echo restart >&7
	wait_for 30 is_logged link-up
	set_page third
	wait_for 30 has_page third
	echo end >&7
	wait_for 10 ended "$VM"
	[ "$(events claimed)" = 2 ]
	[ "$(events program '"found":"intact"')" = 2 ]
	run "$QRAP" --report "$LOG"
	[ "$status" = 0 ]
}
