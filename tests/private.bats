#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# --passt: a passt for this VM alone, which comes and goes with it.

load common

setup() {
	need passt
	export FAKE_QEMU_FD=5 QRAP_GUARD=off
	fake_qemus kvm
}

# Processes that are called passt, in $PASSTS; those of this sandbox are the only ones there are.
passts() {
	local comm name pid

	PASSTS=()
	for comm in /proc/[0-9]*/comm; do
		pid=${comm//[^0-9]/}
		read -r name 2>/dev/null <"$comm" || continue
		[[ $name != passt* ]] || ended "$pid" || PASSTS+=("$pid")
	done
}

is_called() {
	[ "$(<"/proc/$1/comm")" = "$2" ]
}

no_passt() {
	passts
	[ ${#PASSTS[@]} = 0 ]
}

# start_vm OPTION...: a VM that runs until it is ended, in $VM, and its passt in $PRIVATE
start_vm() {
	start vm "$QRAP" "$@" 5 sleep 1000
	VM=$PID
	wait_for 10 is_called "$VM" sleep
	passts
	PRIVATE=${PASSTS[*]}
}

# failed WORDS COMMAND: such a passt is the end, with these words, and QEMU is not run
failed() {
	qrap --passt="$2" 5 kvm
	[[ $status == 125 && -z $output && $stderr == "qrap: "*"$1"* ]] && return
	echo "$2: status $status: $output $stderr"
	return 1
}

@test "QEMU gets a connection to a passt that answers, and no socket file is made" {
	FAKE_QEMU_READ=1 qrap --passt 5 kvm
	[ "$status" = 0 ]
	[[ $output == *"fd 5 stream blocking inherited"* ]]
	[[ $output =~ frame\ [0-9]+\ 000000(2a|3c) ]]
	[[ $output == *$'\n''open 0 1 2 5'$'\n'* ]]
	refute ls /tmp/*.socket
}

@test "it ends with the VM: however that ends" {
	local signal

	for signal in TERM KILL; do
		start_vm --passt
		[ -n "$PRIVATE" ]
		kill -$signal "$VM"
		wait_for 3 no_passt
		wait "$VM" || status=$?
		[ "$status" = $((128 + $(kill -l $signal))) ]
	done
	FAKE_QEMU_STATUS=42 qrap --passt 5 kvm
	[ "$status" = 42 ]
	wait_for 3 no_passt
}

@test "in the foreground and in the background: no child of QEMU's, with no descriptor of ours" {
	local command fd target

	exec {kept}</etc/passwd
	for command in passt 'passt -f'; do
		start_vm --passt="$command"
		[ "$(wc -w <<<"$PRIVATE")" = 1 ]
		[ "$(ps -o args= -p "$(ps -o ppid= -p "$PRIVATE" | tr -d ' ')")" = "qrap: passt of $VM" ]
		[ -z "$(ps -o pid= --ppid "$VM")" ]
		for fd in /proc/"$PRIVATE"/fd/*; do
			target=$(readlink "$fd")
			[[ $target == socket:* || $target == anon_inode:* || $target == /dev/null ||
				($fd == */[12] && $target == pipe:*) ]] || {
				echo "$command: $fd $target"
				return 1
			}
		done
		end "$VM"
		wait_for 3 no_passt
	done
}

@test "its words before QEMU runs: the command line as a shell splits it" {
	cat >/tmp/say <<-'END'
		#!/bin/sh
		printf '<%s>' "$@" >&2
		exit 3
	END
	chmod +x /tmp/say
	failed '/tmp/say failed with status 3: <a b><c d><e"f><$g><><h*><--fd><3>' \
		$'/tmp/say  "a b" c\\ d \'e"f\'\t"\\$g" \'\' \\\n h*'
	failed 'a quote does not end' "passt 'x"
	failed 'a quote does not end' "passt \\"
	failed 'no command' ' '
}

