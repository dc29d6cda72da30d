#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the original does wrong: each of these tests fails on it (make check-original).

load common

setup() {
	need passt
	export FAKE_QEMU_FD=5
	fake_qemus kvm
}

# Defect 1: the socket gets the very number that is asked for, and is closed by mistake.

@test "the connection happens to be on the number already: three descriptors in use" {
	start_passt
	run as_from_a_shell sh -c 'exec 3>/dev/null 4>/dev/null; exec "$@"' sh "$QRAP" 5 kvm
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
	start client /usr/bin/python3 -c 'if True:
		import socket, time
		s = socket.socket(socket.AF_UNIX)
		s.connect("/tmp/passt_1.socket")
		time.sleep(1000)'
	wait_for 5 has_line /proc/net/unix ' 0001 03 .* /tmp/passt_1.socket'
	# The one that this program replaces dies where passt hangs up before it sends, which is nearly always.
	for ((i = 0; i < 5; i++)); do
		qrap 5 kvm
		[ "$status" = 0 ]
		[[ $output == *"fd 5 stream "*" peer=/tmp/passt_2.socket"* ]]
	done
}

# Defect 3: a failed attempt leaves its socket open.

@test "no attempt that failed is left open in QEMU" {
	need python3
	start busy /usr/bin/python3 -c 'if True:
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

# Defect 4: descriptor 5, whatever is there already.

@test "a descriptor that the caller passes on is left alone" {
	start_passt
	run as_from_a_shell sh -c 'exec 5</etc/passwd; exec "$@"' sh \
		"$QRAP" -m 1 -device virtio-rng-pci,bus=pci.0,addr=0x4
	[ "$status" = 0 ]
	[[ $output != *"fd 5 stream"* ]]
	[[ $output =~ socket,fd=([0-9]+),id= ]]
	[ "${BASH_REMATCH[1]}" -gt 5 ]
}

@test "a descriptor that an argument speaks of is left alone" {
	start_passt
	qrap -device virtio-rng-pci,bus=pci.0,addr=0x4 -chardev socket,id=c,fd=5
	[ "$status" = 0 ]
	[[ $output == *"socket,fd=6,id="* ]]
}

# Defect 5: every call is taken for the start of a VM.

@test "questions to QEMU need no passt" {
	local question words

	for question in -version -help '-machine none' '-device help'; do
		read -ra words <<<"$question"
		qrap "${words[@]}"
		[ "$status" = 0 ]
		[ "$(arguments | tail -n +2)" = "$(printf '%s\n' "${words[@]}")" ]
	done
}

@test "questions to QEMU do not use up a passt for one client" {
	start_passt /tmp/passt_1.socket --one-off
	qrap -S -no-user-config -nodefaults -machine none,accel=kvm:tcg
	[ "$status" = 0 ]
	[[ $output != *"fd 5 stream"* ]]
	refute ended "$PASST"
	listens /tmp/passt_1.socket
}

# Defects 6 and 7: no NIC at all, or one on a bus or slot that there is not, or that is taken.

# accepted [ARGUMENT]...: QEMU takes the line that becomes of it, and there is one NIC, on descriptor 5
accepted() {
	local words

	need qemu-system-x86_64 python3
	qrap "$@"
	[ "$status" = 0 ]
	mapfile -t words < <(arguments | tail -n +2)
	run_apart "$TOP/tests/ask-qemu" 5 qemu-system-x86_64 "${words[@]}" 3>&- 4>&-
	echo "${words[*]}: $output $stderr"
	[ "$status" = 0 ]
	[[ $output =~ ^virtio-net-(pci|device)\ [0-9a-f:]+\ hostnet0\ 5$ ]]
}

@test "a NIC is added where there is no other device" {
	start_passt
	accepted -m 64
}

@test "a NIC has a place on q35" {
	start_passt
	accepted -machine q35 -device virtio-rng-pci
}

@test "a NIC has a place on pc, also by -M and type=" {
	start_passt
	accepted -M pc -device virtio-rng-pci
	wait_for 5 passt_is_free
	accepted -machine type=pc -device virtio-rng-pci,addr=0x3 -nodefaults
}

@test "a NIC has a place beside the default display and slots that QEMU assigns itself" {
	start_passt
	accepted -machine pc-i440fx-7.2 -device virtio-rng-pci -device virtio-balloon-pci,bus=pci.0,addr=0x5
}

@test "a NIC has a place on a machine without PCI" {
	start_passt
	accepted -M microvm -device virtio-rng-device
}

# Defect 8: what the guest knew its NIC by is lost.

@test "the NIC keeps its slot, MAC address, id, bootindex, MTU and ROM settings" {
	local kept=mac=52:54:00:00:00:01,id=net0,bus=pci.0,addr=0x7,bootindex=1,host_mtu=1400,romfile=,rombar=0

	start_passt
	qrap -machine pc-i440fx-7.2 -netdev user,id=hostnet0 -device "virtio-net-pci,netdev=hostnet0,$kept" \
		-device virtio-balloon-pci,bus=pci.0,addr=0x4
	[ "$status" = 0 ]
	for property in ${kept//,/ }; do
		arguments | grep -qE "^virtio-net-pci,(.*,)?$property(,|\$)"
	done
}

# Defect 9: not all network devices are removed.

# gone [ARGUMENT]...: all of these words are removed
gone() {
	local word

	wait_for 5 passt_is_free
	qrap -machine pc-i440fx-7.2 -device virtio-balloon-pci,bus=pci.0,addr=0x4 "$@"
	[ "$status" = 0 ]
	for word; do
		refute grep -qxF -- "$word" < <(arguments | grep -vx -e -device -e -netdev)
	done
	[ "$(arguments | grep -c '^-netdev$')" = 1 ]
}

@test "-nic is removed" {
	start_passt
	gone -nic user,model=e1000
}

@test "options with two dashes are removed" {
	start_passt
	gone --netdev user,id=n --device e1000,netdev=n
}

@test "a NIC without options is removed" {
	start_passt
	gone -device virtio-net-pci
}

@test "NICs of other models are removed" {
	start_passt
	gone -netdev user,id=n -device vmxnet3,netdev=n
}

@test "JSON with blanks and another order of keys is removed" {
	start_passt
	gone -netdev '{ "id": "n", "type": "user" }' -device '{ "netdev": "n", "driver": "e1000" }'
}

# Defect 10: the value of another option is taken for an option.

@test "values that look like options stay" {
	start_passt
	qrap -device virtio-rng-pci,bus=pci.0,addr=0x4 -append -net -name -netdev -m 1
	[ "$status" = 0 ]
	[[ $(arguments) == *$'\n-append\n-net\n-name\n-netdev\n-m\n1\n'* ]]
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

# Defect 12: bus numbers from 32 on wrap round, and come to mean a bus that is taken, or none.

@test "a root port with a high number is used" {
	start_passt
	qrap -machine pc-q35-7.2 -device pcie-root-port,id=pci.40,bus=pcie.0,chassis=40 \
		-device pcie-root-port,id=pci.41,bus=pcie.0,chassis=41 \
		-device virtio-rng-pci,bus=pci.40,addr=0x0
	[ "$status" = 0 ]
	arguments | grep -q '^virtio-net-pci,.*bus=pci.41,addr=0x0,'
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
	run as_from_a_shell env PATH=/tmp/only /tmp/only/kvm -m 1
	[ "$status" = 0 ]
	[[ $output == *"argv 0 qemu-kvm"* ]]
	[ "$(grep -c 'Connected to' <<<"$output")" = 1 ]
}

# Defect 17: a passt that answers IPv6 solicitations from link-local addresses only.

@test "a passt without IPv4 that wants a link-local source is found" {
	need python3
	start passt /usr/bin/python3 -c 'if True:
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
	QRAP_PASST=off qrap 5 kvm
	[ "$status" = 125 ]
	[ -z "$output" ]
	[ "$(grep -c . <<<"$stderr")" -le 5 ]
	[[ $stderr == *passt* ]]
}

# Of the same kind: a lock, a log, a shell's trace that a caller keeps on the number.
@test "a number that is in use is told of" {
	start_passt
	run_apart as_from_a_shell sh -c 'exec 5>/tmp/file; exec "$@"' sh "$QRAP" 5 kvm
	[ "$status" = 0 ]
	[[ $stderr == *"qrap: Descriptor 5 was in use, for a file: it is passt's connection now"* ]]
	printf 'all:\n\t+@%s 3 kvm\n' "$QRAP" >/tmp/Makefile
	run_apart as_from_a_shell make -j2 -f /tmp/Makefile --jobserver-style=pipe
	[ "$status" = 0 ] || run_apart as_from_a_shell make -j2 -f /tmp/Makefile
	[ "$status" = 0 ]
	[[ $stderr == *"Descriptor 3 was in use, for a pipe, make's jobserver: it is passt's connection now"* ]]
	# One that is free, or holds the connection already, is not worth a word.
	qrap 5 kvm
	[[ $stderr == 'Connected to '* ]]
}
