#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Our own options, their variables, and what the words behind them mean.

load common

parse() {
	run "$BUILD/tests/options_unit" "$@"
}

# Each argument is a line of the output.
assert_lines() {
	local line

	[ "$status" = 0 ] || { echo "status $status: $output"; return 1; }
	for line; do
		[[ $'\n'$output$'\n' == *$'\n'"$line"$'\n'* ]] || { echo "no line $line in: $output"; return 1; }
	done
}

assert_no_line() {
	local line

	for line in "${lines[@]}"; do
		[[ ! $line =~ $1 ]] || { echo "a line $1 in: $output"; return 1; }
	done
}

# The messages name this; nothing else is said.
assert_refused() {
	[ "$status" = 125 ] || { echo "status $status: $output"; return 1; }
	[ "${#lines[@]}" = 1 ]
	[[ $output == "qrap: "*"$1"* ]] || { echo "not about $1: $output"; return 1; }
}

@test "defaults" {
	parse -m 512
	assert_lines mode=patch fd=-1 wait_ms=0 level=1 guard=1 reconnect=1 dry_run=0 \
		word=-m word=512
	assert_no_line '^(socket|passt|qemu|model|file|log_file)='
}

@test "no arguments: patch mode" {
	parse
	assert_lines mode=patch
	assert_no_line '^word='
}

@test "every option, value as the next word" {
	parse --socket /s --wait 1.5 --trust any --qemu q --model e1000 --guard off \
		--reconnect off --log trace --log-file /l --dry-run -m 5
	assert_lines socket=/s wait_ms=1500 trust=any qemu=q model=e1000 guard=0 reconnect=0 \
		level=2 log_file=/l dry_run=1 mode=patch word=-m word=5
}

@test "every option, value behind an equals sign" {
	parse --socket=/s=1 --wait=0.0001 --trust=any --qemu=q --model=same --guard=on \
		--reconnect=on --log=quiet --log-file=/l -m
	assert_lines socket=/s=1 wait_ms=1 trust=any qemu=q model=same guard=1 reconnect=1 \
		level=0 log_file=/l word=-m
}

@test "optional values take only the equals sign" {
	parse --passt -m
	assert_lines passt=passt word=-m
	parse '--passt=passt -t 22' -m
	assert_lines 'passt=passt -t 22' word=-m
	parse --list
	assert_lines mode=list json=0
	parse --list=json
	assert_lines mode=list json=1
	parse --list json
	assert_refused json
}

@test "every variable" {
	export QRAP_SOCKET=/s QRAP_WAIT=2 QRAP_TRUST=0 QRAP_QEMU=q QRAP_MODEL=m QRAP_GUARD=off \
		QRAP_RECONNECT=off QRAP_LOG=trace QRAP_LOG_FILE=/l
	parse
	assert_lines socket=/s wait_ms=2000 trust=0 qemu=q model=m guard=0 reconnect=0 level=2 \
		log_file=/l
	unset QRAP_SOCKET
	QRAP_PASST='passt -4' parse
	assert_lines 'passt=passt -4'
}

@test "an option beats its variable, even a bad one" {
	QRAP_WAIT=x QRAP_GUARD=off QRAP_LOG=quiet parse --wait 3 --guard on --log normal
	assert_lines wait_ms=3000 guard=1 level=1
}

@test "an empty variable counts as unset" {
	QRAP_WAIT='' QRAP_SOCKET='' QRAP_GUARD='' QRAP_LOG='' QRAP_TRUST='' parse
	assert_lines wait_ms=0 guard=1 level=1
	assert_no_line ^socket=
}

@test "a bad variable is named" {
	QRAP_GUARD=maybe parse
	assert_refused QRAP_GUARD
	QRAP_LOG=loud parse
	assert_refused QRAP_LOG
}

