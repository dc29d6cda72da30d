# shellcheck shell=bash disable=SC2034,SC2154 # output and status are set by run, others are for tests
# SPDX-License-Identifier: GPL-2.0-or-later
#
# For the bats files: `load common`. A file that has a teardown() of its own calls end_test in it.

bats_require_minimum_version 1.5.0

TOP=${BASH_SOURCE[0]%/*}
TOP=$(cd "$TOP/.." && pwd)
BUILD=${BUILD:-$TOP/build}
QRAP=${QRAP_UNDER_TEST:-$BUILD/qrap}

# shellcheck source=tests/lib.bash
source "$TOP/tests/lib.bash"

if [ -z "${QRAP_SANDBOX:-}" ]; then
	echo "These tests need a sandbox. Type: tests/run ${BATS_TEST_FILENAME#"$PWD/"}" >&2
	exit 1
fi

# The sandbox is one for all tests of a file, and each test finds it as the first one did: what runs
# before a test is $KNOWN; $QRAP_SANDBOX/mounts is how many mounts there are, and $QRAP_SANDBOX/tmp what
# is in /tmp.
begin_test() {
	PATH_BEFORE_TEST=$PATH
	KNOWN=(/proc/[0-9]*)
	KNOWN=("${KNOWN[@]#/proc/}")
	trap test_is_late ALRM
	echo "begin ${QRAP_TESTS_LIMIT:-60} $$ ${KNOWN[*]}" >"$QRAP_SANDBOX/control"
}

# The sandbox has killed all that this test waits for.
test_is_late() {
	echo "timed out after $QRAP_TESTS_LIMIT s, with these running:"
	cat "$QRAP_SANDBOX/late"
	exit 1
}

umount_all() {
	local mounts wanted point

	wanted=$(<"$QRAP_SANDBOX/mounts")
	mapfile -t mounts </proc/self/mountinfo
	while [ ${#mounts[@]} -gt "$wanted" ]; do
		# mountinfo: the fifth word, in which a space is \040; the last one first
		read -r _ _ _ _ point _ <<<"${mounts[-1]}"
		umount --lazy "$(printf %b "$point")" || return
		mapfile -t mounts </proc/self/mountinfo
	done
}

empty_tmp() {
	local left known i

	known=$(<"$QRAP_SANDBOX/tmp")
	shopt -s dotglob nullglob
	left=(/tmp/*)
	shopt -u dotglob nullglob
	for i in "${!left[@]}"; do
		[[ $'\n'$known$'\n' != *$'\n'"${left[i]}"$'\n'* ]] || unset "left[i]"
	done
	[ ${#left[@]} = 0 ] || rm -rf --one-file-system -- "${left[@]}"
}

# What a test leaves running is ended, and a failure. What was ended a moment ago may take its time.
end_test() {
	local status=0 PATH=$PATH_BEFORE_TEST

	unset LD_PRELOAD
	end_all
	echo end >"$QRAP_SANDBOX/control"
	if ! wait_for 2 runs_alone "${KNOWN[@]}"; then
		printf 'left running: %s\n' "${RUNNING[@]}"
		kill -KILL "${RUNNING[@]%%:*}" || true
		wait_for 10 runs_alone "${KNOWN[@]}" || true
		status=1
	fi
	cd / && umount_all && empty_tmp && return $status
}

[ -z "${BATS_TEST_NAME:-}" ] || begin_test

teardown() {
	end_test
}

# refute COMMAND...: the command must fail (bats takes no notice of a failing "! command")
refute() {
	if "$@"; then
		echo "succeeds, and must not: $*"
		return 1
	fi
}

# need COMMAND...: skip the test where one is not installed
need() {
	local command

	for command; do
		command -v "$command" >/dev/null || skip "$command is not installed"
	done
}

# need_netdev TYPE: skip the test where QEMU is older than this kind of network
need_netdev() {
	qemu-system-x86_64 -netdev help 2>/dev/null | grep -qx "$1" || skip "this QEMU has no -netdev $1"
}

# need_plain_launcher: skip the test where a sanitizer, in the launcher and in tests' programs, makes system
# calls of its own, takes memory, needs /proc, or does not go with valgrind
need_plain_launcher() {
	! grep -q __asan_init "$QRAP" || skip 'the launcher has a sanitizer in it'
}

# Is the shim the first library of QEMU that runs? The thread library is where it is one of its own,
# before glibc 2.34: then what was put on the number stays there (manual, THE DESCRIPTOR'S LIFE).
shim_is_first() {
	local threads

	threads=$(ldd "$(command -v qemu-system-x86_64)" | sed -n 's/.*libpthread\.so\.0 => \([^ ]*\).*/\1/p')
	[ -z "$threads" ] || ! readelf --dynamic --wide "$threads" | grep -q INITFIRST
}

need_first() {
	shim_is_first || skip "this libc's thread library runs before the shim"
}

