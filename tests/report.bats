#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# --report: log files made here, so that every case is there; the last tests use real ones.

load common

RUN=00000000000000aa
LOG=/tmp/journal
CLOCK=1700000000

# event PID EVENT [MEMBERS]: appends a line to the log
event() {
	CLOCK=$((CLOCK + 1))
	echo "{\"v\":1,\"ts\":$CLOCK.5,\"run\":\"$RUN\",\"pid\":$1,\"level\":\"info\",\"event\":\"$2\"${3:+,$3},\"msg\":\"m\"}" >>$LOG
}

# hand_over PID
hand_over() {
	event "$1" connected '"socket":"/tmp/passt_1.socket"'
	event "$1" handed-over '"fd":5,"action":"guarded"'
}

# program PID PPID PATH FOUND [ACTION]
program() {
	event "$1" program "\"exe\":\"$3\",\"fd\":5,\"found\":\"$4\",\"action\":\"${5:-observes}\",\"ppid\":$2"
}

# claim PID
claim() {
	event "$1" claimed '"exe":"/qemu","fd":5'
	event "$1" released '"exe":"/qemu","fd":5'
}

report() {
	run "$QRAP" --report "${1:-$LOG}"
}

# verdict STATUS VERDICT [CULPRIT]: these are the last lines
verdict() {
	local last="verdict: $2${3:+$'\n'culprit: $3}"

	if [ "$status" != "$1" ] || [[ $output != *$'\n'"$last" ]]; then
		echo "not $last, $1: $status, $output"
		return 1
	fi
}

# The picture has a line with these words, in this order.
assert_hop() {
	local pattern=$1 word
	shift

	for word; do
		pattern+=".*$word"
	done
	for word in "${lines[@]}"; do
		[[ ! $word =~ ^\ *$pattern ]] || return 0
	done
	echo "no line $pattern in: $output"
	return 1
}

@test "intact" {
	hand_over 10
	program 10 1 /bin/sh intact
	program 10 1 /qemu intact mends
	claim 10
	event 10 first-frame '"exe":"/qemu"'
	event 10 owner-closed '"exe":"/qemu","call":"close"'
	report
	verdict 0 intact
	[[ ${lines[0]} == "run $RUN, "*": descriptor 5, passt at /tmp/passt_1.socket" ]]
	assert_hop 10 qrap 'connected -> handed over, guarded$'
	assert_hop 10 /bin/sh 'intact$'
	assert_hop 10 /qemu 'intact -> claimed -> in use -> first frame -> closed by its owner$'
}

@test "closed by a wrapper, restored from the spare" {
	hand_over 10
	program 10 1 /bin/sh intact
	event 10 closed '"exe":"/bin/sh","fd":5,"call":"close"'
	program 10 1 /qemu nothing mends
	event 10 lost '"exe":"/qemu","fd":5,"found":"nothing"'
	event 10 restored '"exe":"/qemu","fd":5,"found":"nothing","action":"the spare"'
	claim 10
	report
	verdict 1 mended '/bin/sh (pid 10) close'
	assert_hop 10 /bin/sh 'closed by close' '<== lost here$'
	assert_hop 10 /qemu 'nothing -> restored from the spare -> claimed -> in use$'
}

@test "put back at once" {
	hand_over 10
	program 10 1 /bin/sh intact mends
	event 10 closed '"exe":"/bin/sh","fd":5,"call":"close","action":"put-back"'
	program 10 1 /qemu intact mends
	claim 10
	report
	verdict 1 mended '/bin/sh (pid 10) close'
	assert_hop 10 /bin/sh 'closed by close, put-back' '<== lost here$'
}

@test "overwritten, and marked close-on-exec" {
	hand_over 10
	program 10 1 /bin/sh intact
	event 10 overwritten '"exe":"/bin/sh","fd":5,"call":"dup2"'
	program 10 1 /qemu 'a file' mends
	event 10 lost '"exe":"/qemu","found":"a file"'
	event 10 restored '"exe":"/qemu","action":"the spare"'
	report
	verdict 1 mended '/bin/sh (pid 10) dup2'
	rm $LOG
	hand_over 10
	program 10 1 /bin/sh intact
	event 10 cloexec '"exe":"/bin/sh","fd":5,"call":"fcntl"'
	program 10 1 /qemu nothing mends
	event 10 lost '"exe":"/qemu","found":"nothing"'
	event 10 restored '"exe":"/qemu","action":"the same passt"'
	report
	verdict 1 mended '/bin/sh (pid 10) fcntl'
	assert_hop 10 /qemu 'restored from the same passt'
}

@test "lost: no spare, no passt" {
	hand_over 10
	program 10 1 /bin/sh intact
	event 10 closed '"exe":"/bin/sh","fd":5,"call":"close_range"'
	program 10 1 /qemu nothing mends
	event 10 lost '"exe":"/qemu","found":"nothing","errno":111'
	report
	verdict 2 lost '/bin/sh (pid 10) close_range'
	assert_hop 10 /qemu 'nothing -> lost \(Connection refused\)$'
}

