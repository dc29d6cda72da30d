#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What a command line promises the guest, and what becomes of that: read, and told.

load common

HOST=netdev=hostnet0,x-txburst=4096
SOCKET='-netdev socket,fd=5,id=hostnet0'

# promised QEMU_ARGUMENT...: what is told of the line is in $stderr, the new words are in $output
promised() {
	run_apart "$BUILD/tests/rewrite" -- "$@"
	[ "$status" = 0 ]
}

# tells LINE...: these lines are among what is told
tells() {
	local line

	for line; do
		[[ $'\n'$stderr$'\n' == *$'\n'"$line"$'\n'* ]] || {
			echo "not told: $line, but: $stderr"
			return 1
		}
	done
}

# refused WORD REASON QEMU_ARGUMENT...: the only thing that is said is this, and no passt is looked for
refused() {
	run_apart "$BUILD/tests/rewrite" -- "${@:3}"
	if [ "$status" != 1 ] || [ "$stderr" != "$1: $2" ]; then
		echo "${*:3}: $stderr"
		return 1
	fi
}

# Words of user networking in each of its spellings: what they come to is the same.
in_all_spellings() {
	local words=$1 first
	shift

	for first in "-netdev user,id=n,$words -device virtio-net,netdev=n" "-nic user,$words" "-nic $words" \
		"-nic model=virtio,$words" "-net nic -net user,$words" "--nic user,$words," \
		"-device virtio-net,netdev=n --netdev $words,id=n,type=user"; do
		# shellcheck disable=SC2086 # words
		promised $first
		tells "promised $words" "$@"
	done
}

@test "each key that a private passt can keep, in all spellings" {
	in_all_spellings hostfwd=tcp::2222-:22 'forward tcp 0.0.0.0 2222 22: hostfwd=tcp::2222-:22'
	in_all_spellings hostfwd=udp:127.0.0.1:53-:5353 \
		'forward udp 127.0.0.1 53 5353: hostfwd=udp:127.0.0.1:53-:5353'
	in_all_spellings net=192.168.76.0/24 'network 192.168.76.15/24 192.168.76.2 192.168.76.3'
	in_all_spellings dhcpstart=10.0.2.20 'network 10.0.2.20/0 - -'
	in_all_spellings host=10.0.2.1 'network -/0 10.0.2.1 -'
	in_all_spellings dns=10.0.2.4 'network -/0 - 10.0.2.4'
	in_all_spellings hostname=vm 'names vm -'
	in_all_spellings domainname=example.org 'names - example.org'
	in_all_spellings dnssearch=example.org 'search example.org'
	in_all_spellings ipv4=off 'no IPv4'
	in_all_spellings ipv6=no 'no IPv6'
	in_all_spellings ipv6=on 'no IPv4'
	in_all_spellings ipv4=true 'no IPv6'
}

@test "the same in JSON, where lists are lists of objects" {
	promised -device virtio-net,netdev=n -netdev '{ "type" : "user", "id":"n", "net":"192.168.76.0/24",
		"hostfwd": [ {"str":"tcp::2222-:22"}, {"str":"udp:127.0.0.1:5353-:53"} ], "hostname":"{",
		"dnssearch":[{"str":"a.example"},{"str":"b.example"}],"ipv6":false}'
	tells 'promised net=192.168.76.0/24, hostfwd=tcp::2222-:22, hostfwd=udp:127.0.0.1:5353-:53, hostname={, dnssearch=a.example, dnssearch=b.example, ipv6=false' \
		'forward tcp 0.0.0.0 2222 22: hostfwd=tcp::2222-:22' \
		'forward udp 127.0.0.1 5353 53: hostfwd=udp:127.0.0.1:5353-:53' \
		'network 192.168.76.15/24 192.168.76.2 192.168.76.3' 'names { -' 'search b.example' 'no IPv6'
}