# run_with OPTION=VALUE...: fills $RUN_WITH with this for -run-with, or the options that it replaced
run_with() {
	local help setting

	help=$(qemu-system-x86_64 -help)
	RUN_WITH=()
	for setting; do
		if [[ $help == *-run-with*"${setting%%=*}="* ]]; then
			RUN_WITH+=(-run-with "$setting")
			continue
		fi
		case $setting in
		user=*) RUN_WITH+=(-runas "${setting#*=}") ;;
		chroot=*) RUN_WITH+=(-chroot "${setting#*=}") ;;
		async-teardown=on)
			[[ $help == *-async-teardown* ]] || skip 'this QEMU has no -async-teardown'
			RUN_WITH+=(-async-teardown)
			;;
		esac
	done
}

need_root() {
	[ "$(id -u)" = 0 ] || skip 'needs root'
}

need_guest() {
	need qemu-system-x86_64 passt
	[ -z "${QRAP_NO_GUEST:-}" ] || skip "$QRAP_NO_GUEST"
	[ -n "${QRAP_GUEST:-}" ] || QRAP_GUEST=$("$TOP/tests/guest/image") || skip 'no guest'
}

# as_from_a_shell COMMAND...: without bats' descriptors 3 and 4, with which the original loses its
# connection
as_from_a_shell() {
	"$@" </dev/null 3>&- 4>&-
}

# boot COMMAND...: run a command that boots a guest; console and messages are in $output
boot() {
	run as_from_a_shell timeout --kill-after=2 40 "$@"
}

# The guest was online: a lease, and the page that nobody can guess.
assert_online() {
	[ -n "$PAGE" ]
	if ! [[ $output == *"QRAP-GUEST lease="[0-9]* && $output == *"QRAP-GUEST page=$PAGE"* ]]; then
		echo "not online: $output"
		return 1
	fi
}

assert_offline() {
	if ! [[ $output == *"QRAP-GUEST end"* && $output != *"QRAP-GUEST page=$PAGE"* ]]; then
		echo "not offline: $output"
		return 1
	fi
}

# make_user: an unprivileged user, somebody else than nobody, which is what a passt started by root
# turns into. "${AS_USER[@]}" COMMAND runs a command as he does; he owns $USER_HOME, with copies of
# what is tested in it, since the tree may be where he cannot look.
make_user() {
	local id=4711

	need_root
	USER_HOME=/tmp/home
	AS_USER=(env "HOME=$USER_HOME" setpriv "--reuid=$id" "--regid=$id" --clear-groups)
	mkdir -p "$USER_HOME"
	[ ! -e "$BUILD/qrap_preload.so" ] || cp "$BUILD/qrap_preload.so" "$USER_HOME/"
	cp "$QRAP" "$USER_HOME/qrap"
	if [ -n "${QRAP_GUEST:-}" ]; then
		cp "$QRAP_GUEST"/{vmlinuz,initrd,busybox} "$USER_HOME/"
		QRAP_GUEST=$USER_HOME
	fi
	chown -R $id:$id "$USER_HOME"
}

# fake_qemus NAME...: each is found first in PATH, and prints what it got (tests/helpers/fake_qemu.c)
fake_qemus() {
	local name

	mkdir -p /tmp/bin
	[ -x "$BUILD/tests/fake_qemu" ]
	for name; do
		ln -s "$BUILD/tests/fake_qemu" "/tmp/bin/$name"
	done
	[[ $PATH == /tmp/bin:* ]] || PATH=/tmp/bin:$PATH
}

# run_apart COMMAND...: run, standard output in $output, standard error in $stderr
run_apart() {
	run to_stderr_file "$@"
	stderr=$(<"$BATS_TEST_TMPDIR/stderr")
}

to_stderr_file() {
	"$@" 2>"$BATS_TEST_TMPDIR/stderr"
}

# qrap ARGUMENT...: run the launcher under test as a shell would, standard output in $output, standard
# error in $stderr; with the $PATH of $QRAP_PATH, if set
qrap() {
	PATH=${QRAP_PATH:-$PATH} run_apart as_from_a_shell "$QRAP" "$@"
}

# Arguments that the fake QEMU got, one a line.
arguments() {
	local line

	while IFS= read -r line; do
		[[ ! $line =~ ^argv\ [0-9]*\ (.*) ]] || echo "${BASH_REMATCH[1]}"
	done <<<"$output"
}

# has_words TEXT PATTERN...: is there a line in the text that all these basic regular expressions match?
# In this shell, whose own are extended ones.
has_words() {
	local line pattern patterns=()

	for pattern in "${@:2}"; do
		extended "$pattern"
		patterns+=("$EXTENDED")
	done
	while IFS= read -r line; do
		for pattern in "${patterns[@]}"; do
			[[ $line =~ $pattern ]] || continue 2
		done
		return 0
	done <<<"$1"
	return 1
}

# extended BASIC: the same regular expression in the extended form, in $EXTENDED
extended() {
	local character

	EXTENDED=$1
	for character in '(' ')' '{' '}' '|' '+' '?'; do
		EXTENDED=${EXTENDED//"\\$character"/$'\1'}
		EXTENDED=${EXTENDED//"$character"/"\\$character"}
		EXTENDED=${EXTENDED//$'\1'/"$character"}
	done
}