@test "socket and passt: one of both, and an option beats both variables" {
	parse --socket /s --passt
	assert_refused --passt
	parse --socket /s --passt=try
	assert_refused --passt
	parse --socket /s --passt=off
	assert_lines socket=/s passt=off
	parse --passt=auto --socket /s
	assert_lines socket=/s passt=auto
	QRAP_SOCKET=/s QRAP_PASST=off parse
	assert_lines socket=/s passt=off
	QRAP_SOCKET=/s parse --passt=auto
	assert_no_line ^socket=
	QRAP_SOCKET=/s QRAP_PASST=passt parse
	assert_refused QRAP_SOCKET
	QRAP_SOCKET=/s parse --passt
	assert_lines passt=passt
	assert_no_line ^socket=
	QRAP_PASST=p parse --socket=/s
	assert_lines socket=/s
	assert_no_line ^passt=
}

@test "publish: [ADDR:][HPORT:]PORT[/udp], repeated, by commas, by variable" {
	local bad

	parse --publish 22 --publish=2222:22 --publish 10.0.0.1:2223:22 -m
	assert_lines 'publish=127.0.0.1 0 22' 'publish=127.0.0.1 2222 22' 'publish=10.0.0.1 2223 22' word=-m
	parse --publish 53/udp,192.0.2.1:80 --publish '[::1]:65535:1/udp,[::]:443'
	assert_lines 'publish=127.0.0.1 0 53 udp' 'publish=192.0.2.1 0 80' 'publish=::1 65535 1 udp' 'publish=:: 0 443'
	QRAP_PUBLISH=22,5:6/udp parse
	assert_lines 'publish=127.0.0.1 0 22' 'publish=127.0.0.1 5 6 udp'
	QRAP_PUBLISH=22 parse --publish 23
	assert_no_line '^publish=.* 22$'
	# The same port of the guest, or of the host for the other protocol, is no contradiction.
	parse --publish 2222:22,2223:22,2222:22/udp
	[ "$(grep -c ^publish= <<<"$output")" = 3 ]
	for bad in 0 65536 0:22 22:0 65536:22 22:65536 -1 +1 1x 0x16 ' 22' 1:2:3 : :22 22: 22/tcp 22/ /udp \
		localhost:1:2 localhost:22 1.2.3:1:2 1.2.3.4.5:22 1.2.3.256:22 ::1:5:6 '[::1]' '[::1]22' '[::1:22' \
		'[1.2.3.4]:22' '[::g]:22' '22,,' ',22' 22,23,x; do
		parse --publish "$bad"
		assert_refused "with ports from 1 to 65535"
		QRAP_PUBLISH=$bad parse
		assert_refused "QRAP_PUBLISH "
	done
	parse --publish 22 --publish 22
	assert_refused '--publish 22: twice'
}

@test "publish: with --socket, off and try an error, one way on the line beats variables" {
	local way

	for way in --socket=/s --passt=off --passt=try; do
		parse --publish 22 $way
		assert_refused '--publish exclude each other'
		QRAP_PUBLISH=22 parse $way
		assert_no_line ^publish=
	done
	QRAP_SOCKET=/s QRAP_PUBLISH=22 parse
	assert_refused QRAP_PUBLISH
	QRAP_PASST=off QRAP_PUBLISH=22 parse
	assert_refused QRAP_PUBLISH
	QRAP_SOCKET=/s parse --publish 22
	assert_lines 'publish=127.0.0.1 0 22'
	assert_no_line ^socket=
	QRAP_PASST=off parse --publish 22
	assert_no_line ^passt=
	QRAP_PASST='passt -4' parse --publish 22
	assert_lines 'passt=passt -4' 'publish=127.0.0.1 0 22'
	parse --publish 22 --passt
	assert_lines passt=passt 'publish=127.0.0.1 0 22'
}

@test "variables are ignored where exec gained privileges" {
	need_root
	mkdir /tmp/suid
	mount -t tmpfs -o mode=755 tmpfs /tmp/suid
	cp "$BUILD/tests/options_unit" /tmp/suid/
	chmod 4755 /tmp/suid/options_unit
	QRAP_GUARD=off QRAP_SOCKET=/s run setpriv --reuid 4711 --clear-groups \
		/tmp/suid/options_unit
	assert_lines guard=1
	assert_no_line ^socket=
	QRAP_GUARD=off run setpriv --reuid 4711 --clear-groups \
		/tmp/suid/options_unit --guard=off
	assert_lines guard=0
}

