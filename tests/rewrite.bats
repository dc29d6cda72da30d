#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What patch mode makes of a command line: a table of forms and what becomes of them.

load common

# What an added NIC and an added netdev end in.
HOST=netdev=hostnet0,x-txburst=4096
SOCKET='-netdev socket,fd=5,id=hostnet0'
NIC="-device virtio-net-pci,$HOST $SOCKET"

# Options of tests/helpers/rewrite.c for all rows of a table: QEMU, model, open descriptors.
with=()

# rewritten [ARGUMENT]...: new words in $output, number of the descriptor and changes in $stderr
rewritten() {
	run_apart "$BUILD/tests/rewrite" "${with[@]}" -- "$@"
	[ "$status" = 0 ]
}

# becomes INPUT OUTPUT: both as a shell would read them; and OUTPUT stays as it is
becomes() {
	printf '%s\n' "$1" "=> $2" | table
}

# table: pairs of lines from standard input, the second with "=> " in front; "-> " where some other network
# stays on it, so that it would not stay as it is. All in one process.
table() {
	local input output kind input_words output_words expected=''

	while IFS= read -r input && IFS= read -r output; do
		kind=${output:0:3} output=${output:3}
		[[ $kind == [=-]'> ' ]]
		eval "input_words=($input)"
		eval "output_words=($output)"
		printf '%s\0' "${input_words[@]}" $'\n'
		[ "$kind" = '-> ' ] || printf '%s\0' "${output_words[@]}" $'\n'
		printf -v output '%s\n' "${output_words[@]}"
		expected+=$output$'\n'
		[ "$kind" = '-> ' ] || expected+=$output$'\n'
	done >/tmp/table
	[ -n "$expected" ]
	"$BUILD/tests/rewrite" "${with[@]}" -t /tmp/table | diff <(printf %s "$expected") -
}

# each_line [OPTION]...: what becomes of each line of standard input, in one process, in $output. Words are
# read as a shell would.
each_line() {
	local line words

	while IFS= read -r line; do
		# A question mark is no pattern here.
		set -f
		eval "words=($line)"
		set +f
		printf '%s\0' "${words[@]}" $'\n'
	done >/tmp/table
	run "$BUILD/tests/rewrite" "${with[@]}" "$@" -t /tmp/table
	[ "$status" = 0 ]
}

# says WORDS: there is a change in these words that is said on every run; mentions: on --dry-run
says() {
	[[ $stderr == *"!$1"* ]] || {
		echo "not said: $1, but: $stderr"
		return 1
	}
}

mentions() {
	[[ $'\n'$stderr$'\n' == *$'\n'"$1"$'\n'* ]] || {
		echo "not mentioned: $1, but: $stderr"
		return 1
	}
}

@test "no NIC: the machine's virtio-net is added, last on the line" {
	table <<-'END'
		
		=> $NIC
		-machine q35 -m 256
		=> -machine q35 -m 256 $NIC
		-M pc disk.img
		=> -M pc disk.img $NIC
		-device virtio-rng-pci,addr=3 -S
		=> -device virtio-rng-pci,addr=3 -S $NIC
	END
}

@test "options and values: a value is never an option" {
	table <<-'END'
		-append '-net foo' -name -netdev
		=> -append '-net foo' -name -netdev $NIC
		-append -net -name -device -kernel -nic
		=> -append -net -name -device -kernel -nic $NIC
		-S -net user -no-reboot -net nic disk.img
		=> -S -no-reboot disk.img $NIC
		--append -nic --netdev user,id=x --device e1000,netdev=x
		=> --append -nic -device virtio-net-pci,netdev=x,x-txburst=4096 -netdev socket,fd=5,id=x
		-snapshot -enable-kvm -curses -tdf -no-hpet -nic user
		=> -snapshot -enable-kvm -curses -tdf -no-hpet $NIC
		'' net nic 'two words'
		=> '' net nic 'two words' $NIC
		-unknown -netdev user,id=x
		=> -unknown -netdev user,id=x $NIC
		-nic user -append
		=> $NIC -append
		-netdev
		=> $NIC -netdev
		-S -device
		=> -S $NIC -device
	END
}

@test "options without a value, of all releases" {
	local option

	for option in S s h help version usb nographic snapshot no-reboot no-shutdown daemonize \
		nodefaults no-user-config preconfig only-migratable old-param semihosting singlestep \
		async-teardown enable-kvm no-acpi no-hpet mem-prealloc perfmap jitdump xen-attach \
		win2k-hack rtc-td-hack full-screen portrait alt-grab ctrl-grab no-quit sdl curses \
		enable-fips show-cursor no-kvm enable-hax no-frame no-kvm-irqchip localtime tdf \
		nodefconfig no-fd-bootchk audio-help xen-domid-restrict enable-sync-profile; do
		echo "-$option -netdev user,id=n"
		echo "=> -$option -device virtio-net-pci,netdev=n,x-txburst=4096 -netdev socket,fd=5,id=n"
	done | table
}

@test "what is removed: -net, -netdev, -nic" {
	table <<-'END'
		-net nic,model=rtl8139 -net user,hostfwd=tcp::1-:2 -m 1
		=> -m 1 $NIC
		-nic tap,id=x,model=e1000 -m 1
		=> -m 1 -device virtio-net-pci,netdev=x,x-txburst=4096 -netdev socket,fd=5,id=x
		-netdev tap,id=a,fd=7 -device e1000,netdev=a,mac=52:54:00:00:00:01 -nic bridge -netdev vde,id=c
		=> -device virtio-net-pci,mac=52:54:00:00:00:01,netdev=a,x-txburst=4096 -netdev socket,fd=5,id=a
		-nic user -redir tcp:2222::22 -tftp /srv -bootp x -smb /x -m 1
		=> -m 1 $NIC
	END
}

