# shellcheck shell=bash disable=SC2034 # the counts are for its users, too
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Several runs of tests as one: TAP that is numbered anew, and one line in the end that counts.

passed=0 failed=0 skipped=0 number=0

# tap_failure TITLE FILE: what has failed before there were tests; the end of the file says why
tap_failure() {
	failed=$((failed + 1)) number=$((number + 1))
	echo "not ok $number $1"
	sed 's/^/# /' "$2" | tail -n 30
}

# tap_success TITLE
tap_success() {
	tap_result ok "$1"
}

# tap_result ok|"not ok" TITLE: one test; the title may end in "# skip REASON"
tap_result() {
	number=$((number + 1))
	echo "$1 $number $2"
	case $1,$2 in
	not*) failed=$((failed + 1)) ;;
	*'# skip'*) skipped=$((skipped + 1)) ;;
	*) passed=$((passed + 1)) ;;
	esac
}

# tap_merge NAME <TAP: all tests of one run, with its name in front
tap_merge() {
	local name=$1 line

	while IFS= read -r line; do
		if [[ $line =~ ^((not\ )?ok)\ [0-9]+\ (.*) ]]; then
			tap_result "${BASH_REMATCH[1]}" "$name: ${BASH_REMATCH[3]}"
		elif ! [[ $line =~ ^1\.\.[0-9]+$|^#\ [0-9]+\ passed ]]; then
			echo "$line"
		fi
	done
}

# tap_end: plan and count; status 0 if nothing failed
tap_end() {
	echo "1..$number"
	echo "# $passed passed, $failed failed, $skipped skipped"
	[ $failed = 0 ]
}
