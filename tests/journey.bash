# shellcheck shell=bash disable=SC2154 # status and output are set by run
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the log of a run is like, and what --report makes of it: `load journey`, after online.

# All names of events, one a line: those of the manual.
event_names() {
	sed -n '/^Events:/,/^\.El/s/^\.It Cm \([a-z-]*\)$/\1/p' "$TOP/man/qrap.1"
}

# Every line of the log is one event of ours, whole, with all that every event has.
assert_sound_log() {
	local events

	events=$(event_names | paste -sd '|')
	if grep -avE "^\{\"v\":1,\"ts\":[0-9]+\.[0-9]{6},\"run\":\"[0-9a-f]{16}\",\"pid\":[0-9]+,\"level\":\"(info|warning|error)\",\"event\":\"($events)\",\"exe\":\"/[^\"]*\",.*\"msg\":\"([^\"\\]|\\\\.)*\"\}\$" "$LOG"; then
		echo 'not as every line of the log is'
		return 1
	fi
	[ "$(grep -aoE '"run":"[0-9a-f]*"' "$LOG" | sort -u | wc -l)" = 1 ]
}

# assert_verdict STATUS VERDICT [CULPRIT]: what the report of the log ends with; CULPRIT is a basic
# regular expression
assert_verdict() {
	run "$QRAP" --report "$LOG"
	if [ "$status" != "$1" ] || ! tail -n "$(($# - 1))" <<<"$output" | head -n 1 | grep -qx "verdict: $2" ||
		{ [ $# = 3 ] && ! tail -n 1 <<<"$output" | grep -qx "culprit: $3"; }; then
		echo "not status $1, verdict: $2${3:+, culprit: $3}:"
		echo "status $status: $output"
		return 1
	fi
}

# An unseen loss: log and report name the same two programs, and what would see it.
assert_unseen() {
	local strace="strace -f -y -o trace.txt -e 'trace=/^(exec|close|dup|fcntl|ioctl)' qrap ..."
	local well name pid

	assert_verdict 1 mended 'unseen between .* and .*'
	if [[ $output == *'passt ended the connection'* ]]; then
		refute grep -aF 'lost unseen' "$LOG"
		return
	fi
	[[ $output == *$'\n'"  $strace"$'\n'* ]]
	assert_logged '"event":"restored"' "$(sed 's/[][\\.^$*]/\\&/g' <<<"$strace") shows who does it"
	well=$(sed -n 's/.*"event":"restored".*lost unseen between \([^;]*\), pid \([0-9]*\), and .*/\1 \2/p' "$LOG")
	read -r name pid <<<"$well"
	[ -n "$pid" ]
	[[ ${lines[-1]} == "culprit: unseen between "*"/$name (pid $pid) and "* ]]
}

# assert_reported CULPRIT CALL: the log is sound, its report names the one who did it; - for the call
# if CULPRIT is "unseen"; the call is a basic regular expression
assert_reported() {
	local culprit=$1 call=$2

	assert_sound_log
	if [ "$culprit" = unseen ]; then
		assert_unseen
		return
	fi
	assert_verdict 1 mended "/.*/$culprit (pid [0-9]*) $call"
	grep -q "^ *[0-9]*  /.*/$culprit .* by $call.*  <== lost here\$" <<<"$output"
	grep -q "^ *$call called at /.*+0x[0-9a-f]*.*, build-id [0-9a-f][0-9a-f]*\$" <<<"$output"
}
