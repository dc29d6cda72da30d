#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What --report says of real programs on the way to QEMU: those that clear the environment, change the
# user, make a sandbox, hide QEMU in a script, or fail before it. Made-up logs are in report.bats.

load common
load online
load log
load programs

setup() {
	need qemu-system-x86_64 passt
	start_passt
	make_vm
}

# A static program that clears the environment, and so takes the shim from all that follow:
# clear COMMAND...
make_clear() {
	cat >program.c <<-'END'
		#include <unistd.h>

		int main(int argc, char **argv)
		{
			char *env[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };

			return argc > 1 ? execvpe(argv[1], argv + 1, env) : 2;
		}
	END
	program /tmp/clear -static -D_GNU_SOURCE
}

# journey COMMAND...: behind qrap, with a log
journey() {
	rm -f "$LOG"
	run as_from_a_shell "$QRAP" --log-file "$LOG" "$FD" "$@"
}

# has_said LINE: the report has this line
has_said() {
	if [[ $'\n'$output$'\n' != *$'\n'"$1"$'\n'* ]]; then
		echo "no line \"$1\" in: $output"
		return 1
	fi
}

@test "a program that is no QEMU, and one that fails" {
	journey true
	[ "$status" = 0 ]
	assert_verdict 3 unknown
	[[ $output != *failed* ]]
	for command in false "$(command -v false)"; do
		journey "$command"
		[ "$status" = 1 ]
		assert_sound_log
		assert_verdict 3 unknown
		[[ $output =~ $'\n'/[^\ ]*/false\ \(pid\ [0-9]+\)\ failed\ with\ status\ 1$'\n' ]]
	done
}

@test "a wrapper that fails before QEMU starts: its status, by each way to end" {
	need perl bash
	for shell in dash bash; do
		journey $shell -c 'exit 7; exec "$@"' sh "${QEMU[@]}"
		[ "$status" = 7 ]
		assert_verdict 3 unknown
		[[ $output == *$'\n'/*"/$shell (pid "*') failed with status 7'$'\n'* ]]
	done
	for end in 'exit 9' 'use POSIX; POSIX::_exit(9)' 'die'; do
		journey perl -e "\$! = 9; $end" "${QEMU[@]}"
		[ "$status" = 9 ]
		assert_verdict 3 unknown
		[[ $output == *'/perl (pid '*') failed with status 9'* ]]
	done
	# Its subshells and helpers are none of it, and neither is one that waits for a QEMU that is well.
	journey bash -c '(exit 3); false; exit 0' sh "${QEMU[@]}"
	assert_verdict 3 unknown
	[[ $output != *failed* ]]
	online "$QRAP" --log-file "$LOG" "$FD" bash -c '"$@"; exit 5' sh "${QEMU[@]}"
	assert_verdict 0 intact
}

@test "a QEMU that fails before it takes the descriptor" {
	journey "${QEMU[@]}" -no-such-option
	[ "$status" = 1 ]
	assert_verdict 3 unknown
	[[ $output == *'/qemu-system-x86_64 (pid '*') had the descriptor when it started, and did not take it'* ]]
	[[ $output == *'/qemu-system-x86_64 (pid '*') failed with status 1'* ]]
}

@test "QEMU inside a script that clears the environment, dead without the descriptor: never intact" {
	make_clear
	script start-vm.sh '#!/bin/sh' \
		"exec /tmp/clear sh -c \"exec 5>&-; exec qemu-system-x86_64 -M none -display none -netdev socket,fd=5,id=n\""
	journey ./start-vm.sh
	[ "$status" = 1 ]
	[[ $output == *'get socket option SO_TYPE'* ]]
	assert_verdict 3 unknown
	[[ $output =~ Nothing\ was\ seen\ after\ /[^\ ]*sh\ \(pid\ [0-9]+\):\ QEMU\ did\ not\ start ]]

	# With what the shim can follow, too, it is never better than it was.
	script start-vm.sh '#!/bin/sh' \
		"exec env -i PATH=\"\$PATH\" sh -c \"exec 5>&-; exec qemu-system-x86_64 -M none -display none -netdev socket,fd=5,id=n -no-such-option\""
	journey ./start-vm.sh
	[ "$status" = 1 ]
	run "$QRAP" --report "$LOG"
	[[ $output != *'verdict: intact'* ]]
}

@test "a QEMU with its network that nobody saw is not lost" {
	make_clear
	online "$QRAP" --log-file "$LOG" "$FD" /tmp/clear "${QEMU[@]}"
	[ "$status" = 0 ]
	assert_verdict 3 unknown
	[[ $output =~ Nothing\ was\ seen\ after\ /[^\ ]*/qrap\ \(pid\ [0-9]+\):\ /[^\ ]*/qemu-system-x86_64\ did\ not\ start ]]
	has_words "$output" '^ *?  /tmp/clear  *not seen$'
	online "$QRAP" --log-file "$LOG" "$FD" sh -c 'exec "$@"' sh /tmp/clear "${QEMU[@]}"
	[ "$status" = 0 ]
	assert_verdict 3 unknown
}

