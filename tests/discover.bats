#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Finding a passt that is free: order, time, states, trust. Most peers are tests/helpers/peers.c,
# which says who was connected to and what was sent.

load common
load peers

setup() {
	export FAKE_QEMU_FD=5 QRAP_GUARD=off QRAP_PASST=off
	fake_qemus kvm
}

# As qrap, without what bats adds to the time; the milliseconds it took are in $MS.
timed_qrap() {
	local start=${EPOCHREALTIME/./}

	status=0
	as_from_a_shell "$QRAP" "$@" >/tmp/output 2>/tmp/stderr || status=$?
	MS=$(((${EPOCHREALTIME/./} - start) / 1000))
	output=$(</tmp/output)
	stderr=$(</tmp/stderr)
}

# best_of N ARGUMENT...: the shortest time of N runs, all of which must succeed, is in $BEST
best_of() {
	local runs=$1 i
	shift

	BEST=1000000
	for ((i = 0; i < runs; i++)); do
		timed_qrap "$@"
		[ "$status" = 0 ] || return 1
		[ $MS -ge $BEST ] || BEST=$MS
	done
	echo "best of $runs: $BEST ms"
}

connected_to() {
	[[ $status == 0 && $output == *" peer=/tmp/passt_$1.socket"* ]] && return
	echo "not connected to $1, status $status: $output $stderr"
	return 1
}

# Events of one kind, as the peers' numbers, one a line.
events() {
	sed -n "s/ $1.*//p" "$EVENTS"
}

# After all have hung up: everybody got whole probes or nothing.
assert_whole_probes() {
	refute grep -vE '^(ready [0-9]+|[0-9]+ (connect|data 128|hangup))$' "$EVENTS"
}

all_hung_up() {
	[ "$(events connect | sort)" = "$(events hangup | sort)" ]
}

# start_at_once N: N launchers, held at the FIFO /tmp/go until all are there; pids in LAUNCHERS
start_at_once() {
	local i

	LAUNCHERS=()
	for ((i = 0; i < $1; i++)); do
		start "launcher_$i" sh -c ': </tmp/go; exec "$@"' sh "$QRAP" 5 sleep 1000
		LAUNCHERS+=("$PID")
	done
	pause 0.2
	: >/tmp/go
}

all_connected() {
	[ "$(cat /tmp/launcher_*.log | grep -c '^Connected to ')" = "$1" ]
}

# assert_one_each N: the launchers have passt_1 to passt_N, one each
assert_one_each() {
	diff <(cat /tmp/launcher_*.log | sort) <(seq -f 'Connected to /tmp/passt_%.0f.socket' "$1" | sort)
}

# Order and time.

# bats test_tags=alone
@test "98 silent ones and then a free one: under half a second" {
	start_peers 1-98=silent 99=fake
	best_of 3 5 kvm
	connected_to 99
	[ $BEST -lt $((500 * SLOW)) ]
	wait_for 2 all_hung_up
	assert_whole_probes
}

# bats test_tags=alone
@test "30 that take their time to say that they are no passt, and then a free one: under a second" {
	start_peers 1-30=garbage:80 31=fake
	best_of 3 5 kvm
	connected_to 31
	[ $BEST -lt $((1000 * SLOW)) ]
}

# bats test_tags=alone
@test "4 in use and then a free one: under 50 ms, and nobody disturbs those in use" {
	start_peers 1-4=busy 5=fake
	best_of 3 5 kvm
	connected_to 5
	[ $BEST -lt $((50 * SLOW)) ]
	refute grep '^[1-4] ' "$EVENTS"
}

# bats test_tags=alone
@test "98 missing or stale ones cost nothing" {
	start_peers 1-90=stale 99=fake
	best_of 3 5 kvm
	connected_to 99
	[ $BEST -lt $((50 * SLOW)) ]
}