@test "lost: somebody else's connection was left there" {
	hand_over 10
	program 10 1 /bin/sh intact
	event 10 overwritten '"exe":"/bin/sh","fd":5,"call":"dup2"'
	program 10 1 /qemu 'a stream socket' mends
	event 10 found-instead '"exe":"/qemu","found":"a stream socket","action":"left"'
	report
	verdict 2 lost '/bin/sh (pid 10) dup2'
}

@test "lost before a QEMU that nobody saw" {
	hand_over 10
	program 10 1 /bin/sh intact
	event 10 closed '"exe":"/bin/sh","fd":5,"call":"close"'
	report
	verdict 2 lost '/bin/sh (pid 10) close'
}

@test "unseen: between the last where it was well and the first where it was not" {
	hand_over 10
	program 10 1 /bin/first intact
	program 10 1 /bin/second intact
	program 10 1 /bin/third nothing
	program 10 1 /qemu nothing mends
	event 10 lost '"exe":"/qemu","found":"nothing"'
	event 10 restored '"exe":"/qemu","action":"the spare"'
	report
	verdict 1 mended 'unseen between /bin/second (pid 10) and /bin/third (pid 10)'
	[[ $output == *"strace -f -y -o trace.txt -e 'trace="* ]]
	assert_hop '\?' 'lost here'
}

@test "unseen right after the hand-over, and inside of QEMU" {
	hand_over 10
	program 10 1 /qemu nothing mends
	event 10 lost '"exe":"/qemu","found":"nothing","errno":2'
	report
	verdict 2 lost 'unseen between qrap (pid 10) and /qemu (pid 10)'
	rm $LOG
	hand_over 10
	program 10 1 /qemu intact mends
	event 10 lost '"exe":"/qemu","found":"nothing"'
	event 10 restored '"exe":"/qemu","action":"the spare"'
	report
	verdict 1 mended 'unseen between the start of /qemu (pid 10) and its main'
}

@test "passt ended the connection" {
	hand_over 10
	program 10 1 /qemu 'a connection that passt has ended' mends
	event 10 lost '"exe":"/qemu","found":"a connection that passt has ended"'
	event 10 restored '"exe":"/qemu","found":"a connection that passt has ended","action":"the same passt"'
	claim 10
	report
	verdict 1 mended 'unseen between qrap (pid 10) and /qemu (pid 10)'
	[[ $output == *'passt ended the connection'* ]]
	[[ $output != *strace* ]]
	assert_hop '\?' passt 'lost here'
}

@test "closed in a child between fork and exec" {
	hand_over 10
	program 10 1 /bin/python intact
	event 11 closed '"exe":"/bin/python","fd":5,"call":"close_range"'
	program 11 10 /qemu nothing mends
	event 11 lost '"exe":"/qemu","found":"nothing"'
	event 11 restored '"exe":"/qemu","action":"the spare"'
	claim 11
	report
	verdict 1 mended '/bin/python (pid 11) close_range'
	assert_hop 11 /bin/python 'forked -> closed by close_range' 'lost here'
}

@test "closed for a child by its parent: posix_spawn" {
	hand_over 10
	program 10 1 /bin/spawner intact
	event 10 closed '"exe":"/bin/spawner","fd":5,"call":"posix_spawn_file_actions_addclose"'
	program 11 10 /qemu nothing mends
	event 11 lost '"exe":"/qemu","found":"nothing"'
	event 11 restored '"exe":"/qemu","action":"the spare"'
	report
	verdict 1 mended '/bin/spawner (pid 10) posix_spawn_file_actions_addclose'
}

@test "what a helper of a wrapper does is a branch" {
	hand_over 10
	program 10 1 /bin/sh intact
	event 11 closed '"exe":"/bin/sh","fd":5,"call":"close"'
	program 11 10 /bin/swtpm nothing
	program 10 1 /qemu intact mends
	claim 10
	program 12 10 /bin/late nothing
	report
	verdict 0 intact
	[[ $output != *"lost here"* ]]
}

@test "a parent that closes its own copy after the fork" {
	hand_over 10
	program 10 1 /bin/sh intact
	program 11 10 /qemu intact mends
	event 10 closed '"exe":"/bin/sh","fd":5,"call":"close"'
	claim 11
	report
	verdict 0 intact
}

@test "a QEMU that goes into the background claims in its grandchild" {
	hand_over 10
	program 10 1 /qemu nothing mends
	event 10 lost '"exe":"/qemu","found":"nothing"'
	event 10 restored '"exe":"/qemu","action":"the spare"'
	claim 12
	report
	verdict 1 mended 'unseen between qrap (pid 10) and /qemu (pid 10)'
	assert_hop 12 /qemu 'claimed -> in use'
}

