#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tests/mutants, in a small tree of its own.

load common

# A program of two files and its tests: those of sum.c see to each of its results, those of other.c to
# nothing but that it runs.
setup() {
	cd /tmp
	mkdir -p tree/launcher tree/shim tree/tests
	cd tree
	cp "$TOP/tests/mutants" tests/
	cat >launcher/sum.c <<-'END'
		/* if (a < b) is no code: a && b */
		#define LIMIT(n) ((n) > 100 ? \
				  100 : (n))
		static const int table[] = { 1, 2, 3 };
		static const char *const words = "if (1 + 1)"; // x = 1;

		int main(int argc, char **argv)
		{
			int sum = argc - 1;

			if (argc > 2 && argv[1][0] == '1')
				sum += table[sum];
			return LIMIT(sum) + words[0] - 'i';
		}
	END
	cat >shim/other.c <<-'END'
		void other(int *p)
		{
			*p = 4;
		}
	END
	cat >Makefile <<-'END'
		all: $(BUILD)/sum $(BUILD)/obj/shim/other.o
		helpers:
		$(BUILD)/sum: $(BUILD)/obj/launcher/sum.o; $(CC) -o $@ $<
		$(BUILD)/obj/%.o: %.c; mkdir -p $(@D) && $(CC) -g -O1 -c -o $@ $<
	END
	# Stands for tests/run: a test is a line of the file, "@test NAME" with a command behind it.
	cat >tests/run <<-'END'
		#!/usr/bin/env bash
		file=${1%%:*} words=${1#*:} i=0 failed=0
		while IFS='"' read -r _ name command; do
			[[ $name == *"$words"* || $1 == "$file" ]] || continue
			if bash -c "$command"; then echo "ok $((++i)) $name"; else echo "not ok $((++i)) $name"; failed=1; fi
		done < <(grep '^@test' "$file")
		exit $failed
	END
	chmod +x tests/run
	tests '"none" $BUILD/sum' '"two" $BUILD/sum 1 2; [ $? = 5 ]' \
		'"others" $BUILD/sum 0 2; [ $? = 2 ] && { $BUILD/sum 1; [ $? = 1 ]; }'
	rows '| `launcher/sum.c` | launcher | `sum.bats:none` `sum.bats:others` `sum.bats:two` |' \
		'| `shim/other.c` | shim | `sum.bats:none` |'
	echo /build/ >.gitignore
	git init -q .
	git add .
	git -c user.name=t -c user.email=t commit -q -m t
	unset FILES COUNT SEED JOBS MAKEFLAGS
	export BUILD=/tmp/tree/build JOBS=2
}

# tests NAME-AND-COMMAND...: the file with these tests
tests() {
	printf '@test %s\n' "$@" >tests/sum.bats
}

# rows ROW...: the table
rows() {
	printf '%s\n' '## Modules and their tests' '' '| file | room | tests |' '|---|---|---|' "$@" '' \
		'## Mutants' >tests/README.md
}

# mutants [VARIABLE=VALUE]...: a run, both outputs in $output
mutants() {
	run env "$@" tests/mutants
	printf '%s\n' "$output"
}

