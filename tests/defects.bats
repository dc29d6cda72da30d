#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the original does wrong: each of these tests fails on it (make check-original).

bats_require_minimum_version 1.5.0
load common

setup() {
	need passt
	export FAKE_QEMU_FD=5
	fake_qemus kvm
}

# Defect 1: the socket gets the very number that is asked for, and is closed by mistake.

@test "the connection happens to be on the number already: three descriptors in use" {
	start_passt
	run as_from_a_shell timeout 20 sh -c 'exec 3>/dev/null 4>/dev/null; exec "$@"' sh "$QRAP" 5 kvm
	[ "$status" = 0 ]
	[[ $output == *"fd 5 stream "*" peer=/tmp/passt_1.socket"* ]]
}

@test "the connection happens to be on the number already: the first free one" {
	start_passt
	FAKE_QEMU_FD=3 qrap 3 kvm
	[ "$status" = 0 ]
	[[ $output == *"fd 3 stream "*" peer=/tmp/passt_1.socket"* ]]
}

# Defect 2: an earlier passt is in use, and that is the end, without a word.

@test "the second VM of a host gets the second passt" {
	need python3
	start_passt /tmp/passt_1.socket
	start_passt /tmp/passt_2.socket
	start client python3 -c 'if True:
		import socket, time
		s = socket.socket(socket.AF_UNIX)
		s.connect("/tmp/passt_1.socket")
		time.sleep(1000)'
	wait_for 5 grep -q " 0001 03 .* /tmp/passt_1.socket" /proc/net/unix
	qrap 5 kvm
	[ "$status" = 0 ]
	[[ $output == *"fd 5 stream "*" peer=/tmp/passt_2.socket"* ]]
}

# Defect 3: a failed attempt leaves its socket open.

@test "no attempt that failed is left open in QEMU" {
	need python3
	start busy python3 -c 'if True:
		import select, socket, time
		server = socket.socket(socket.AF_UNIX)
		server.bind("/tmp/passt_1.socket")
		server.listen(8)
		for _ in range(3):
			client, _ = server.accept()
			select.select([client], [], [])
			client.close()
		client, _ = server.accept()
		client.sendall(client.recv(4096))
		time.sleep(1000)'
	wait_for 5 listens /tmp/passt_1.socket
	QRAP_GUARD=off FAKE_QEMU_FD=9 qrap 9 kvm
	[ "$status" = 0 ]
	[[ $output == *"fd 9 stream "*" peer=/tmp/passt_1.socket"* ]]
	grep -qx 'open 0 1 2 9' <<<"$output"
}

# Defect 11: explicit mode with a path, or with a command that there is not, turns into patch mode.

@test "explicit mode with an absolute path" {
	start_passt
	qrap 5 /tmp/bin/kvm one
	[ "$status" = 0 ]
	[ "$(arguments)" = "$(printf '%s\n' /tmp/bin/kvm one)" ]
}

@test "explicit mode with a relative path" {
	start_passt
	cd /tmp
	qrap 5 bin/kvm one
	[ "$status" = 0 ]
	[ "$(arguments)" = "$(printf '%s\n' bin/kvm one)" ]
}

@test "explicit mode with a command that there is not: status 127" {
	start_passt
	qrap 5 no-such-command one
	[ "$status" = 127 ]
	[ -z "$output" ]
	[[ $stderr == *no-such-command* ]]
	qrap 5 /no/such/command one
	[ "$status" = 127 ]
	[ -z "$output" ]
	[[ $stderr == */no/such/command* ]]
}

@test "explicit mode with a command that cannot be run: status 126" {
	start_passt
	touch /tmp/plain
	qrap 5 /tmp/plain one
	[ "$status" = 126 ]
	[ -z "$output" ]
	[[ $stderr == */tmp/plain* ]]
}

# Defect 13: it wants a large stack. (What it does behind the end of its array happens to do no harm.)

@test "a small stack" {
	start_passt
	ulimit -S -s 1280
	qrap -m 1
	[ "$status" = 0 ]
	[[ $output == *"fd 5 stream "* ]]
}

# Defect 14: a name of QEMU that cannot be run ends the search.

@test "a kvm that cannot be run does not hide qemu-kvm" {
	start_passt
	mkdir /tmp/only
	touch /tmp/only/kvm
	ln -s "$BUILD/tests/fake_qemu" /tmp/only/qemu-kvm
	QRAP_PATH=/tmp/only qrap -m 1
	[ "$status" = 0 ]
	[ "$(arguments | head -n 1)" = qemu-kvm ]
}

# Defect 15: a missing QEMU uses up the passt.

@test "without a QEMU, a passt for one client still waits for it" {
	[ ! -e /usr/libexec/qemu-kvm ] || skip 'there is one in /usr/libexec'
	start_passt /tmp/passt_1.socket --one-off
	mkdir /tmp/empty
	QRAP_PATH=/tmp/empty qrap -m 1
	[ "$status" = 127 ]
	qrap 5 kvm
	[ "$status" = 0 ]
	[[ $output == *"fd 5 stream "* ]]
}

# Defect 16: as kvm it runs itself for ever.

@test "installed under a name of QEMU it does not run itself" {
	start_passt
	mkdir /tmp/only
	ln -s "$QRAP" /tmp/only/kvm
	ln -s "$BUILD/tests/fake_qemu" /tmp/only/qemu-kvm
	run as_from_a_shell timeout 5 env PATH=/tmp/only /tmp/only/kvm -m 1
	[ "$status" = 0 ]
	[[ $output == *"argv 0 qemu-kvm"* ]]
	[ "$(grep -c 'Connected to' <<<"$output")" = 1 ]
}

# Defect 17: a passt that answers IPv6 solicitations from link-local addresses only.

@test "a passt without IPv4 that wants a link-local source is found" {
	need python3
	start passt python3 -c 'if True:
		import socket, struct
		server = socket.socket(socket.AF_UNIX)
		server.bind("/tmp/passt_1.socket")
		server.listen(0)
		client, _ = server.accept()
		stream = b""
		while True:
			data = client.recv(4096)
			if not data:
				break
			stream += data
			while len(stream) >= 4:
				size = struct.unpack(">I", stream[:4])[0]
				if len(stream) < 4 + size:
					break
				frame, stream = stream[4:4 + size], stream[4 + size:]
				# IPv6, next header ICMPv6, source fe80::/10, neighbour solicitation
				if (frame[12:14] == b"\x86\xdd" and frame[20] == 58 and
				    frame[22] == 0xfe and frame[23] & 0xc0 == 0x80 and frame[54] == 135):
					answer = frame[6:12] + bytes.fromhex("9a55 9a55 9a55") + frame[12:]
					client.sendall(struct.pack(">I", len(answer)) + answer)'
	wait_for 5 listens /tmp/passt_1.socket
	qrap 5 kvm
	[ "$status" = 0 ]
	[[ $output == *"fd 5 stream "*" peer=/tmp/passt_1.socket"* ]]
}

# Defect 21: 199 lines when no passt runs, and none of them says what to do.

@test "without a passt, a few lines that say what to do" {
	qrap 5 kvm
	[ "$status" = 125 ]
	[ -z "$output" ]
	[ "$(grep -c . <<<"$stderr")" -le 5 ]
	[[ $stderr == *passt* ]]
}
