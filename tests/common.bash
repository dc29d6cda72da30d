# shellcheck shell=bash disable=SC2034,SC2154 # output and status are set by run, others are for tests
# SPDX-License-Identifier: GPL-2.0-or-later
#
# For the bats files: `load common`. A file that has a teardown() of its own calls end_all in it.

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BUILD=${BUILD:-$TOP/build}
QRAP=${QRAP_UNDER_TEST:-$BUILD/qrap}

# shellcheck source=tests/lib.bash
source "$TOP/tests/lib.bash"

teardown() {
	end_all
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
# connection (ORIGINAL.md, defect 1)
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

# qrap ARGUMENT...: run the launcher under test as a shell would, standard output in $output, standard
# error in $stderr; with the $PATH of $QRAP_PATH, if set
qrap() {
	run --separate-stderr as_from_a_shell timeout --kill-after=2 20 \
		env "PATH=${QRAP_PATH:-$PATH}" "$QRAP" "$@"
}

# Arguments that the fake QEMU got, one a line.
arguments() {
	sed -n 's/^argv [0-9]* //p' <<<"$output"
}
