#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What tests/soak does many times, a few times: VMs leave nothing behind.

# bats file_tags=slow,timeout:120

load common

setup() {
	need_guest
}

@test "9 VMs, started in each way, leave no descriptor, process or file" {
	SOAK_STARTS=9 QRAP_GUEST=$QRAP_GUEST run as_from_a_shell "$TOP/tests/soak" --inside starts
	echo "$output"
	[ "$status" = 0 ]
	[[ $output == 'ok 1 9 VMs, one after the other: '*'no descriptor, process or file left'* ]]
}

@test "10 VMs with a private passt, ended in several ways, leave nothing" {
	SOAK_PRIVATE=10 QRAP_GUEST=$QRAP_GUEST run as_from_a_shell "$TOP/tests/soak" --inside private
	echo "$output"
	[ "$status" = 0 ]
	[[ $output == 'ok 1 10 VMs with a private passt: '*'no process or file left'* ]]
}