@test "never more than 50 attempts are open at once" {
	start_peers 1-90=silent 91=fake
	qrap 5 kvm
	connected_to 91
	wait_for 2 all_hung_up
	awk '$2 == "connect" && ++open > most { most = open } $2 == "hangup" { open-- }
		END { print "most:", most; exit !(most > 16 && most <= 50) }' "$EVENTS"
}

@test "with few descriptors to spare the search takes longer, and finds it all the same" {
	start_peers 1-30=silent 31=fake
	run as_from_a_shell bash -c 'ulimit -n 16; exec "$@"' bash "$QRAP" 5 kvm
	connected_to 31
}

# bats test_tags=alone
@test "the lowest-numbered one that answers within 100 ms wins" {
	start_peers 1=silent 2=fake:60 3=fake
	qrap 5 kvm
	connected_to 2
	[ "$(events connect | tr '\n' ' ')" = '1 2 3 ' ]
}

# bats test_tags=alone
@test "one that answers in time is not overtaken, and the next one is left alone" {
	start_peers 1=fake:70 2=fake
	qrap 5 kvm
	connected_to 1
	refute grep '^2 ' "$EVENTS"
}

@test "a slow one is waited for if there is no other" {
	start_peers 1=fake:350
	qrap 5 kvm
	connected_to 1
}

@test "one connection to the passt that is used, and it is the one that was probed" {
	start_peers 3=fake
	FAKE_QEMU_READ=1 qrap 5 kvm
	connected_to 3
	[[ $output == *"frame 46 0000002a"* ]]
	wait_for 2 all_hung_up
	[ "$(grep -c '' "$EVENTS")" = 4 ]
	assert_whole_probes
}

@test "a passt that speaks first" {
	start_peers 1=first
	qrap 5 kvm
	connected_to 1
}

@test "a passt for IPv4 only, for IPv6 only" {
	local version

	need passt
	for version in 4 6; do
		start_passt "/tmp/passt_$version.socket" "-$version"
		qrap 5 kvm
		connected_to $version
		end "$PASST"
	done
}

@test "no passt is left occupied: those that were overtaken serve the next ones" {
	local number pids=()

	need passt
	for number in 1 2 3; do
		start_passt /tmp/passt_$number.socket
		pids+=("$PASST")
	done
	kill -STOP "${pids[0]}" "${pids[1]}"
	qrap 5 kvm
	connected_to 3
	kill -CONT "${pids[0]}" "${pids[1]}"
	wait_for 5 passt_is_free
	for number in 1 2 3; do
		qrap --socket /tmp/passt_$number.socket 5 kvm
		connected_to $number
	done
}

# bats test_tags=alone
@test "10 000 other files in /tmp and 10 000 other sockets make no difference" {
	local alone

	start_peers 1=fake
	best_of 15 5 kvm
	alone=$BEST
	end "$PEERS"
	start_peers 1=fake 1-10000=other
	seq -f '/tmp/file_%.0f' 10000 | xargs touch
	best_of 15 5 kvm
	[ $BEST -le $((alone + 3 * SLOW)) ]
}

@test "the same path in another mount namespace is another socket" {
	start_elsewhere
	start_peers 1=fake 2=fake
	qrap 5 kvm
	connected_to 1
}

@test "the same path and inode number in another mount namespace, on another device: not in use" {
	local socket=/tmp/place/1.socket other

	need_root
	mkdir /tmp/place
	export PEERS_PATH=/tmp/place/%.socket
	# shellcheck disable=SC2016 # the other shell's
	start elsewhere unshare --mount --propagation private sh -c \
		'mount -t tmpfs none /tmp/place && exec "$1" 1=busy' sh "$BUILD/tests/peers"
	other=$PID
	wait_for 5 grep -q ready /tmp/elsewhere.log
	mount -t tmpfs none /tmp/place
	start_peers 1=fake
	[ "$(stat -c %i $socket)" = "$(stat -c %i "/proc/$other/root$socket")" ]
	qrap --socket $socket 5 kvm
	[[ $status == 0 && $output == *" peer=$socket"* ]]
	"$QRAP" --list --socket $socket | grep ' free '
}