@test "a failure is reported with its last words" {
	failed 'Invalid port specifier' 'passt -t 99999'
	failed 'Invalid port specifier' 'passt -f -t 99999'
	failed "unrecognized option '--bogus'" 'passt --bogus'
	failed "can't run nosuch: No such file or directory" 'nosuch -f'
	failed "can't run /tmp: Permission denied" /tmp
	failed 'true does not serve descriptor 3' true
	failed 'ended by signal 9' 'sh -c "kill -9 $$"'
	# Much to say, and the end of it matters.
	failed 'status 1: the end' 'sh -c "yes | head -c 300000; echo the end; exit 1"'
	# Without a directory to be in, or descriptors.
	mkdir /tmp/gone
	cd /tmp/gone
	rmdir /tmp/gone
	qrap --passt 5 kvm
	cd /tmp
	[ "$status" = 0 ]
	run as_from_a_shell sh -c 'ulimit -n 8; exec "$@"' sh "$QRAP" --passt 5 kvm
	echo "$output"
	[[ $status == 125 && $output == 'qrap: --passt: '* ]]
	wait_for 3 no_passt
}

@test "what it says at its start is told at level trace" {
	qrap --log trace --passt='sh -c "echo these words; exec passt -f \"\$@\"" sh' 5 kvm
	[ "$status" = 0 ]
	[[ $stderr == *$'qrap: passt: these words\n'* ]]
	qrap --passt='sh -c "echo these words; exec passt -f \"\$@\"" sh' 5 kvm
	[[ $stderr != *'these words'* ]]
}

words() {
	[ "$("$BUILD/tests/passt_words" "${@:2}")" = "$1" ] && return
	"$BUILD/tests/passt_words" "${@:2}"
	return 1
}

# resolv_conf LINE: on this host
resolv_conf() {
	echo "$1" >/tmp/resolv.conf
	mount --bind /tmp/resolv.conf /etc/resolv.conf
}

@test "without a command: the guest finds what QEMU's user networking has" {
	need_root
	resolv_conf 'nameserver 192.0.2.53'
	words 'passt -a 10.0.2.15 -n 24 -g 10.0.2.2 -D 10.0.2.3 --dns-forward 10.0.2.3 --dns-host 192.0.2.53 --fd 3'
	words 'passt -a 10.0.2.15 -n 24 -g 10.0.2.2 --dns-forward 10.0.2.3 --fd 3' lacks=1
	resolv_conf 'nameserver 127.0.0.53'
	words 'passt -a 10.0.2.15 -n 24 -g 10.0.2.2 --fd 3' lacks=1
	words 'passt -a 10.0.2.15 -n 24 -g 10.0.2.2 --dns-forward 10.0.2.9 --fd 3' lacks=1 dns=10.0.2.9
	resolv_conf 'nameserver 2001:db8::53'
	words 'passt -a 10.0.2.15 -n 24 -g 10.0.2.2 -D 10.0.2.3 --dns-forward 10.0.2.3 --fd 3'
	umount /etc/resolv.conf
	resolv_conf 'nameserver 192.0.2.53'
	# What was named, and in which order.
	words "passt -a 10.1.0.15 -n 16 -g 10.1.0.2 -D 10.1.0.3 --dns-forward 10.1.0.3 --dns-host 192.0.2.53 \
--hostname vm --fqdn vm.example -S a b -t 0.0.0.0/2222:22 -u ::1/53:53 --fd 3" address=10.1.0.15 prefix=16 \
		gateway=10.1.0.2 dns=10.1.0.3 hostname=vm domainname=example search=a search=b tcp 0.0.0.0 2222 22 \
		udp ::1 53 53
	words 'passt -6 --fd 3' ipv4=off
	words 'none: ipv4=off and ipv6=off leave the guest no network' ipv4=off ipv6=off
	# With a command only that.
	words 'passt -f --fd 3' 'command=passt -f'
	words 'passt -f -g 10.1.0.2 -4 -t 127.0.0.1/0:22 --fd 3' 'command=passt -f' gateway=10.1.0.2 ipv6=off tcp 127.0.0.1 0 22
	words $'passt -f --fd 3\nlost: this passt cannot give the guest its name: hostname=vm domainname=example' \
		'command=passt -f' lacks=7 hostname=vm domainname=example
}

