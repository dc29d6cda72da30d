#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Real programs between qrap and QEMU. Each is a row of a table:
#
#	row NETWORK VERDICT CULPRIT COMMAND...
#
# NETWORK, yes or no: is QEMU behind COMMAND on passt's network? VERDICT, with --report's status, and
# CULPRIT, a basic regular expression or - for none, are the end of the report. Where QEMU has its
# network, the command's status is QEMU's. Nothing of ours is on standard output.

load common
load online
load log
load programs

setup() {
	need qemu-system-x86_64 passt
	LOSE=$BUILD/tests/lose
	STATIC=$BUILD/tests/lose_static
	start_passt
	chmod 666 /tmp/passt_1.socket
	make_vm
	WORDS=${QEMU[*]@Q}
	CLEAR=(env -i "PATH=$PATH")
}

row() {
	local network=$1 verdict=$2 culprit=$3 statuses='intact mended lost unknown ' before
	shift 3

	rm -f "$LOG"
	run_apart as_from_a_shell "$BUILD/tests/online" "$QRAP" --log-file "$LOG" "$FD" "$@"
	if [ "$((status == 0))" != "$((network == yes))" ] || [[ $output == *qrap* ]]; then
		echo "network: not $network, or not silent: $*"
		printf 'status %s: %s\n' "$status" "$output" "$stderr" "$(<"$LOG")"
		return 1
	fi
	before=${statuses%%"$verdict "*}
	before=${before//[^ ]}
	set -- "${#before}" "$verdict" "$culprit" "$@"
	[ "$culprit" != - ] || culprit=
	assert_verdict "$1" "$2" ${culprit:+"$culprit"} || {
		echo "of: ${*:4}"
		return 1
	}
}
yes=1 no=0

@test "those that leave everything as it is" {
	need strace
	row yes intact - timeout 20 "${QEMU[@]}"
	row yes intact - nohup "${QEMU[@]}"
	row yes intact - nice -n 1 setsid -w stdbuf -oL "${QEMU[@]}"
	row yes intact - flock /tmp/lock "${QEMU[@]}"
	row yes intact - xargs -a /dev/null "${QEMU[@]}"
	row yes intact - strace -f -o /dev/null -e trace=none "${QEMU[@]}"
	row yes intact - unshare -m "${QEMU[@]}"
	row yes intact - start-stop-daemon -S --exec "$(command -v qemu-system-x86_64)" -- "${QEMU[@]:1}"
}

@test "those that wait for it" {
	need tini chronic make
	row yes intact - sh -c '"$@"; exit $?' sh "${QEMU[@]}"
	row yes intact - tini -s -- "${QEMU[@]}"
	row yes intact - chronic "${QEMU[@]}"
	row yes intact - perl -e 'exit(system(@ARGV) >> 8)' "${QEMU[@]}"
	printf 'vm:\n\t@%s\n' "$WORDS" >Makefile
	row yes intact - make
	row yes mended '/.*/python3[.0-9]* (pid [0-9]*) close_range' \
		/usr/bin/python3 -c 'import subprocess, sys; sys.exit(subprocess.call(sys.argv[1:]))' "${QEMU[@]}"
}

@test "a cleared environment" {
	need perl node
	row yes intact - "${CLEAR[@]}" "${QEMU[@]}"
	row yes intact - env -u LD_PRELOAD "${QEMU[@]}"
	row yes intact - env -u QRAP_SHIM "${QEMU[@]}"
	row yes intact - setpriv --reset-env "${QEMU[@]}"
	row yes intact - bash -c 'exec -c "$@"' bash "$(command -v qemu-system-x86_64)" "${QEMU[@]:1}"
	row yes intact - perl -e '%ENV = (); exec @ARGV' "${QEMU[@]}"
	row yes mended '/.*/[dba]*sh (pid [0-9]*) close' \
		"${CLEAR[@]}" sh -c 'exec 5>&-; exec "$@"' sh "${QEMU[@]}"
	row yes mended '/.*/python3[.0-9]* (pid [0-9]*) close_range' \
		/usr/bin/python3 -c 'import subprocess, sys; sys.exit(subprocess.call(sys.argv[1:], env={}))' "${QEMU[@]}"
	row yes mended '/.*/node (pid [0-9]*) [a-z]*' \
		node -e 'process.exit(require("child_process").spawnSync(process.argv[1], process.argv.slice(2),
			{env: {}, stdio: "inherit"}).status)' "$(command -v qemu-system-x86_64)" "${QEMU[@]:1}"
}