@test "of several losses the last one counts" {
	hand_over 10
	program 10 1 /bin/a intact mends
	event 10 closed '"exe":"/bin/a","call":"close","action":"put-back"'
	event 10 overwritten '"exe":"/bin/a","call":"dup3"'
	program 10 1 /bin/b 'a pipe' mends
	event 10 lost '"exe":"/bin/b","found":"a pipe"'
	event 10 restored '"exe":"/bin/b","action":"the spare"'
	event 10 closed '"exe":"/bin/b","call":"closefrom"'
	program 10 1 /qemu nothing mends
	event 10 lost '"exe":"/qemu","found":"nothing"'
	event 10 restored '"exe":"/qemu","action":"the spare"'
	claim 10
	report
	verdict 1 mended '/bin/b (pid 10) closefrom'
	assert_hop 10 /bin/a 'closed by close, put-back -> overwritten by dup3' 'lost here'
}

@test "nothing was seen after the hand-over" {
	event 10 connected '"socket":"/s"'
	event 10 preload-skipped '"found":"/qemu is static"'
	event 10 handed-over '"fd":5,"action":"not guarded"'
	report
	verdict 3 unknown
	[[ $output == *'Nothing was seen after qrap (pid 10): QEMU did not start, or not with the shim ('* ]]
	assert_hop 10 qrap 'connected -> no shim \(/qemu is static\) -> handed over, not guarded'
}

# hand_over_to PID COMMAND QEMU
hand_over_to() {
	event "$1" connected '"exe":"/bin/qrap","socket":"/tmp/passt_1.socket"'
	event "$1" handed-over "\"exe\":\"/bin/qrap\",\"fd\":5,\"action\":\"guarded\",\"command\":\"$2\",\"qemu\":\"$3\""
}

@test "the QEMU that was to run was never seen" {
	hand_over_to 10 /bin/sh /usr/bin/qemu-kvm
	program 10 1 /bin/sh intact
	program 11 10 /bin/cat intact
	report
	verdict 3 unknown
	[[ $output == *'after /bin/sh (pid 10): /usr/bin/qemu-kvm did not start'* ]]
	[[ $output == *"strace -f -y -o trace.txt -e 'trace="* ]]
	assert_hop '\?' /usr/bin/qemu-kvm 'not seen$'
	[[ $output != *'lost here'* ]]

	# Who was seen to lose it is to blame all the same.
	event 10 closed '"exe":"/bin/sh","fd":5,"call":"closefrom"'
	program 10 1 /usr/bin/sudo nothing
	report
	verdict 2 lost '/bin/sh (pid 10) closefrom'

	rm $LOG
	hand_over_to 10 /bin/static /usr/bin/qemu-kvm
	report
	verdict 3 unknown
	[[ $output == *'after /bin/qrap (pid 10): /usr/bin/qemu-kvm did not start'* ]]
	assert_hop '\?' /bin/static 'not seen$'

	# Debian's qemu-system-i386 is a script; a link has another name.
	rm $LOG
	hand_over_to 10 /bin/sh /usr/bin/qemu-system-i386
	program 10 1 /bin/sh intact
	program 10 1 /usr/libexec/qemu-system-i386 intact mends
	claim 10
	report
	verdict 0 intact
}

@test "never intact where nobody has taken it" {
	hand_over_to 10 /bin/false
	program 10 1 /bin/false intact
	report
	verdict 3 unknown
	event 10 ended '"exe":"/bin/false","status":1'
	report
	verdict 3 unknown
	assert_hop 10 /bin/false 'intact -> ended with status 1$'
	[[ $output == *$'\n'"/bin/false (pid 10) failed with status 1"$'\n'* ]]
	[[ $output != *strace* ]]

	# A helper that only looked at it, and a QEMU that was seen and did not take it.
	rm $LOG
	hand_over 10
	program 10 1 /bin/sh intact
	program 11 10 /usr/bin/qemu-system-x86_64 intact mends
	report
	verdict 3 unknown
	[[ $output == *$'\n'"/usr/bin/qemu-system-x86_64 (pid 11) had the descriptor when it started, and did not take it"$'\n'* ]]
}

@test "lost in a fork of which nothing was seen later" {
	# sudo: a child of a child, whose parent says nothing.
	hand_over_to 10 /bin/sh /usr/bin/qemu-kvm
	program 10 1 /bin/sh intact
	program 11 10 /usr/bin/sudo intact
	event 13 closed '"exe":"/usr/bin/sudo","fd":5,"call":"close","ppid":12'
	report
	verdict 2 lost '/usr/bin/sudo (pid 13) close'
	assert_hop 13 /usr/bin/sudo 'forked -> closed by close' 'lost here$'
	[[ $output != *strace* ]]

	# Put back for a program that does not load the shim.
	cp $LOG before
	event 13 restored '"exe":"/usr/bin/sudo","fd":5,"found":"nothing","action":"the spare"'
	report
	verdict 3 unknown
	[[ $output == *'Nothing was seen after /usr/bin/sudo (pid 13): '* ]]
	mv before $LOG

	# It executed a helper: then it is no way to QEMU, as far as is known.
	program 13 12 /bin/swtpm nothing
	report
	verdict 3 unknown
	[[ $output != *'lost here'* ]]
}

