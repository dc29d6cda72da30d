#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What a command line promises, kept: real guests on a passt that is started for them.
#
# bats file_tags=timeout:90

load common

setup() {
	need_guest
	start_http
}

# A NIC of -nic and -net nic has its ROM, which looks for a network first.
QUICK=(-global virtio-net-pci.romfile=)

# serving PORT...: words of the guest's command line: it is online, then each port answers "PORT: " and what it was told;
# a datagram that has come is told
serving() {
	guest_script "network && fetch
		for port in $*; do
			printf '#!/bin/sh\nread -r line && echo \"%s: \$line\"\n' \$port >/tmp/\$port
			chmod +x /tmp/\$port
			nc -ll -p \$port -e /tmp/\$port &
		done
		say resolv=\$(cat /tmp/dns) names=\$(cat /tmp/names)
		while [ \$(awk '/^Udp: [0-9]/ { print \$3 }' /proc/net/snmp) = 0 ]; do sleep 0.1; done
		say datagram
		sleep 1000"
}

# start_vm QEMU_ARGUMENT...: such a guest, once it serves
start_vm() {
	start vm "$QRAP" qemu-system-x86_64 "$@" "${QUICK[@]}" "${GUEST[@]}"
	wait_for 40 has /tmp/vm.log 'QRAP-GUEST resolv=' || {
		cat /tmp/vm.log
		return 1
	}
	grep -aq "QRAP-GUEST page=$PAGE" /tmp/vm.log
}

# answers ADDRESS PORT GUEST_PORT: the guest's port is behind that
answers() {
	local answer fd

	exec {fd}<>"/dev/tcp/$1/$2"
	echo hello >&$fd
	IFS= read -r -t 5 answer <&$fd
	exec {fd}>&-
	[ "$answer" = "$3: hello" ]
} 2>/dev/null

@test "-nic: forwards of all kinds, addresses and names" {
	local port

	guest "$(serving 22 23 24)"
	start_vm -machine q35 -nic user,model=virtio,net=192.168.76.0/24,dhcpstart=192.168.76.9,host=192.168.76.1,hostname=vm,dnssearch=example.org,hostfwd=tcp:127.0.0.1:2222-:22,hostfwd=::2223-192.168.76.9:23,hostfwd=tcp:127.0.0.1:0-:24,hostfwd=udp:127.0.0.1:5353-:53
	has /tmp/vm.log 'lease=192.168.76.9/24 router=192.168.76.1'
	[[ $(</tmp/vm.log) =~ 127.0.0.1:([0-9]+)' -> guest 24' ]]
	port=${BASH_REMATCH[1]}
	wait_for 5 answers 127.0.0.1 2222 22
	wait_for 5 answers 127.0.0.1 2223 23
	wait_for 5 answers 127.0.0.1 "$port" 24
	refute answers 127.0.0.2 2222 22
	wait_for 5 answers 127.0.0.2 2223 23
	echo >/dev/udp/127.0.0.1/5353
	wait_for 5 has /tmp/vm.log 'QRAP-GUEST datagram'
}

@test "-net user and -redir: QEMU's own addresses, and IPv4 alone" {
	guest "$(serving 22)"
	start_vm -machine pc -net nic,model=virtio -net user,ipv6=off -redir tcp:2222::22 -redir udp:5353:10.0.2.15:53
	has /tmp/vm.log 'lease=10.0.2.15/24 router=10.0.2.2'
	wait_for 5 answers 127.0.0.1 2222 22
	echo >/dev/udp/127.0.0.1/5353
	wait_for 5 has /tmp/vm.log 'QRAP-GUEST datagram'
}

@test "-netdev in JSON behind a hub, which stays" {
	guest "$(serving 22)"
	start_vm -machine q35 -netdev '{"type":"user","id":"u","hostfwd":[{"str":"tcp:127.0.0.1:2222-:22"}]}' \
		-netdev hubport,id=p,hubid=0,netdev=u -netdev hubport,id=q,hubid=0 -device virtio-net-pci,netdev=q
	wait_for 5 answers 127.0.0.1 2222 22
}

@test "beside another network: the guest has both, each on its own NIC" {
	guest "$(guest_script 'network && fetch; say nics=$(ls /sys/class/net | tr "\n" " ")')"
	boot "$QRAP" qemu-system-x86_64 -machine pc -nic user,model=virtio,mac=52:54:00:00:00:07 \
		-nic hubport,hubid=1,model=virtio,mac=52:54:00:00:00:08 "${QUICK[@]}" "${GUEST[@]}"
	assert_online
	[[ $output == *'QRAP-GUEST mac=52:54:00:00:00:07'* && $output == *'QRAP-GUEST nics=eth0 eth1 lo'* ]]
	[[ $output == *'-nic hubport,hubid=1,model=virtio,mac=52:54:00:00:00:08 stays as it is, beside passt'* ]]
}

@test "a guest that is to reach nothing reaches nothing" {
	guest
	boot "$QRAP" qemu-system-x86_64 -machine q35 -nic user,model=virtio,restrict=on "${QUICK[@]}" "${GUEST[@]}"
	assert_offline
	[[ $output == *'QRAP-GUEST lease='* && $output == *'QEMU runs as it is, without passt: restrict=on of -nic '* ]]
}