@test "... and where there is no way out" {
	need_root
	resolv_conf 'nameserver 127.0.0.53'
	unshare --net "$BUILD/tests/passt_words" lacks=1 >/tmp/words
	grep -x 'passt -a 10.0.2.15 -n 24 -g 10.0.2.2 -4 -i lo -M 52:55:0a:00:02:02 --fd 3' /tmp/words
	unshare --net "$BUILD/tests/passt_words" ipv4=off >/tmp/words
	grep -x 'none: ipv4=off: this host has no IPv6 for the guest' /tmp/words
	ip route del default
	words 'passt --fd 3'
	ip route add default via 192.0.2.1
	# The real one, of whatever release.
	run as_from_a_shell unshare --net "$QRAP" --passt 5 kvm
	echo "$output"
	[ "$status" = 0 ]
	make_user
	run as_from_a_shell unshare --net "${AS_USER[@]}" "$USER_HOME/qrap" --passt 5 true
	echo "$output"
	[ "$status" = 0 ]
	wait_for 3 no_passt
}

@test "an option that it does not know is left out, and it is started without" {
	cat >/tmp/bin/passt <<-'END'
		#!/bin/sh
		case $* in
		*--dns-host*) echo "$0: unrecognized option '--dns-host'" >&2; exit 1 ;;
		*-D*) echo both >&2; exit 1 ;;
		esac
		exec /usr/bin/passt "$@"
	END
	chmod +x /tmp/bin/passt
	qrap --passt 5 kvm
	[ "$status" = 0 ]
	[ -z "$stderr" ] || [[ $stderr == *'passt'* && $stderr != *unrecognized* ]]
	failed "unrecognized option '--bogus'" 'passt --bogus'
}

# taken ADDRESS PORT TYPE: a socket of Python's there, until it is ended
taken() {
	start "taker-$3" /usr/bin/python3 -c 'import socket, sys, time
s = socket.socket(type=getattr(socket, sys.argv[3])); s.bind((sys.argv[1], int(sys.argv[2])))
if sys.argv[3] == "SOCK_STREAM": s.listen()
print("ready", flush=True); time.sleep(1000)' "$@"
	wait_for 5 has "/tmp/taker-$3.log" ready
}

@test "a port that passt leaves out is an error: IPv4 alone, one of several, UDP" {
	taken 0.0.0.0 2222 SOCK_STREAM
	failed '-t 2222:22: TCP port 2222: Address already in use' 'passt -t 2222:22'
	failed '-t 2200-2300:22-122: TCP port 2222: Address already in use' 'passt -f --tcp-ports=2200-2300:22-122'
	qrap --passt='passt -t 2223:22 -u 2222:22' 5 kvm
	[ "$status" = 0 ]
	end "$PID"
	taken 127.0.0.1 5353 SOCK_DGRAM
	failed '-u 127.0.0.1/5353:53: UDP port 5353: Address already in use' 'passt -u 127.0.0.1/5353:53'
	# It says nothing, and does not listen.
	printf '#!/bin/sh\nexec passt --fd 3\n' >/tmp/deaf
	chmod +x /tmp/deaf
	failed '-u 127.0.0.1/2224: UDP port 2224: passt does not listen there' '/tmp/deaf -u127.0.0.1/2224'
	wait_for 3 no_passt
}

@test "a passt that dies later is a dead link, no zombie" {
	start_vm --passt='passt -f'
	kill "$PRIVATE"
	wait_for 3 ended "$PRIVATE"
	[ -z "$(ps -o pid= --ppid "$VM")" ]
	refute ended "$VM"
}

@test "started with few descriptors, or none at all" {
	run sh -c 'exec "$@" <&- >&- 3>&- 4>&-' sh "$QRAP" --passt 5 kvm
	[ "$status" = 0 ]
	run sh -c 'exec "$@" <&- >&- 2>&- 3>&- 4>&-' sh "$QRAP" --passt 5 kvm
	[ "$status" = 0 ]
}

