# shellcheck shell=bash disable=SC2034,SC2154 # for the tests that load it
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A QEMU without a guest on passt's network (tests/helpers/online.c): `load online`, after common.

# The number, what QEMU is to do with it, and the log.
FD=5
NETDEV=(-netdev socket,id=a,fd=5)
LOG=/tmp/log.jsonl

# make_vm [QEMU_ARGUMENT...]: /tmp/qemu-vm, a script that starts QEMU, and whose own arguments say
# nothing of a descriptor. $QEMU is the same as a command.
make_vm() {
	QEMU=(qemu-system-x86_64 -machine none -display none -nodefaults "${NETDEV[@]}"
		-netdev socket,id=b,connect=127.0.0.1:7007
		-netdev hubport,hubid=0,id=h0,netdev=a -netdev hubport,hubid=0,id=h1,netdev=b
		-chardev socket,id=m,path=/tmp/monitor.socket -mon chardev=m "$@")
	printf '#!/bin/sh\nexec %s\n' "${QEMU[*]@Q}" >/tmp/qemu-vm
	[ -x /tmp/qemu-vm ] || chmod +x /tmp/qemu-vm
}

# online [OPTION...] COMMAND...: its output is in $output
online() {
	run as_from_a_shell "$BUILD/tests/online" "$@"
}

# How many connections a passt with --debug has accepted.
connections() {
	count /tmp/passt_1.socket.log 'accepted connection'
}

# One line of the log with all of these basic regular expressions in it.
assert_logged() {
	has_words "$(<"$LOG")" "$@" || {
		echo "not in the log, in one line: $*"
		cat "$LOG"
		return 1
	}
}

# Nothing that people would be told.
refute_warned() {
	refute has_line "$LOG" '"level":"(warning|error)"'
}

# A passt that closes its first client's connection after 105 ms and ends, again and again.
start_dying() {
	start dying /usr/bin/python3 -c "
import os, socket, time

while True:
    listener = socket.socket(socket.AF_UNIX)
    if os.path.exists('/tmp/passt_1.socket'):
        os.unlink('/tmp/passt_1.socket')
    listener.bind('/tmp/passt_1.socket')
    listener.listen(0)
    client, _ = listener.accept()
    time.sleep(0.105)
    client.close()
    listener.close()
    print('died', flush=True)
    time.sleep(0.02)"
	DYING=$PID
}