@test "what stays: other networks and their NICs beside user networking, and its second NIC" {
	local nic='-device virtio-net-pci,netdev=a,x-txburst=4096' net='-netdev socket,fd=5,id=a'

	table <<-'END'
		-netdev user,id=a -netdev tap,id=b,fd=7 -m 1
		-> -netdev tap,id=b,fd=7 -m 1 $nic $net
		-netdev tap,id=b,fd=5 -device e1000,netdev=b -netdev user,id=a -device e1000,netdev=a
		-> -netdev tap,id=b,fd=5 -device e1000,netdev=b -device virtio-net-pci,netdev=a,x-txburst=4096 -netdev socket,fd=6,id=a
		-netdev user,id=a,hostfwd=tcp::1-:2 -device rtl8139,netdev=a -netdev bridge,id=b -device virtio-net-pci,netdev=b
		-> $nic -netdev bridge,id=b -device virtio-net-pci,netdev=b $net
		-net none -device virtio-net-pci,netdev=a -netdev user,id=a -device virtio-net-pci,netdev=b -netdev user,id=b,hostfwd=tcp:127.0.0.1:2-:22
		-> -net none $nic -device virtio-net-pci,netdev=b -netdev user,id=b,hostfwd=tcp:127.0.0.1:2-:22 $net
		-netdev user,id=b,restrict=on -device e1000,netdev=b -netdev user,id=a -device e1000,netdev=a
		-> -netdev user,id=b,restrict=on -device e1000,netdev=b $nic $net
		-netdev vhost-user,id=b,chardev=c -device virtio-net-pci,netdev=b -nic user,id=a
		-> -netdev vhost-user,id=b,chardev=c $nic -device virtio-net-pci,netdev=b $net
		-nic tap -nic user,id=a
		-> -nic tap $nic $net
		-nic user,id=a,mac=52:54:00:00:00:01 -m 1 -nic tap
		-> -nic socket,fd=5,id=a,model=virtio-net-pci,mac=52:54:00:00:00:01 -m 1 -nic tap
		-net nic,netdev=a,macaddr=52:54:00:00:00:01 -netdev user,id=a -net nic,netdev=b -netdev tap,id=b
		-> -net nic,netdev=a,model=virtio-net-pci,macaddr=52:54:00:00:00:01 -net nic,netdev=b -netdev tap,id=b $net
		-netdev user,id=a -device e1000,netdev=a -netdev tap,id=hostnet0 -device 'rocker,name=r,len-ports=1,ports[0]=hostnet0'
		-> $nic -netdev tap,id=hostnet0 -device 'rocker,name=r,len-ports=1,ports[0]=hostnet0' $net
		-nic user -netdev tap,id=hostnet0 -device e1000,netdev=hostnet0
		-> -netdev tap,id=hostnet0 -device virtio-net-pci,netdev=hostnet1,x-txburst=4096 -device e1000,netdev=hostnet0 -netdev socket,fd=5,id=hostnet1
	END
	rewritten -nic user -netdev tap,id=b -device e1000,netdev=b -nic user,hostfwd=tcp::1-:2
	says '-netdev tap,id=b stays as it is, beside passt'
	says '-nic user,hostfwd=tcp::1-:2 stays as it is, beside passt'
	refute grep -q '^promised' <<<"$stderr"
	rewritten -netdev tap,id=b -device e1000,netdev=b -nic bridge -m 1
	says '-netdev tap,id=b (and 1 more): passt takes its place'
}

@test "what stays: a hub with more on it than one NIC, and one of hubports" {
	table <<-'END'
		-net nic,macaddr=52:54:00:00:00:01 -net nic -net user,id=u,hostfwd=tcp::1-:2 -m 1
		-> -net nic,macaddr=52:54:00:00:00:01 -net nic -net socket,fd=5,id=u -m 1
		-net user,hostfwd=tcp::1-:2 -net nic -net nic
		-> -net socket,fd=5 -net nic -net nic
		-net tap,ifname=a -net nic -net user
		-> -net tap,ifname=a -net nic -net socket,fd=5
		-net nic -net user -net nic -net tap
		-> -net nic -net socket,fd=5 -net nic -net tap
		-net nic -net user,hostfwd=tcp::1-:2 -net user,hostfwd=tcp::3-:4
		=> $NIC
		-net nic -net user -net user,restrict=on
		-> -net nic -net socket,fd=5 -net user,restrict=on
		-net nic,vlan=0 -net user,vlan=0 -net nic,vlan=1 -net tap,vlan=1
		-> -net nic,netdev=hostnet0,model=virtio-net-pci -net nic,vlan=1 -net tap,vlan=1 $SOCKET
		-net nic,vlan=1 -net tap,vlan=1 -net user,vlan=1
		-> -net nic,vlan=1 -net tap,vlan=1 -net socket,fd=5,vlan=1
		-netdev user,id=a -netdev hubport,hubid=0,id=p,netdev=a -netdev hubport,hubid=0,id=h -device e1000,netdev=h
		-> -netdev socket,fd=5,id=a -netdev hubport,hubid=0,id=p,netdev=a -netdev hubport,hubid=0,id=h -device e1000,netdev=h
		-netdev '{"type":"user","id":"a"}' -netdev hubport,hubid=0,id=p,netdev=a
		-> -netdev '{"type":"socket","fd":"5","id":"a"}' -netdev hubport,hubid=0,id=p,netdev=a
	END
	rewritten -net nic -net nic -net user,hostfwd=tcp::1-:2 -net user,hostfwd=tcp::3-:4
	mentions 'promised hostfwd=tcp::1-:2, hostfwd=tcp::3-:4'
}

