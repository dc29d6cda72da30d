#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# --publish: ports of the host that lead to the guest.

load common

setup() {
	need passt
	export FAKE_QEMU_FD=5
	fake_qemus kvm
}

# is_bound TCP_OR_UDP ADDRESS PORT: has somebody this address of the kernel's table? (/proc/net/tcp: state 0A)
is_bound() {
	local port state=0A

	printf -v port %04X "$3"
	[[ $1 != udp* ]] || state=07
	has_line "/proc/net/$1" " $2:$port 0+:0000 $state "
}

# published TCP_OR_UDP ADDRESS: such a VM runs with this as its only line, and the port is bound; in $PORT
published() {
	local table=$1 address=$2
	shift 2

	rm -f /tmp/vm.log
	start vm "$QRAP" --log-file /tmp/log "$@" 5 sleep 1000
	wait_for 10 has /tmp/vm.log Started || { cat /tmp/vm.log; return 1; }
	[[ $(</tmp/vm.log) =~ ^'Started passt for this VM: '([^ ]*):([0-9]+)' -> guest '([0-9]+)(/udp)?$ ]] || {
		cat /tmp/vm.log
		return 1
	}
	PORT=${BASH_REMATCH[2]}
	is_bound "$table" "$address" "$PORT" || { cat "/proc/net/$table"; return 1; }
}

# refused WORDS OPTION...: 125, one line with these words, and nothing runs
refused() {
	local words=$1
	shift

	qrap "$@" 5 kvm
	[[ $status == 125 && -z $output && $stderr == 'qrap: '*"$words"* && $stderr != *$'\n'* ]] && return
	echo "$*: status $status: $output $stderr"
	return 1
}

@test "a free port of the host: told on standard error, in the log and in the environment" {
	published tcp 0100007F --publish 22
	[ "$(</tmp/vm.log)" = "Started passt for this VM: 127.0.0.1:$PORT -> guest 22" ]
	[ "$(count /tmp/log '"event":"published"' '"address":"127.0.0.1"' "\"port\":$PORT," \
		'"guest_port":22,' '"protocol":"tcp"')" = 1 ]
	[ "$(count /tmp/log '"event":"started"')" = 1 ]
	QRAP_PORT_22=inherited qrap --publish 22 --publish 53/udp 5 env
	[[ $stderr =~ 127.0.0.1:([0-9]+)' -> guest 22, 127.0.0.1:'([0-9]+)' -> guest 53/udp'$ ]]
	[[ $'\n'$output$'\n' == *$'\n'"QRAP_PORT_22=${BASH_REMATCH[1]}"$'\n'* ]]
	[[ $'\n'$output$'\n' == *$'\n'"QRAP_PORT_53_UDP=${BASH_REMATCH[2]}"$'\n'* ]]
}

@test "the port that was asked for, on the address that was" {
	published tcp 0100007F --publish 2222:22
	[ "$PORT" = 2222 ]
	end_all
	published tcp 0200007F --publish 127.0.0.2:2222:22
	end_all
	published udp 0100007F --publish 2222:22/udp
	end_all
	published tcp6 00000000000000000000000001000000 --publish '[::1]:2222:22'
	has /tmp/vm.log '[::1]:2222 -> guest 22'
	end_all
	# All addresses: one that can be typed.
	published tcp 00000000 --publish 0.0.0.0:2222:22
	has /tmp/vm.log '127.0.0.1:2222 -> guest 22'
}

@test "several, by variable, in patch mode, beside a COMMAND's own" {
	QRAP_PUBLISH=2222:22,2223:22 qrap -m 64
	[ "$status" = 0 ]
	[ "$stderr" = 'Started passt for this VM: 127.0.0.1:2222 -> guest 22, 127.0.0.1:2223 -> guest 22' ]
	published tcp 0100007F --passt='passt -t 127.0.0.1/2224:80' --publish 2222:22
	is_bound tcp 0100007F 2224
	# The first one for a port of the guest is the variable.
	qrap --publish 2225:22 --publish 2226:22 5 env
	[[ $output == *QRAP_PORT_22=2225* ]]
}

@test "a port that is not to be had is an error that names the word, and nothing runs" {
	start taken /usr/bin/python3 -c 'import signal, socket
s = socket.create_server(("127.0.0.1", 2222))
signal.pause()'
	wait_for 5 is_bound tcp 0100007F 2222
	refused '--publish 2222:22: TCP port 2222: Address already in use' --publish 2222:22
	QRAP_PUBLISH=2222:22 refused 'QRAP_PUBLISH 2222:22: TCP port 2222: ' --wait 0
	refused '--publish 203.0.113.1:22: ' --publish 203.0.113.1:22
	# Another one is chosen where it does not matter which.
	published tcp 0100007F --publish 22
}

@test "a privileged port, as a user" {
	make_user
	cp "$BUILD/tests/fake_qemu" "$USER_HOME/kvm"
	run "${AS_USER[@]}" "$USER_HOME/qrap" --publish 22:22 5 "$USER_HOME/kvm"
	[ "$status" = 125 ]
	[[ $output == 'qrap: --publish 22:22: TCP port 22: Permission denied' ]]
}

@test "the same port of the host twice, no passt, one that cannot be started" {
	refused '--publish 2222:22 and --publish 2222:23: the same port of the host' --publish 2222:22 --publish 2222:23
	# On two addresses, too: not every passt can.
	refused 'the same port of the host' --publish 127.0.0.1:2222:22,127.0.0.2:2222:22
	refused 'the same port of the host' --dry-run --publish 2222:22 --publish 2222:23
	QRAP_PATH=/tmp/bin refused "--publish 22: can't run passt: No such file" --publish 22
	# A passt that waits does not help.
	start_passt
	QRAP_PATH=/tmp/bin refused "--publish 22: can't run passt: No such file" --publish 22
	passt_is_free
}

@test "at once: ten starts have ten ports" {
	local i ports

	for ((i = 0; i < 10; i++)); do
		start "vm$i" "$QRAP" --publish 22 --publish 53/udp 5 sleep 1000
	done
	for ((i = 0; i < 10; i++)); do
		wait_for 20 has /tmp/vm$i.log Started
	done
	ports=$(cat /tmp/vm*.log | grep -o '127.0.0.1:[0-9]*' | sort -u | wc -l)
	[ "$ports" = 20 ]
}

@test "a port of a VM that has just ended: the next one has it" {
	local i

	for ((i = 0; i < 5; i++)); do
		qrap --publish 2222:22 5 true
		[ "$status" = 0 ]
	done
}

# bats test_tags=timeout:90
@test "its bytes reach the guest: qrap --publish 22 disk.img" {
	need_guest
	start_http
	guest_that_answers
	start vm "$QRAP" --publish 22 qemu-system-x86_64 -machine q35 "${GUEST[@]}"
	wait_for 40 has /tmp/vm.log 'QRAP-GUEST page='
	[[ $(</tmp/vm.log) =~ 127.0.0.1:([0-9]+)\ -\>\ guest\ 22 ]]
	PORT=${BASH_REMATCH[1]}
	wait_for 10 reaches_guest
}

reaches_guest() {
	[ "$(timeout 1 "$QRAP_GUEST/busybox" wget -q -O - "http://127.0.0.1:$PORT/")" = 'from the guest' ]
}