@test "wait: seconds with a fraction, up to a day" {
	local bad

	parse --wait .25
	assert_lines wait_ms=250
	parse --wait 86400
	assert_lines wait_ms=86400000
	parse --wait 0
	assert_lines wait_ms=0
	for bad in 86401 99999999999999999999 -1 1e3 inf nan 0x10 1,5 1.2.3 . x '1 '; do
		parse --wait "$bad"
		assert_refused "\"$bad\""
	done
}

@test "trust: users, uids, any" {
	parse --trust root,4711,nobody
	assert_lines "trust=0,4711,$(id -u nobody)"
	parse --trust 5,any
	assert_lines trust=any,5
	for bad in no-such-user '' ',' 'root,' ',root' 4294967295 99999999999999999999 -1 5x; do
		parse --trust "$bad"
		[ "$status" = 125 ]
	done
	parse --trust "$(seq -s , 17)"
	assert_refused 'more than 16'
}

@test "trust by default: the caller and root, for root also nobody" {
	need_root
	parse
	assert_lines trust=0,65534
	run setpriv --reuid 4711 --clear-groups "$BUILD/tests/options_unit"
	assert_lines trust=0,4711
}

@test "relative paths become absolute: programs change directory" {
	cd /usr/lib
	parse --socket ../s --log-file l
	assert_lines socket=/usr/lib/../s log_file=/usr/lib/l
	cd /
	parse --socket s
	assert_lines socket=/s
}

@test "a socket path that is too long is an error, one that is too long as absolute is not" {
	local name
	name=$(printf 'x%.0s' {1..107})

	parse --socket "${name}x"
	assert_refused '108 bytes'
	cd /usr
	parse --socket "$name"
	assert_lines "socket=$name"
}

@test "missing, empty and superfluous values" {
	local option

	for option in socket publish wait trust qemu model guard reconnect log log-file report; do
		parse --$option
		assert_refused "--$option needs a value"
		parse --$option ''
		assert_refused "--$option needs a value"
		parse --$option=
		assert_refused "--$option needs a value"
	done
	for option in passt list; do
		parse --$option=
		assert_refused "--$option needs a value"
	done
	for option in dry-run check; do
		parse --$option=yes
		assert_refused "--$option takes no value"
	done
}

@test "own options come first: what follows is not ours" {
	parse --guard off -m 512 --guard on --socket /s
	assert_lines guard=0 word=--guard word=on word=--socket
	parse -append --socket
	assert_lines word=-append word=--socket
}

@test "two dashes alone end them" {
	parse --guard off -- --guard on
	assert_lines guard=0 word=--guard word=on
	parse -- 5 true
	assert_lines mode=explicit fd=5 word=true
	parse -- -- x
	assert_lines mode=patch word=-- word=x
}

@test "the last of several wins" {
	parse --guard off --guard=on --log trace --log quiet
	assert_lines guard=1 level=0
}

@test "help and version are ours as the first word only" {
	parse --help
	assert_lines mode=help
	parse --version x
	assert_lines mode=version
	parse --log quiet --help
	assert_lines mode=patch word=--help
	parse -help
	assert_lines mode=patch word=-help
	parse -- --version
	assert_lines mode=patch word=--version
}

@test "unknown: what can only be meant for us, with the way out" {
	local word

	for word in --sockt --socket_ --Socket --dry_run --dryrun --wiat --log_file --gaurd --mode \
		--passt- --lists --chec; do
		parse "$word" x
		assert_refused "unknown option $word"
		parse -- "$word" x
		assert_lines mode=patch "word=$word" word=x
	done
	parse --frobnicate 5 true
	assert_refused "unknown option --frobnicate: neither qrap's nor QEMU's"
	parse -- --frobnicate 5 true
	assert_lines mode=patch word=--frobnicate
	for word in --frobnicate=1 --memory=512 --netdev=user --=; do
		parse "$word"
		assert_refused 'unknown option --'
	done
}

