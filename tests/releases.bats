#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What a run has found out is put into RESULTS.md: the tables of the benchmark and of the releases.

load common

# table NAME FOLDER: what is between the marks
table() {
	sed -n "/^<!-- $1 -->\$/,/^<!-- end of $1 -->\$/{/^<!--/!p}" "$TOP/tests/$2/RESULTS.md"
}

@test "a table is put between its marks, and nothing else is changed" {
	printf '%s\n' before '<!-- one -->' old older '<!-- end of one -->' '<!-- two -->' kept '<!-- end of two -->' \
		>/tmp/file
	printf '| a | b |\n\ntext &\n' | "$TOP/tests/marked" one /tmp/file
	diff /tmp/file - <<-'END'
		before
		<!-- one -->
		| a | b |

		text &
		<!-- end of one -->
		<!-- two -->
		kept
		<!-- end of two -->
	END
	cp /tmp/file /tmp/copy
	run "$TOP/tests/marked" three /tmp/file
	[ "$status" = 1 ]
	[ "$output" = '/tmp/file: not marked: three' ]
	cmp /tmp/file /tmp/copy
}

@test "the table of releases: each with its versions, and no test of it failed" {
	local release row

	[ "$(table releases releases | head -n 1)" = "$(sed -n "s/^	echo '\(| Debian .*\)'/\1/p" "$TOP/tests/releases/run")" ]
	for release in $(sed -n 's/^RELEASES ?= //p' "$TOP/Makefile"); do
		row=$(table releases releases | grep "^| $release |")
		[[ $row =~ ^\|\ $release(\ \|\ [0-9]+\.[0-9.]+)\ \|\ 20[0-9]{2}-[0-9]{2}-[0-9]{2}[^|]*(\ \|\ [0-9]+\.[0-9.]+){2}\ \|\ 20[0-9]{2}-[0-9]{2}-[0-9]{2}\ \|\ [0-9]+\ passed(,\ [0-9]+\ skipped)?\ \|$ ]]
	done
	table releases releases | grep -q '^By `tests/run tests/.*`.$'
}

@test "the table of the benchmark" {
	[[ $(table bench bench | head -n 1) == '| | unit | ratio | goal |'* ]]
	[ "$(table bench bench | grep -c '^| .* |$')" -gt 10 ]
}
