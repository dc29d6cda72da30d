#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# --list: what is known of the passt sockets of this host, without a connection to any.

load common
load peers

setup() {
	export QRAP_GUARD=off
}

# The list's line of socket N, with single blanks.
line() {
	grep "^/tmp/passt_$1.socket " <<<"$output" | tr -s ' '
}

# field N NAME: a member of the object of socket N in the JSON list
field() {
	/usr/bin/python3 -c 'if True:
		import json, sys
		rows = [row for row in json.loads(sys.argv[1]) if row["path"] == sys.argv[2]]
		assert len(rows) == 1, rows
		assert list(rows[0]) == ["path", "state", "pid", "user", "age", "client"], rows
		print(json.dumps(rows[0][sys.argv[3]]))' "$output" "/tmp/passt_$1.socket" "$2"
}

@test "nothing there: only the heading, an empty array, status 1" {
	qrap --list
	[ "$status" = 1 ]
	[[ $output == PATH*STATE*PID*USER*AGE*CLIENT ]]
	[ -z "$stderr" ]
	qrap --list=json
	[ "$status" = 1 ]
	[ "$output" = '[]' ]
}

@test "free and in use: pid and user of the passt, its client" {
	need passt python3
	need_root
	start_passt /tmp/passt_1.socket
	start_passt /tmp/passt_12.socket
	qrap --list
	[ "$status" = 0 ]
	[[ $(line 12) == "/tmp/passt_12.socket free $PASST nobody "[0-9]*"s -" ]]

	start client "$QRAP" --socket /tmp/passt_12.socket 5 sleep 1000
	wait_for 5 has /tmp/client.log Connected
	qrap --list
	[ "$status" = 0 ]
	[[ $(line 1) == *" free "* ]]
	[[ $(line 12) == "/tmp/passt_12.socket in-use $PASST nobody "*" $PID (sleep)" ]]
	qrap --list=json
	[ "$status" = 0 ]
	[ "$(field 12 state)" = '"in-use"' ]
	[ "$(field 12 pid)" = "$PASST" ]
	[ "$(field 12 user)" = '"nobody"' ]
	[ "$(field 12 client)" = "$PID" ]
	[ "$(field 12 age)" -le 10 ]
	[ "$(field 1 client)" = null ]
}

# The start has failed, and a program of it lives on: passt is in use until that ends.
@test "a program that has a spare of the connection and no more is named" {
	need passt
	need_root
	start_passt
	qrap --guard on 5 sh -c 'sleep 1000 5>&- >/dev/null 2>&1 & echo $!'
	STARTED+=("$output")
	keeper=$output
	qrap --list
	[ "$status" = 1 ]
	[[ $(line 1) == *" in-use $PASST "*" $keeper (sleep), with a spare only" ]]
	qrap --list=json
	[ "$(field 1 client)" = "$keeper" ]
}

# Any user of the host chooses what his programs are called. Of the same kind: paths and names in messages, in
# the log and in reports.
@test "a client's name drives no terminal" {
	need passt python3
	need_root
	start_passt /tmp/passt_12.socket
	start client /usr/bin/python3 -c 'if True:
		import ctypes, socket, time
		ctypes.CDLL(None).prctl(15, b"\x1b[31m\xc2\x9b2J", 0, 0, 0)
		s = socket.socket(socket.AF_UNIX)
		s.connect("/tmp/passt_12.socket")
		print("connected", flush=True)
		time.sleep(1000)'
	wait_for 5 has "$WORK/client.log" connected
	qrap --list
	[[ $output == *'/tmp/passt_12.socket'*' (?[31m??2J)' ]]
	refute env LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]' <<<"$output"
}

@test "a passt in the background" {
	need passt
	need_root
	passt --quiet --pid /tmp/pid 2>/dev/null 3>&- 4>&-
	qrap --list
	[ "$status" = 0 ]
	[[ $(line 1) == "/tmp/passt_1.socket free $(</tmp/pid) nobody "* ]]
	kill "$(</tmp/pid)"
}