@test "what stays: all of it, where the guest is to have no network" {
	local line

	while IFS= read -r line; do
		eval "rewritten $line"
		[ "$output" = "$(eval "printf '%s\n' $line")" ]
		grep -q '^stays ' <<<"$stderr"
		grep -qx 'fd -1' <<<"$stderr"
	done <<-'END'
		-nic none -m 1
		-net none -device virtio-rng-pci disk.img
		-nic none -net none
		-net none -netdev user,id=n
		-nic user,restrict=on
		-nic user,restrict
		-netdev user,id=n,restrict=y -device e1000,netdev=n
		-netdev '{"type":"user","id":"n","restrict":true}' -device e1000,netdev=n
		-net nic -net user,restrict=yes
		-netdev user,id=n,restrict=on -device e1000,netdev=n -netdev tap,id=t -device e1000,netdev=t
		-netdev user,id=n -device e1000,netdev=n -set netdev.n.restrict=on
	END
	for line in '-nic none -nic user' '-net none -device e1000,netdev=n -netdev user,id=n' \
		'-nic user,restrict=off' '-nic user,norestrict' '-nodefaults' '-nic none -device e1000'; do
		eval "rewritten $line"
		refute grep -q '^stays ' <<<"$stderr"
	done
}

@test "what is removed: NICs by all their names" {
	local driver

	for driver in e1000 e1000-82540em e1000-82544gc e1000-82545em e1000e igb i82550 i82551 i82557a \
		i82557c i82558b i82559er i82562 i82801 ne2k_isa ne2k_pci pcnet rtl8139 tulip usb-net \
		vmxnet3 pvrdma virtio-net-pci virtio-net virtio-net-pci-transitional \
		virtio-net-pci-non-transitional virtio-net-device virtio-net-ccw spapr-vlan sungem \
		sunhme eTSEC xen-net-device; do
		echo "-device $driver"
		echo "-device '{\"driver\":\"$driver\"}'"
	done | sed 's/$/ -m 1/' >/tmp/lines
	each_line </tmp/lines
	[ "$(grep -c -- '^-device$' <<<"$output")" = "$(wc -l </tmp/lines)" ]
	for driver in vfio-pci vhost-vsock-pci rocker e1000x virtio-net-failover; do
		rewritten -device "$driver,id=x" -m 1
		grep -qx "$driver,id=x" <<<"$output"
	done
}

@test "what is removed: whatever has a netdev, in whatever way it is written" {
	table <<-'END'
		-device newnic,netdev=n -m 1
		=> -device virtio-net-pci,netdev=n,x-txburst=4096 -m 1 -netdev socket,fd=5,id=n
		-device addr=5,netdev=n,driver=e1000 -m 1
		=> -device virtio-net-pci,addr=5,netdev=n,x-txburst=4096 -m 1 -netdev socket,fd=5,id=n
		-device virtio-blk-pci,driver=e1000,netdev=n
		=> -device virtio-net-pci,netdev=n,x-txburst=4096 -netdev socket,fd=5,id=n
		-device e1000,driver=virtio-rng-pci,id=x
		=> -device virtio-net-pci,$HOST -device e1000,driver=virtio-rng-pci,id=x $SOCKET
		-device isa-debugcon,chardev=a,,netdev=b -m 1
		=> -device virtio-net-pci,$HOST -device isa-debugcon,chardev=a,,netdev=b -m 1 $SOCKET
		-device virtio-net-pci,id=a,,b,netdev=n
		=> -device virtio-net-pci,id=a,,b,netdev=n,x-txburst=4096 -netdev socket,fd=5,id=n
	END
}

@test "what is removed: JSON as QEMU reads it" {
	table <<-'END'
		-device '{ "id" : "net0" , "netdev":"n", "driver" :"e1000" }' -netdev '{"id":"n","type":"user"}'
		=> -device '{"driver":"virtio-net-pci","id":"net0","netdev":"n","x-txburst":4096}' -netdev '{"type":"socket","fd":"5","id":"n"}'
		-device "{'driver':'e1000','netdev':'n'}"
		=> -device '{"driver":"virtio-net-pci","netdev":"n","x-txburst":4096}' -netdev '{"type":"socket","fd":"5","id":"n"}'
		-device '{"driver":"\u0065\u0031000","mac":"\u0035\u0032:54:00:00:00:01"}'
		=> -device '{"driver":"virtio-net-pci","mac":"52:54:00:00:00:01","netdev":"hostnet0","x-txburst":4096}' -netdev '{"type":"socket","fd":"5","id":"hostnet0"}'
		-device '{"x":{"netdev":"n","y":["}",{"driver":"e1000"}]},"driver":"virtio-rng-pci"}'
		=> -device '{"driver":"virtio-net-pci","netdev":"hostnet0","x-txburst":4096}' -device '{"x":{"netdev":"n","y":["}",{"driver":"e1000"}]},"driver":"virtio-rng-pci"}' -netdev '{"type":"socket","fd":"5","id":"hostnet0"}'
		-device '{"driver":"virtio-net-pci","rss":true,"bootindex":2,"x":[1, {"a":null}],"netdev":"n"}'
		=> -device '{"driver":"virtio-net-pci","rss":true,"bootindex":2,"x":[1, {"a":null}],"netdev":"n","x-txburst":4096}' -netdev '{"type":"socket","fd":"5","id":"n"}'
		-device '{"driver":"e1000","netdev":"n"}' -netdev user,id=n
		=> -device '{"driver":"virtio-net-pci","netdev":"n","x-txburst":4096}' -netdev socket,fd=5,id=n
	END
}

