#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The manual says what the program says, no more and no less. tests/manual-strings compares them.

load common

setup() {
	need python3
}

# matches WHAT [TREE]: nothing is missing and nothing is too much
matches() {
	/usr/bin/python3 "$TOP/tests/manual-strings" "$@"
}

# A copy of what is compared, to be spoiled.
copy_tree() {
	mkdir -p /tmp/tree/man
	cp -R "$TOP/launcher" "$TOP/shim" /tmp/tree/
	cp "$TOP/man/qrap.1" /tmp/tree/man/
	cp "$TOP/README.md" /tmp/tree/
}

@test "every message of the launcher has an entry in DIAGNOSTICS" {
	matches messages
}

@test "every text that messages are put together of is in the manual" {
	matches texts
}

@test "DIAGNOSTICS has no message that nobody says" {
	matches stale
}

@test "options and variables are the same in source, manual, --help, README and completion" {
	matches options
}

@test "events of the log, their members and reasons are the same in source and manual" {
	matches events
}

@test "a new message, option or event that the manual does not have is noticed" {
	copy_tree
	sed -i 's/"%s takes no value"/"%s takes nothing of the kind"/' /tmp/tree/launcher/cli/options.c
	refute matches messages /tmp/tree
	refute matches stale /tmp/tree
	sed -i 's/ insists on closing all descriptors/ insists on closing each of them/' /tmp/tree/shim/*/*.c
	run matches texts /tmp/tree
	[ "$status" = 1 ]
	[[ $output == *'insists on closing each of them'* ]]
	sed -i 's/{ "--wait", " SECONDS", "QRAP_WAIT"/{ "--patience", " SECONDS", "QRAP_PATIENCE"/' /tmp/tree/launcher/cli/options.c
	run matches options /tmp/tree
	[ "$status" = 1 ]
	[[ $output == *'--patience'* ]]
	sed -i 's/"link-up"/"link-there"/' /tmp/tree/shim/common/log.c
	run matches events /tmp/tree
	[ "$status" = 1 ]
	[[ $output == *'link-there'* ]]
}

@test "the manual is sound mdoc" {
	need mandoc
	mandoc -T lint -W warning "$TOP/man/qrap.1"
}

@test "exit statuses of the source are in the manual" {
	local status

	sed -n 's/.*STATUS_[A-Z_]* = \([0-9]*\),.*/\1/p' "$TOP/launcher/base/message.h" >/tmp/statuses
	[ -s /tmp/statuses ]
	while read -r status; do
		grep -qx ".It $status" "$TOP/man/qrap.1"
	done </tmp/statuses
}