# In use.

@test "end, reset and broken pipe alike mean: in use, and the next one is tried" {
	start_peers 1=eof 2=reset 3=fake
	QRAP_LOG=trace qrap 5 kvm
	connected_to 3
	[[ $stderr == *"Probe of /tmp/passt_1.socket failed: in use"* ]]
	[[ $stderr == *"Probe of /tmp/passt_2.socket failed: in use"* ]]
}

@test "all are in use, and one becomes free: it is taken" {
	start_peers 1=busy 2=leaving:500
	timed_qrap 5 kvm
	connected_to 2
	[ $MS -ge 400 ]
	[ $MS -lt $((1000 * SLOW)) ]
}

@test "all are in use for good: given up after 2.5 s" {
	start_peers 1-3=busy 4=stale
	timed_qrap 5 kvm
	[ "$status" = 125 ]
	[ $MS -ge 2500 ]
	[ $MS -lt $((3000 * SLOW)) ]
	[[ $stderr == *"in use"*"/tmp/passt_1.socket, /tmp/passt_2.socket, /tmp/passt_3.socket"* ]]
	refute grep -q connect "$EVENTS"
}

@test "two launchers at the same moment, two free passt: both succeed" {
	local i

	need passt
	start_passt /tmp/passt_1.socket
	start_passt /tmp/passt_2.socket
	mkfifo /tmp/go
	for ((i = 0; i < 10; i++)); do
		start_at_once 2
		wait_for 3 all_connected 2
		assert_one_each 2
		end "${LAUNCHERS[0]}"
		end "${LAUNCHERS[1]}"
		wait_for 5 passt_is_free
	done
}

# bats test_tags=alone
@test "50 launchers at the same moment, 50 passt: each gets one, none twice, within 3 s" {
	local i

	need passt
	for ((i = 1; i <= 50; i++)); do
		start "passt_$i" passt --foreground --socket "/tmp/passt_$i.socket"
	done
	for ((i = 1; i <= 50; i++)); do
		wait_for 10 listens "/tmp/passt_$i.socket"
	done
	mkfifo /tmp/go
	start_at_once 50
	wait_for 3 all_connected 50
	assert_one_each 50
}

# Waiting.

@test "wait: a passt that is not there yet is taken when it comes" {
	need passt
	start launcher "$QRAP" --wait 5 5 kvm
	pause 0.3
	start_passt /tmp/passt_7.socket
	wait_for 1 ended "${STARTED[0]}"
	grep -qx 'Connected to /tmp/passt_7.socket' /tmp/launcher.log
}

@test "wait: one that appears is taken within a tenth of a second" {
	start_peers 2=late:700
	timed_qrap --wait 5 5 kvm
	connected_to 2
	[ $MS -lt $((800 * SLOW)) ]
}

@test "wait: a socket that is bound now and listens later" {
	start_peers 2=bound:700
	timed_qrap --wait 5 5 kvm
	connected_to 2
	[ $MS -lt $((1000 * SLOW)) ]
}

@test "wait: for one that is in use, longer than without" {
	start_peers 1=leaving:3000
	timed_qrap --wait 5 5 kvm
	connected_to 1
	[ $MS -lt $((3500 * SLOW)) ]
}

@test "wait: with --socket, where its directory is not there yet either" {
	start launcher "$QRAP" --wait 5 --socket /tmp/later/on1.socket 5 kvm
	pause 0.2
	mkdir /tmp/later
	pause 0.2
	PEERS_PATH=/tmp/later/on%.socket start_peers 1=fake
	wait_for 1 ended "${STARTED[0]}"
	grep -qx 'Connected to /tmp/later/on1.socket' /tmp/launcher.log
}