@test "identity: what makes up the guest's NIC goes to the new one" {
	table <<-'END'
		-device e1000,netdev=n,mac=52:54:00:00:00:01,id=net0,bus=pci.0,addr=0x3.0x0,multifunction=on,bootindex=1,romfile=,rombar=0,acpi-index=3 -netdev user,id=n
		=> -device virtio-net-pci,mac=52:54:00:00:00:01,id=net0,bus=pci.0,addr=0x3.0x0,multifunction=on,bootindex=1,romfile=,rombar=0,acpi-index=3,netdev=n,x-txburst=4096 -netdev socket,fd=5,id=n
		-device virtio-net-pci,netdev=n,host_mtu=1400,failover=on,iommu_platform=on,mq=on -netdev user,id=n
		=> -device virtio-net-pci,host_mtu=1400,failover=on,iommu_platform=on,mq=on,netdev=n,x-txburst=4096 -netdev socket,fd=5,id=n
		-net nic,macaddr=52:54:00:00:00:01,model=e1000,addr=7,vectors=3 -net user
		=> -device virtio-net-pci,mac=52:54:00:00:00:01,addr=7,$HOST $SOCKET
		-nic user,mac=52:54:00:00:00:01,model=e1000,id=x,hostfwd=tcp::1-:2
		=> -device virtio-net-pci,mac=52:54:00:00:00:01,netdev=x,x-txburst=4096 -netdev socket,fd=5,id=x
		-device rtl8139,netdev=n,id=a -set device.a.mac=52:54:00:00:00:01
		=> -device virtio-net-pci,id=a,mac=52:54:00:00:00:01,netdev=n,x-txburst=4096 -netdev socket,fd=5,id=n
		-net user,id=u -net nic -object filter-dump,id=f,netdev=u,file=x
		=> -object filter-dump,id=f,netdev=u,file=x -device virtio-net-pci,netdev=u,x-txburst=4096 -netdev socket,fd=5,id=u
	END
}

@test "identity: properties that virtio-net does not know are left out, and that is said" {
	becomes '-device e1000,netdev=n,mitigation=off,id=net0' \
		'-device virtio-net-pci,id=net0,netdev=n,x-txburst=4096 -netdev socket,fd=5,id=n'
	rewritten -device e1000,netdev=n,mitigation=off,id=net0
	mentions 'left out mitigation=off: not for virtio-net-pci'
	mentions "carried over id=net0: the guest's NIC keeps it"
}

@test "identity: the place among the other devices, since that decides who gets which slot" {
	table <<-'END'
		-device virtio-rng-pci -device e1000,netdev=n -device virtio-balloon-pci -netdev user,id=n
		=> -device virtio-rng-pci -device virtio-net-pci,netdev=n,x-txburst=4096 -device virtio-balloon-pci -netdev socket,fd=5,id=n
		-device virtio-rng-pci -nic user
		=> -device virtio-net-pci,$HOST -device virtio-rng-pci $SOCKET
		-device virtio-rng-pci,addr=3 -net nic,model=ne2k_isa -net user
		=> -device virtio-rng-pci,addr=3 $NIC
		-usb -device usb-net,netdev=n -device virtio-rng-pci,addr=4 -netdev user,id=n
		=> -usb -device virtio-rng-pci,addr=4 -device virtio-net-pci,netdev=n,x-txburst=4096 -netdev socket,fd=5,id=n
	END
}

@test "identity: no NIC, and QEMU would add one: in its slot, where nobody has claimed that" {
	table <<-'END'
		-M pc -virtfs local,path=/ -device virtio-rng-pci -device virtio-balloon-pci
		=> -M pc -device virtio-net-pci,$HOST -virtfs local,path=/ -device virtio-rng-pci -device virtio-balloon-pci $SOCKET
		-M q35 -device virtio-rng-pci,addr=3 -m 1
		=> -M q35 -device virtio-net-pci,$HOST -device virtio-rng-pci,addr=3 -m 1 $SOCKET
		-M q35 -device virtio-rng-pci,addr=2 -m 1
		=> -M q35 -device virtio-rng-pci,addr=2 -m 1 $NIC
		-M q35 -vga none -device virtio-rng-pci,addr=2
		=> -M q35 -vga none -device virtio-net-pci,$HOST -device virtio-rng-pci,addr=2 $SOCKET
		-M q35 -vga none -device virtio-rng-pci,addr=1
		=> -M q35 -vga none -device virtio-rng-pci,addr=1 $NIC
		-M q35 -nodefaults -device virtio-rng-pci
		=> -M q35 -nodefaults -device virtio-rng-pci $NIC
		-M q35 -netdev user,id=hostnet0 -device virtio-rng-pci
		=> -M q35 -device virtio-rng-pci $NIC
	END
	printf '[device]\n  driver = "virtio-rng-pci"\n' >/tmp/guest.cfg
	becomes '-M q35 -readconfig /tmp/guest.cfg' \
		'-M q35 -device virtio-net-pci,$HOST -readconfig /tmp/guest.cfg $SOCKET'
	with=(-m usb-net)
	becomes '-M pc -device virtio-rng-pci' \
		'-M pc -device virtio-rng-pci -device usb-net,netdev=hostnet0 $SOCKET'
	with=(-q qemu-system-riscv64)
	becomes '-M virt -device virtio-rng-pci' '-M virt -device virtio-rng-pci $NIC'
}

