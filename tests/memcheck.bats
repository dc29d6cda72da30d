#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Nothing that was never set is used, and no memory that is not ours, in each mode of the launcher and
# in the shim: valgrind's memcheck(1). A sanitizer of the compiler sees no value that was never set.

# bats file_tags=slow,timeout:120

load common
load peers

setup() {
	need valgrind
	need_plain_launcher
	export FAKE_QEMU_FD=5
	fake_qemus kvm
	MEMCHECK=(valgrind -q --track-fds=no --log-file=/tmp/memcheck.%p --num-callers=20)
}

# checked STATUS ARGUMENT...: the launcher ends with that status, and memcheck has nothing to say
checked() {
	local wanted=$1
	shift

	rm -f /tmp/memcheck.*
	run as_from_a_shell timeout --kill-after=2 60 "${MEMCHECK[@]}" "$QRAP" "$@"
	[ "$status" = "$wanted" ] || {
		echo "status $status: $output"
		return 1
	}
	assert_clean
}

# A valgrind that is older than pidfd_open(2), which is 434 everywhere, says so in five lines; the call fails
# there as on a kernel that has it not.
assert_clean() {
	[ -n "$(compgen -G '/tmp/memcheck.*')" ]
	refute awk '/unhandled .* syscall: 434$/ { skip = 5 } skip-- > 0 { next } /./ { print; found = 1 } END { exit !found }' \
		/tmp/memcheck.*
}

@test "valgrind: memcheck sees what it has to see" {
	need cc
	cat >/tmp/unset.c <<-'END'
		#include <stdlib.h>
		int main(void)
		{
			int *never_set = malloc(sizeof(*never_set));
			if (*never_set == 42)
				abort();
			return 0;
		}
	END
	cc -O0 -o /tmp/unset /tmp/unset.c
	run "${MEMCHECK[@]}" /tmp/unset
	refute assert_clean
	grep -h uninitialised /tmp/memcheck.*
}

@test "valgrind: a launch past sockets of every kind" {
	start_peers 1=garbage 2=busy 3-5=silent 6=stale 8=fake
	checked 0 5 kvm
	checked 0 --log trace --log-file /tmp/log 5 kvm
	checked 0 --guard off 5 kvm
	checked 0 --socket /tmp/passt_8.socket --trust root,nobody,1234 5 kvm
}

@test "valgrind: the first one is free" {
	start_peers 1=fake
	checked 0 5 kvm
	checked 0 --log-file /tmp/log --wait 1 5 kvm
	checked 0 -machine q35 -device virtio-net-pci,netdev=n -netdev user,id=n
}

@test "valgrind: no passt, and none that is free" {
	export QRAP_PASST=off
	checked 125 5 kvm
	start_peers 1=silent 2=garbage 3=busy 4=stale
	checked 125 --log trace 5 kvm
	checked 125 --socket /tmp/passt_2.socket 5 kvm
	checked 125 --socket /tmp/passt_9.socket --wait 1 5 kvm
}

@test "valgrind: a passt of its own" {
	need passt
	checked 0 --passt 5 kvm
	checked 125 --passt=--no-such-option 5 kvm
}

@test "valgrind: rewriting, looking, telling" {
	local no_log=$TOP/README.md

	start_peers 1=fake 2=busy
	# shellcheck disable=SC2046 # words
	checked 0 --dry-run -m 1024 -machine q35 -device pcie-root-port,id=p1 \
		$(seq -f '-device virtio-rng-pci,id=r%.0f' 40) -net nic,model=virtio -net user \
		-netdev user,id=a -device e1000,netdev=a,mac=52:54:00:12:34:56 -set device.x.y=z
	checked 0 --list
	checked 0 --list=json
	checked 0 --help
	checked 0 --version
	checked 125 --no-such-option
	checked 0 --check kvm
	checked 125 --report "$no_log"
	"$QRAP" --log-file /tmp/log 5 kvm
	checked 3 --report /tmp/log
	checked 3 --report /tmp/log --json
}

# The shim is in the program that memcheck looks into.
@test "valgrind: the shim, which finds all well, or mends it" {
	start_peers 1=fake
	run as_from_a_shell timeout 60 "$QRAP" --log trace 5 "${MEMCHECK[@]}" /tmp/bin/kvm
	[[ $status == 0 && $output == *" peer=/tmp/passt_1.socket"* ]]
	assert_clean
	rm /tmp/memcheck.*
	printf '#!/bin/sh\nexec 5>&-\nexec /tmp/bin/kvm fd=5\n' >/tmp/closer
	chmod +x /tmp/closer
	run as_from_a_shell timeout 60 "$QRAP" --log-file /tmp/log 5 \
		"${MEMCHECK[@]}" --trace-children=yes /tmp/closer
	[[ $status == 0 && $output == *" peer=/tmp/passt_1.socket"* ]]
	grep '"event":"restored".*"action":"the spare' /tmp/log
	assert_clean
}