@test "wait: nothing comes: status 125 after that time, most of it asleep" {
	local TIMEFORMAT='%R %U %S' times

	times=$({ time as_from_a_shell "$QRAP" --wait 1 5 kvm 2>/tmp/err; } 2>&1) || status=$?
	[ "$status" = 125 ]
	awk -v slow="$SLOW" '{ exit !($1 >= 1 && $1 < 1 + 0.2 * slow && $2 + $3 < 0.05 * slow) }' <<<"$times"
}

@test "wait: what happens to other files of the directory is no reason to look" {
	local TIMEFORMAT='%U %S' times

	need python3
	start busybody /usr/bin/python3 -c 'if True:
		import os, time
		while True:
			time.sleep(0.001)
			open("/tmp/x", "w").close()
			os.unlink("/tmp/x")
			print("busy", flush=True)'
	wait_for 5 has "$WORK/busybody.log" busy
	times=$({ time as_from_a_shell "$QRAP" --wait 1 5 kvm 2>/tmp/err; } 2>&1) || true
	awk -v slow="$SLOW" '{ exit !($1 + $2 < 0.1 * slow) }' <<<"$times"
}

# Nothing found.

@test "nothing there: status 125 and one line that says what to do" {
	qrap 5 kvm
	[ "$status" = 125 ]
	[ -z "$output" ]
	[ "$(lines "$stderr")" = 1 ]
	[[ $stderr == "qrap: no passt found"*passt_1.socket*passt_99.socket*start*passt* ]]
}

@test "all kinds of obstacles at once: at most 6 lines, each kind with its name" {
	need_root
	start_peers 1-20=busy 21-40=silent 41-60=stale 61=garbage 62=dgram 63=part
	touch /tmp/passt_70.socket
	ln -s passt_1.socket /tmp/passt_71.socket
	PEERS_AS=("${ANOTHER_USER[@]}")
	EVENTS=/tmp/others.log
	start others "${PEERS_AS[@]}" "$BUILD/tests/peers" 80-90=fake
	wait_for 5 has /tmp/others.log ready
	qrap 5 kvm
	[ "$status" = 125 ]
	[ -z "$output" ]
	[ "$(lines "$stderr")" -le 6 ]
	[[ $stderr == *"in use"*"/tmp/passt_1.socket"*"17 more"* ]]
	[[ $stderr == *"no answer"*"/tmp/passt_21.socket"* ]]
	[[ $stderr == *"gone"*"/tmp/passt_41.socket"* ]]
	[[ $stderr == *"/tmp/passt_61.socket (not a passt), /tmp/passt_62.socket (not a stream socket)"* ]]
	[[ $stderr == *"not trusted: /tmp/passt_80.socket (user 4711)"*"--trust 4711"* ]]
	refute grep connect /tmp/others.log
}

@test "trace: each attempt, with what came of it" {
	start_peers 1=busy 2=stale 3=garbage 4=fake
	qrap --log trace 5 kvm
	connected_to 4
	[[ $stderr == *"Probe of /tmp/passt_1.socket failed: in use"* ]]
	[[ $stderr == *"Probe of /tmp/passt_2.socket failed: stale"* ]]
	[[ $stderr == *"Probe of /tmp/passt_3.socket failed: not a passt"* ]]
	refute grep 'Probe of .*passt_4' <<<"$stderr"
	qrap 5 kvm
	refute grep Probe <<<"$stderr"
}

# --socket

# refused WORDS PATH: one line with the words
refused() {
	qrap --socket "$2" 5 kvm
	[[ $status == 125 && $(lines "$stderr") == 1 && $stderr == *"$2"*"$1"* ]] && return
	echo "$2: status $status: $stderr"
	return 1
}