@test "another library in LD_PRELOAD's place" {
	local jemalloc

	jemalloc=$(compgen -G '/usr/lib/*/libjemalloc.so.2') || skip 'libjemalloc2 is not installed'
	row yes intact - env "LD_PRELOAD=$jemalloc" "${QEMU[@]}"
	row yes mended '/.*/lose (pid [0-9]*) close' env "LD_PRELOAD=$jemalloc" "$LOSE" close "$FD" "${QEMU[@]}"
}

@test "sudo and doas, run by root" {
	need_root
	need sudo doas
	printf 'permit nopass root\n' >/tmp/doas.conf
	chmod 600 /tmp/doas.conf
	[ -e /etc/doas.conf ] || : >/etc/doas.conf
	mount --bind /tmp/doas.conf /etc/doas.conf
	row yes mended '/.*/sudo (pid [0-9]*) close[a-z]*' sudo -n "${QEMU[@]}"
	row yes mended '/.*/sudo (pid [0-9]*) close[a-z]*' sudo -n -i "${QEMU[@]}"
	row yes mended '/.*/sudo (pid [0-9]*) close[a-z]*' sudo -n -u nobody "${QEMU[@]}"
	row yes mended '/.*/doas (pid [0-9]*) close[a-z]*' doas -n "${QEMU[@]}"
}

@test "another user" {
	need_root
	need chpst s6-setuidgid
	row yes intact - setpriv --reuid=4711 --regid=4711 --clear-groups "${QEMU[@]}"
	row yes intact - runuser -u nobody -- "${QEMU[@]}"
	row yes intact - runuser -l root -c "$WORDS"
	row yes intact - su - root -c "$WORDS"
	row yes intact - su -s /bin/sh nobody -c "$WORDS"
	row yes intact - chpst -u nobody "${QEMU[@]}"
	row yes intact - s6-setuidgid nobody "${QEMU[@]}"
	row yes intact - chroot --userspec=4711:4711 / "${QEMU[@]}"
	row yes intact - start-stop-daemon -S --chuid nobody \
		--exec "$(command -v qemu-system-x86_64)" -- "${QEMU[@]:1}"
}

@test "sandboxes" {
	need_root
	need bwrap firejail
	row yes intact - unshare -r "${QEMU[@]}"
	row yes intact - unshare --fork --pid --mount-proc "${QEMU[@]}"
	row yes intact - firejail --quiet --noprofile "${QEMU[@]}"
	row yes intact - bwrap --unshare-pid --dev-bind / / "${QEMU[@]}"
	row yes intact - bwrap --dev-bind / / --clearenv "${QEMU[@]}"
	row yes mended '/.*/lose (pid [0-9]*) close' \
		bwrap --unshare-pid --dev-bind / / --clearenv "$LOSE" close "$FD" "${QEMU[@]}"
	# Where the shim cannot be seen the loader has nothing to complain of, and QEMU its connection.
	row yes unknown - bwrap --dev-bind / / --tmpfs "$BUILD" --clearenv "${QEMU[@]}"
	[[ $stderr != *ld.so* ]]
	assert_logged '"event":"environment"' '"action":"left"' '"reason":"the shim cannot be read there"'
}

@test "static programs" {
	row yes intact - "$STATIC" nothing "$FD" "${QEMU[@]}"
	row yes intact - "${CLEAR[@]}" "$STATIC" nothing "$FD" "${QEMU[@]}"
	row yes mended '/.*/lose (pid [0-9]*) close' "${CLEAR[@]}" "$STATIC" nothing "$FD" "$LOSE" close "$FD" "${QEMU[@]}"
	row yes mended '/.*/perl (pid [0-9]*) close' \
		"${CLEAR[@]}" perl -e 'use POSIX; POSIX::close(5); exec @ARGV' "$STATIC" nothing "$FD" "${QEMU[@]}"
	row yes mended 'unseen between .*' "$STATIC" close "$FD" "${QEMU[@]}"
	row yes mended 'unseen between .*' "$STATIC" fork "$FD" "${QEMU[@]}"
}