# never_lost COMMAND...: QEMU behind it has its network, and the report has no culprit
never_lost() {
	online "$QRAP" --log-file "$LOG" "$FD" "$@" "${QEMU[@]}"
	[ "$status" = 0 ]
	run "$QRAP" --report "$LOG"
	[[ $output == *'verdict: unknown' || $output == *'verdict: intact' ]]
	[[ $output != *'lost here'* ]]
}

@test "a cleared environment, another library in LD_PRELOAD, a sandbox: no program is accused" {
	need bwrap setpriv
	never_lost env -i PATH="$PATH"
	never_lost env LD_PRELOAD="$BUILD/tests/lose_lib.so"
	never_lost setpriv --reset-env
	never_lost bwrap --clearenv --dev-bind / /
	never_lost bwrap --clearenv --dev-bind / / --unshare-pid
}

@test "sudo, run by root: its call is named" {
	need sudo
	need_root
	journey sudo -n "${QEMU[@]}" </dev/null
	run "$QRAP" --report "$LOG"
	[[ $output =~ verdict:\ (lost|mended).culprit:\ /[^\ ]*/sudo\ \(pid\ [0-9]+\)\ close[a-z_]*$ ]]
}

# as_user [SUDO_OPTION...]: QEMU behind qrap and sudo, by a user who may become root
as_user() {
	rm -f "$LOG"
	online setpriv --reuid=nobody --regid=nogroup --clear-groups "$QRAP" --trust any --log-file "$LOG" "$FD" \
		sudo -n "$@" "${QEMU[@]}"
}

@test "sudo, run by a user: one line says what helps, and it does" {
	need sudo
	need_root
	[ -u "$(command -v sudo)" ] || skip 'sudo has no setuid bit'
	findmnt -no OPTIONS -T "$(command -v sudo)" | grep -qw nosuid && skip 'sudo is mounted nosuid'
	chmod 666 /tmp/passt_1.socket
	printf '%s\n' 'Defaults closefrom_override, !use_pty' 'nobody ALL=(ALL) NOPASSWD: ALL' >/tmp/sudoers
	chmod 440 /tmp/sudoers
	mount --bind /tmp/sudoers /etc/sudoers
	as_user
	[ "$(grep -c '^qrap: ' <<<"$output")" = 1 ]
	has_words "$output" "^qrap: sudo closes descriptors from 3 on, .*: \"sudo -C $((FD + 1))\" keeps it, where sudoers has closefrom_override; or run qrap by sudo\$"
	[[ $output == *'get socket option SO_TYPE'* ]]
	assert_logged '"event":"preload-skipped"' '"found":".* gains privileges at exec'
	assert_verdict 3 unknown
	as_user -C $((FD + 1))
	[ "$status" = 0 ]
	has_words "$output" '^qrap: /.*/sudo runs without the shim: '
}

@test "a fork of Python's with another environment: its call is named" {
	cat >run.py <<-'END'
		import subprocess, sys
		sys.exit(subprocess.call(sys.argv[1:], env={}))
	END
	script start '#!/bin/sh' "exec ${QEMU[*]@Q}"
	journey timeout 5 /usr/bin/python3 run.py ./start
	[ "$status" = 1 ]
	run "$QRAP" --report "$LOG"
	[[ $output =~ verdict:\ (lost|mended).culprit:\ /usr/bin/python3[.0-9]*\ \(pid\ [0-9]+\)\ close(_range)?$ ]]
}

@test "bwrap and ssh in front of a program of another name: nothing was mended" {
	need bwrap ssh
	ln -s "$(command -v qemu-system-x86_64)" /tmp/vmm
	online "$QRAP" --log-file "$LOG" "$FD" bwrap --dev-bind / / /tmp/vmm "${QEMU[@]:1}"
	[ "$status" = 0 ]
	assert_logged '"event":"closed"' '"action":"put-back"' '"children":1'
	assert_verdict 0 intact
	journey ssh -F none -p 1 127.0.0.1 /tmp/vmm "${QEMU[@]:1}"
	[ "$status" = 255 ]
	assert_verdict 3 unknown
	[[ $output == *'/ssh (pid '*') failed with status 255'* ]]
}

@test "a helper that was given the arguments is not the last that was seen" {
	make_clear
	script helper.sh '#!/bin/sh' '/usr/bin/python3 -c pass "$@"' "exec /tmp/clear ${QEMU[*]@Q}"
	online "$QRAP" --log-file "$LOG" "$FD" ./helper.sh "${NETDEV[@]}"
	[ "$status" = 0 ]
	assert_logged '"event":"program"' '/python3' '"action":"mends"'
	assert_verdict 3 unknown
	[[ $output =~ Nothing\ was\ seen\ after\ /[^\ ]*sh\ \(pid\ [0-9]+\) ]]
}