@test "model: another, the same, and virtio by its short name" {
	with=(-m e1000)
	table <<-'END'
		-device virtio-net-pci,netdev=n,mac=52:54:00:00:00:01,host_mtu=1400,bus=pci.0,addr=3
		=> -device e1000,mac=52:54:00:00:00:01,bus=pci.0,addr=3,netdev=n -netdev socket,fd=5,id=n
		-M q35
		=> -M q35 -device e1000,netdev=hostnet0 $SOCKET
	END
	with=(-m same)
	table <<-'END'
		-device rtl8139,netdev=n,mac=52:54:00:00:00:01,x=y
		=> -device rtl8139,mac=52:54:00:00:00:01,x=y,netdev=n -netdev socket,fd=5,id=n
		-nic user,model=e1000,mac=52:54:00:00:00:01
		=> -nic socket,fd=5,id=hostnet0,model=e1000,mac=52:54:00:00:00:01
		-net nic,model=pcnet,macaddr=52:54:00:00:00:01 -net user
		=> -nic socket,fd=5,id=hostnet0,model=pcnet,mac=52:54:00:00:00:01
		-M q35 -nodefaults
		=> -M q35 -nodefaults $NIC
		-M q35
		=> -M q35 -nic socket,fd=5,id=hostnet0
	END
	with=(-m virtio -q qemu-system-s390x)
	table <<-'END'
		-nic user
		=> -device virtio-net-ccw,$HOST $SOCKET
	END
}

@test "several NICs, none on user networking: the first is replaced, each other one goes with a line on every run" {
	becomes '-M q35 -nic tap,mac=52:54:00:00:00:01 -device vmxnet3,netdev=x -append "-net nic" d.img' \
		'-M q35 -device virtio-net-pci,mac=52:54:00:00:00:01,$HOST -append "-net nic" d.img $SOCKET'
	rewritten -M q35 -nic tap,mac=52:54:00:00:00:01 -device vmxnet3,netdev=x -net nic d.img
	says 'removed -device vmxnet3,netdev=x: '
	says 'removed -net nic: '
	refute grep -q '^!removed -nic tap' <<<"$stderr"
	mentions "removed -nic tap,mac=52:54:00:00:00:01: the guest's NIC is on passt"
}

@test "several NICs: the first that is connected, and those on nothing stay in front of it" {
	table <<-'END'
		-device e1000,mac=52:54:00:00:00:01,id=a -device e1000,mac=52:54:00:00:00:02,netdev=n -netdev user,id=n
		=> -device e1000,mac=52:54:00:00:00:01,id=a -device virtio-net-pci,mac=52:54:00:00:00:02,netdev=n,x-txburst=4096 -netdev socket,fd=5,id=n
		-net nic,macaddr=52:54:00:00:00:01 -net nic,netdev=n,macaddr=52:54:00:00:00:02 -netdev user,id=n
		=> -net nic,macaddr=52:54:00:00:00:01 -device virtio-net-pci,mac=52:54:00:00:00:02,netdev=n,x-txburst=4096 -netdev socket,fd=5,id=n
		-device virtio-rng-pci -net nic -m 1 -net nic,netdev=n -netdev user,id=n
		=> -device virtio-net-pci,netdev=n,x-txburst=4096 -device virtio-rng-pci -net nic -m 1 -netdev socket,fd=5,id=n
		-device e1000,netdev=n -device e1000,id=a -net nic -net nic,model=e1000 -netdev user,id=n
		-> -device virtio-net-pci,netdev=n,x-txburst=4096 -device e1000,id=a -net nic -net nic,model=e1000 -netdev socket,fd=5,id=n
		-device e1000 -net nic -net nic
		=> -device virtio-net-pci,$HOST $SOCKET
		-device e1000,netdev=n -net nic -net user
		-> -device virtio-net-pci,$HOST -device e1000,netdev=n $SOCKET
		-net nic,macaddr=52:54:00:00:00:01 -net nic -net none
		=> -net none -device virtio-net-pci,mac=52:54:00:00:00:01,$HOST $SOCKET
		-device e1000,id=a -nic user,mac=52:54:00:00:00:02
		-> -device virtio-net-pci,mac=52:54:00:00:00:02,$HOST -device e1000,id=a $SOCKET
		-device e1000,id=a -set device.a.x=y -device e1000,id=b,netdev=n -set device.b.addr=4
		=> -device e1000,id=a -set device.a.x=y -device virtio-net-pci,id=b,addr=4,netdev=n,x-txburst=4096 -netdev socket,fd=5,id=n
	END
	rewritten -device e1000,netdev=n -device e1000,id=b
	says 'removed -device e1000,id=b: '
	with=(-q qemu-system-aarch64)
	table <<-'END'
		-M xlnx-zcu102 -net nic -net nic,netdev=n,model=cadence_gem,macaddr=52:54:00:00:00:01 -netdev user,id=n -net nic
		-> -M xlnx-zcu102 -net nic -net nic,netdev=n,model=cadence_gem,macaddr=52:54:00:00:00:01 -net nic -netdev socket,fd=5,id=n
		-M xlnx-zcu102 -net nic -nic user,id=n
		-> -M xlnx-zcu102 -net nic -nic socket,fd=5,id=n
		-M xlnx-zcu102 -nic user,id=n,mac=52:54:00:00:00:01 -nic tap
		-> -M xlnx-zcu102 -nic socket,fd=5,id=n,mac=52:54:00:00:00:01 -nic tap
	END
}