@test "a static program that makes a child, closes all in it, and waits: it is taken from there" {
	row yes mended 'unseen between .*' "$STATIC" fork-range "$FD" "${QEMU[@]}"
	assert_logged '"event":"restored"' '"action":"lose_static (pid [0-9]*), which has kept it"'
	row yes mended 'unseen between .*' sh -c '"$@"; exit' sh "$STATIC" fork-range "$FD" "${QEMU[@]}"
	row yes mended 'unseen between .*' \
		"$LOSE" nothing "$FD" "$STATIC" fork-range "$FD" "$LOSE" nothing "$FD" "${QEMU[@]}"
}

@test "... and where that may not be: it is named, and QEMU ends as it would without the shim" {
	need strace
	strace -h | grep -q inject || skip 'this strace changes no results'
	rm -f "$LOG"
	online strace -f -o /dev/null -e trace=pidfd_getfd -e inject=pidfd_getfd:error=EPERM \
		"$QRAP" --log-file "$LOG" "$FD" "$STATIC" fork-range "$FD" "${QEMU[@]}"
	[ "$status" = 2 ]
	has_words "$output" "^qrap.*: passt's connection on descriptor $FD was lost before .*, and cannot be taken from lose_static (pid [0-9]*), which has kept it (errno 1): passt is in use until that ends\$"
	[[ $output == *'get socket option SO_TYPE'* ]]
	run "$QRAP" --report "$LOG"
	[ "$status" = 2 ]
}

@test "spawned" {
	row yes mended '/.*/lose (pid [0-9]*) posix_spawn_file_actions_addclosefrom_np' \
		"$LOSE" spawn-closefrom "$FD" "${QEMU[@]}"
	cat >spawn.py <<-'END'
		import os, sys
		name, actions = sys.argv[1], [(os.POSIX_SPAWN_CLOSE, 5)] if sys.argv[2] == 'close' else []
		spawn = os.posix_spawnp if name == 'posix_spawnp' else os.posix_spawn
		path = sys.argv[3] if name == 'posix_spawnp' else '/usr/bin/env'
		words = sys.argv[3:] if name == 'posix_spawnp' else ['env', 'PATH=' + os.environ['PATH']] + sys.argv[3:]
		pid = spawn(path, words, {}, file_actions=actions)
		sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
	END
	row yes intact - /usr/bin/python3 spawn.py posix_spawn leave "${QEMU[@]}"
	row yes intact - /usr/bin/python3 spawn.py posix_spawnp leave "${QEMU[@]}"
	row yes mended '/.*/python3[.0-9]* (pid [0-9]*) posix_spawn_file_actions_addclose' \
		/usr/bin/python3 spawn.py posix_spawn close "${QEMU[@]}"
	row yes mended '/.*/python3[.0-9]* (pid [0-9]*) posix_spawn_file_actions_addclose' \
		/usr/bin/python3 spawn.py posix_spawnp close "${QEMU[@]}"
}

@test "terminals and their multiplexers" {
	need script tmux screen dtach
	row yes intact - script -qec "$WORDS" /dev/null
	row yes intact - dtach -N /tmp/dtach "${QEMU[@]}"
	row yes mended '/.*/screen (pid [0-9]*) close[a-z_]*' screen -D -m "${QEMU[@]}"
	row yes mended '/.*/tmux (pid [0-9]*) close[a-z_]*' tmux -L one new-session -d "$WORDS"
	row yes mended '/.*/tmux (pid [0-9]*) close[a-z_]*' tmux -L two new-session -d "exec env -i PATH='$PATH' $WORDS"
}