# Every option of every QEMU from 4.2 on, with two dashes, is left to QEMU.
@test "no option of QEMU is refused" {
	local option options

	options='h help version mem-prealloc audio-help snapshot usb nographic portrait full-screen
		win2k-hack no-fd-bootchk no-acpi no-hpet singlestep preconfig S s enable-kvm xen-attach
		xen-domid xen-domid-restrict no-reboot no-shutdown daemonize only-migratable nodefaults
		semihosting semihosting-config old-param no-user-config async-teardown
		enable-sync-profile perfmap jitdump curses alt-grab ctrl-grab sdl no-quit enable-fips
		show-cursor no-kvm enable-hax no-frame no-kvm-irqchip no-kvm-pit
		no-kvm-pit-reinjection tdf localtime rtc-td-hack nodefconfig machine M cpu accel smp
		numa add-fd set global boot m mem-path k audiodev audio device name uuid fda fdb hda
		hdb hdc hdd cdrom blockdev drive mtdblock sd pflash fsdev virtfs iscsi usbdevice
		display rotate vga g spice vnc no-kvm-pit acpitable smbios netdev nic net chardev tpmdev
		compat bios kernel append initrd dtb shim compat fw_cfg serial parallel monitor qmp
		qmp-pretty mon debugcon pidfile gdb d D seed L loadvm option-rom rtc icount
		watchdog watchdog-action echr incoming chroot runas run-with sandbox readconfig
		writeconfig trace plugin msg dfilter object action overcommit prom-env dump-vmstate
		bt clock soundhw balloon tb-size virtioconsole 
		realtime'
	if command -v qemu-system-x86_64 >/dev/null; then
		options+=" $(qemu-system-x86_64 -help | grep -oE '^-[a-zA-Z][-a-zA-Z0-9_]*' |
			sed 's/^-//')"
	fi
	# As the first words help and version are ours. All of them in one process: they are many.
	for option in $options; do
		echo "--guard on --$option"
		[[ $option == @(help|version) ]] || echo "--$option"
	done >/tmp/lines
	sed 's/^\(.*\)\(--.*\)/\1\2: status 0, mode=patch, word=\2/' /tmp/lines >/tmp/expected
	"$BUILD/tests/options_unit" @/tmp/lines | diff /tmp/expected -
}

@test "explicit mode: a number in any base, and a command" {
	parse 5 qemu -net socket,fd=5
	assert_lines mode=explicit fd=5 word=qemu word=-net word=socket,fd=5
	parse 0x10 ./q
	assert_lines mode=explicit fd=16
	parse 010 q
	assert_lines mode=explicit fd=8
	parse --guard off 3 no-such-command
	assert_lines mode=explicit fd=3 guard=0 word=no-such-command
}

@test "a number without a command: patch mode, and a warning" {
	parse 5
	assert_lines mode=patch word=5 \
		'qrap: no command after "5": it goes to QEMU, as a disk image'
	parse 5 -m 512
	assert_lines mode=patch word=5 word=-m
	[[ $output == *'no command after "5"'* ]]
	parse --log quiet 5
	[[ $output != *'no command'* ]]
	parse -5 true
	assert_lines mode=patch word=-5
	[[ $output != *'no command'* ]]
}

@test "numbers that cannot be a descriptor of QEMU's, and a command" {
	local number

	ulimit -S -n 1024
	for number in 0 1 2 ' -7'; do
		parse "$number" true
		assert_refused "descriptor $number: 0, 1 and 2 are taken"
	done
	for number in 1024 2147483648 99999999999999999999 0xffffffff; do
		parse "$number" true
		assert_refused "descriptor $number is beyond the limit"
	done
	parse 1023 true
	assert_lines fd=1023
}