@test "references: what lives on stays, what cannot goes with a line on every run" {
	table <<-'END'
		-netdev user,id=a -device e1000,netdev=a -object filter-dump,id=f,netdev=a,file=x
		=> -device virtio-net-pci,netdev=a,x-txburst=4096 -object filter-dump,id=f,netdev=a,file=x -netdev socket,fd=5,id=a
		-netdev user,id=a -netdev user,id=b -device e1000,netdev=a -device e1000,netdev=b,id=n1 -object filter-dump,id=f,netdev=b,file=x -set device.n1.mac=52:54:00:00:00:02 -set netdev.b.net=10.0.3.0/24
		-> -netdev user,id=b -device virtio-net-pci,netdev=a,x-txburst=4096 -device e1000,netdev=b,id=n1 -object filter-dump,id=f,netdev=b,file=x -set device.n1.mac=52:54:00:00:00:02 -set netdev.b.net=10.0.3.0/24 -netdev socket,fd=5,id=a
		-netdev tap,id=a -netdev tap,id=b -device e1000,netdev=a -device e1000,netdev=b,id=n1 -object filter-dump,id=f,netdev=b,file=x -set object.f.maxlen=1 -set device.n1.mac=52:54:00:00:00:02 -set netdev.b.queues=2 -set drive.d.if=none
		=> -device virtio-net-pci,netdev=a,x-txburst=4096 -set drive.d.if=none -netdev socket,fd=5,id=a
		-device virtio-net-pci,id=s,failover=on,netdev=a -device vfio-pci,host=1:0.0,id=p,failover_pair_id=s
		=> -device virtio-net-pci,id=s,failover=on,netdev=a,x-txburst=4096 -device vfio-pci,host=1:0.0,id=p,failover_pair_id=s -netdev socket,fd=5,id=a
		-nic tap -device virtio-net-pci,id=s,failover=on,netdev=a -device vfio-pci,host=1:0.0,id=p,failover_pair_id=s
		=> $NIC
		-nic tap -device e1000,id=s -device vfio-pci,host=1:0.0,id=p,failover_pair_id=s -set device.p.romfile=
		=> $NIC
		-netdev user,id=a -device 'rocker,name=r,len-ports=1,ports[0]=a' -device rocker,name=q
		=> -device rocker,name=q -device virtio-net-pci,netdev=a,x-txburst=4096 -netdev socket,fd=5,id=a
		-object filter-dump,id=f,netdev=other,file=x
		=> -object filter-dump,id=f,netdev=other,file=x $NIC
	END
	rewritten -nic tap,id=a -netdev tap,id=b -object '{"qom-type":"filter-dump","id":"f","netdev":"b"}'
	refute grep -q filter-dump <<<"$output"
	says 'removed -object {"qom-type":"filter-dump","id":"f","netdev":"b"}: its netdev b is gone'
}

@test "machines: the right NIC for each, told by the arguments or by QEMU's name" {
	local qemu expected arguments

	while read -r qemu expected arguments; do
		with=(-q "$qemu")
		# shellcheck disable=SC2086 # words
		rewritten $arguments
		grep -q -- "^$expected," <<<"$output" || {
			echo "$qemu $arguments: $output"
			return 1
		}
	done <<-'END'
		qemu-system-x86_64 virtio-net-pci
		kvm virtio-net-ccw -M s390-ccw-virtio-7.2
		/usr/bin/qemu-system-s390x virtio-net-ccw
		qemu-system-x86_64 virtio-net-device -M microvm,x-option-roms=off
		qemu-system-x86_64-microvm virtio-net-device
		qemu-system-x86_64 ne2k_isa -M isapc
		qemu-system-x86_64 virtio-net-pci -M isapc -machine q35
		qemu-system-x86_64 virtio-net-pci -M isapc -machine accel=tcg,type=pc
		qemu-system-x86_64 virtio-net-pci -M brand-new
		qemu-system-aarch64 virtio-net-pci -M virt
		qemu-system-aarch64 virtio-net-pci -M virt-9.2,gic-version=3
		qemu-system-aarch64 socket -M brand-new
		qemu-system-aarch64 virtio-net-pci -M brand-new -device virtio-blk-pci,drive=d
		qemu-system-aarch64 virtio-net-device -M brand-new -device virtio-blk-device,drive=d
		qemu-system-arm virtio-net-device -M vexpress-a9
		qemu-system-aarch64 usb-net -M raspi3b
		qemu-system-ppc64 virtio-net-pci -M pseries-7.2
		qemu-system-ppc virtio-net-pci
		qemu-system-riscv64 virtio-net-pci -M virt
		qemu-system-riscv64 socket -M sifive_u
		qemu-system-sparc socket -M SS-5
		qemu-system-sparc64 socket
		qemu-system-mipsel virtio-net-pci -M malta
		qemu-system-mips64el socket -M pica61
	END
}

@test "machines: the board's own NIC takes MAC address, id and model by -nic" {
	with=(-q qemu-system-sparc)
	table <<-'END'
		-M SS-5 -net nic,model=lance,macaddr=52:54:00:00:00:01 -net user -m 32
		=> -M SS-5 -m 32 -nic socket,fd=5,id=hostnet0,model=lance,mac=52:54:00:00:00:01
		-nic user,id=x,mac=52:54:00:00:00:01
		=> -nic socket,fd=5,id=x,mac=52:54:00:00:00:01
		-device e1000,netdev=n,id=a
		=> -device e1000,id=a,netdev=n -netdev socket,fd=5,id=n
	END
}

