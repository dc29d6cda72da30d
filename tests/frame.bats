#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The frame tracker on its own; tests/fuzz/frame.c compares it with a naive one.

load common

@test "a stream cut into three at every place" {
	"$BUILD/tests/frame_unit" all-splits
}

@test "a stream byte by byte" {
	"$BUILD/tests/frame_unit" bytewise
}

@test "the rest of the frame in progress, and nothing more" {
	"$BUILD/tests/frame_unit" rest
}

@test "padding brings a stream cut at any place to the end of a frame" {
	"$BUILD/tests/frame_unit" padding
}

@test "a frame cut in its Ethernet header gets the dummy's" {
	"$BUILD/tests/frame_unit" padded-address
}

@test "a length cut half-way becomes the smallest that it can be" {
	"$BUILD/tests/frame_unit" padded-length
}

@test "lengths that can be, and those that cannot, in any two pieces" {
	"$BUILD/tests/frame_unit" lengths
}

@test "frames in front of a length that cannot be pass" {
	"$BUILD/tests/frame_unit" bad-behind-good
}

@test "the guest's frames are not judged" {
	"$BUILD/tests/frame_unit" any-length
}
