#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The log of real runs: every event, on standard error and in the file; many programs at once; a real
# guest; disks that are full. What --report makes of made-up logs is in report.bats, of each way to
# lose the descriptor in lose-fd.bats.

load common
load online
load log

setup() {
	need qemu-system-x86_64 passt python3
	LOSE=$BUILD/tests/lose
	start_passt
	make_vm
}

# Each event of the log has its line in $output: the launcher's with "qrap: ", the shim's with the
# process, and the connection as scripts know it.
assert_traced() {
	printf '%s\n' "$output" >/tmp/said
	/usr/bin/python3 - "$LOG" <<-'END'
		import collections, json, sys
		text = open("/tmp/said").read()
		said = collections.Counter(text.split("\n"))
		for line in open(sys.argv[1]):
		    e = json.loads(line)
		    prefix = "qrap: " if e["exe"].endswith("/qrap") else f"qrap[{e['pid']}]: "
		    if e["event"] in ("started", "published") or (e["event"] == "connected" and not e.get("socket")):
		        continue  # one line for people, which has all of them
		    if e["event"] == "ready" and "Ready after " in text:
		        continue  # in seconds, for people
		    if e["event"] == "connected":
		        prefix = ""
		    said[prefix + e["msg"]] -= 1
		    if said[prefix + e["msg"]] < 0:
		        sys.exit("not on standard error: " + line)
	END
}

# events COMMAND...: what "online COMMAND" puts into the log and on standard error; adds to /tmp/events
events() {
	rm -f "$LOG"
	online "$@"
	add_events
}

# What the log has is what $output has; adds its events to /tmp/events
add_events() {
	assert_sound_log
	assert_traced
	grep -ao '"event":"[a-z-]*"' "$LOG" | cut -d '"' -f 4 >>/tmp/events
}

TRACED=("$QRAP" --log trace --log-file "$LOG")

# bats test_tags=timeout:90
@test "every event of the manual: emitted, on standard error at trace, and in the file" {
	need perl
	cat >/tmp/mover <<-'END'
		locker=$("$BUILD/tests/handoff" store)
		eval "exec $locker</dev/null $locker<&-"
		exec "$@"
	END
	for way in setfd dup3 close; do
		events "${TRACED[@]}" "$FD" "$LOSE" $way "$FD" bash /tmp/mover "${QEMU[@]}"
		[ "$status" = 0 ]
	done

	events "${TRACED[@]}" "$FD" env -i PATH="$PATH" "${QEMU[@]}"
	[ "$status" = 0 ]

	# A connection of somebody else's.
	events "${TRACED[@]}" "$FD" perl -e 'use Socket; use POSIX; $^F = 9;
		socketpair(A, B, AF_UNIX, SOCK_STREAM, 0); dup2(fileno(A), 5); exec @ARGV' \
		"$BUILD/tests/fake_qemu" fd=5
	assert_logged '"event":"found-instead"' '"found":"another stream socket"'

	# A program that takes no shim.
	events "${TRACED[@]}" "$FD" "$BUILD/tests/lose_static"
	assert_logged '"event":"preload-skipped"' static

	# A passt that goes and comes back.
	cat >/tmp/then <<-END
		kill $PASST
		$BUILD/tests/await $LOG link-down
		passt --foreground --socket /tmp/passt_1.socket >/dev/null 2>&1 &
		$BUILD/tests/await $LOG link-up
		kill \$!
	END
	events --then 'sh /tmp/then' "${TRACED[@]}" "$FD" "${QEMU[@]}"

	# A passt of its own.
	events "${TRACED[@]}" --publish 22 "$FD" "${QEMU[@]}"
	[ "$status" = 0 ]
	grep -x 'Started passt for this VM: 127\.0\.0\.1:[0-9]* -> guest 22' <<<"$output"

	# A job, with a guest whose service answers. Its console is on standard output.
	need_guest
	guest "$(guest_script 'network; mkdir /www; httpd -f -p 22 -h /www')"
	rm "$LOG"
	run_apart as_from_a_shell "${TRACED[@]}" --publish 22 --ready tcp:22 --timeout 60 --run true \
		--qemu qemu-system-x86_64 -machine q35 "${GUEST[@]}"
	[ "$status" = 0 ]
	output=$stderr
	add_events

	# A command that fails, and qrap itself.
	events "${TRACED[@]}" --passt "$FD" false
	events "${TRACED[@]}" --socket /tmp/none "$FD" false
	assert_logged '"event":"failed"' '"reason":"/tmp/none: no such socket; .*","status":125'

	# Another descriptor, which is watched only.
	rm "$LOG"
	run "$QRAP" --log trace --log-file "$LOG" --watch 0 -- sh -c 'exec <&-; exec "$0" closed' "$BUILD/tests/lose_static" </dev/null
	assert_traced
	grep -ao '"event":"[a-z-]*"' "$LOG" | cut -d '"' -f 4 >>/tmp/events

	diff <(event_names | sort) <(sort -u /tmp/events)
}