@test "changes of code that is tested are killed, others survive, and the checkout stays as it is" {
	mutants COUNT=1000
	[ $status = 0 ]
	[[ $output == *"there are "*" changes, no more"* ]]
	[[ $output =~ launcher\ +([0-9]+)\ +([0-9]+)\ +0\ +100\ % ]]
	[ "${BASH_REMATCH[1]}" -gt 10 ]
	[[ $output =~ shim\ +2\ +0\ +2\ +0\ % ]]
	[ -z "$(git status --porcelain)" ]

	# Each kind was there, and no change is outside of a function.
	for kind in 'condition turned round' 'edge moved' 'constant one off' 'and, or' 'plus, minus' \
		'assignment left out'; do
		grep -q "$kind" <<<"$output"
	done
	refute grep -E 'launcher/sum.c:[1-8]:' build/mutants/*.jsonl

	# A survivor is a diff that can be applied.
	diffs=(build/mutants/*.survivors/*.diff)
	[ ${#diffs[@]} = 2 ]
	for diff in "${diffs[@]}"; do
		git apply --check "$diff"
	done
	[ -z "$(ls -d build/mutants/tree.* 2>/dev/null)" ]
}

@test "calls, returns and not: what is left out, and what is a declaration" {
	cat >launcher/sum.c <<-'END'
		#include <stdlib.h>
		#include <string.h>

		static int check(const char *a, int *out)
		{
			char buffer[16] = "";
			int *at = out;

			if (!a)
				return 1;
			strncpy(buffer, a, sizeof(buffer) - 1);
			*at = buffer[0] ? atoi(buffer) : 7;
			at[0]++;
			return 0;
		}

		int main(int argc, char **argv)
		{
			int n;

			return check(argv[1], &n) ? 1 : n - argc;
		}
	END
	tests '"none" true'
	rows '| `launcher/sum.c` | launcher | `sum.bats:none` |' '| `shim/other.c` | shim | `sum.bats` |'
	mutants COUNT=1000 FILES=launcher/sum.c
	[ $status = 0 ]
	for change in '10:1: return left out: return 1; => ;' '9:5: not left out: ! => ' \
		'11:1: call left out: strncpy(buffer, a, sizeof(buffer) - 1); => ;' \
		'12:1: assignment left out: *at = buffer[0] ? atoi(buffer) : 7; => ;' \
		'13:1: assignment left out: at[0]++; => ;'; do
		grep -qF "launcher/sum.c:$change" build/mutants/*.jsonl
	done
	refute grep -E 'sum.c:([67]:[0-9]+: assignment|6:.*constant|(14|21):1: return)' build/mutants/*.jsonl
}

@test "a seed chooses the same changes again, and they are not tested twice" {
	mutants COUNT=4 SEED=7
	[ $status = 0 ]
	[ "$(grep -cE '^(killed|survived) ' <<<"$output")" = 4 ]
	table=$(grep -A 5 '^room' <<<"$output")
	mutants COUNT=4 SEED=7
	[ $status = 0 ]
	refute grep -E '^(killed|survived) ' <<<"$output"
	[ "$(grep -A 5 '^room' <<<"$output")" = "$table" ]

	# More of them: those that were tested are not again.
	mutants COUNT=6 SEED=7
	[ "$(grep -cE '^(killed|survived) ' <<<"$output")" = 2 ]
}

@test "ended by a signal: nothing runs on, and it goes on from there" {
	tests '"none" if [ -e /tmp/block ]; then touch /tmp/blocked; sleep 1000; fi; $BUILD/sum 1 2; [ $? = 5 ]'
	rows '| `launcher/sum.c` | launcher | `sum.bats` |' '| `shim/other.c` | shim | `sum.bats` |'
	git -c user.name=t -c user.email=t commit -qam t
	mutants COUNT=1
	[ $status = 0 ]
	touch /tmp/block
	for signal in INT:130 KILL:137; do
		rm -f /tmp/blocked
		start run env COUNT=8 tests/mutants
		wait_for 20 test -e /tmp/blocked
		kill -"${signal%:*}" "$PID"
		status=0
		wait "$PID" || status=$?
		[ $status = "${signal#*:}" ]
		wait_for 5 nothing_runs
		[ -z "$(git status --porcelain)" ]
	done
	rm /tmp/block
	mutants COUNT=8
	[ $status = 0 ]
	[ "$(grep -cE '^(killed|survived) ' <<<"$output")" = 7 ]
}

# No process but those of the test.
nothing_runs() {
	! pgrep -f 'tree[.][0-9]|sleep 1000|tests/mutants$' >/dev/null
}

@test "changes that were judged to change nothing are left out, and what is no change any more is said" {
	printf '%s\n' '# comment' '' shim/other.c '-	*p = 4;' '+	;' '# nobody reads it' '' \
		shim/other.c '-	*p = 6;' '+	;' '# old' >tests/mutants.equal
	mutants COUNT=1000 FILES=shim/other.c
	[ $status = 0 ]
	[[ $output =~ shim\ +1\ +0\ +1\ +0\ % ]]
	[[ $output == *'1 of 2 are changes that cannot be made any more'* ]]
}

@test "what is not committed is what is tested, and that is said" {
	sed -i 's/4/5/' shim/other.c
	mutants COUNT=2 FILES=shim/other.c
	[ $status = 0 ]
	[[ $output == *'1 files have changes that are not committed: they are tested too'* ]]
	grep -q '5 => ' build/mutants/*+*.jsonl
}

@test "a failure that does not come twice kills nothing" {
	tests '"none" n=$(cat /tmp/n 2>/dev/null || echo 0); echo $((n + 1)) >/tmp/n; [ $((n % 2)) = 0 ]'
	rows '| `launcher/sum.c` | launcher | `sum.bats:none` |' '| `shim/other.c` | shim | `sum.bats` |'
	mutants COUNT=2 FILES=shim/other.c JOBS=1
	[ $status = 0 ]
	[[ $output =~ shim\ +2\ +0\ +2\ +0\ % ]]
}

@test "what cannot be: status 2, and why" {
	for case in 'COUNT=0|COUNT=0: a number, 1 at least' 'JOBS=x|JOBS=x: a number' \
		'FILES=launcher/none.c|launcher/none.c has no row' 'CC=/none|does not build before any change'; do
		mutants "${case%%|*}"
		[ $status = 2 ]
		[[ $output == *"${case#*|}"* ]]
	done
	tests '"none" true' '"other" sleep 0.5; false'
	rows '| `launcher/sum.c` | launcher | `sum.bats:none` `sum.bats:other` |' \
		'| `shim/other.c` | shim | `sum.bats` |'
	mutants COUNT=1000
	[ $status = 2 ]
	[[ $output == *'fails before any change: '*other* ]]
}

@test "the table is complete: each file has a row, each test is there" {
	tests/mutants --lint
	touch launcher/new.c
	rows '| `launcher/sum.c` | launcher | `sum.bats:some` `gone.bats` |' \
		'| `shim/other.c` | shim | |' '| `shim/gone.c` | shim | `sum.bats` |'
	run tests/mutants --lint
	[ $status = 1 ]
	for wrong in 'launcher/new.c has no row' 'tests/sum.bats has no test some' \
		'tests/gone.bats: no such file' 'shim/other.c has no test' 'shim/gone.c: no such file'; do
		[[ $output == *"$wrong"* ]]
	done
	mutants COUNT=1
	[ $status = 2 ]
}