# What is inherited and decides what a signal does: ignored ones and blocked ones. (`trap "" CHLD` of a
# shell does not get through exec.)

@test "SIGCHLD ignored by the caller: passt is waited for, its number is its own, QEMU finds it ignored" {
	run as_from_a_shell env --ignore-signal=CHLD "$QRAP" --passt 5 kvm
	[ "$status" = 0 ]
	[[ $output == *"fd 5 stream"* ]]
	run as_from_a_shell env --ignore-signal=CHLD "$QRAP" --passt 5 grep '^SigIgn:' /proc/self/status
	echo "$output"
	(((0x${output##*[!0-9a-f]} >> (17 - 1)) & 1))
	# Gone by itself, it would have no status, and another process could have its number.
	run as_from_a_shell env --ignore-signal=CHLD "$QRAP" --passt='sh -c "exit 3"' 5 kvm
	echo "$output"
	[ "$status" = 125 ]
	[[ $output == *'sh failed with status 3'* ]]
	wait_for 3 no_passt
}

@test "SIGTERM and all other signals blocked by the caller: what is started ends with the launcher all the same" {
	start hopeless env --block-signal "$QRAP" --passt='sh -c "sleep 1001"' 5 kvm
	wait_for 5 has_sleep
	kill -KILL "$PID"
	wait_for 5 has_no_sleep
}

has_sleep() {
	pgrep -fx 'sleep 1001' >/dev/null
}

has_no_sleep() {
	! has_sleep
}

@test "what is typed at the terminal ends QEMU, not its passt" {
	start_vm --passt='passt -f'
	[ "$(ps -o sid= -p "$PRIVATE")" != "$(ps -o sid= -p "$VM")" ]
}

@test "one that is busy in the foreground without an answer is given up" {
	start hopeless "$QRAP" --passt='sh -c "sleep 1000"' 5 kvm
	wait_for 15 ended "$PID"
	grep -q 'sh was not ready after 10 s' /tmp/hopeless.log
	refute grep -x 'sleep 1000' <(ps -eo args=)
}

# bats test_tags=timeout:90
@test "a guest with a port forward: the host reaches it" {
	need_guest
	unset QRAP_GUARD
	start_http
	guest_that_answers
	start vm "$QRAP" --passt='passt -t 2222:22' --qemu qemu-system-x86_64 -machine q35 "${GUEST[@]}"
	wait_for 40 has /tmp/vm.log 'QRAP-GUEST page='
	grep -aq "QRAP-GUEST page=$PAGE" /tmp/vm.log
	wait_for 10 reaches_guest
	end "$PID"
	wait_for 3 no_passt
}

reaches_guest() {
	[ "$(timeout 1 "$QRAP_GUEST/busybox" wget -q -O - http://127.0.0.1:2222/)" = 'from the guest' ]
}

# bats test_tags=slow,timeout:90
@test "a guest where the host has nothing but lo: its addresses are QEMU's, and it reaches the host" {
	need_guest
	need_root
	unset QRAP_GUARD
	cat >/tmp/apart <<-'END'
		ip link set lo up
		"$QRAP_GUEST/busybox" httpd -f -p 127.0.0.1:8080 -h /tmp/www &
		"$@"
		kill $!
	END
	mkdir /tmp/www
	HTTP_PORT=8080
	PAGE=page-$RANDOM
	echo "$PAGE" >/tmp/www/index.html
	guest "$(guest_script 'network && fetch; poweroff -f')"
	QRAP_GUEST=$QRAP_GUEST boot unshare --net bash /tmp/apart "$QRAP" --passt --qemu qemu-system-x86_64 -machine q35 \
		"${GUEST[@]}"
	assert_online
	[[ $output == *'QRAP-GUEST lease=10.0.2.15/24 router=10.0.2.2'* ]]
	wait_for 3 no_passt
}