@test "socket: what cannot be a passt's socket is said to be so" {
	start_peers 1=stale 2=dgram 3=garbage 4=eof
	mkdir /tmp/directory
	touch /tmp/file
	refused 'no such socket' /tmp/nowhere
	refused 'no such socket' /tmp/file/below
	refused 'not a socket' /tmp/file
	refused 'not a socket' /tmp/directory
	refused 'is stale' /tmp/passt_1.socket
	refused 'not a stream socket' /tmp/passt_2.socket
	refused 'not a passt' /tmp/passt_3.socket
	refused 'is in use' /tmp/passt_4.socket
}

@test "socket: one that we may not connect to" {
	make_user
	start_peers 1=fake
	chmod 755 /tmp/passt_1.socket
	run "${AS_USER[@]}" "$USER_HOME/qrap" --socket /tmp/passt_1.socket 5 true
	[ "$status" = 125 ]
	[[ $output == *"/tmp/passt_1.socket: permission denied"* ]]
	mkdir -m 700 /tmp/closed
	run "${AS_USER[@]}" "$USER_HOME/qrap" --socket /tmp/closed/socket 5 true
	[ "$status" = 125 ]
	[[ $output == *"/tmp/closed/socket: permission denied"* ]]
}

@test "socket: the longest path, and one that is too long" {
	local name socket

	printf -v name '%0101d' 0
	socket=/tmp/${name}1
	[ ${#socket} = 107 ]
	PEERS_PATH=/tmp/$name% start_peers 1=fake
	qrap --socket "$socket" 5 kvm
	[ "$status" = 0 ]
	[[ $stderr == *"Connected to $socket"* ]]
	qrap --socket "${socket}2" 5 kvm
	[ "$status" = 125 ]
	[ "$(lines "$stderr")" = 1 ]
}

@test "socket: that one only, however free another one is, and by a relative path too" {
	start_peers 1=fake 2=stale 3=fake
	refused 'is stale' /tmp/passt_2.socket
	cd /tmp
	qrap --socket passt_3.socket 5 kvm
	connected_to 3
	refute grep '^1 ' "$EVENTS"
}

@test "socket: one that does not answer is used all the same, with a warning" {
	start_peers 1=silent
	qrap --socket /tmp/passt_1.socket 5 kvm
	connected_to 1
	[[ $stderr == *"/tmp/passt_1.socket does not answer"* ]]
	[ "$(events connect)" = 1 ]
}

# Trust.

@test "another user's passt is passed over, unasked, in one line that names him and the option" {
	need_root
	PEERS_AS=("${ANOTHER_USER[@]}")
	start_peers 1-3=fake
	start mine "$BUILD/tests/peers" 4=fake
	wait_for 5 listens /tmp/passt_4.socket
	qrap 5 kvm
	connected_to 4
	[ "$(grep -c 'not trusted' <<<"$stderr")" = 1 ]
	[[ $stderr == *"/tmp/passt_1.socket (user 4711)"*"--trust 4711"* ]]
	refute grep connect "$EVENTS"
	qrap --trust 4711 5 kvm
	connected_to 1
	qrap --trust any 5 kvm
	connected_to 1
	QRAP_TRUST=4711,root qrap 5 kvm
	connected_to 1
}

@test "a socket file of somebody who is trusted, with another user's process behind it" {
	need_root
	PEERS_AS=("${ANOTHER_USER[@]}")
	start_peers 1=fake
	chown root /tmp/passt_1.socket
	qrap 5 kvm
	[ "$status" = 125 ]
	[[ $stderr == *"not trusted: /tmp/passt_1.socket (user 4711)"* ]]
	refute grep data "$EVENTS"
}

@test "the user's own passt and root's, but nobody's for root only" {
	make_user
	need passt
	PASST_AS=("${AS_USER[@]}")
	start_passt /tmp/passt_2.socket
	PASST_AS=()
	start_passt /tmp/passt_1.socket
	# So it is before passt of 2026, which makes it as root.
	chown nobody /tmp/passt_1.socket
	qrap 5 kvm
	connected_to 1
	chmod 666 /tmp/passt_1.socket
	run "${AS_USER[@]}" "$USER_HOME/qrap" 5 true
	[ "$status" = 0 ]
	[[ $output == *"/tmp/passt_1.socket (user nobody)"*"--trust nobody"*"Connected to /tmp/passt_2.socket"* ]]
	start_peers 3=fake
	chmod 666 /tmp/passt_3.socket
	run "${AS_USER[@]}" "$USER_HOME/qrap" --socket /tmp/passt_3.socket 5 true
	[ "$status" = 0 ]
}

@test "in a user namespace 65534 is anybody, and not trusted as nobody" {
	need_root
	PEERS_AS=("${ANOTHER_USER[@]}")
	start_peers 1=fake
	chmod 666 /tmp/passt_1.socket
	run unshare --user --map-root-user "$QRAP" --trust nobody 5 true
	[ "$status" = 125 ]
	[[ $output == *"not trusted: /tmp/passt_1.socket"*"--trust any"* ]]
	refute grep connect "$EVENTS"
	run unshare --user --map-root-user "$QRAP" --trust any 5 true
	[ "$status" = 0 ]
}

@test "a symbolic link is followed only where nobody else can have put it" {
	mkdir -m 755 /tmp/mine
	PEERS_PATH=/tmp/mine/real%.socket start_peers 1=fake
	ln -s mine/real1.socket /tmp/passt_1.socket
	ln -s real1.socket /tmp/mine/link.socket
	qrap 5 kvm
	[ "$status" = 125 ]
	[[ $stderr == *"/tmp/passt_1.socket (symbolic link)"* ]]
	refused 'symbolic link' /tmp/passt_1.socket
	refute grep connect "$EVENTS"
	qrap --socket /tmp/mine/link.socket 5 kvm
	[ "$status" = 0 ]
}

# vhost-user: an Ethernet frame would be the end of such a passt.

@test "vhost-user: recognised, and nothing is sent to it" {
	start_vhost_user 1=fake
	start_peers 2=fake
	QRAP_LOG=trace qrap 5 kvm
	connected_to 2
	[[ $stderr == *"Probe of /tmp/passt_1.socket failed: vhost-user"* ]]
	refused vhost-user /tmp/passt_1.socket
	refute grep data /tmp/vhost.log
}

@test "vhost-user: in the background, where the process that listened is gone" {
	start_vhost_user --background 1=fake
	start_peers 2=fake
	QRAP_LOG=trace qrap 5 kvm
	connected_to 2
	[[ $stderr == *"Probe of /tmp/passt_1.socket failed: vhost-user"* ]]
	refute grep data /tmp/vhost.log
	kill "$VHOST"
}

@test "vhost-user: a user cannot look into his own passt; only one that speaks first is none" {
	make_user
	PEERS_AS=("${AS_USER[@]}")
	start_vhost_user --background --hide 1=fake
	start_peers 2=first
	run "${AS_USER[@]}" "$USER_HOME/qrap" --log trace 5 true
	[ "$status" = 0 ]
	[[ $output == *"Probe of /tmp/passt_1.socket failed: vhost-user"*"Connected to /tmp/passt_2.socket"* ]]
	refute grep data /tmp/vhost.log
	refute grep data "$EVENTS"
	kill "$VHOST"
}

@test "vhost-user: a plain passt beside one is found at once" {
	make_user
	need passt
	PEERS_AS=("${AS_USER[@]}")
	start_vhost_user --hide 1=fake
	"${AS_USER[@]}" passt --quiet --pid /tmp/pid --socket /tmp/passt_2.socket 2>/dev/null 3>&- 4>&-
	run "${AS_USER[@]}" "$USER_HOME/qrap" --log trace 5 true
	[ "$status" = 0 ]
	[[ $output == *"Connected to /tmp/passt_2.socket"* ]]
	kill "$(</tmp/pid)"
}