@test "options of before QEMU 3: -redir is a forward, the others are lost" {
	promised -net nic -net user -redir tcp:2222::22 -redir udp:53:10.0.2.15:5353 --redir :80::8080 \
		-tftp /srv -bootp /x -smb /share -m 1
	tells 'forward tcp 0.0.0.0 2222 22: -redir tcp:2222::22' \
		'forward udp 0.0.0.0 53 5353: -redir udp:53:10.0.2.15:5353' \
		'forward tcp 0.0.0.0 80 8080: --redir :80::8080' \
		'!lost with user networking, since passt has none: -tftp /srv, -bootp /x, -smb /share'
	[ "$output" = "$(printf '%s\n' -m 1 -device virtio-net-pci,$HOST -netdev socket,fd=5,id=hostnet0)" ]
	# Of a line that has no other option of networks, too; where nothing moves they stay.
	promised -redir tcp:2222::22
	tells 'promised -redir tcp:2222::22'
	promised -redir tcp:2222::22 -net none
	[[ $output == *-redir* ]]
}

@test "forwards as QEMU reads them: what may be left out, any base, the guest's address" {
	promised -nic user,hostfwd=:127.0.0.1:1-:2,hostfwd=::3-:4,hostfwd=tcp::-:5,hostfwd=tcp::0-:6,hostfwd=tcp::0x10-:010
	tells 'forward tcp 127.0.0.1 1 2: hostfwd=:127.0.0.1:1-:2' 'forward tcp 0.0.0.0 3 4: hostfwd=::3-:4' \
		'forward tcp 0.0.0.0 0 5: hostfwd=tcp::-:5' 'forward tcp 0.0.0.0 0 6: hostfwd=tcp::0-:6' \
		'forward tcp 0.0.0.0 16 8: hostfwd=tcp::0x10-:010'
	# Neither the first address of DHCP, nor 0.0.0.0, which stands for it, is worth a word.
	promised -nic user,hostfwd=tcp::1-10.0.2.15:2,hostfwd=tcp::3-0.0.0.0:4
	refute grep -q 'first address' <<<"$stderr"
	promised -nic user,net=192.168.5.0/24,hostfwd=tcp::1-192.168.5.15:2,hostfwd=tcp::5-10.0.2.15:6
	[ "$(grep -c "not the guest's first address" <<<"$stderr")" = 1 ]
	tells "!hostfwd=tcp::5-10.0.2.15:6: not the guest's first address; passt forwards to the one that the guest uses"
	promised -nic user,dhcpstart=10.0.2.30,hostfwd=tcp::1-10.0.2.30:2,hostfwd=udp::1-:2
	refute grep -q 'first address' <<<"$stderr"
}

@test "malformed forwards are refused, each by its word" {
	local form='it is not [tcp|udp]:[HOSTADDR]:[HOSTPORT]-[GUESTADDR]:GUESTPORT' value

	while read -r value; do
		refused "hostfwd=$value" "$form" -nic "user,hostfwd=$value"
	done <<-'END'
		tcp
		2222
		2222-22
		2222:22
		tcp:2222-:22
		tcp:127.0.0.1:2222
		tcp:127.0.0.1:2222-22
		tcp:[::1]:2222
	END
	while read -r value form; do
		refused "hostfwd=$value" "$form" -m 1 -netdev "user,id=n,hostfwd=$value" -device e1000,netdev=n
	done <<-'END'
		sctp::1-:2 its protocol is neither tcp nor udp
		tcp:localhost:1-:2 the host's address is no IPv4 address
		tcp:[::1]:1-:2 the host's address is no IPv4 address
		tcp::65536-:2 the host's port is not 0 to 65535
		tcp::ssh-:2 the host's port is not 0 to 65535
		tcp::1-guest:2 the guest's address is no IPv4 address
		tcp::1-:0 the guest's port is not 1 to 65535
		tcp::1-: the guest's port is not 1 to 65535
		tcp::1-:65536 the guest's port is not 1 to 65535
		tcp::1-:2x the guest's port is not 1 to 65535
	END
	refused '-redir tcp:2222' 'it is not [tcp|udp]:HOSTPORT:[GUESTADDR]:GUESTPORT' -redir tcp:2222
	refused '-redir tcp:2222:22' 'it is not [tcp|udp]:HOSTPORT:[GUESTADDR]:GUESTPORT' -redir tcp:2222:22
	refused '-redir tcp:2222:a:22' "the guest's address is no IPv4 address" -redir tcp:2222:a:22
}

@test "one port of the host for two forwards is refused, whatever the addresses" {
	local words

	while read -r words; do
		# shellcheck disable=SC2086 # words
		qrap --dry-run --qemu "$BUILD/tests/fake_qemu" $words
		[ "$status" = 125 ]
		[[ $stderr == *'the same port of the host'* ]]
	done <<-'END'
		-nic user,hostfwd=tcp::1-:2,hostfwd=tcp::1-:3
		-nic user,hostfwd=udp:127.0.0.1:1-:2,hostfwd=udp:127.0.0.2:1-:2
		-net nic -net user,hostfwd=tcp::1-:2 -redir tcp:1::2
	END
	promised -nic user,hostfwd=tcp::1-:2,hostfwd=udp::1-:2,hostfwd=tcp::0-:2,hostfwd=tcp::0-:3
}

@test "addresses: networks of all sizes, and what is none" {
	promised -nic user,net=10.5.0.0/16
	tells 'network 10.5.2.15/16 10.5.2.2 10.5.2.3'
	promised -nic user,net=192.168.5.77/255.255.255.0,host=192.168.5.1
	tells 'network 192.168.5.15/24 192.168.5.1 192.168.5.3'
	promised -nic user,net=172.16.0.0
	tells 'network 172.16.2.15/12 172.16.2.2 172.16.2.3'
	promised -nic user,net=172.32.0.0
	tells 'network 172.32.2.15/16 172.32.2.2 172.32.2.3'
	promised -nic user,net=192.168.7.0
	tells 'network 192.168.2.15/16 192.168.2.2 192.168.2.3'
	promised -nic user,net=198.51.100.0
	tells 'network 198.51.100.15/28 198.51.100.2 198.51.100.3'
	promised -nic user,host=10.1.2.9,net=10.0.0.0
	tells 'network 10.0.2.15/8 10.1.2.9 10.0.2.3'
	promised -net nic -net user,ip=10.9.8.0
	tells 'network 10.9.8.15/24 10.9.8.2 10.9.8.3'
	refused net=10.0.0.0/33 'it is no IPv4 network' -nic user,net=10.0.0.0/33
	refused net=10.0.0.0/255.0.255.0 'it is no IPv4 network' -nic user,net=10.0.0.0/255.0.255.0
	refused net=here 'it is no IPv4 network' -nic user,net=here
	refused dns=fd00::3 'it is no IPv4 address' -nic user,dns=fd00::3
	refused host= 'it is no IPv4 address' -nic user,host=
}

@test "what no passt can keep is told once, by its words; what is not of the network is not" {
	promised -netdev user,id=n,tftp=/srv,bootfile=x,smb=/a,,b,smbserver=10.0.2.4,tftp-server-name=s,ipv6-net=fd00::/64,ipv6-host=fd00::2,ipv6-dns=fd00::3,guestfwd=tcp:10.0.2.100:1-cmd:cat,hostfwd=unix:/x-:1 \
		-device virtio-net,netdev=n
	tells '!lost with user networking, since passt has none: tftp=/srv, bootfile=x, smb=/a,b, smbserver=10.0.2.4, tftp-server-name=s, ipv6-net=fd00::/64, ipv6-host=fd00::2, ipv6-dns=fd00::3, guestfwd=tcp:10.0.2.100:1-cmd:cat, hostfwd=unix:/x-:1'
	[ "$(grep -c '^!' <<<"$stderr")" = 1 ]
	refute grep -q '^promised' <<<"$stderr"
	promised -nic user,model=virtio,mac=52:54:00:00:00:01,restrict=off,id=x,mfr=1,queue=2,ipv4=on,ipv6=on
	refute grep -qE '^(promised|no |!)' <<<"$stderr"
	promised -netdev user,id=n -device virtio-net,netdev=n -set netdev.n.hostfwd=tcp::1-:2
	tells 'promised hostfwd=tcp::1-:2'
	refute grep -qx -- -set <<<"$output"
}

@test "a NIC that becomes virtio: one line, and none where it was or stays what it is" {
	local line='the guest'\''s NIC, rtl8139, becomes virtio-net-pci: if it has no driver for that, --model same keeps the NIC'
	local arguments

	promised -nic user,model=rtl8139
	tells "!$line"
	promised -M q35 -net nic -net user
	tells "!${line/rtl8139/e1000e}"
	for arguments in '-nic user,model=virtio' '-M q35' '-device virtio-net,netdev=n -netdev user,id=n'; do
		# shellcheck disable=SC2086 # words
		promised $arguments
		refute grep -q becomes <<<"$stderr"
	done
	run_apart "$BUILD/tests/rewrite" -m same -- -nic user,model=rtl8139
	refute grep -q becomes <<<"$stderr"
	run_apart "$BUILD/tests/rewrite" -q qemu-system-aarch64 -- -M virt -nic user
	refute grep -q becomes <<<"$stderr"
}

@test "a bad word is an error before anything is started, and nothing moves where nothing may" {
	fake_qemus kvm
	qrap -m 64 -nic user,hostfwd=tcp::65536-:22
	[ "$status" = 125 ]
	[ -z "$output" ]
	[ "$stderr" = "qrap: hostfwd=tcp::65536-:22: the host's port is not 0 to 65535" ]
	# No passt runs here.
	qrap -m 64 -nic none
	[ "$status" = 0 ]
	[ "$(arguments)" = "$(printf '%s\n' kvm -m 64 -nic none)" ]
	[ "$stderr" = 'qrap: QEMU runs as it is, without passt: -nic none: the guest is to have no network' ]
	qrap --dry-run -m 64 -nic user,restrict=on,hostfwd=tcp::2222-:22
	[ "$status" = 0 ]
	[ "$output" = 'kvm -m 64 -nic user,restrict=on,hostfwd=tcp::2222-:22' ]
	[[ $stderr == *'QEMU runs as it is, without passt: restrict=on of -nic user,restrict=on,hostfwd=tcp::2222-:22: '* ]]
}

# A row of public-lines is complete: is that what becomes of $line?
check_line() {
	local words expected

	eval "words=($line)"
	if [ "$becomes" = '(same)' ]; then
		expected=$(printf '%s\n' "${words[@]:1}")
	else
		expected=$(eval "printf '%s\n' $becomes")
	fi
	run_apart "$BUILD/tests/rewrite" -q "${words[0]}" -- "${words[@]:1}"
	stderr=$(grep -E '^(promised|stays|!|forward|network|names|search|no )' <<<"$stderr" || true)
	if [ "$status" != 0 ] || [ "$output" != "$expected" ] || [ "$stderr" != "${told%$'\n'}" ]; then
		printf '%s\n=> %s\n%s\n' "$line" "$output" "$stderr"
		return 1
	fi
	count=$((count + 1))
}

@test "131 lines as people and tools write them" {
	local line='' becomes='' told='' count=0 row

	while IFS= read -r row; do
		case $row in
		'#'*) ;;
		'=> '*) becomes=${row#=> } ;;
		$'\t'*) told+=${row#$'\t'}$'\n' ;;
		*)
			[ -z "$line" ] || check_line
			line=$row told=''
			;;
		esac
	done <"$TOP/tests/public-lines"
	check_line
	[ "$count" = 131 ]
}
