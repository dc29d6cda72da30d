#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the shim may find itself in: a damaged variable, next to no descriptors, no /proc, closed
# standard descriptors. QEMU starts, with at most a warning; nothing crashes, and nothing else than
# passt's connection ever comes onto the number.

load common
load online

setup() {
	need qemu-system-x86_64 passt
	start_passt /tmp/passt_1.socket --debug
	make_vm
}

# damage FIELD TEXT: QRAP_SHIM with this field (from 1) replaced
damage() {
	local -a fields

	IFS=: read -ra fields <<<"$QRAP_SHIM"
	fields[$1 - 1]=$2
	(IFS=: && echo "${fields[*]}")
}

# A program that the shim takes for QEMU, by its arguments, and that says what is on the number.
probe_with() {
	QRAP_SHIM=$1 FAKE_QEMU_FD=$FD "$BUILD/tests/fake_qemu" -netdev socket,id=a,fd="$FD"
}

# in_qrap SCRIPT: run this with the variables set that a program behind qrap finds, and our functions
in_qrap() {
	as_from_a_shell "$QRAP" --log-file "$LOG" "$FD" bash -euc "$(declare -f damage probe_with)
		BUILD=$BUILD FD=$FD
		$1"
}

@test "a variable that is damaged anywhere, emptied, cut off: the connection stays where it is" {
	cat >/tmp/damages <<-'END'
		check() {
			local text
			text=$(probe_with "$1" 2>/tmp/err) || { echo "status $?: $1"; exit 1; }
			[[ $text =~ (^|$'\n')fd\ 5\ stream\ [^$'\n']*\ peer=/tmp/passt_1\.socket ]] ||
				{ echo "$1: $text"; cat /tmp/err; exit 1; }
			mapfile -t said </tmp/err
			[ ${#said[@]} -le 1 ] || { echo "$1:"; cat /tmp/err; exit 1; }
		}
		check_damaged() {
			check "$1"
			[[ ${said[*]} =~ ^qrap\[[0-9]+\]:\ .*QRAP_SHIM\ is\ damaged ]] ||
				{ echo "taken for sound: $1"; exit 1; }
			n=$((n + 1))
		}
		n=0
		handoff=$QRAP_SHIM
		check "$handoff"
		[ ! -s /tmp/err ]
		check ""
		[ ! -s /tmp/err ]
		for field in 1 2 3 4; do
			old=$(cut -d : -f $field <<<"$handoff")
			for new in '' x "x$old" "${old}0" -1 "${old//[0-9a-f]/z}" "${old//[0-9a-f]/9}" \
				"${old//[0-9a-f]/f}" $'\xff\xfe' "$(printf '%5000s' | tr ' ' 1)"; do
				[ "$new" != "$old" ] || continue
				check_damaged "$(damage $field "$new")"
			done
		done
		for ((len = 1; len < ${#handoff}; len += 7)); do
			check_damaged "${handoff:0:len}"
			digit=0
			[ "${handoff:len:1}" != 0 ] || digit=1
			check_damaged "${handoff:0:len}$digit${handoff:len + 1}"
		done
		check_damaged "$handoff:$handoff"
		echo "$n variables"
		[ $n -gt 200 ]
	END
	run in_qrap "$(cat /tmp/damages)"
	echo "$output"
	[ "$status" = 0 ]
	[ "$(connections)" = 1 ]
}

@test "a variable that names another number: that is not touched in a program that does not speak of it" {
	run in_qrap '
		exec 6>/tmp/file
		QRAP_SHIM=$("$BUILD/tests/handoff" fd=6) FAKE_QEMU_FD=6 "$BUILD/tests/fake_qemu" -netdev socket,fd=5
		QRAP_SHIM=$("$BUILD/tests/handoff" fd=1) FAKE_QEMU_FD=1 "$BUILD/tests/fake_qemu" -netdev socket,fd=1'
	echo "$output"
	[ "$status" = 0 ]
	[[ $output == *'fd 6 no socket'* ]]
	[[ $output == *'fd 1 no socket'* ]]
}

@test "a variable with another identity: a living connection is left, a file gives way to no stranger" {
	run in_qrap '
		probe_with "$("$BUILD/tests/handoff" cookie=1)"
		exec 5>/tmp/file
		QRAP_LOG= probe_with "$("$BUILD/tests/handoff" cookie=1 store-cookie=1)"'
	echo "$output"
	[ "$status" = 0 ]
	[[ $output == *'holds another stream socket instead'*'left as it is'* ]]
	# The spare is not what is wanted, so the connection is made anew: to passt, and to nobody else.
	[[ $output == *'fd 5 stream '*'peer=/tmp/passt_1.socket'*'fd 5 '* ]]
}

@test "QEMU starts with a damaged variable, and has its network" {
	online "$QRAP" "$FD" sh -c 'QRAP_SHIM=${QRAP_SHIM%?????????????}; exec "$@"' sh "${QEMU[@]}"
	[ "$status" = 0 ]
	online "$QRAP" "$FD" sh -c 'QRAP_SHIM=nonsense exec "$@"' sh "${QEMU[@]}"
	[ "$status" = 0 ]
	[ "$(grep -c 'QRAP_SHIM is damaged' <<<"$output")" = 1 ]
	online "$QRAP" "$FD" env QRAP_SHIM= "${QEMU[@]}"
	[ "$status" = 0 ]
	online "$QRAP" "$FD" env -u QRAP_SHIM "${QEMU[@]}"
	[ "$status" = 0 ]
}

@test "no more than 16 descriptors: from the start" {
	online sh -c 'ulimit -n 16; exec "$@"' sh "$QRAP" --log-file "$LOG" "$FD" "$BUILD/tests/lose" \
		close_range "$FD" /tmp/qemu-vm
	[ "$status" = 0 ]
	assert_logged '"event":"restored"' '"action":"the spare"'
	[ "$(connections)" = 1 ]
}

@test "no more than 16 descriptors: from some program on" {
	online "$QRAP" --log-file "$LOG" "$FD" sh -c 'ulimit -n 16; exec "$@"' sh "$BUILD/tests/lose" \
		close_range "$FD" /tmp/qemu-vm
	[ "$status" = 0 ]
	assert_logged '"event":"restored"' '"action":"the spare"'
	[ "$(connections)" = 1 ]
}

@test "next to no descriptors, and only one of them free: programs run, nobody waits" {
	run in_qrap '
		ulimit -n 8
		exec 3>&1 4>&1 6>&1
		start=$EPOCHSECONDS
		probe_with "$QRAP_SHIM"
		exec 5>&-
		probe_with "$QRAP_SHIM"
		exec 5>/tmp/file
		probe_with "$QRAP_SHIM"
		[ $((EPOCHSECONDS - start)) -le 2 ]'
	echo "$output"
	[ "$status" = 0 ]
	[ "$(grep -c '^fd 5 stream .* peer=/tmp/passt_1.socket' <<<"$output")" = 3 ]
	[ "$(connections)" = 1 ]
}

@test "no /proc: from the start" {
	need_root
	online unshare --mount sh -c 'mount -t tmpfs none /proc; exec "$@"' sh "$QRAP" --log-file "$LOG" "$FD" \
		"$BUILD/tests/lose" close_range "$FD" /tmp/qemu-vm
	[ "$status" = 0 ]
	[ "$(connections)" = 1 ]
}

@test "no /proc: from some program on" {
	need_root
	need_plain_launcher
	online "$QRAP" --log-file "$LOG" "$FD" unshare --mount sh -c 'mount -t tmpfs none /proc; exec "$@"' sh \
		"$BUILD/tests/lose" close_range "$FD" "${QEMU[@]}"
	[ "$status" = 0 ]
	assert_logged '"event":"restored"' '"action":"the spare"'
	[ "$(connections)" = 1 ]
}

# without N...: QEMU behind a program that closes everything, with these descriptors closed
without() {
	local redirections

	redirections=$(printf '%s>&- ' "$@")
	online "$QRAP" --log-file "$LOG" "$FD" sh -c "exec \"\$@\" $redirections" sh "$BUILD/tests/lose" \
		close_range "$FD" /tmp/qemu-vm
	[ "$status" = 0 ]
	assert_logged '"event":"restored"' '"action":"the spare"'
	online sh -c "exec \"\$@\" $redirections" sh "$QRAP" --log-file "$LOG" "$FD" "$BUILD/tests/lose" \
		close_range "$FD" /tmp/qemu-vm
	[ "$status" = 0 ]
	[ "$(connections)" = 2 ]
	# Nothing of ours went where a program expects something else.
	refute grep -avE '^\{.*\}$' "$LOG"
}

@test "standard input is closed" {
	without 0
}

@test "standard output is closed" {
	without 1
}

@test "standard error is closed" {
	without 2
}

@test "all standard descriptors are closed" {
	without 0 1 2
}

@test "nobody reads standard error any more: nobody dies of it" {
	need_plain_launcher
	mkfifo /tmp/pipe
	# Each write there is EPIPE, and a SIGPIPE for who does not take care.
	online sh -c 'exec 3<>/tmp/pipe 2>/tmp/pipe 3>&-; exec "$@"' sh \
		"$QRAP" --log trace --log-file "$LOG" "$FD" "$BUILD/tests/lose" close_range "$FD" "${QEMU[@]}"
	[ "$status" = 0 ]
	assert_logged '"event":"released"'
}

@test "a log file that cannot be written, or is no file" {
	mkdir /tmp/directory
	ln -s /tmp/target /tmp/link
	mkfifo /tmp/fifo
	for log in /tmp/directory /tmp/link /tmp/fifo /nowhere/log /dev/full; do
		online "$QRAP" --log-file $log "$FD" "$BUILD/tests/lose" close_range "$FD" /tmp/qemu-vm
		echo "$log: $output"
		[ "$status" = 0 ]
	done
	[ ! -e /tmp/target ]
}

@test "no memory locked, no core, tiny stack: the shim needs next to nothing" {
	online "$QRAP" --log-file "$LOG" "$FD" bash -c 'ulimit -l 0; ulimit -c 0; ulimit -s 256; exec "$@"' \
		bash "$BUILD/tests/lose" close_range "$FD" "$BUILD/tests/fake_qemu" fd=5
	[ "$status" = 2 ]
	[[ $output == *'argv 1 fd=5'* ]]
	[[ $output != *ulimit* ]]
	assert_logged '"event":"program"' '/fake_qemu' '"found":"intact"'
}
