# shellcheck shell=bash disable=SC2034,SC2154 # what it sets is for the parts
# SPDX-License-Identifier: GPL-2.0-or-later
#
# For the parts of the benchmark, each of which tests/bench/run starts in a sandbox of its own. A part
# prints rows; its messages are for stderr.

set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# shellcheck source=tests/lib.bash
source "$HERE/../lib.bash"
trap end_all EXIT

QRAP=${QRAP_UNDER_TEST:-$BUILD/qrap}
ORIGINAL=${QRAP_ORIGINAL:-/usr/bin/qrap}
STOPWATCH=$BUILD/tests/stopwatch

# Only the rows that are counted, which are the same on any machine.
ONLY_COUNT=${QRAP_BENCH_ONLY_COUNT:-}

# row NAME UNIT GOAL BEST MEDIAN AGAINST BEST MEDIAN: ours, and what it is compared with; "-" for what
# there is not. GOAL is one of "ratio <= N", "more <= N" (difference of the two), "best <= N",
# "median < N" or "-"; with that one, or just "median", the ratio is that of the medians. Less is better,
# but with a UNIT of so many "/s".
row() {
	local IFS=$'\t'

	echo "row${IFS}$*"
}

# left_out NAME REASON: rows that are missing
left_out() {
	printf 'left out\t%s\t%s\n' "$1" "$2"
}

# has_programs NAME COMMAND...: true if all commands are there, else the rows NAME are left out
has_programs() {
	local name=$1 command
	shift

	for command; do
		command -v "$command" >/dev/null && continue
		left_out "$name" "$command is not installed"
		return 1
	done
}

say() {
	echo "  $*" >&2
}

# statistics: best and median of the numbers on stdin, one a line; "- -" without any
statistics() {
	sort -n | awk '{ n[NR] = $1 } END { if (NR) print n[1], n[int((NR + 1) / 2)]; else print "- -" }'
}

# scaled FACTOR NUMBER...: each by the factor, with "-" as it is
scaled() {
	local factor=$1
	shift

	awk -v f="$factor" -v numbers="$*" 'BEGIN {
		for (n = split(numbers, a, " "); ++i <= n; )
			printf "%s%s", (i == 1 ? "" : " "), (a[i] == "-" ? "-" : sprintf("%.3f", a[i] * f))
	}'
}

# hub NETDEV: a QEMU that is nothing but a hub: frames go from there to descriptor 6
hub() {
	HUB=(qemu-system-x86_64 -machine none -display none -nodefaults
		-netdev "$1,id=a" -netdev "socket,fd=6,id=b"
		-netdev "hubport,hubid=0,id=h0,netdev=a" -netdev "hubport,hubid=0,id=h1,netdev=b")
}

# instructions FILE: what callgrind has counted
instructions() {
	sed -n 's/^totals: //p' "$1" | tail -n 1
}

# count_program COMMAND...: user instructions of a program
count_program() {
	valgrind -q --tool=callgrind --callgrind-out-file=/tmp/count "$@" </dev/null >/dev/null 2>&1
	instructions /tmp/count
}
