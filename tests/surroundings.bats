#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Surroundings that mean no good: QEMU runs with its network as it would without us, or one line says
# why it does not. Nothing is left over, and nobody else's file is touched.

load common
load peers

setup() {
	fake_qemus kvm
	# Arguments in which no number is spoken of.
	printf '#!/bin/sh\nexec kvm "fd=$FAKE_QEMU_FD"\n' >/tmp/bin/vm
	chmod +x /tmp/bin/vm
	export FAKE_QEMU_FD=5
	BURDEN=$BUILD/tests/burden
}

teardown() {
	[ -z "${REMOUNTED:-}" ] || mount -o remount,size=50%,nr_inodes=1m /tmp
	end_test
}

STREAM='fd 5 stream blocking inherited rcvtimeo=0 sndtimeo=0 peer=/tmp/passt_'

# is_online [N]: QEMU has a connection to passt N, and nothing else of ours is open but the locker
is_online() {
	if ! [[ $status = 0 && $output == *"$STREAM${1:-1}.socket"* ]] ||
		! grep -qE "^open 0 1 2 5( [0-9]+)?$" <<<"$output"; then
		echo "status $status: $output"
		echo "${stderr:-}"
		return 1
	fi
}

# refused STATUS MESSAGE: qrap says this in one line, as its last, and ends with the status
refused() {
	if ! [[ $status = "$1" && ${stderr##*$'\n'} == "qrap: "*"$2"* ]]; then
		echo "status $status: $output"
		echo "$stderr"
		return 1
	fi
}

# run_as UID COMMAND...: as `run_apart`, as this user
run_as() {
	local user=$1
	shift

	run_apart as_from_a_shell \
		setpriv --reuid "$user" --regid "$user" --clear-groups "$@"
}

# all_of COMMAND...: what it writes, in $output; by a pipe, where files may not grow or be made
all_of() {
	status=0
	output=$(as_from_a_shell "$@" 2>&1) || status=$?
}

# lose_with PROGRAM...: QEMU runs behind it and a program that closes all descriptors
lose_with() {
	all_of "$@" "$BUILD/tests/lose" close_range "$FAKE_QEMU_FD" vm
}

# Other users.

@test "sockets of another user that nobody may connect to, for root and for a user" {
	make_user
	cp "$BUILD/tests/fake_qemu" "$USER_HOME/kvm"
	PEERS_AS=(setpriv --reuid 4712 --regid 4712 --clear-groups)
	start_peers 1-20=fake
	chmod 0 /tmp/passt_*.socket
	for user in 0 4711; do
		run_as $user env "PATH=$USER_HOME" "$USER_HOME/qrap" --passt=off -m 1
		[ "$status" = 125 ]
		[[ $stderr == *"not trusted: /tmp/passt_1.socket (user 4712), "*"--trust 4712 allows it"* ]]
		run_as $user "$USER_HOME/qrap" --socket /tmp/passt_1.socket 5 true
		[ "$status" = 125 ]
		[[ $stderr == *"not trusted: /tmp/passt_1.socket (user 4712)"* ]]
	done
	# Trust does not open it for a user.
	run_as 4711 "$USER_HOME/qrap" --trust any --socket /tmp/passt_1.socket 5 true
	refused 125 '/tmp/passt_1.socket: permission denied'
	refute grep connect "$EVENTS"
	PEERS_AS=("${AS_USER[@]}")
	start own "${AS_USER[@]}" "$BUILD/tests/peers" 21=fake
	wait_for 5 listens /tmp/passt_21.socket
	run_as 4711 env "PATH=$USER_HOME" "$USER_HOME/qrap" -m 1
	is_online 21
	refute grep connect "$EVENTS"
	run_as 4711 "$USER_HOME/qrap" --list
	[ "$(grep -c 'not-trusted' <<<"$output")" = 20 ]
	[[ $output == *'/tmp/passt_21.socket '* ]]
}

# A log file.

@test "a log file that is another user's link, to a file of ours: not followed, and said" {
	make_user
	start_peers 1=fake
	chmod 666 /tmp/passt_1.socket
	cp "$BUILD/tests/fake_qemu" "$USER_HOME/kvm"
	mkdir -m 1777 /tmp/sticky
	echo precious | tee "$USER_HOME/file" >/tmp/file
	chown 4711 "$USER_HOME/file"
	setpriv --reuid 4712 --clear-groups ln -s "$USER_HOME/file" /tmp/sticky/log
	setpriv --reuid 4712 --clear-groups ln -s /tmp/file /tmp/sticky/rootlog
	setpriv --reuid 4712 --clear-groups ln -s "$USER_HOME/new" /tmp/sticky/dangling
	for log in log dangling; do
		run_as 4711 "$USER_HOME/qrap" --log-file /tmp/sticky/$log 5 "$USER_HOME/kvm" fd=5
		is_online
		# Whether the kernel protects links (proc(5), protected_symlinks) decides which error.
		[ "$(grep -cE "Couldn't write the log file /tmp/sticky/$log: (Too many|Permission)" \
			<<<"$stderr")" = 1 ]
	done
	qrap --log-file /tmp/sticky/rootlog 5 kvm fd=5
	is_online
	[ "$(cat /tmp/file "$USER_HOME/file")" = $'precious\nprecious' ]
	[ ! -e "$USER_HOME/new" ]
}

@test "a log file that may not be written, a FIFO that nobody reads, a socket: nobody waits" {
	make_user
	start_peers 1=fake
	chmod 666 /tmp/passt_1.socket
	cp "$BUILD/tests/fake_qemu" "$USER_HOME/kvm"
	echo precious >/tmp/file
	chmod 644 /tmp/file
	mkfifo -m 666 /tmp/fifo
	mkdir -m 755 /tmp/directory
	for case in '/tmp/file: Permission denied' '/tmp/fifo: No such device or address' \
		'/tmp/directory: Is a directory' '/tmp/directory/log: Permission denied' \
		'/tmp/passt_1.socket: No such device or address' '/tmp/file/log: Not a directory'; do
		run_as 4711 timeout 5 "$USER_HOME/qrap" --log-file "${case%%: *}" 5 "$USER_HOME/kvm" fd=5
		is_online
		[ "$(grep -c "Couldn't write the log file $case" <<<"$stderr")" = 1 ]
	done
	[ "$(cat /tmp/file)" = precious ]
	# A FIFO whose reader is slow is full some day: that much is lost, and no time.
	start reader sh -c 'exec 8<>/tmp/fifo; dd if=/dev/zero bs=4096 count=16 >&8; exec sleep 60'
	wait_for 5 has /tmp/reader.log '16+0 records out'
	qrap --log-file /tmp/fifo 5 kvm fd=5
	is_online
	[[ $stderr == *"log file /tmp/fifo: Resource temporarily unavailable"* ]]
}

# Nothing to be had.

@test "/tmp is full, of bytes and of files: only a log needs something of it" {
	need_root
	start_peers 1=fake
	touch /tmp/log
	before=$(ls -A /tmp)
	REMOUNTED=yes
	mount -o "remount,size=$(($(df --output=used -k /tmp | tail -n 1) + 4))k" /tmp
	dd if=/dev/zero of=/tmp/peers.log oflag=append conv=notrunc 2>/dev/null || true
	lose_with "$QRAP" --log-file /tmp/log 5
	is_online
	[[ $output == *"log file /tmp/log: No space left on device"*'restored from the spare'* ]]
	[ ! -s /tmp/log ]
	: >/tmp/peers.log
	mount -o "remount,size=1g,nr_inodes=$(($(df --output=iused /tmp | tail -n 1)))" /tmp
	refute touch /tmp/one-more
	lose_with "$QRAP" --log-file /tmp/other-log 5
	is_online
	[[ $output == *"log file /tmp/other-log: No space left on device"*'restored from the spare'* ]]
	[ "$(ls -A /tmp)" = "$before" ]
}

@test "no file may grow: nobody dies of the signal, with a log and a note of who lost it" {
	start_peers 1=fake
	printf '#!/bin/bash\nulimit -f 0\nexec "$@"\n' >/tmp/bin/no-growth
	chmod +x /tmp/bin/no-growth
	lose_with no-growth "$QRAP" --log-file /tmp/log 5
	is_online
	[[ $output == *"log file /tmp/log: File too large"*'restored from the spare'* ]]
	# Without a log it is the note in the locker that cannot be written.
	lose_with no-growth "$QRAP" 5
	is_online
	lose_with "$QRAP" --log-file /tmp/log 5 no-growth
	is_online
	# A signal that was waiting for the program before still does.
	all_of no-growth "$BURDEN" pending "$QRAP" --log-file /tmp/log 5 \
		grep -E '^(SigBlk|ShdPnd)' /proc/self/status
	[[ $output == *$'ShdPnd:\t0000000001000000\nSigBlk:\t0000000001001000' ]]
}

# limited OPTION VALUE: starts with this limit (bash: ulimit); counted in $online or, with a reason, ours
# or the libc's, in $refused. A death by a signal is for the caller to judge.
limited() {
	run_apart as_from_a_shell \
		bash -c 'ulimit "$0" "$1"; exec "${@:2}"' "$@" "$QRAP" 5 kvm fd=5
	echo "$*: status $status, ${stderr##*$'\n'}"
	# With next to no memory, the stand-in for QEMU cannot list what is open.
	if [ "$status" = 0 ] && [ "$1" = -v ] && ! grep -q '^open ' <<<"$output"; then
		[[ $output == *"${STREAM}1.socket"* ]]
		online=$((online + 1))
	elif [ "$status" = 0 ]; then
		is_online
		online=$((online + 1))
	elif [ "$status" -lt 128 ]; then
		[[ $status == 12[567] ]]
		[[ $stderr == *'qrap: '* || $stderr == *'error while loading shared libraries'* ||
			$stderr == *'cannot allocate TLS data'* || $stderr == *'Fatal glibc error'* ]]
		refused=$((refused + 1))
	fi
}

@test "next to no descriptors: a network or a reason, whatever the limit" {
	start_peers 1=fake
	online=0 refused=0
	for ((number = 3; number <= 24; number++)); do
		limited -n $number
		# Once it is enough, more is enough, too.
		[ $((online + refused)) = $((number - 2)) ]
		[ "$online" = 0 ] || [ "$status" = 0 ]
	done
	[ $online -ge 14 ]
}

@test "little memory: a network or a reason, and no crash that QEMU would not have" {
	need_plain_launcher
	start_peers 1=fake
	online=0 refused=0
	for ((kb = 1000; kb <= 9000; kb += 250)); do
		limited -v $kb
		[ "$status" -lt 128 ] || refute bash -c 'ulimit -v "$0"; exec kvm' $kb
	done
	[ $online -ge 5 ]
	[ $refused -ge 1 ]
}

@test "no more processes: a private passt cannot be had, a link cannot be looked after, and that is said" {
	make_user
	start_peers 1=fake
	chmod 666 /tmp/passt_1.socket
	cp "$BUILD/tests/"{fake_qemu,link_fault} "$USER_HOME/"
	run_as 4711 bash -c 'ulimit -u 1; exec "$@"' bash "$USER_HOME/qrap" 5 "$USER_HOME/fake_qemu" fd=5
	is_online
	run_as 4711 bash -c 'ulimit -u 1; exec "$@"' bash "$USER_HOME/qrap" --passt=true 5 "$USER_HOME/fake_qemu"
	refused 125 '--passt: Resource temporarily unavailable'
	run_as 4711 bash -c 'ulimit -u 1; exec "$@"' bash "$USER_HOME/qrap" --check "$USER_HOME/fake_qemu"
	[ "$status" = 1 ]
	[[ $output == "no: Couldn't start $USER_HOME/fake_qemu: Resource temporarily unavailable"* ]]
	printf '#!/bin/bash\nulimit -u 1\nexec %s owner fd=5\n' "$USER_HOME/link_fault" >"$USER_HOME/vm"
	chmod +x "$USER_HOME/vm"
	cd "$USER_HOME"
	run_as 4711 ./link_fault env "LD_PRELOAD=$USER_HOME/qrap_preload.so" QRAP_FD=5 ./vm
	cd /tmp
	[[ $stderr == *'nobody looks after passt'*'(errno 11)'*'gone for good'* ]]
	# As without the shim: frames pass, until passt ends.
	[[ $output == 'broken: QEMU: end of file'* ]]
}

# No /proc, or one that hides others.

@test "no /proc: QEMU starts, and what cannot be told is said to be so" {
	need_root
	need_plain_launcher
	start_peers 1=fake
	without=(unshare --mount sh -c 'mount -t tmpfs none /proc; exec "$@"' sh)
	for options in '' '--guard off' '--log-file /tmp/log'; do
		# shellcheck disable=SC2086 # several words
		run_apart as_from_a_shell "${without[@]}" "$QRAP" $options 5 kvm fd=5
		[ "$status" = 0 ]
		[[ $output == *"$STREAM"1.socket* ]]
		[ "$stderr" = 'Connected to /tmp/passt_1.socket' ]
	done
	run_apart as_from_a_shell "${without[@]}" "$QRAP" --list
	[ "$status" = 0 ]
	grep -E '^/tmp/passt_1\.socket +free +- ' <<<"$output"
	run_apart as_from_a_shell "${without[@]}" "$QRAP" --check kvm
	[ "$status" = 0 ]
	[ "${lines[0]}" = yes ]
}

@test "a /proc that hides other users' processes: a user sees his own" {
	make_user
	cp "$BUILD/tests/fake_qemu" "$USER_HOME/kvm"
	start_peers 1=fake
	start own "${AS_USER[@]}" "$BUILD/tests/peers" 2=fake
	own=$PID
	wait_for 5 listens /tmp/passt_2.socket
	chmod 666 /tmp/passt_1.socket
	hidden=(unshare --mount sh -c 'mount -t proc -o hidepid=2 proc /proc && exec "$@"' sh
		setpriv --reuid 4711 --regid 4711 --clear-groups)
	run_apart as_from_a_shell "${hidden[@]}" test -e "/proc/$PEERS"
	[ "$status" = 1 ]
	run_apart as_from_a_shell "${hidden[@]}" "$USER_HOME/qrap" --list=json
	[ "$status" = 0 ]
	grep -E "passt_2\.socket.*\"pid\": ?$own\>" <<<"$output"
	refute grep -E "\"pid\": ?$PEERS\>" <<<"$output"
	for socket in 1 2; do
		run_apart as_from_a_shell "${hidden[@]}" \
			"$USER_HOME/qrap" --socket /tmp/passt_$socket.socket 5 "$USER_HOME/kvm" fd=5
		is_online $socket
	done
}

# What the caller left us.

@test "standard descriptors closed, in every combination: QEMU has of them what it would have" {
	start_peers 1=fake
	for closed in '' '<&-' '>&-' '2>&-' '<&- >&-' '<&- 2>&-' '>&- 2>&-' '<&- >&- 2>&-'; do
		as_from_a_shell sh -c "exec '$BURDEN' look /tmp/plain $closed"
		for options in '' '--log trace --log-file /tmp/log'; do
			as_from_a_shell sh -c "exec '$QRAP' $options 5 '$BURDEN' look /tmp/found $closed"
			grep '^5 socket:' /tmp/found
			diff /tmp/plain <(grep -v '^5 ' /tmp/found)
		done
	done
	refute grep -vE '^\{.*\}$' /tmp/log
	[ "$(grep -c handed-over /tmp/log)" = 8 ]
}

@test "ignored and blocked signals, and those that wait, are QEMU's as they were" {
	need passt
	start_peers 1=fake
	shown=(grep -E '^(SigP|SigB|SigI|SigC|Shd)' /proc/self/status)
	for signals in '' '--ignore-signal=PIPE' '--ignore-signal=CHLD' '--block-signal=TERM,USR1,CHLD' \
		'--ignore-signal=PIPE,CHLD,XFSZ,HUP,INT --block-signal=PIPE,INT,XFSZ'; do
		# shellcheck disable=SC2206 # several words
		as_they_are=(env --default-signal $signals)
		plain=$(as_from_a_shell "${as_they_are[@]}" "${shown[@]}")
		[[ -z $signals || $plain == *[1-9]* ]]
		for options in '' '--guard off' --passt '--log trace --log-file /tmp/log'; do
			# shellcheck disable=SC2086 # several words
			run_apart as_from_a_shell "${as_they_are[@]}" \
				"$QRAP" $options 5 "${shown[@]}"
			[ "$status" = 0 ]
			[ "$output" = "$plain" ]
		done
		run as_from_a_shell "${as_they_are[@]}" "$QRAP" --check kvm
		[ "${lines[0]}" = yes ]
	done
}

@test "blocked signals are QEMU's as they were when there is a link, and through a restart" {
	for block in TERM,USR1 INT,PIPE,XFSZ,CHLD; do
		all_of env --default-signal --block-signal=$block "$BUILD/tests/link_fault" \
			env "LD_PRELOAD=$BUILD/qrap_preload.so" QRAP_FD=5 QRAP_LOG_FILE=/tmp/log "$BUILD/tests/link_fault" owner fd=5
		echo "$output"
		[ "$status" = 0 ]
		[[ $output == *"blocked $(blocked $block)"$'\nup' ]]
	done
}

# blocked SIGNAL,...: their numbers, in order
blocked() {
	tr , '\n' <<<"$1" | while read -r signal; do kill -l "$signal"; done | sort -n | xargs
}

@test "a broken pipe on standard error, SIGPIPE ignored or not: QEMU runs" {
	start_peers 1=fake
	mkfifo /tmp/pipe
	for signal in default ignore; do
		lose_with env --$signal-signal=PIPE sh -c 'exec 8<>/tmp/pipe 2>/tmp/pipe 8>&-; exec "$@"' sh \
			"$QRAP" --log trace 5
		is_online
	done
}

@test "a huge environment: thousands of variables, and one that leaves no room for ours" {
	start_peers 1=fake
	for burden in '5000 0' '5000 1500000' '0 1900000'; do
		# shellcheck disable=SC2086 # several words
		lose_with "$BURDEN" env $burden "$QRAP" 5
		is_online
	done
	# A quarter of the stack's limit is for arguments and environment: execve(2).
	ulimit -s 8192
	low=1900000 high=2097152
	refute as_from_a_shell "$BURDEN" env 0 $high "$QRAP" --version
	while ((high - low > 8)); do
		middle=$(((low + high) / 2))
		as_from_a_shell "$BURDEN" env 0 $middle "$QRAP" --version && low=$middle || high=$middle
	done
	run_apart as_from_a_shell "$BURDEN" env 0 $((low - 200)) \
		"$QRAP" --log-file /tmp/log 5 kvm fd=5
	[[ $status == 0 && $output == *"fd 5 stream"*"peer=/tmp/passt_1.socket"* ]]
	[[ $stderr == *'kvm runs without the shim: its arguments and environment leave no room'* ]]
	grep -qx 'open 0 1 2 5' <<<"$output"
	grep '"event":"handed-over".*"action":"not guarded"' /tmp/log
	# The words that qrap adds are too much.
	run_apart as_from_a_shell "$BURDEN" env 0 $((low - 20)) "$QRAP" -m 1
	refused 126 "Couldn't run /tmp/bin/kvm: Argument list too long"
	run_apart as_from_a_shell "$BURDEN" env 0 $((low - 10000)) "$QRAP" 5 kvm fd=5
	is_online
}

@test "4096 descriptors are open: number and spare find their place, and QEMU its network" {
	start_peers 1=fake
	for number in 5 1000 1023 1500 4500; do
		start=${EPOCHREALTIME/./}
		FAKE_QEMU_FD=$number lose_with \
			"$BURDEN" fill 5000 $number "$QRAP" $number
		[ $((${EPOCHREALTIME/./} - start)) -lt $((2000000 * SLOW)) ]
		[ "$status" = 0 ]
		grep -qE "^fd $number stream .* peer=/tmp/passt_1.socket" <<<"$output"
		[[ $output == *'restored from the spare'* ]]
	done
	# Patch mode: the first free number is QEMU's.
	FAKE_QEMU_FD=4096 all_of "$BURDEN" fill 5000 '' "$QRAP" -m 1
	[ "$status" = 0 ]
	[[ $output == *'fd=4096'*'fd 4096 stream '*'peer=/tmp/passt_1.socket'* ]]
	# One is free, but none that QEMU could have; and then some.
	run_apart as_from_a_shell "$BURDEN" fill 4096 3 "$QRAP" --passt=off -m 1
	refused 125 'of no use: /tmp/passt_1.socket (Too many open files)'
	FAKE_QEMU_FD=6 all_of "$BURDEN" fill 4096 3,4,6,7,8,9,10,11 "$QRAP" -m 1
	[ "$status" = 0 ]
	[[ $output == *'fd=6,'*'fd 6 stream '*'peer=/tmp/passt_1.socket'* ]]
}