@test "a number with junk and a command is an error, a disk image is not" {
	parse 5x true
	assert_refused '"5x"'
	parse 5.0 "$(command -v true)" -m
	assert_refused '"5.0"'
	parse 08 true
	assert_refused '"08"'
	parse disk5.img -m 512
	assert_lines mode=patch word=disk5.img
	parse 5.img -m 512
	assert_lines mode=patch word=5.img
	parse 5.img other.img
	assert_lines mode=patch word=5.img word=other.img
	cd /tmp
	touch 5.img
	parse 5.img true
	assert_lines mode=patch word=5.img word=true
	parse disk true
	assert_lines mode=patch word=disk word=true
}

@test "called as qrap-NAME, NAME is QEMU" {
	ln -s "$BUILD/tests/options_unit" /tmp/qrap-qemu-system-aarch64
	run /tmp/qrap-qemu-system-aarch64 -m 1
	assert_lines mode=patch qemu=qemu-system-aarch64
	QRAP_QEMU=other run /tmp/qrap-qemu-system-aarch64
	assert_lines qemu=qemu-system-aarch64
	run /tmp/qrap-qemu-system-aarch64 --qemu other
	assert_lines qemu=other
	run bash -c 'exec -a qrap-x "$0"' "$BUILD/tests/options_unit"
	assert_lines qemu=x
	run bash -c 'exec -a qrap- "$0"' "$BUILD/tests/options_unit"
	assert_no_line ^qemu=
	run bash -c 'exec -a "" "$0"' "$BUILD/tests/options_unit"
	assert_no_line ^qemu=
}

@test "qrap is no QEMU" {
	parse --qemu /usr/bin/qrap
	assert_refused 'is not a QEMU'
	QRAP_QEMU=qrap parse
	assert_refused QRAP_QEMU
}

@test "list, check and report: one of them, and what they take" {
	parse --check
	assert_lines mode=check
	assert_no_line ^word=
	parse --log trace --check qemu-system-x86_64
	assert_lines mode=check word=qemu-system-x86_64 level=2
	parse --check a b
	assert_refused '"b"'
	parse --report /f
	assert_lines mode=report file=/f
	parse --report /f x
	assert_refused '"x"'
	parse --list x
	assert_refused '"x"'
	parse --list --check
	assert_refused --check
	parse --check 5 true
	assert_refused '"true"'
}

@test "messages are one line, whatever is quoted" {
	parse --guard $'a\nqrap: b\e[31m'
	assert_refused 'a?qrap: b?[31m'
	# U+009B is what ESC [ is; U+00A0 and U+0429 are letters, two bytes as well.
	parse --guard $'a\xc2\x9b31m\xc2\xa0\xd0\xa9'
	assert_refused $'a??31m\xc2\xa0\xd0\xa9'
}

@test "a closed or broken stderr is no reason to die" {
	run bash -c '"$0" 5 2>&-' "$BUILD/tests/options_unit"
	[ "$status" = 0 ]
	mkfifo /tmp/pipe
	run bash -c 'exec 8<>/tmp/pipe 9>/tmp/pipe 8>&-; exec "$0" 5 2>&9' "$BUILD/tests/options_unit"
	assert_lines mode=patch
}

@test "help is short, names every option and its variable" {
	local word

	[ -x "$QRAP" ] || skip 'no launcher'
	run "$QRAP" --help
	[ "$status" = 0 ]
	[ "$(wc -l <<<"$output")" -le 36 ]
	[ "$(wc -L <<<"$output")" -le 80 ]
	for word in socket passt publish wait trust qemu model guard reconnect log log-file dry-run list \
		check report json run watch until keep grace error-exitcode version; do
		[[ $output == *--$word* ]] || { echo "no $word"; return 1; }
	done
	for word in SOCKET PASST PUBLISH WAIT TRUST QEMU MODEL GUARD RECONNECT LOG LOG_FILE; do
		[[ $output == *"[QRAP_$word]"* ]] || { echo "no $word"; return 1; }
	done
}
