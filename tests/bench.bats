# SPDX-License-Identifier: GPL-2.0-or-later
#
# The benchmark itself: what it says of what it has measured, and of what it could not measure.

load common

# bench PART [VARIABLE=VALUE]...
bench() {
	local part=$1
	shift

	run_apart env -u QRAP_TESTS_REQUIRE "$@" "$TOP/tests/bench/run" "$part"
}

# table FORM: of the rows on stdin
table() {
	printf 'date today\nQEMU a "new" one\n' >/tmp/about
	cat >/tmp/rows
	run env -u QRAP_TESTS_REQUIRE ${REQUIRE:+"QRAP_TESTS_REQUIRE=$REQUIRE"} \
		awk -v "form=$1" -f "$TOP/tests/bench/table" /tmp/about /tmp/rows
}

# rows LINE...: with blanks around "|" for tabs
rows() {
	printf '%s\n' "$@" | sed 's/ *| */\t/g'
}

# result_of NAME: ratio and result in the JSON of $output
result_of() {
	node -e '
		const row = JSON.parse(require("fs").readFileSync(0)).rows.find(r => r.name === process.argv[1]);
		console.log(row.ratio, row.result)' "$1" <<<"$output"
}

ROWS=(
	'row | faster | ms | ratio <= 1.0 | 1.5 | 9 | original | 2 | 4'
	'row | slower | ms | ratio <= 1.0 | 3 | 3 | original | 2 | 4'
	'row | at the limit | ms | ratio <= 1.05 | 1.05 | - | original | 1 | -'
	'row | far over | ms | ratio <= 3 | 12 | - | original | 1 | -'
	'row | medians | ms | median < 2 | 1 | 2 | other | 1 | 8'
	'row | medians alone | ms | median | 1 | 2 | other | 1 | 8'
	'row | more | KiB | more <= 200 | 1200 | - | other | 999 | -'
	'row | best | ms | best <= 50 | 50 | 99 | - | - | -'
	'row | rate | frames/s | ratio <= 1.05 | 90 | 80 | other | 100 | 90'
	'row | nothing | ms | ratio <= 1.0 | - | - | other | 1 | 1'
	'row | reported | ms | - | 1 | 1 | other | 4 | 4'
)

@test "bench: goals are met or not met, and ratios are ours by the other's cost" {
	need node
	table json < <(rows "${ROWS[@]}")
	[ "$status" = 0 ]
	[ "$(result_of faster)" = '0.75 met' ]
	[ "$(result_of slower)" = '1.5 not met' ]
	[ "$(result_of 'at the limit')" = '1.05 met' ]
	[ "$(result_of 'far over')" = '12 not met' ]
	[ "$(result_of medians)" = '0.25 not met' ]
	[ "$(result_of 'medians alone')" = '0.25 null' ]
	[ "$(result_of more)" = '1.201 not met' ]
	[ "$(result_of best)" = 'null met' ]
	[ "$(result_of rate)" = '1.111 not met' ]
	[ "$(result_of nothing)" = 'null not measured' ]
	[ "$(result_of reported)" = '0.25 null' ]
	[ "$(node -p 'JSON.parse(require("fs").readFileSync(0)).about.QEMU' <<<"$output")" = 'a "new" one' ]
}

@test "bench: as a guard it fails for a goal that is not met, and for one that was not measured" {
	table tap < <(rows "${ROWS[0]}" "${ROWS[10]}")
	[ "$status" = 0 ]
	[ "${lines[-1]}" = '# 1 passed, 0 failed, 0 skipped' ]
	table tap < <(rows "${ROWS[0]}" "${ROWS[1]}")
	[ "$status" = 1 ]
	[[ $output == *'not ok 2 bench: slower: 1.500 of ms, ratio <= 1.0, against original'* ]]
	table tap < <(rows "${ROWS[9]}")
	[ "$status" = 1 ]
}

@test "bench: what is left out is a failure only where nothing may be" {
	local form

	for form in text json markdown tap; do
		REQUIRE='' table $form < <(rows "${ROWS[0]}" 'left out | relink | no QEMU')
		[ "$status" = 0 ]
		REQUIRE=all table $form < <(rows "${ROWS[0]}" 'left out | relink | no QEMU')
		[ "$status" = 1 ]
		REQUIRE=all table $form < <(rows "${ROWS[0]}")
		[ "$status" = 0 ]
	done
	REQUIRE='' table text < <(rows 'left out | relink | no QEMU')
	[[ $output == *'left out: relink: no QEMU'* ]]
}

@test "bench: a missing component leaves its rows out with the reason" {
	bench launch QRAP_ORIGINAL=/nowhere/qrap
	[ "$status" = 0 ]
	[[ $output == *'left out: launch: '*' is not installed'* ]]
	bench launch QRAP_ORIGINAL=/nowhere/qrap QRAP_TESTS_REQUIRE=all
	[ "$status" = 1 ]
	[[ $output == *'left out: launch: '*' is not installed'* ]]
}

@test "bench: a part that fails is named, and fails the whole" {
	need passt
	bench load QRAP_UNDER_TEST=/bin/false
	[ "$status" = 1 ]
	[[ $output == *'left out: load: it failed'* ]]
}

# bats test_tags=alone,slow
@test "bench: a table, JSON, and the table of a Markdown file, which is replaced" {
	need passt node
	printf '%s\n' before '<!-- bench -->' old '<!-- end of bench -->' after >/tmp/readme
	bench load BENCH_JSON=/tmp/json BENCH_TABLE=/tmp/readme
	[ "$status" = 0 ]
	[[ $stderr == *'bench: load (1 of 1)'* ]]
	[[ $output == *'start of true'*'no shim'* ]]
	[ "$(node -p 'JSON.parse(require("fs").readFileSync("/tmp/json")).rows[0].name')" = 'start of true' ]
	refute grep -qx old /tmp/readme
	grep -q '^| start of true | ms | ' /tmp/readme
	[ "$(sed -n '1p;$p' /tmp/readme | tr '\n' ' ')" = 'before after ' ]
	# Once more: the same marks are still there.
	[ "$(grep -c '^<!--' /tmp/readme)" = 2 ]
}
