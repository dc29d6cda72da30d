# shellcheck shell=bash
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

# need COMMAND...: skip the test where one is not installed
need() {
	local command

	for command; do
		command -v "$command" >/dev/null || skip "$command is not installed"
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

# The programs of the test under test are the original's?
original() {
	[ "$QRAP" = /usr/bin/qrap ]
}

# boot COMMAND...: run a command that boots a guest; console and messages are in $output. Without
# bats' descriptors 3 and 4, with which the original loses its connection (ORIGINAL.md, defect 1).
boot() {
	run timeout --kill-after=2 40 "$@" </dev/null 3>&- 4>&-
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

# An unprivileged user: as_user COMMAND... runs the command as one that owns $USER_HOME. Somebody
# else than nobody, which is what a passt started by root turns into.
USER_ID=4711
as_user() {
	env HOME="$USER_HOME" setpriv --reuid $USER_ID --regid $USER_ID --clear-groups "$@"
}

# Gives that user a home with copies of what is tested: the tree may be where he cannot look.
make_user() {
	need_root
	USER_HOME=/tmp/home
	mkdir -p "$USER_HOME"
	[ ! -e "$BUILD/qrap_preload.so" ] || cp "$BUILD/qrap_preload.so" "$USER_HOME/"
	cp "$QRAP" "$USER_HOME/qrap"
	if [ -n "${QRAP_GUEST:-}" ]; then
		cp "$QRAP_GUEST"/{vmlinuz,initrd,busybox} "$USER_HOME/"
		QRAP_GUEST=$USER_HOME
	fi
	chown -R $USER_ID:$USER_ID "$USER_HOME"
}