@test "20 programs of one run at once: every line is whole, and in one file" {
	need perl
	cat >/tmp/mark <<-'END'
		open(F, "+<&=5") or die;
		fcntl(F, 2, 1) or die for 1 .. 100;
	END
	run as_from_a_shell "${TRACED[@]}" "$FD" sh -c 'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20
		do perl /tmp/mark & done; wait'
	[ "$status" = 0 ]
	assert_sound_log
	assert_traced
	[ "$(grep -c '"event":"program".*/perl"' "$LOG")" = 20 ]
	# Each pid as often as it did it, perl's own mark included.
	[ "$(grep '"event":"cloexec".*"call":"fcntl"' "$LOG" | grep -o '"pid":[0-9]*' | sort | uniq -c |
		awk '$1 >= 100' | wc -l)" = 20 ]
	refute grep -av '^qrap\|^Connected to ' <<<"$output"
}

@test "an unseen loss: the strace command that is named sees it" {
	need strace perl
	online "$QRAP" --log-file "$LOG" "$FD" "$LOSE" raw-close "$FD" /tmp/qemu-vm
	assert_unseen
	command=$(sed -n 's/^  \(strace .*\) qrap \.\.\.$/\1/p' <<<"$output")
	[ -n "$command" ]
	online bash -c "$command"' "$@"' bash "$QRAP" "$FD" "$LOSE" raw-close "$FD" /tmp/qemu-vm
	[ "$status" = 0 ]
	pid=$(sed -n 's/^\([0-9]*\) *execve("[^"]*\/lose".*/\1/p' trace.txt | head -n 1)
	sed -n '/execve("[^"]*\/lose"/,/execve("[^"]*qemu-vm"/p' trace.txt | grep "^$pid *close($FD<.*= 0\$"
}

@test "an unseen loss in a static program: both name it or its neighbours" {
	online "$QRAP" --log-file "$LOG" "$FD" "$BUILD/tests/lose_static" close "$FD" /tmp/qemu-vm
	assert_unseen
	grep -qE "^ +\?  $BUILD/tests/lose_static +gone  <== lost here\$" <<<"$output"
	[[ ${lines[-1]} == "culprit: unseen between $QRAP (pid "*") and "*"/"*"sh (pid "*")" ]]
	assert_logged '"event":"restored"' 'lost unseen between qrap, pid [0-9]*, and [a-z]*sh, pid [0-9]*;'
}

@test "LD_PRELOAD cleared on the way: it is back, and the log says where it went" {
	online "$QRAP" --log-file "$LOG" "$FD" env -u LD_PRELOAD "$LOSE" close_range "$FD" "${QEMU[@]}"
	[ "$status" = 0 ]
	assert_verdict 1 mended '/.*/lose (pid [0-9]*) close_range'
	assert_logged '"event":"environment"' '/env"' '"call":"execvp"' '"action":"added"' "\"command\":\"$LOSE\""
}

@test "statuses: intact, mended, lost, and a file without a run" {
	online "$QRAP" --log-file "$LOG" "$FD" "${QEMU[@]}"
	assert_verdict 0 intact
	online "$QRAP" --log-file "$LOG" "$FD" "$LOSE" close "$FD" /tmp/qemu-vm
	assert_verdict 1 mended '/.*/lose (pid [0-9]*) close'
	assert_logged '"event":"restored"' '"culprit":{"program":"lose","pid":[1-9][0-9]*,"call":"close"}'
	# The same file: the last run counts. No passt any more.
	cat >/tmp/killer <<-END
		kill $PASST
		"$BUILD/tests/await" not /proc/net/unix ' 00010000 .* /tmp/passt_1.socket'
		exec "\$@"
	END
	online "$QRAP" --reconnect off --log-file "$LOG" "$FD" sh /tmp/killer "$LOSE" close "$FD" /tmp/qemu-vm
	[ "$status" = 2 ]
	assert_verdict 2 lost '/.*/lose (pid [0-9]*) close'
	: >"$LOG"
	run "$QRAP" --report "$LOG"
	[ "$status" = 125 ]
}

# What is said in README.md: the wrapper, the command, the message and the report, with what is not
# the same twice left out.
same_each_time() {
	sed -E -e 's/ +/ /g; s/^ //' -e 's/pid [0-9]+/pid N/g; s/^[0-9]+ /N /; s/qrap\[[0-9]+\]/qrap[N]/' \
		-e 's/^run .*: descriptor/run: descriptor/' -e 's/python3\.[0-9]+/python3/g' \
		-e 's/\+0x[0-9a-f]+, build-id [0-9a-f]+/+0x/; s/(addr2line .* 0x)[0-9a-f]+/\1/' \
		-e "s| $QRAP | /usr/bin/qrap |"
}

# bats test_tags=timeout:180
@test "a real guest behind a Python wrapper: first frame, and from QEMU's message to the culprit, as in README" {
	need_guest
	[ -x /usr/bin/python3 ] || skip 'no /usr/bin/python3'
	start_http
	guest
	cat >/tmp/wrapper.py <<-'END'
		#!/usr/bin/env python3
		import subprocess, sys
		sys.exit(subprocess.call(sys.argv[1:]))
	END
	chmod +x /tmp/wrapper.py
	PATH=/usr/sbin:/usr/bin:/sbin:/bin
	command=(5 ./wrapper.py qemu-system-x86_64 -netdev socket,fd=5,id=n -device virtio-net-pci,netdev=n,romfile=
		-machine q35 "${GUEST[@]}")

	# 1. The symptom.
	boot "$QRAP" --guard off "${command[@]}"
	grep -E "^qemu-system-x86_64: -netdev socket,fd=5,id=n: can't get socket option SO_TYPE" <<<"$output"
	grep -qF "qemu-system-x86_64: -netdev socket,fd=5,id=n: can't get socket option SO_TYPE" "$TOP/README.md"

	# 2. The same with a log; the guest speaks before it can have fetched anything.
	start guest as_from_a_shell timeout --kill-after=2 40 "$QRAP" --log-file /tmp/j "${command[@]}"
	wait_for 30 has /tmp/j '"event":"first-frame"'
	spoken=$(date +%s%N)
	wait_for 30 has /tmp/guest.log "QRAP-GUEST page=$PAGE"
	wait_for 10 ended "$PID"
	first=$(sed -n 's/.*"ts":\([0-9]*\)\.\([0-9]*\),.*"event":"first-frame".*/\1\2000/p' /tmp/j)
	[ "$first" -lt "$spoken" ]
	[ "$(grep -ao '"event":"[a-z-]*"' /tmp/j | tail -n 3 | cut -d '"' -f 4 | paste -sd ' ')" = \
		'released first-frame owner-closed' ]

	# 3. The culprit.
	LOG=/tmp/j
	assert_verdict 1 mended '/usr/bin/python3[.0-9]* (pid [0-9]*) close_range'
	diff <(sed -n '/\$ qrap --report journey/,/^$/s/^    \([^$]\)/\1/p' "$TOP/README.md" | same_each_time) \
		<(same_each_time <<<"$output")
	diff <(grep '^    qrap\[' "$TOP/README.md" | same_each_time) \
		<(grep -a '^qrap\[' /tmp/guest.log | tr -d '\r' | same_each_time)
}

# Failures of qrap's own.

# failed STATUS REASON OPTION...: qrap ends with this status, and so says the log, which it has made
failed() {
	local status_wanted=$1 reason=$2
	shift 2

	rm -f "$LOG"
	run "-$status_wanted" as_from_a_shell "$QRAP" --log-file "$LOG" "$@"
	[ "$(stat -c %a "$LOG")" = 600 ]
	assert_sound_log
	assert_logged '"level":"error"' '"event":"failed"' "\"reason\":\"$reason.*\",\"status\":$status_wanted,"
	assert_verdict 3 unknown
	has_words "$output" "^qrap failed with status $status_wanted: $reason"
}

@test "qrap's own failures are in the log, with reason and status, also where nothing was started" {
	: >/tmp/no-program
	printf '#!/no/interpreter\n' >/tmp/half
	chmod +x /tmp/half
	failed 125 '/tmp/none: no such socket' --socket /tmp/none "$FD" "${QEMU[@]}"
	failed 125 "--passt: passt failed with status 1: " --passt='passt --bogus' "$FD" "${QEMU[@]}"
	failed 125 '--passt: a quote does not end' --passt "--passt='passt" "$FD" "${QEMU[@]}"
	failed 127 'no-such-qemu: no such command' "$FD" no-such-qemu
	failed 126 "Couldn't run /tmp/no-program: Permission denied" "$FD" /tmp/no-program
	# Only exec(2) tells: all else has been done.
	failed 127 "Couldn't run /tmp/half: No such file or directory" "$FD" /tmp/half
	assert_logged '"event":"handed-over"'
	end "$PASST"
	rm /tmp/passt_1.socket
	failed 125 'no passt found' --passt=off -m 64
	failed 125 "--wait: ." --wait x -m 64
	# A dry run and the options that answer something start nothing.
	rm "$LOG"
	run "$QRAP" --log-file "$LOG" --dry-run -m 64
	run "$QRAP" --log-file "$LOG" --list
	run "$QRAP" --log-file "$LOG" --check no-such-qemu
	[ ! -e "$LOG" ]
}

@test "a program that runs from memory has the name that it was called by" {
	cat >/tmp/memory.py <<-'END'
		import os, sys
		program = os.memfd_create("clone")
		os.write(program, open(sys.argv[1], "rb").read())
		os.execve(program, sys.argv[1:], os.environ)
	END
	online "$QRAP" --log-file "$LOG" "$FD" /usr/bin/python3 /tmp/memory.py "$LOSE" close "$FD" /tmp/qemu-vm
	[ "$status" = 0 ]
	assert_verdict 1 mended "$LOSE (pid [0-9]*) close"
	refute has_line "$LOG" '"exe":"/(memfd|")'
}

# Disks, links, standard error.

# full_disk: /tmp/small has not a byte left
full_disk() {
	need_root
	mkdir /tmp/small
	mount -t tmpfs -o size=16k tmpfs /tmp/small
}

# $output has this many lines of ours; there is no other warning than that about the log.
assert_log_warning() {
	[ "$(grep -c "^qrap: Couldn't write the log file " <<<"$output")" = 1 ]
	[ "$(grep -c '^qrap' <<<"$output")" = 1 ]
}

@test "a disk that is full from the start: QEMU runs, with a warning" {
	full_disk
	cat /dev/zero >/tmp/small/zeroes || true
	online "$QRAP" --log-file /tmp/small/log "$FD" "${QEMU[@]}"
	[ "$status" = 0 ]
	assert_log_warning
	[[ $output == *"file /tmp/small/log: No space left on device"* ]]
	run "$QRAP" --report /tmp/small/log
	[ "$status" = 125 ]
}

@test "a disk that gets full: QEMU runs, what is there is reported, the rest counted" {
	full_disk
	head -c 11000 /dev/zero >/tmp/small/zeroes
	# Pages of 4096 bytes: one for the log, which ends before QEMU starts.
	for ((i = 0; i < 20; i++)); do
		more+=("$LOSE" nothing "$FD")
	done
	online "$QRAP" --log-file /tmp/small/log "$FD" "$LOSE" close "$FD" "${more[@]}" /tmp/qemu-vm
	[ "$status" = 0 ]
	[ "$(stat -c %s /tmp/small/log)" = 4096 ]
	LOG=/tmp/small/log
	assert_verdict 2 lost '/.*/lose (pid [0-9]*) close'
	# Where a line happens to end with the page, there is no half one.
	[ -z "$(tail -c 1 "$LOG")" ] ||
		[[ $output == *'1 lines not read: 1 damaged, 0 of another program, 0 of another version'* ]]
	# There is room again: the next run is not hurt by the half line before it.
	rm /tmp/small/zeroes
	online "$QRAP" --log-file "$LOG" "$FD" "$LOSE" fclose "$FD" /tmp/qemu-vm
	[ "$status" = 0 ]
	assert_verdict 1 mended '/.*/lose (pid [0-9]*) fclose'
}

@test "a log file that is a link, a directory, not ours: QEMU runs, with a warning" {
	mkdir /tmp/directory
	ln -s /tmp/target /tmp/link
	for log in /tmp/link /tmp/directory /nowhere/log; do
		online "$QRAP" --log-file $log "$FD" "${QEMU[@]}"
		[ "$status" = 0 ]
		assert_log_warning
		[[ $output == *"Couldn't write the log file $log: "* ]]
	done
	[ ! -e /tmp/target ]
	# Quiet is quiet.
	online "$QRAP" --log quiet --log-file /tmp/link "$FD" "${QEMU[@]}"
	[ "$status" = 0 ]
	[[ $output != *qrap* ]]
}

@test "standard error is closed: nothing of ours in the file that comes onto its number" {
	online sh -c 'exec "$@" 2>&-' sh "${TRACED[@]}" "$FD" bash -c '
		exec 2>/tmp/data
		exec 5>&-
		exec 2>&-
		exec "$@"' bash /tmp/qemu-vm
	[ "$status" = 0 ]
	[ -e /tmp/data ]
	[ ! -s /tmp/data ]
	assert_verdict 1 mended '/.*/bash (pid [0-9]*) close'
}
