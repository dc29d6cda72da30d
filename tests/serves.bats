#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Who sees that a service of the guest has answered, on its own. tests/job.bats has it in a guest.

load common

@test "a SYN and ACK is a service: IPv4 and IPv6, options, extension headers, VLAN tags" {
	"$BUILD/tests/serves_unit" answers
}

@test "other flags, other protocols, later fragments and broken headers are none" {
	"$BUILD/tests/serves_unit" others
}