@test "what a process does while it has children is not done to them" {
	# bwrap: the monitor and its child close their copies, and wait.
	hand_over_to 10 /usr/bin/bwrap /usr/bin/qemu-kvm
	program 10 1 /usr/bin/bwrap intact
	event 10 closed '"exe":"/usr/bin/bwrap","fd":5,"call":"close","children":1'
	event 11 closed '"exe":"/usr/bin/bwrap","fd":5,"call":"close","ppid":10,"children":1'
	report
	verdict 3 unknown
	[[ $output != *'lost here'* ]]

	# ... and put them back: that was no help to QEMU.
	rm $LOG
	hand_over 10
	program 10 1 /usr/bin/bwrap intact mends
	event 10 closed '"exe":"/usr/bin/bwrap","fd":5,"call":"close","children":1,"action":"put-back"'
	program 12 10 /qemu intact mends
	claim 12
	report
	verdict 0 intact

	# The next program of the same process, and a child that was made later, have the damage.
	rm $LOG
	hand_over 10
	program 10 1 /bin/sh intact
	event 10 closed '"exe":"/bin/sh","fd":5,"call":"close","children":1'
	cp $LOG begin
	program 10 1 /bin/env nothing
	report
	verdict 2 lost '/bin/sh (pid 10) close'
	mv begin $LOG
	program 11 10 /qemu nothing mends
	event 11 lost '"exe":"/qemu","found":"nothing"'
	event 11 restored '"exe":"/qemu","found":"nothing","action":"the spare"'
	claim 11
	report
	verdict 1 mended '/bin/sh (pid 10) close'
}

@test "an environment without the shim: what was done about it" {
	hand_over_to 10 /bin/sh /usr/bin/qemu-kvm
	program 10 1 /usr/bin/env intact
	event 10 environment '"exe":"/usr/bin/env","call":"execvp","command":"./vm","action":"added"'
	event 10 environment '"exe":"/usr/bin/env","call":"execvp","command":"./vm","action":"left","reason":"its words name nothing"'
	report
	verdict 3 unknown
	assert_hop 10 /usr/bin/env 'intact -> environment without the shim, added -> environment without the shim, left: its words name nothing$'
}

@test "put back in a program that has no use for it: ssh" {
	hand_over 10
	program 10 1 /usr/bin/ssh intact mends
	event 10 closed '"exe":"/usr/bin/ssh","fd":5,"call":"closefrom","action":"put-back"'
	report
	verdict 3 unknown
}

@test "lost in the launcher's own process, put back in its child for what that executes: not lost" {
	hand_over 10
	program 10 1 /bin/sh intact
	event 10 closed '"exe":"/bin/sh","fd":5,"call":"close"'
	program 10 1 /usr/bin/bwrap nothing
	event 11 restored '"exe":"/usr/bin/bwrap","fd":5,"ppid":10,"action":"the spare"'
	report
	verdict 3 unknown
}

@test "the launcher's own process comes first, then its descendants by their parents" {
	# A helper that was given QEMU's arguments, and has ended.
	hand_over_to 10 /bin/sh /usr/bin/qemu-kvm
	program 10 1 /bin/sh intact
	program 11 10 /usr/bin/python3 intact mends
	program 10 1 /usr/bin/env intact
	report
	verdict 3 unknown
	[[ $output == *'Nothing was seen after /usr/bin/env (pid 10): /usr/bin/qemu-kvm did not start'* ]]
	program 10 1 /bin/nice nothing
	report
	verdict 2 lost 'unseen between /usr/bin/env (pid 10) and /bin/nice (pid 10)'

	# Whose parent was not seen came from the launcher's process, and not from the last helper.
	rm $LOG
	hand_over 10
	program 10 1 /bin/wrapper intact
	program 11 10 /bin/cat intact
	program 13 12 /qemu nothing mends
	event 13 lost '"exe":"/qemu","found":"nothing"'
	event 13 restored '"exe":"/qemu","action":"the spare"'
	claim 13
	report
	verdict 1 mended 'unseen between /bin/wrapper (pid 10) and /qemu (pid 13)'
}

@test "qrap itself has failed" {
	event 10 failed '"exe":"/bin/qrap","reason":"no passt found","status":125'
	report
	verdict 3 unknown
	[[ ${lines[0]} == "run $RUN, "*": not connected" ]]
	assert_hop 10 /bin/qrap 'failed$'
	[[ $output == *$'\n'"qrap failed with status 125: no passt found"$'\n'* ]]
	[[ $output != *QEMU* ]]
}