@test "PCI: on a layout like libvirt's the first free port, in either syntax" {
	local port='pcie-root-port,bus=pcie.0,id' json='{"driver":"pcie-root-port","bus":"pcie.0","id":"pci'

	table <<-END
		-M q35 -device $port=pci.1 -device $port=pci.2 -device $port=pci.10 -device virtio-rng-pci,bus=pci.1 -device virtio-rng-pci,bus=pci.2,addr=0x0
		=> -M q35 -device $port=pci.1 -device $port=pci.2 -device $port=pci.10 -device virtio-rng-pci,bus=pci.1 -device virtio-rng-pci,bus=pci.2,addr=0x0 -device virtio-net-pci,bus=pci.10,addr=0x0,$HOST $SOCKET
		-M q35 -device '$json.1"}' -device '$json.2"}' -device '{"driver":"virtio-rng-pci", "bus" : "pci.1"}'
		=> -M q35 -device '$json.1"}' -device '$json.2"}' -device '{"driver":"virtio-rng-pci", "bus" : "pci.1"}' -device '{"driver":"virtio-net-pci","bus":"pci.2","addr":"0x0","netdev":"hostnet0","x-txburst":4096}' -netdev '{"type":"socket","fd":"5","id":"hostnet0"}'
		-M q35 -device $port=pci.40 -device $port=pci.33 -device virtio-rng-pci,bus=pci.40
		=> -M q35 -device $port=pci.40 -device $port=pci.33 -device virtio-rng-pci,bus=pci.40 -device virtio-net-pci,bus=pci.33,addr=0x0,$HOST $SOCKET
		-M q35 -device $port=pci.1 -device virtio-rng-pci,bus=pci.1
		=> -M q35 -device virtio-net-pci,$HOST -device $port=pci.1 -device virtio-rng-pci,bus=pci.1 $SOCKET
		-M q35 -device $port=hotplug1
		=> -M q35 -device virtio-net-pci,$HOST -device $port=hotplug1 $SOCKET
	END
}

# Words that fill the slots FROM to TO of a bus, in $full.
fill() {
	local slot

	full=()
	for ((slot = $2; slot <= $3; slot++)); do
		full+=(-device "virtio-rng-pci,bus=$1,addr=0x$(printf %x $slot)")
	done
}

@test "PCI: with a full bus a place on a bridge, and without a bridge a message" {
	local full

	fill pci.0 2 31
	becomes "-M pc -device pci-bridge,id=b,bus=pci.0,addr=2 ${full[*]:2}" \
		"-M pc -device pci-bridge,id=b,bus=pci.0,addr=2 ${full[*]:2} -device virtio-net-pci,bus=b,addr=0x1,$HOST $SOCKET"
	# QEMU gives slots 0 and 1 of the bridge to devices without an address.
	becomes "-M pc -device pci-bridge,id=b,bus=pci.0,addr=2 ${full[*]:2} -device virtio-rng-pci,bus=b -device virtio-rng-pci,bus=b" \
		"-M pc -device pci-bridge,id=b,bus=pci.0,addr=2 ${full[*]:2} -device virtio-rng-pci,bus=b -device virtio-rng-pci,bus=b -device virtio-net-pci,bus=b,addr=0x3,$HOST $SOCKET"
	becomes "-M pc ${full[*]:2}" "-M pc ${full[*]:2} $NIC"
	run "$BUILD/tests/rewrite" -- -M pc "${full[@]}"
	[ "$status" = 1 ]
	[ "$output" = 'No space left on device' ]
	run_apart "$QRAP" --dry-run -M pc "${full[@]}"
	[ "$status" = 125 ]
	[[ $stderr == *"Couldn't find free address for device"* ]]
	[ -z "$output" ]
}