@test "stale, in use, not trusted, vhost-user; none is free: status 1, and nobody was connected to" {
	need_root
	need python3
	start_peers 1=stale 2=busy
	start_vhost_user 3=fake
	start other "${ANOTHER_USER[@]}" "$BUILD/tests/peers" 4=fake
	wait_for 5 has /tmp/other.log ready
	touch /tmp/passt_5.socket
	ln -s passt_3.socket /tmp/passt_6.socket
	qrap --list=json
	[ "$status" = 1 ]
	[ "$(field 1 state) $(field 1 pid) $(field 1 age)" = '"stale" null null' ]
	[ "$(field 2 state) $(field 2 pid) $(field 2 client)" = "\"in-use\" $PEERS $PEERS" ]
	[ "$(field 3 state)" = '"vhost-user"' ]
	[ "$(field 4 state) $(field 4 user)" = '"not-trusted" "4711"' ]
	[ "$(field 6 state)" = '"not-trusted"' ]
	refute grep passt_5 <<<"$output"
	refute grep -E '^[0-9]+ connect' /tmp/*.log
	qrap --list --trust 4711
	[ "$status" = 0 ]
	[[ $(line 4) == *" free "* ]]
}

@test "a passt that waits for its only client goes on waiting" {
	need passt
	start_passt /tmp/passt_1.socket --one-off
	qrap --list
	qrap --list=json
	[ "$status" = 0 ]
	wait_for 1 listens /tmp/passt_1.socket
	refute ended "$PASST"
	qrap 5 true
	[ "$status" = 0 ]
	wait_for 2 ended "$PASST"
}

@test "a user: his own passt, which hides what it holds, and one that he may not connect to" {
	need passt
	make_user
	"${AS_USER[@]}" passt --quiet --pid /tmp/pid --socket /tmp/passt_7.socket 2>/dev/null 3>&- 4>&-
	start_peers 1=fake
	chmod 755 /tmp/passt_1.socket
	run "${AS_USER[@]}" "$USER_HOME/qrap" --list
	[ "$status" = 0 ]
	[[ $(line 7) == "/tmp/passt_7.socket free $(</tmp/pid) 4711 "* ]]
	[[ $(line 1) == "/tmp/passt_1.socket not-trusted "*" root "* ]]
	kill "$(</tmp/pid)"
}

@test "a user: of two passt with the paths that they picked, none is taken for the other" {
	need passt
	make_user
	"${AS_USER[@]}" passt --quiet --pid /tmp/pid1 2>/dev/null 3>&- 4>&-
	run "${AS_USER[@]}" "$USER_HOME/qrap" --list
	[[ $(line 1) == "/tmp/passt_1.socket free $(</tmp/pid1) "* ]]
	"${AS_USER[@]}" passt --quiet --pid /tmp/pid2 2>/dev/null 3>&- 4>&-
	run "${AS_USER[@]}" "$USER_HOME/qrap" --list
	[[ $(line 1) == "/tmp/passt_1.socket free "@(-|"$(</tmp/pid1)")" "* ]]
	[[ $(line 2) == "/tmp/passt_2.socket free "@(-|"$(</tmp/pid2)")" "* ]]
	kill "$(</tmp/pid1)" "$(</tmp/pid2)"
}

@test "with --socket, that one only" {
	need python3
	PEERS_AS=(env 'PEERS_PATH=/tmp/"quoted"%.socket')
	start_peers 1=fake
	ln -s '"quoted"1.socket' /tmp/passt_1.socket
	qrap --list=json --socket '/tmp/"quoted"1.socket'
	[ "$status" = 0 ]
	/usr/bin/python3 -c 'import json, sys
[row] = json.loads(sys.argv[1])
assert row["path"] == "/tmp/\"quoted\"1.socket" and row["state"] == "free", row' "$output"
	qrap --list --socket /tmp/nowhere
	[ "$status" = 1 ]
}

@test "the same path in another mount namespace, or a socket whose file is gone, is another one" {
	start_elsewhere
	start gone "$BUILD/tests/peers" 2=busy
	wait_for 5 has /tmp/gone.log ready
	rm /tmp/passt_2.socket
	start_peers 1=stale 2=fake
	qrap --list
	[ "$status" = 0 ]
	[[ $(line 1) == *" stale - "* ]]
	[[ $(line 2) == *" free $PEERS "* ]]
}

@test "no room for the list: status 125" {
	run bash -c '"$1" --list >/dev/full' bash "$QRAP"
	[ "$status" = 125 ]
}

@test "a private passt: its VM and its ports; it counts for nothing" {
	need passt python3
	start vm "$QRAP" --publish 2222:22,53/udp --publish '[::1]:2223:23' 5 sleep 1000
	VM=$PID
	wait_for 10 has /tmp/vm.log Started
	[[ $(</tmp/vm.log) =~ 127.0.0.1:([0-9]+)' -> guest 53/udp' ]]
	qrap --list
	[ "$status" = 1 ]
	[[ $(tail -n 1 <<<"$output" | tr -s ' ') =~ ^'- private '([0-9]+)' nobody '[0-9]+'s '$VM' (sleep), 127.0.0.1:2222 -> guest 22, 127.0.0.1:'${BASH_REMATCH[1]}' -> guest 53/udp, [::1]:2223 -> guest 23'$ ]]
	[ "$(<"/proc/${BASH_REMATCH[1]}/comm")" = passt ] || [[ $(<"/proc/${BASH_REMATCH[1]}/comm") == passt.* ]]
	start_passt
	qrap --list=json
	[ "$status" = 0 ]
	/usr/bin/python3 -c 'if True:
		import json, sys
		free, private = json.loads(sys.argv[1])
		assert free["state"] == "free" and "ports" not in free
		assert private["state"] == "private" and private["path"] is None
		assert private["client"] == int(sys.argv[2])
		assert private["ports"][0] == "127.0.0.1:2222 -> guest 22" and len(private["ports"]) == 3' "$output" "$VM"
	# With --socket only that one.
	qrap --list --socket /tmp/passt_1.socket
	[[ $output != *private* ]]
	end_all
	wait_for 3 no_private
}

no_private() {
	qrap --list
	[[ $output != *private* ]]
}
