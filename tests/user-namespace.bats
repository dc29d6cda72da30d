#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# QEMU in another user namespace than the launcher, where users have other numbers: who is trusted was
# said outside (tests/helpers/user_ns.c). Of the same kind is all that the launcher says and the shim
# takes literally in another namespace: the path of passt's socket (manual, SECURITY: what is there
# counts), process numbers in the log, QEMU's device and inode.

load common

LOG=/tmp/log

setup() {
	need qemu-system-x86_64 passt
	need_root
	cd /tmp
}

# passt_as USER: start_passt as this user
passt_as() {
	PASST_AS=(setpriv "--reuid=$1" "--regid=$1" --clear-groups)
	chmod 1777 /tmp
	start_passt
}

# start_in TRUST MAP...: QEMU in a namespace with this map, as $VM; its monitor is descriptor 9
start_in() {
	mkfifo -m 666 /tmp/monitor
	exec 9<>/tmp/monitor
	"$QRAP" --trust "$1" --log-file $LOG 5 "$BUILD/tests/user_ns" "${@:2}" -- qemu-system-x86_64 -accel tcg \
		-M none -display none -nodefaults -netdev socket,fd=5,id=a -netdev user,id=b \
		-netdev hubport,hubid=0,id=h0,netdev=a -netdev hubport,hubid=0,id=h1,netdev=b \
		-monitor stdio </tmp/monitor >/tmp/vm.log 2>&1 3>&- 4>&- 9>&- &
	VM=$!
	STARTED+=("$VM")
	wait_for 10 has_line $LOG '"event":"released"'
}

# replaced_by USER: passt ends, and there is one of this user
replaced_by() {
	end "$PASST"
	rm -f /tmp/passt_1.socket
	wait_for 10 has_line $LOG '"event":"link-down"'
	passt_as "$1"
	wait_for 10 has_line $LOG '"event":"link-(up|down)".*("reason":"not-trusted"|"away_ms")'
	cat $LOG
	exec 9>&-
}

@test "a user who is trusted outside is so inside, by his number there" {
	passt_as 4711
	start_in 4711 0:0 1000:4711
	replaced_by 4711
	has_line $LOG '"event":"link-up"'
	refute has_line $LOG '"reason":"not-trusted"'
}

@test "a user who has a trusted one's number inside is not trusted" {
	passt_as 4711
	start_in 4711 0:0 4711:4712
	replaced_by 4712
	refute has_line $LOG '"event":"link-up"'
	has_line $LOG '"reason":"not-trusted".*"uid":4711'
}

@test "two namespaces, one in the other" {
	passt_as 4711
	start_in 4711 0:0 1000:4711 -- "$BUILD/tests/user_ns" 0:0 2000:1000
	replaced_by 4711
	has_line $LOG '"event":"link-up"'
}