@test "the descriptor: 5, or the next that is neither open nor spoken of" {
	local number arguments

	while read -r number arguments; do
		with=()
		[[ $arguments != open* ]] || with=(-o 5 -o 6)
		# shellcheck disable=SC2086 # words
		rewritten ${arguments#open}
		grep -qx "fd $number" <<<"$stderr" || {
			echo "$arguments: $stderr"
			return 1
		}
		grep -qx "socket,fd=$number,id=.*" <<<"$output"
	done <<-'END'
		5 -m 5
		7 open
		6 -add-fd fd=5,set=1
		7 -chardev socket,id=c,fd=5 -incoming fd:6
		8 open -add-fd fd=7,set=1
		6 -blockdev {"driver":"file","filename":"/dev/fd/5"}
		7 -object x,fds=5:6
		5 -netdev tap,id=n,fd=5,vhostfd=6
		5 -append 5 -smp 5
	END
}

@test "a configuration file: one that declares a network device is named, and left alone" {
	cat >/tmp/guest.cfg <<-'END'
		# qemu config file
		[machine]
		  type = "microvm"
		[netdev "n"]
		  type = "user"
		[device "net7"]
		  driver = "e1000"
		  netdev = "n"
	END
	rewritten -readconfig /tmp/guest.cfg -device e1000,netdev=n
	says '/tmp/guest.cfg declares a network device ([netdev "n"])'
	says '/tmp/guest.cfg declares a network device ([device "net7"])'
	becomes '-readconfig /tmp/guest.cfg' \
		'-readconfig /tmp/guest.cfg -device virtio-net-device,$HOST $SOCKET'
	# Not a second netdev of that name.
	rewritten -readconfig /tmp/guest.cfg -device virtio-net-device,netdev=n
	grep -qx 'socket,fd=5,id=hostnet0' <<<"$output"
}

@test "a configuration file: a NIC in it that waits for a netdev on the line gets it" {
	printf '[device "net7"]\n  driver = "e1000"\n  netdev = "n"\n' >/tmp/guest.cfg
	becomes '-readconfig /tmp/guest.cfg -netdev user,id=n' \
		'-readconfig /tmp/guest.cfg -netdev socket,fd=5,id=n'
	rewritten -readconfig /tmp/guest.cfg -netdev user,id=n
	says '/tmp/guest.cfg declares a NIC on netdev n'
}

@test "a configuration file: pipes, directories and missing files are not touched" {
	mkfifo /tmp/pipe
	for file in /tmp/pipe /tmp /tmp/missing /dev/zero; do
		becomes "-readconfig $file" "-readconfig $file $NIC"
	done
}

@test "runs that start no guest, and runs that do" {
	each_line -g <<-'END'
		-version
		--version
		-S -help
		-h
		-machine none
		-S -no-user-config -nodefaults -nographic -machine none,accel=kvm:tcg -daemonize
		-M none
		-M pc -machine none
		-machine help
		-machine q35,help
		-M ?
		-device help
		-device virtio-net-pci,help
		-device ?
		-cpu help
		-accel help
		-netdev help
		-nic user,model=help
		-net nic,model=?
		-chardev help
		-object help
		-object memory-backend-ram,help
		-drive if=none,format=help
		-display help
		-vga help
		-audiodev help
		-trace help
		-d help
		-L help
		-smp help
		-M virt,dumpdtb=/tmp/x
		-dump-vmstate x
	END
	[ ${#lines[@]} = 32 ]
	refute grep -vx 'no guest' <<<"$output"
	each_line -g <<-'END'

		-M q35
		-machine none -M pc
		-append -version
		-append '-machine none'
		-name help
		-kernel help
		-append help
		-drive file=help,if=virtio
		help
		-device virtio-rng-pci,id=help
		-name -h
		-append
	END
	[ ${#lines[@]} = 13 ]
	refute grep -vx guest <<<"$output"
}

@test "a dry run: one line that a shell can run, and why on standard error" {
	run_apart "$QRAP" --dry-run --qemu "$BUILD/tests/fake_qemu" -M q35 \
		-nic tap,mac=52:54:00:00:00:01 -device vmxnet3,netdev=x -append "-net nic 'quoted' \$HOME" d.img
	[ "$status" = 0 ]
	[ "$(wc -l <<<"$output")" = 1 ]
	[[ $stderr == *'removed -nic tap,mac=52:54:00:00:00:01: '* ]]
	[[ $stderr == *'removed -device vmxnet3,netdev=x: '* ]]
	[[ $stderr == *'carried over mac=52:54:00:00:00:01: '* ]]
	[[ $stderr == *'added -device virtio-net-pci,'* ]]
	[[ $stderr == *'added -netdev socket,fd=5,id=hostnet0: '* ]]
	run sh -c "$output"
	[ "$(arguments | tail -n +2)" = "$(printf '%s\n' -M q35 \
		-device virtio-net-pci,mac=52:54:00:00:00:01,$HOST \
		-append "-net nic 'quoted' \$HOME" d.img -netdev socket,fd=5,id=hostnet0)" ]
}

@test "changes are lines, whatever is in a word" {
	rewritten -device "$(printf 'e1000,netdev=a\nb\033[1m')"
	refute grep -q "$(printf '\033')" <<<"$stderr"
	[ "$(grep -c '^removed ' <<<"$stderr")" = 1 ]
	rewritten -netdev "user,id=$(head -c 100000 /dev/zero | tr '\0' x)"
	[ "$(grep '^removed ' <<<"$stderr" | wc -c)" -lt 1100 ]
}

# many COUNT FORMAT: a file of words, each with a NUL behind it; "#" in FORMAT counts
many() {
	/usr/bin/python3 - "$@" <<-'END' >/tmp/words
		import sys
		count, form = int(sys.argv[1]), sys.argv[2]
		for number in range(count):
		    sys.stdout.write("".join(word.replace("#", str(number)) + "\0" for word in form.split(" ")))
	END
}

# One word of a megabyte, behind the option it is the value of: BEGIN, as often as it takes MIDDLE, END
long() {
	/usr/bin/python3 - "$@" <<-'END' >/tmp/words
		import sys
		option, begin, middle, end = sys.argv[1:]
		sys.stdout.write(option + "\0" + begin + middle * (1000000 // len(middle)) + end + "\0")
	END
}

# In a stack of 256 KiB, and in a second: it takes 0.1 s.
in_linear_time() {
	run bash -c 'ulimit -s 256; exec "$@"' sh "$BUILD/tests/rewrite" -f /tmp/words
	if [ "$status" != 0 ] || ! [[ $output =~ \ ([0-9]+)(\.[0-9]+)?\ ms$ ]] ||
		[ "${BASH_REMATCH[1]}" -ge $((1000 * SLOW)) ]; then
		echo "$1: $status, $output"
		return 1
	fi
}

@test "long command lines: linear time and a small stack" {
	local form

	need python3
	for form in disk# '-device virtio-rng-pci,addr=#' '-device pcie-root-port,id=pci.#' \
		'-netdev user,id=n# -device e1000,netdev=n#,id=d# -object filter-dump,id=f#,netdev=n# -set device.d#.mac=x' \
		'-add-fd fd=#,set=1' '-machine pc' '-device {"driver":"e1000","netdev":"n#"}'; do
		many 50000 "$form"
		in_linear_time "$form"
	done
	long -append '' x ''
	in_linear_time 'a long word'
	long -append 'fd=' 5: ''
	in_linear_time 'a long list of numbers'
	long -device virtio-net-pci a=b, ''
	in_linear_time 'many properties'
	long -netdev user,id= ,, ''
	in_linear_time 'many commas'
	long -device '{"driver":"e1000"' ',"a":[1]' '}'
	in_linear_time 'many members'
	long -device '{"driver":"e1000","a":' '[' ''
	in_linear_time 'deep nesting'
	long -device '{"driver":"e1000","a":"' '\u0041' '"}'
	in_linear_time 'many escapes'
}