@test "QEMU inside a script" {
	need_root
	need sudo
	script start-vm '#!/bin/sh' "exec $WORDS"
	row yes intact - ./start-vm
	script start-vm '#!/bin/sh' 'exec 5>&-' "exec env -i PATH='$PATH' $WORDS"
	row yes mended '/.*/[dba]*sh (pid [0-9]*) close' ./start-vm
	script start-vm '#!/bin/sh' "exec env -i PATH='$PATH' sh -c \"exec 5>&-; exec $WORDS\""
	row yes mended '/.*/[dba]*sh (pid [0-9]*) close' ./start-vm
	script start-vm '#!/bin/sh' "sudo -n $WORDS"
	row yes mended '/.*/sudo (pid [0-9]*) close[a-z]*' ./start-vm
	# Its own words name nothing: it gets what is written for it, and that is told.
	script start-vm '#!/bin/sh' "exec $WORDS"
	row yes unknown - "${CLEAR[@]}" ./start-vm
	assert_logged '"event":"environment"' '"call":"execvp"' '"command":"./start-vm"' '"action":"left"'
}

# QEMU's children close what is not theirs.
@test "what QEMU runs for another network does not get the connection" {
	cp "$STATIC" /tmp/qemu-bridge-helper
	run as_from_a_shell "$QRAP" --log trace --log-file "$LOG" "$FD" qemu-system-x86_64 -machine none -display none \
		-nodefaults -netdev bridge,id=b,helper=/tmp/qemu-bridge-helper "${NETDEV[@]}"
	[ "$status" = 1 ]
	[[ $output == *'no way --use-vnet'* ]]
	refute grep '"event":"\(restored\|lost\|environment\)"' "$LOG"
}

# Its runtime has to be the first library of all, and is so in the wrapper. In QEMU it would end with leaks,
# or with data races, of its own.
@test "a wrapper with a sanitizer: its runtime stays with it" {
	need gcc
	unset ASAN_OPTIONS
	for sanitizer in thread address; do
		gcc -D_GNU_SOURCE -fsanitize=$sanitizer -o /tmp/sanitized "$TOP/tests/helpers/lose.c" ||
			skip "no runtime for -fsanitize=$sanitizer"
		"$BUILD/qrap" --check /tmp/sanitized
		online sh -c '"$@"; echo "QEMU ended with $?"' sh "$QRAP" --log-file "$LOG" "$FD" /tmp/sanitized nothing "$FD" \
			"${QEMU[@]}"
		[ "$status" = 0 ]
		[[ $output == *'QEMU ended with 0'* && $output != *Sanitizer* ]]
		# Each that needs it has it, however many there are; nobody behind.
		qrap "$FD" /tmp/sanitized nothing "$FD" /tmp/sanitized nothing "$FD" sh -c 'echo "$LD_PRELOAD"; exit 0; qemu'
		[ "$output" = "$BUILD/qrap_preload.so" ]
		qrap "$FD" /tmp/sanitized nothing "$FD" env env
		[[ $'\n'$output$'\n' == *$'\n'"LD_PRELOAD=$BUILD/qrap_preload.so"$'\n'* ]]
	done
}

@test "a program that is not on the way has exactly the environment that is written for it" {
	qrap --log-file "$LOG" "$FD" env -i env
	[ "$status" = 0 ]
	[ -z "$output" ]
	qrap "$FD" env -i A=1 B=2 env
	[ "$output" = $'A=1\nB=2' ]
	# Of the variables that are there nothing is changed, on the way neither.
	qrap "$FD" env -i A=1 LD_PRELOAD= B=2 sh -c 'tr "\0" "\n" </proc/$$/environ; exit 0; qemu'
	[ "${lines[0]}" = A=1 ]
	[ "${lines[1]}" = B=2 ]
	[ "${lines[2]}" = "LD_PRELOAD=$BUILD/qrap_preload.so" ]
	[[ ${lines[3]} == QRAP_SHIM=* ]]
	# Off, it is off.
	qrap --guard off "$FD" env -i sh -c 'tr "\0" "\n" </proc/$$/environ; exit 0; qemu'
	[ -z "$output" ]
}
