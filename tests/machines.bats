#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# For each type of machine, a real QEMU is started on the line that patch mode makes, and asked
# whether the NIC is there, on its netdev, with its MAC address.

load common

MAC=52:54:00:12:34:99

# rewritten QEMU [ARGUMENT]...: the words that patch mode makes of it are in $words
rewritten() {
	local line

	need "$1"
	line=$("$QRAP" --dry-run --qemu "$@" 2>/tmp/changes)
	eval "words=($line)"
}

# asked QEMU [ARGUMENT]...: the same QEMU, or $INSTEAD, about the line that patch mode makes
INSTEAD=()
asked() {
	rewritten "$@"
	[ ${#INSTEAD[@]} = 0 ] || words=("${INSTEAD[@]}" "${words[@]:1}")
	run_apart "$TOP/tests/ask-qemu" 5 "${words[@]}" 3>&- 4>&-
	[ "$status" = 0 ] || {
		echo "${words[*]}: $stderr"
		return 1
	}
}

# machine MODEL QEMU [ARGUMENT]...: without and with a NIC on the line, there is one of this model
machine() {
	local model=$1
	shift

	asked "$@"
	expect "$model * hostnet0 5"
	asked "$@" -nic user,id=mine,mac=$MAC
	expect "$model $MAC mine 5"
}

# with_device MODEL QEMU [ARGUMENT]...: a NIC on the line becomes this model
with_device() {
	local model=$1
	shift

	asked "$@" -netdev user,id=mine
	expect "$model $MAC mine 5"
}

# One NIC, and what "info network" says of it; boards that say little of theirs have a "-" in it.
expect() {
	# shellcheck disable=SC2053 # a pattern
	[[ $output == $1 ]] || {
		echo "${words[*]}: $output, and not $1"
		return 1
	}
}

@test "PC: q35 and i440fx, by all names" {
	local arguments

	for arguments in '' '-M q35' '-machine pc' '--machine type=q35,usb=off' '-M pc-i440fx-7.2' \
		'-machine pc-q35-4.0.1' '-M pc -M q35' '-M accel=tcg' '-M q35 -nodefaults' '-vga none'; do
		# shellcheck disable=SC2086 # words
		machine virtio-net-pci qemu-system-x86_64 $arguments
	done
	with_device virtio-net-pci qemu-system-i386 -M pc \
		-device virtio-balloon-pci,addr=4 -device e1000,netdev=mine,mac=$MAC,addr=5
}

@test "PC without PCI: its own default, ne2k_isa" {
	machine ne2k_isa qemu-system-x86_64 -M isapc
	with_device ne2k_isa qemu-system-x86_64 -M isapc -device ne2k_isa,netdev=mine,mac=$MAC
}

@test "microvm" {
	machine virtio-net-device qemu-system-x86_64 -M microvm
	with_device virtio-net-pci qemu-system-x86_64 -M microvm,pcie=on \
		-device virtio-net-pci,netdev=mine,mac=$MAC
	# Debian's build for this machine alone knows no accelerator but KVM.
	INSTEAD=(qemu-system-x86_64 -M microvm)
	machine virtio-net-device qemu-system-x86_64-microvm
}

@test "s390-ccw-virtio" {
	machine virtio-net-ccw qemu-system-s390x
	machine virtio-net-ccw qemu-system-s390x -M s390-ccw-virtio \
		-device virtio-balloon-ccw,devno=fe.0.0001
	with_device virtio-net-ccw qemu-system-s390x \
		-device virtio-net,netdev=mine,mac=$MAC,devno=fe.0.0007
	asked qemu-system-s390x -nic user,id=mine,mac=$MAC -nic hubport,hubid=1,mac=52:54:00:12:34:98
	grep -qx "virtio-net-ccw $MAC mine 5" <<<"$output"
}

@test "Arm: virt" {
	machine virtio-net-pci qemu-system-aarch64 -M virt
	machine virtio-net-pci qemu-system-arm -M virt-7.2,highmem=off
	with_device virtio-net-device qemu-system-aarch64 -M virt \
		-device virtio-net-device,netdev=mine,mac=$MAC
}

@test "Arm: boards with virtio-mmio, PCI, USB, and with their own NIC only" {
	machine virtio-net-device qemu-system-arm -M vexpress-a9
	machine virtio-net-pci qemu-system-arm -M versatilepb -audiodev none,id=none
	machine virtio-net-pci qemu-system-arm -M realview-eb
	machine usb-net qemu-system-aarch64 -M raspi3b
	machine lan9118 qemu-system-arm -M realview-pb-a8
	machine lan9118 qemu-system-arm -M mps2-an385 -kernel /dev/null
	machine allwinner-sun8i-emac qemu-system-arm -M orangepi-pc
}

@test "Arm: a board whose virtio-mmio devices are all in use" {
	local four='-device virtio-rng-device -device virtio-rng-device -device virtio-rng-device
		-device virtio-rng-device'

	# shellcheck disable=SC2086 # words
	machine lan9118 qemu-system-arm -M vexpress-a9 $four
}

@test "Arm: a board's NICs count by their position" {
	local four='-net nic -net nic -net nic -net nic,netdev=mine -netdev user,id=mine'

	# shellcheck disable=SC2086 # words
	asked qemu-system-aarch64 -M xlnx-zcu102 $four
	expect '*cadence_gem.3 - mine 5'
	asked qemu-system-arm -M mcimx6ul-evk -net nic -net nic,netdev=mine -netdev user,id=mine
	expect '*imx.enet 52:54:00:12:34:57 mine 5'
}

@test "Power: Macintosh, pseries, powernv, e500" {
	machine virtio-net-pci qemu-system-ppc
	machine virtio-net-pci qemu-system-ppc -M mac99
	machine virtio-net-pci qemu-system-ppc64 -M pseries
	machine virtio-net-pci qemu-system-ppc64 -M powernv9
	with_device virtio-net-pci qemu-system-ppc64 -device spapr-vlan,netdev=mine,mac=$MAC
	# Its firmware is not packaged: an ELF file (EM_PPC, one segment of a page) will do.
	/usr/bin/python3 - <<-'END' >/tmp/firmware
		import struct, sys
		head = b"\x7fELF\x01\x02\x01".ljust(16, b"\0")
		head += struct.pack(">HHIIIIIHHHHHH", 2, 20, 1, 0x1000, 52, 0, 0, 52, 32, 1, 0, 0, 0)
		head += struct.pack(">8I", 1, 0, 0x1000, 0x1000, 256, 256, 5, 4)
		sys.stdout.buffer.write(head.ljust(256, b"\0"))
	END
	machine virtio-net-pci qemu-system-ppc -M ppce500 -bios /tmp/firmware
}

@test "RISC-V: virt, and boards" {
	machine virtio-net-pci qemu-system-riscv64 -M virt
	asked qemu-system-riscv64 -M sifive_u -nic user,id=mine
	expect "cadence_gem.0 - mine 5"
}

@test "SPARC: the machines' own NICs" {
	machine lance qemu-system-sparc -M SS-5
	machine sunhme qemu-system-sparc64
}

@test "other architectures" {
	machine virtio-net-pci qemu-system-alpha
	machine virtio-net-pci qemu-system-hppa
	machine virtio-net-pci qemu-system-loongarch64 -M virt
	machine virtio-net-device qemu-system-m68k -M virt
	machine virtio-net-pci qemu-system-or1k -M virt
	machine virtio-net-pci qemu-system-sh4 -M r2d
	machine virtio-net-pci qemu-system-xtensa -M virt
}

@test "Power: powernv without its root ports has no bus for a NIC, and starts all the same" {
	need qemu-system-ppc64 passt
	start_passt
	run timeout 20 "$QRAP" --qemu qemu-system-ppc64 -M powernv9 -nodefaults -display none -S \
		-monitor stdio <<<quit
	[ "$status" = 0 ]
	[[ $output == *'Connected to /tmp/passt_1.socket'* ]]
	run "$QRAP" --dry-run --qemu qemu-system-ppc64 -M powernv9 -nodefaults \
		-device pnv-phb-root-port,id=port
	[[ $output == *virtio-net-pci* ]]
}

# bats test_tags=timeout:120
@test "slots: every device is where QEMU alone has it" {
	need python3 qemu-system-x86_64 qemu-system-i386 qemu-system-aarch64 qemu-system-arm
	cat >/tmp/lines <<-'END'
		qemu-system-x86_64 -M pc
		qemu-system-x86_64 -M pc -device virtio-rng-pci
		qemu-system-x86_64 -M pc -device virtio-rng-pci -device virtio-balloon-pci
		qemu-system-x86_64 -M pc -m 64 -vga none -device virtio-rng-pci
		qemu-system-x86_64 -M pc -device virtio-rng-pci,addr=10 -device virtio-balloon-pci
		qemu-system-x86_64 -M pc -vga none -device VGA -device virtio-rng-pci
		qemu-system-x86_64 -M pc -virtfs local,path=/,mount_tag=t,security_model=none -device virtio-rng-pci
		qemu-system-x86_64 -M pc -device virtio-rng-pci -drive if=virtio,format=raw,file=/dev/null
		qemu-system-x86_64 -M pc -device piix3-usb-uhci -device usb-tablet
		qemu-system-x86_64 -M pc -usb -device virtio-rng-pci
		qemu-system-x86_64 -M pc -device pci-bridge,id=b,chassis_nr=1 -device virtio-rng-pci,bus=b,addr=1
		qemu-system-x86_64 -M pc -nodefaults -device virtio-rng-pci -device e1000,netdev=n -device virtio-balloon-pci -netdev user,id=n
		qemu-system-x86_64 -M pc -device virtio-rng-pci -netdev user,id=n -device virtio-net-pci,netdev=n
		qemu-system-x86_64 -M pc -device virtio-rng-pci -nic user
		qemu-system-x86_64 -M pc -nic user,model=virtio-net-pci -device virtio-rng-pci -device virtio-balloon-pci
		qemu-system-x86_64 -M pc -net nic -net user -device virtio-rng-pci
		qemu-system-x86_64 -M pc -device virtio-rng-pci -netdev user,id=n -net nic,netdev=n
		qemu-system-x86_64 -M pc -device virtio-rng-pci,addr=4 -netdev user,id=n -device rtl8139,netdev=n,addr=9
		qemu-system-x86_64 -M pc -net nic -net nic,netdev=n -netdev user,id=n -device virtio-rng-pci
		qemu-system-x86_64 -M pc -device virtio-rng-pci -device e1000 -device e1000,netdev=n -netdev user,id=n
		qemu-system-x86_64 -M pc -device virtio-rng-pci -net nic -net nic,netdev=n -netdev user,id=n
		qemu-system-x86_64 -M pc -device virtio-rng-pci -device e1000,netdev=n -device virtio-balloon-pci -net nic -net nic -netdev user,id=n
		qemu-system-x86_64 -M q35 -net nic -device virtio-rng-pci -net nic,netdev=n -netdev user,id=n
		qemu-system-x86_64 -device virtio-rng-pci
		qemu-system-x86_64 -device virtio-rng-pci -device virtio-balloon-pci -nic user
		qemu-system-i386 -device virtio-rng-pci
		qemu-system-x86_64 -M q35
		qemu-system-x86_64 -M q35 -device virtio-rng-pci
		qemu-system-x86_64 -M q35 -device virtio-rng-pci -device virtio-balloon-pci
		qemu-system-x86_64 -M q35 -vga none -device virtio-rng-pci
		qemu-system-x86_64 -M q35 -device pcie-root-port,id=p -device virtio-rng-pci,bus=p
		qemu-system-x86_64 -M q35 -device virtio-rng-pci,addr=5 -device virtio-balloon-pci
		qemu-system-x86_64 -M q35 -usb -device usb-tablet -device virtio-rng-pci
		qemu-system-x86_64 -M q35 -device virtio-rng-pci -nic user
		qemu-system-x86_64 -M q35 -net nic,model=e1000e -net user -device virtio-rng-pci
		qemu-system-x86_64 -M q35 -device virtio-rng-pci -device e1000e,netdev=n -device virtio-balloon-pci -netdev user,id=n
		qemu-system-x86_64 -M q35 -nodefaults -device pcie-root-port,id=p -device virtio-net-pci,bus=p,netdev=n -netdev user,id=n
		qemu-system-x86_64 -M q35 -virtfs local,path=/,mount_tag=t,security_model=none -nic user
		qemu-system-aarch64 -M virt
		qemu-system-aarch64 -M virt -device virtio-rng-pci
		qemu-system-aarch64 -M virt -device virtio-rng-pci -device virtio-balloon-pci
		qemu-system-aarch64 -M virt -device virtio-gpu-pci -device virtio-rng-pci
		qemu-system-aarch64 -M virt -device pcie-root-port,id=p -device virtio-rng-pci,bus=p
		qemu-system-aarch64 -M virt -device virtio-rng-pci -nic user
		qemu-system-aarch64 -M virt -net nic -net user -device virtio-rng-pci
		qemu-system-aarch64 -M virt -device virtio-rng-pci -net nic -net nic,netdev=n -netdev user,id=n
		qemu-system-aarch64 -M virt -device virtio-rng-pci -device virtio-net-pci,netdev=n -device virtio-balloon-pci -netdev user,id=n
		qemu-system-aarch64 -M virt -device virtio-rng-device -device virtio-net-device,netdev=n -netdev user,id=n
		qemu-system-arm -M virt -device virtio-rng-pci
		qemu-system-arm -M virt -device virtio-rng-pci,addr=7 -device virtio-balloon-pci
		qemu-system-x86_64 -M microvm -accel tcg -device virtio-rng-device -netdev user,id=n -device virtio-net-device,netdev=n -device virtio-balloon-device
		qemu-system-x86_64 -M microvm -accel tcg -device virtio-net-device,netdev=n -device virtio-rng-device -netdev user,id=n
		qemu-system-x86_64 -M microvm,pcie=on -accel tcg -device virtio-rng-pci -device virtio-net-pci,netdev=n -device virtio-balloon-pci -netdev user,id=n
		qemu-system-x86_64 -M pc -nic user -nic user -device virtio-rng-pci
		qemu-system-x86_64 -M pc -nic user,model=e1000 -net nic,model=e1000 -device virtio-rng-pci
		qemu-system-x86_64 -M pc -nic hubport,hubid=1 -nic user -device virtio-rng-pci
		qemu-system-x86_64 -M pc -net nic -net nic -net user -device virtio-rng-pci
		qemu-system-x86_64 -M pc -netdev user,id=n -net nic,netdev=n -netdev hubport,id=h,hubid=1 -net nic,netdev=h -device virtio-rng-pci
		qemu-system-x86_64 -M q35 -nic user,model=virtio -nic hubport,hubid=1 -device virtio-rng-pci
		qemu-system-x86_64 -M q35 -netdev hubport,id=h,hubid=1 -device e1000,netdev=h -device virtio-rng-pci -device e1000e,netdev=n -netdev user,id=n -device virtio-balloon-pci
		qemu-system-x86_64 -M q35 -net none -device virtio-net-pci,netdev=n -netdev user,id=n -device virtio-net-pci,netdev=m -netdev user,id=m -device virtio-rng-pci
		qemu-system-x86_64 -M q35 -net none -device virtio-rng-pci
		qemu-system-x86_64 -M q35 -nic user,restrict=on -device virtio-rng-pci
		qemu-system-x86_64 -M pc -device virtio-rng-pci -netdev user,id=n -netdev hubport,id=p,hubid=0,netdev=n -netdev hubport,id=q,hubid=0 -device e1000,netdev=q -device virtio-balloon-pci
		qemu-system-aarch64 -M virt -nic user -nic user -device virtio-rng-pci
		qemu-system-aarch64 -M virt -nic hubport,hubid=1 -nic user -device virtio-rng-pci
		qemu-system-x86_64 -M microvm -accel tcg -netdev hubport,id=h,hubid=1 -device virtio-net-device,netdev=h -device virtio-rng-device -netdev user,id=n -device virtio-net-device,netdev=n
	END
	run "$TOP/tests/same-slots" "$QRAP" /tmp/lines 3>&- 4>&-
	[ "$status" = 0 ]
	[[ $output == *"67 command lines, 0 errors" ]]
}
