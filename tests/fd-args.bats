#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Which words of a command line speak of a descriptor number, and which of them say that QEMU's
# network is there.

load common

# says WHAT WORD [FD]: connection, descriptor or no; of number 5 unless told
says() {
	local answer

	answer=$("$BUILD/tests/mention_unit" "$2" "${3:-5}")
	if [ "$answer" != "$1" ]; then
		echo "$2: $answer, not $1"
		return 1
	fi
}

@test "a network's connection" {
	says connection socket,fd=5
	says connection socket,id=n,fd=5,x=y
	says connection fd=5,type=socket
	says connection socket,fd=005
	says connection 'stream,id=n,addr.type=fd,addr.str=5'
	says connection '{"type":"socket","id":"n","fd":"5"}'
	says connection '{ "type" : "socket", "fd" : "5" }'
	says connection "{'type': 'socket', 'fd': '5'}"
	says connection '{"type":"stream","id":"n","addr":{"type":"fd","str":"5"}}'
	says connection 'exec qemu-system-x86_64 -netdev socket,fd=5 -m 1'
	says connection 'exec qemu "{\"fd\":\"5\"}"'
	says connection socket,fd=1023 1023
	says connection socket,fd=2147483647 2147483647
}

@test "a descriptor of somebody's" {
	says descriptor --fd=5
	says descriptor clientfd=5
	says descriptor tap,vhostfd=5
	says descriptor tap,fds=4:5
	says descriptor tap,fds=5:6
	says descriptor tap,vhostfds=3:4:5:6
	says descriptor /dev/fd/5
	says descriptor file=/proc/self/fd/5
	says descriptor fd:5
	says descriptor 'driver=fd,path=/dev/fd/5'
	says descriptor x.addr.str=5
}

@test "neither" {
	says no ''
	says no 5
	says no socket,fd=55
	says no socket,fd=15
	says no socket,fd=5x
	says no socket,fd=5_
	says no socket,fd=-5
	says no socket,fd
	says no id=5
	says no fd5
	says no socket,fd=
	says no 'fd, 5'
	says no /dev/fd/55
	says no socket,fd=4294967301
	says no socket,fd=18446744073709551621
	says no '"5"'
	says no '{"id":"fd","vlan":"5"}'
	says no tap,fds=4:6
}

@test "long words take no time" {
	local word

	word=$(printf '%40000s' '' | sed 's/  /fd=6,,/g')
	says no "$word"
	says connection "$word,fd=5"
	word=$(printf '%120000s' '' | tr ' ' 5)
	says no "$word"
	word=$(printf '%120000s' '' | sed 's/  /5:/g')
	says no "$word"
}