# json [OPTION...]: the report as an object, with what varies from run to run left out
json() {
	run "$QRAP" --report $LOG --json "$@"
	[ "${#lines[@]}" = 1 ]
	output=$(/usr/bin/python3 -c 'import json, sys
print(json.dumps(json.loads(sys.stdin.buffer.read().decode("utf-8"))))' <<<"$output")
}

@test "for programs: one object, with the same verdict, culprit and status as the text" {
	hand_over_to 10 /bin/sh /usr/bin/qemu-kvm
	program 10 1 /bin/sh intact
	event 10 closed '"exe":"/bin/sh","fd":5,"call":"close","caller":{"module":"/bin/sh","offset":291}'
	program 11 10 /usr/bin/qemu-kvm nothing mends
	event 11 lost '"exe":"/usr/bin/qemu-kvm","found":"nothing","errno":111'
	echo '[1' >>$LOG
	json
	[ "$status" = 2 ]
	[ "$output" = '{"run": "00000000000000aa", "ts": 1700000001, "fd": 5, "socket": "/tmp/passt_1.socket",'\
' "qemu": "/usr/bin/qemu-kvm", "verdict": "lost",'\
' "culprit": {"program": "/bin/sh", "pid": 10, "call": "close", "module": "/bin/sh", "offset": 291},'\
' "hops": [{"program": "/bin/qrap", "pid": 10, "lost_here": false,'\
' "events": [{"event": "connected"}, {"event": "handed-over", "action": "guarded"}]},'\
' {"program": "/bin/sh", "pid": 10, "from_pid": 10, "found": "intact", "action": "observes", "lost_here": true,'\
' "events": [{"event": "closed", "call": "close", "module": "/bin/sh", "offset": 291}]},'\
' {"program": "/usr/bin/qemu-kvm", "pid": 11, "from_pid": 10, "found": "nothing", "action": "mends", "lost_here": false,'\
' "events": [{"event": "lost", "found": "nothing", "errno": 111}]}], "unread": 1}' ]

	rm $LOG
	hand_over 10
	program 10 1 /bin/sh intact
	program 10 1 /qemu nothing mends
	event 10 restored '"exe":"/qemu","found":"nothing","action":"the spare"'
	claim 10
	json
	[ "$status" = 1 ]
	[[ $output == *'"verdict": "mended", "culprit": {"unseen_between": [{"program": "/bin/sh", "pid": 10}, {"program": "/qemu", "pid": 10}]}, "hops"'* ]]
}

@test "for programs: failures, passt's end, what is no text, and no run" {
	event 10 failed '"exe":"/bin/qrap","reason":"no \"passt\"\n","status":125'
	json
	[ "$status" = 3 ]
	[[ $output == *'"verdict": "unknown", "failed": {"program": "/bin/qrap", "pid": 10, "status": 125, "reason": "no \"passt\"\n"}'* ]]
	[[ $output != *'"fd"'* && $output != *culprit* ]]

	rm $LOG
	hand_over 10
	program 10 1 $'/q\xffemu' 'a connection that passt has ended' mends
	event 10 lost '"exe":"/qemu","found":"a connection that passt has ended","errno":2'
	json
	[ "$status" = 2 ]
	[[ $output == *'{"program": "/q\ufffdemu", "pid": 10}], "ended_by": "passt"}'* ]]

	: >$LOG
	run --separate-stderr "$QRAP" --report $LOG --json
	[ "$status" = 125 ]
	[ -z "$output" ]
	[[ $stderr == *'has no run of qrap'* ]]
}

@test "several runs in a file: by its name, each of them" {
	RUN=first hand_over 10
	RUN=second hand_over 20
	RUN=first program 10 1 /qemu intact mends
	RUN=second program 20 1 /bin/sh intact
	RUN=first claim 10
	run "$QRAP" --report $LOG --run first
	verdict 0 intact
	[[ ${lines[0]} == 'run first, '* ]]
	[[ $output != *' 20 '* ]]
	run "$QRAP" --run=second --report $LOG
	verdict 3 unknown
	[[ ${lines[0]} == 'run second, '* ]]
	json --run first
	[ "$status" = 0 ]
	[[ $output == '{"run": "first",'* ]]
	report
	[[ ${lines[0]} == 'run second, '* ]]
	run "$QRAP" --report $LOG --run fir
	[ "$status" = 125 ]
	[ "$output" = "qrap: $LOG has no run fir: 0 lines damaged, 0 of another program, 0 of another version" ]
}

@test "--json belongs to --report, --run to that, too" {
	run "$QRAP" --json -m 64
	[ "$status" = 125 ]
	[ "$output" = "qrap: --json: only with --report" ]
	run "$QRAP" --report $LOG --run
	[ "$status" = 125 ]
	[ "$output" = 'qrap: --run needs a value' ]
}

@test "a command that never said that it started has a name" {
	hand_over_to 10 /tmp/static /usr/bin/qemu-kvm
	program 10 1 /bin/sh nothing
	program 10 1 /usr/bin/qemu-kvm nothing mends
	event 10 lost '"exe":"/usr/bin/qemu-kvm","found":"nothing"'
	event 10 restored '"exe":"/usr/bin/qemu-kvm","action":"the spare"'
	report
	verdict 1 mended 'unseen between /bin/qrap (pid 10) and /bin/sh (pid 10)'
	assert_hop '\?' /tmp/static 'gone  <== lost here'
}

@test "the shim without the launcher" {
	program 10 1 /bin/sh intact
	event 10 closed '"exe":"/bin/sh","fd":5,"call":"close"'
	program 10 1 /qemu nothing mends
	event 10 lost '"exe":"/qemu","found":"nothing"'
	event 10 restored '"exe":"/qemu","action":"the spare"'
	report
	verdict 1 mended '/bin/sh (pid 10) close'
}

@test "a start without a network that comes later" {
	hand_over 10
	program 10 1 /bin/sh intact
	event 10 closed '"exe":"/bin/sh","fd":5,"call":"close"'
	program 10 1 /qemu nothing mends
	event 10 lost '"exe":"/qemu","found":"nothing","action":"link-down","errno":111'
	claim 10
	report
	verdict 2 lost '/bin/sh (pid 10) close'
	event 10 link-up '"exe":"/qemu"'
	report
	verdict 1 mended '/bin/sh (pid 10) close'
}

@test "a first connection that the shim made" {
	program 10 1 /bin/sh nothing
	program 10 1 /qemu nothing mends
	event 10 connected '"exe":"/qemu","socket":"/s"'
	claim 10
	report
	verdict 0 intact
	assert_hop 10 /qemu 'nothing -> connected -> claimed'
}

@test "loops over all descriptors are counted, and their place is said once" {
	hand_over 10
	program 10 1 /bin/sh intact mends
	for i in {1..5}; do
		event 10 closed '"exe":"/bin/sh","fd":5,"call":"close","action":"put-back","caller":{"module":"/x","offset":16}'
	done
	event 10 closed '"exe":"/bin/sh","call":"close","action":"gave-way"'
	program 10 1 /qemu intact mends
	report
	verdict 1 mended '/bin/sh (pid 10) close'
	assert_hop 10 /bin/sh 'intact -> closed by close, put-back \(5 times\) -> closed by close, gave-way'
	[ "$(grep -c 'close called at /x+0x10' <<<"$output")" = 1 ]
}

@test "links that go and come" {
	hand_over 10
	program 10 1 /qemu intact mends
	claim 10
	event 10 link-down '"exe":"/qemu"'
	event 10 link-up '"exe":"/qemu"'
	report
	verdict 0 intact
	assert_hop 10 /qemu 'in use -> link down -> link up$'
	for i in {1..20}; do
		event 10 link-down '"exe":"/qemu"'
		event 10 link-up '"exe":"/qemu"'
	done
	report
	assert_hop 10 /qemu 'link down -> link up -> 40 more times down or up$'
}

@test "the last run of a file is the one that began last" {
	RUN=first hand_over 10
	RUN=first program 10 1 /qemu nothing mends
	RUN=first event 10 lost '"exe":"/qemu","errno":2'
	RUN=second hand_over 20
	RUN=first event 10 claimed '"exe":"/qemu"'
	RUN=second program 20 1 /qemu intact mends
	RUN=second claim 20
	RUN=first event 10 released '"exe":"/qemu"'
	report
	verdict 0 intact
	[[ ${lines[0]} == 'run second, '* ]]
	[[ $output != *' 10 '* ]]
}

@test "what cannot be read is counted, the rest reported" {
	hand_over 10
	{
		echo 'no JSON'
		echo '{"v":1,"run":"x"'
		printf 'a\0b\n'
		head -c 70000 /dev/zero | tr '\0' x
		echo
		echo '{"timestamp":{"seconds":1},"event":"SHUTDOWN","data":{"guest":true}}'
		echo '{"v":1,"run":"x","pid":"10","event":"connected"}'
		echo '[1,2]'
		echo '{"v":2,"ts":1.0,"run":"y","pid":10,"event":"connected","msg":"m"}'
		echo
	} >>$LOG
	program 10 1 /qemu intact mends
	claim 10
	printf '{"v":1,"ts":1,"run":"%s","pid":10,"eve' $RUN >>$LOG
	report
	verdict 0 intact
	[[ $output == *'9 lines not read: 6 damaged, 2 of another program, 1 of another version'* ]]
}

@test "a line without an end takes no memory" {
	run bash -c 'ulimit -v 100000; { head -c 300000000 /dev/zero | tr "\0" x; echo; } | "$0" --report /dev/stdin' "$QRAP"
	[ "$status" = 125 ]
	[[ $output == *'1 lines damaged'* ]]
}

@test "a line that was cut off on a full disk costs no other line" {
	hand_over 10
	program 10 1 /bin/sh intact
	event 10 closed '"exe":"/bin/sh","fd":5,"call":"close"'
	truncate -s -40 $LOG
	program 10 1 /qemu nothing mends
	event 10 lost '"exe":"/qemu","found":"nothing","errno":2'
	report
	verdict 2 lost 'unseen between /bin/sh (pid 10) and /qemu (pid 10)'
	[[ $output == *'1 lines not read: 1 damaged'* ]]
}

@test "members and events that are not known are ignored" {
	hand_over 10
	event 10 some-day '"exe":"/other","new":{"a":[1,"}",{}]},"flag":true,"none":null'
	program 10 1 /qemu intact mends
	claim 10
	report
	verdict 0 intact
	[[ $output != *'not read'* ]]
	[[ $output != */other* ]]
}

@test "every kind of event of the log is understood" {
	local kind

	for kind in connected handed-over program closed overwritten cloexec spare-moved lost \
		restored found-instead claimed released first-frame owner-closed preload-skipped \
		link-down link-up ended failed environment started published; do
		rm -f $LOG
		event 10 $kind
		report
		[ "$status" -le 3 ]
		[[ $output == "run $RUN"* ]] || { echo "$kind: $output"; return 1; }
	done
}

@test "files without a run, and no files" {
	: >$LOG
	report
	[ "$status" = 125 ]
	[[ $output == "qrap: $LOG has no run"* ]]
	echo 'no JSON' >$LOG
	report
	[ "$status" = 125 ]
	[[ $output == *'1 lines damaged'* ]]
	report /no/such/file
	[ "$status" = 125 ]
	[[ $output == 'qrap: '*/no/such/file*'No such file'* ]]
	report /tmp
	[ "$status" = 125 ]
	[[ $output == 'qrap: '*'Is a directory'* ]]
	report /dev/zero
	[ "$status" = 125 ]
}

@test "damaged at any place: what can be read is reported" {
	hand_over 10
	program 10 1 /bin/sh intact
	event 10 closed '"exe":"/bin/sh","fd":5,"call":"close","caller":{"module":"/bin/sh","offset":5}'
	program 10 1 /qemu nothing mends
	event 10 lost '"exe":"/qemu","found":"nothing","errno":111'
	"$BUILD/tests/damage" $LOG 0 100000 7 7 0,1,2,3,125 "$QRAP" --report damaged
}

@test "a log file does not drive the terminal" {
	hand_over 10
	program 10 1 '/bin/\u001b[31mred\nverdict: intact' intact
	event 10 closed '"exe":"/bin/\u001b[31mred\nverdict: intact","call":"clo\u0007se"'
	report
	verdict 2 lost '/bin/?[31mred?verdict: intact (pid 10) clo?se'
}

@test "a pipe will do" {
	hand_over 10
	program 10 1 /qemu intact mends
	claim 10
	run bash -c "cat $LOG | '$QRAP' --report /dev/stdin"
	verdict 0 intact
}

# run_addr2line: $output is what the command in the report says
run_addr2line() {
	local command

	command=$(sed -n 's/^ *\(addr2line -f -e .* 0x[0-9a-f]*\)$/\1/p' <<<"$output")
	[ -n "$command" ]
	run sh -c "$command"
}

# closed_in MODULE OFFSET: a log of a loss there, and its report
closed_in() {
	rm -f $LOG
	hand_over 10
	program 10 1 /bin/sh intact
	event 10 closed "\"exe\":\"/bin/sh\",\"call\":\"close\",\"caller\":{\"module\":\"$1\",\"offset\":$2}"
	report
	verdict 2 lost '/bin/sh (pid 10) close'
}

@test "where: module, offset, build-id, and the command that finds the function" {
	need gcc addr2line
	cat >lib.c <<-'END'
		static __attribute__((noinline)) int inner(int x) { return x + 1; }
		int outer(int x) { return inner(x) + inner(x + 1); }
		int main(void) { return outer(1); }
	END
	# A library, a program at an address of its own, and one whose offsets are not its addresses.
	for flags in -shared -no-pie '-pie -Wl,-z,separate-code -Wl,--section-start=.text=0x20000'; do
		# shellcheck disable=SC2086
		gcc -g -O0 -fPIC -Wl,--build-id=0x1234abcd $flags -o module lib.c
		address=$((16#$(readelf -sW module | awk '$8 == "inner" { print $2 }')))
		read -r start offset < <(readelf -lW module | awk '$1 == "LOAD" && / R E / { print $3, $2 }' | tail -n 1)
		offset=$((address - start + offset + 4))
		closed_in "$PWD/module" "$offset"
		[[ $output == *"close called at $PWD/module+0x$(printf %x $offset), build-id 1234abcd"$'\n'* ]]
		run_addr2line
		[[ $output == inner$'\n'*lib.c:1* ]]
	done

	# What was stripped from it may be in a debugging file.
	need_root
	mkdir -p /usr/lib/debug
	mount -t tmpfs tmpfs /usr/lib/debug
	mkdir -p /usr/lib/debug/.build-id/12
	objcopy --only-keep-debug module /usr/lib/debug/.build-id/12/34abcd.debug
	strip module
	closed_in "$PWD/module" "$offset"
	run_addr2line
	[[ $output == inner$'\n'*lib.c:1* ]]

	closed_in "$PWD/gone.so" 4096
	[[ $output == *"close called at $PWD/gone.so+0x1000, which cannot be read now"$'\n'* ]]
	gcc -shared -fPIC -Wl,--build-id=none -o gone.so lib.c
	report
	[[ $output == *"close called at $PWD/gone.so+0x1000, no build-id"$'\n'* ]]
}

@test "a loss that is not on the way" {
	hand_over 10
	program 10 1 /bin/sh intact
	event 11 closed '"exe":"/bin/sh","fd":5,"call":"close"'
	program 11 10 /bin/swtpm nothing
	program 10 1 /qemu nothing mends
	event 10 lost '"exe":"/qemu","found":"nothing","culprit":{"program":"sh","pid":11,"call":"close"}'
	event 10 restored '"exe":"/qemu","found":"nothing","action":"the spare"'
	report
	verdict 1 mended 'unseen between /bin/sh (pid 10) and /qemu (pid 10)'
}

@test "the same program twice in one process" {
	hand_over 10
	program 10 1 /bin/sh intact
	program 10 1 /bin/sh nothing
	program 10 1 /qemu nothing mends
	event 10 lost '"exe":"/qemu","found":"nothing"'
	event 10 restored '"exe":"/qemu","action":"the spare"'
	report
	verdict 1 mended 'unseen between /bin/sh (pid 10) and /bin/sh (pid 10)'
}

@test "a place that is no place" {
	local module

	echo 'no ELF' >text
	for module in /dev/zero /tmp text /etc/shadow '' /proc/self/mem; do
		rm -f $LOG
		hand_over 10
		program 10 1 /bin/sh intact
		event 10 closed "\"exe\":\"/bin/sh\",\"call\":\"close\",\"caller\":{\"module\":\"$module\",\"offset\":18446744073709551615}"
		report
		verdict 2 lost '/bin/sh (pid 10) close'
	done
}

@test "a full disk or a closed stdout is no reason to crash" {
	hand_over 10
	program 10 1 /qemu intact mends
	run bash -c "'$QRAP' --report $LOG >/dev/full"
	[ "$status" -lt 126 ]
	run bash -c "'$QRAP' --report $LOG >&-"
	[ "$status" -lt 126 ]
}

# Real journeys, with a passt and a program that looks like QEMU; it does not claim, so what it finds
# at its start is what counts.
journey() {
	rm -f $LOG
	"$QRAP" --log-file $LOG --socket /tmp/passt.socket 5 "$@" </dev/null >/tmp/out 2>&1 3>&- 4>&-
	report
}

@test "real: the shell, Python, a raw call, and nobody" {
	need passt python3 perl
	[ -x "$BUILD/tests/fake_qemu" ] || skip 'no fake_qemu'
	start_passt /tmp/passt.socket
	qemu=("$BUILD/tests/fake_qemu" -netdev socket,fd=5,id=n)

	journey "${qemu[@]}"
	verdict 3 unknown
	assert_hop '[0-9]+' fake_qemu 'intact$'
	[[ $output == *'/fake_qemu (pid '*') had the descriptor when it started, and did not take it'* ]]

	journey sh -c 'exec 5>&-; exec "$@"' sh "${qemu[@]}"
	[ "$status" = 1 ]
	[[ $output == *$'\nverdict: mended\nculprit: /'*'sh (pid '*') close' ]]
	[[ $output == *'close called at /'* ]]

	cat >wrapper.py <<-'END'
		import subprocess, sys
		sys.exit(subprocess.call(sys.argv[1:]))
	END
	journey "$(command -v /usr/bin/python3)" wrapper.py "${qemu[@]}"
	[ "$status" = 1 ]
	[[ $output == *$'\nverdict: mended\nculprit: /usr/bin/python3'*' (pid '*') close'* ]]

	[ "$(uname -m)" = x86_64 ] || return 0
	journey perl -e 'syscall(3, 5); exec @ARGV' "${qemu[@]}"
	[ "$status" = 1 ]
	[[ $output == *$'\nverdict: mended\nculprit: unseen between /'*'perl (pid '*'fake_qemu (pid '* ]]
}
