# shellcheck shell=bash disable=SC2154 # status and output are set by run
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the log of a run is like, and what --report makes of it: `load log`, after online.

# All names of events, one a line: those of the manual.
event_names() {
	sed -n '/^Events:/,/^\.El/s/^\.It Cm \([a-z-]*\)$/\1/p' "$TOP/man/qrap.1"
}

setup_file() {
	EVENT_NAMES=$(event_names | paste -sd '|')
	export EVENT_NAMES
}

# Every line of the log is one event of ours, whole, with all that every event has.
assert_sound_log() {
	local line begin run

	begin="^\{\"v\":1,\"ts\":[0-9]+\.[0-9]{6},\"run\":\"([0-9a-f]{16})\",\"pid\":[0-9]+,\"level\":\"(info|warning|error)\","
	begin+="\"event\":\"($EVENT_NAMES)\",\"exe\":\"/[^\"]*\",.*\"msg\":\"([^\"\\]|\\\\.)*\"\}\$"
	while IFS= read -r line || [ -n "$line" ]; do
		if ! [[ $line =~ $begin && ${run:=${BASH_REMATCH[1]}} == "${BASH_REMATCH[1]}" ]]; then
			echo "not as every line of the log is: $line"
			return 1
		fi
	done <"$LOG"
	[ -n "$run" ]
}

# assert_verdict STATUS VERDICT [CULPRIT]: what the report of the log ends with; CULPRIT is a basic
# regular expression
assert_verdict() {
	run "$QRAP" --report "$LOG"
	extended "${3:-}"
	if [ "$status" != "$1" ] || [ "${lines[$# == 3 ? -2 : -1]}" != "verdict: $2" ] ||
		{ [ $# = 3 ] && ! [[ ${lines[-1]} =~ ^culprit:\ $EXTENDED$ ]]; }; then
		echo "not status $1, verdict: $2${3:+, culprit: $3}:"
		echo "status $status: $output"
		return 1
	fi
}

# An unseen loss: log and report name the same two programs, and what would see it.
assert_unseen() {
	local strace="strace -f -y -o trace.txt -e 'trace=/^(exec|close|dup|fcntl|ioctl)' qrap ..."
	local between='"event":"restored".*lost unseen between ([^;]*), pid ([0-9]*), and '

	assert_verdict 1 mended 'unseen between .* and .*'
	if [[ $output == *'passt ended the connection'* ]]; then
		refute has_line "$LOG" 'lost unseen'
		return
	fi
	[[ $output == *$'\n'"  $strace"$'\n'* ]]
	[[ $(<"$LOG") == *"$strace shows who does it"* ]]
	[[ $(<"$LOG") =~ $between ]]
	[[ ${lines[-1]} == "culprit: unseen between "*"/${BASH_REMATCH[1]} (pid ${BASH_REMATCH[2]}) and "* ]]
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
	has_words "$output" "^ *[0-9]*  /.*/$culprit .* by $call.*  <== lost here\$"
	has_words "$output" "^ *$call called at /.*+0x[0-9a-f]*.*, build-id [0-9a-f][0-9a-f]*\$"
}
