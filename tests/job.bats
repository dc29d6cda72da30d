#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A VM for one job: --ready, --run, --timeout, --result. Where no guest matters, QEMU is a script that
# writes "up" and stays; passt is a real one.

# bats file_tags=timeout:90

load common

setup() {
	need passt
	RESULT=/tmp/result
	make_vm 'echo up; exec sleep 1000'
}

# make_vm SCRIPT: what is run as QEMU
make_vm() {
	printf '#!/bin/sh\n%s\n' "$1" >/tmp/vm
	chmod +x /tmp/vm
}

# job OPTION...: a job around /tmp/vm, ready when that says so; output, stderr, status and $TOOK_MS
job() {
	local begin=${EPOCHREALTIME/./}

	qrap --guard off --passt --ready console:up --result "$RESULT" "$@" 5 /tmp/vm
	TOOK_MS=$(((${EPOCHREALTIME/./} - begin) / 1000))
}

# start_job OPTION...: the same in the background; its pid is in $JOB
start_job() {
	# A shell has what it starts in the background ignore these.
	start job env --default-signal=INT,QUIT \
		"$QRAP" --guard off --passt --ready console:up --result "$RESULT" "$@" 5 /tmp/vm
	JOB=$PID
	wait_for 10 is_qrap "$JOB"
}

is_qrap() {
	[ "$(<"/proc/$1/comm")" = qrap ]
}

# result MEMBER: its value in the result, which is one whole line of JSON
result() {
	/usr/bin/python3 -c '
import json, sys
text = open(sys.argv[1]).read()
assert text.endswith("}\n") and text.count("\n") == 1, text
print(json.dumps(json.loads(text)[sys.argv[2]]))' "$RESULT" "$1"
}

# assert_result MEMBER=VALUE...
assert_result() {
	local pair

	for pair; do
		[ "$(result "${pair%%=*}")" = "${pair#*=}" ] || {
			echo "wanted $pair: $(<"$RESULT")"
			return 1
		}
	done
}

# ends_with STATUS PID: that process ends, and so
ends_with() {
	local status=0

	wait_for 20 ended "$2"
	wait "$2" || status=$?
	[ "$status" = "$1" ] || {
		echo "status $status, wanted $1"
		return 1
	}
}

# nothing_left: no process but those that were there, no file but those of the test
nothing_left() {
	wait_for 3 runs_alone "${KNOWN[@]}" || {
		printf 'left: %s\n' "${RUNNING[@]}"
		return 1
	}
	[ -z "$(compgen -G '/tmp/result.*')" ]
}

@test "the command's status is qrap's, and nothing is left when it is there" {
	job --run 'exit 0'
	[ "$status" = 0 ]
	nothing_left
	[[ $stderr == *'Ready after '[0-9]*' s'* ]]
	[[ $output == up ]]
	assert_result status=0 'reason="command"' command_status=0 qemu_status=null 'ports={}' log=null
	job --run 'exit 42'
	[ "$status" = 42 ]
	nothing_left
	assert_result status=42 command_status=42
	job --run 'kill -KILL $$'
	[ "$status" = 137 ]
	assert_result status=137 command_status=137
	job --run 'nosuchcommand'
	[ "$status" = 127 ]
}

# In one process, on a passt that is there: a start is short then.
@test "each of the 256 statuses a command can have" {
	start_passt
	cat >/tmp/each.py <<-'END'
		import subprocess, sys

		def status(n):
		    return subprocess.run([sys.argv[1], "--log", "quiet", "--guard", "off", "--passt=off", "--ready",
		                           "console:up", "--run", f"exit {n}", "5", "/tmp/vm"],
		                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL).returncode

		print(f"wrong: {[(n, got) for n, got in ((n, status(n)) for n in range(256)) if n != got]}")
	END
	run as_from_a_shell /usr/bin/python3 /tmp/each.py "$QRAP"
	echo "$output"
	[ "$output" = 'wrong: []' ]
}

@test "the command has standard input, and QEMU has none of it" {
	make_vm 'echo up; read -r line && echo "QEMU got $line"; exec sleep 1000'
	run_apart "$QRAP" --guard off --passt --ready console:up --run 'read -r a; read -r b; echo "$b $a"' 5 \
		/tmp/vm <<<$'one\ntwo' 3>&- 4>&-
	[ "$status" = 0 ]
	[[ $output == *'two one'* && $output != *'QEMU got'* ]]
}

@test "a QEMU that ends at once ends the job within a second, with its last words" {
	need qemu-system-x86_64
	make_vm 'exec qemu-system-x86_64 -accel tcg -display none -drive file=/nosuch.img'
	job --run 'echo no'
	[ "$status" = 123 ]
	[ "$TOOK_MS" -lt $((1000 * SLOW)) ]
	[[ $output != *no* ]]
	[[ $stderr == *"qrap: QEMU ended with status 1 before the guest was ready: qemu-system-x86_64: "*"/nosuch.img"* ]]
	assert_result status=123 'reason="qemu-ended"' qemu_status=1 ready_ms=null command_status=null
	nothing_left
}

@test "qrap's own failures are its statuses, also where QEMU cannot be run" {
	chmod -x /tmp/vm
	job --run 'echo no'
	[ "$status" = 126 ]
	assert_result status=126 'reason="failed"' qemu_status=null
	rm /tmp/vm
	job --run 'echo no'
	[ "$status" = 127 ]
	make_vm true
	job --passt='sh -c "echo broken >&2; exit 3"' --run 'echo no'
	[ "$status" = 125 ]
	[[ $stderr == *broken* ]]
	assert_result status=125 'reason="failed"'
	nothing_left
}

@test "a guest that powers itself off: the command has five seconds, and its status counts" {
	make_vm 'echo up; until [ -e /tmp/off ]; do sleep 0.05; done'
	job --run 'touch /tmp/off; sleep 1; exit 9'
	[ "$status" = 9 ]
	assert_result status=9 'reason="command"' qemu_status=0
	rm /tmp/off
	job --run 'touch /tmp/off; sleep 1000'
	[ "$status" = 123 ]
	[ "$TOOK_MS" -ge 5000 ]
	[[ $stderr == *'QEMU ended with status 0 before the command was done'* ]]
	nothing_left
}

@test "a QEMU that fails while the command runs ends the job at once" {
	make_vm 'echo up; until [ -e /tmp/off ]; do sleep 0.05; done; echo "the end" >&2; exit 3'
	job --run 'touch /tmp/off; sleep 1000'
	[ "$status" = 123 ]
	[ "$TOOK_MS" -lt $((3000 * SLOW)) ]
	[[ $stderr == *'QEMU ended with status 3 before the command was done: the end'* ]]
	assert_result qemu_status=3 command_status=null
}

@test "what never becomes ready, and what never ends, ends by --timeout with 124" {
	make_vm 'exec sleep 1000'
	job --timeout 0.5 --run 'echo no'
	[ "$status" = 124 ]
	[[ $stderr == *'qrap: --timeout: the guest was not ready after 0.5 s'* ]]
	assert_result status=124 'reason="timeout"' ready_ms=null
	make_vm 'echo up; exec sleep 1000'
	job --timeout 0.5 --run 'trap "" TERM; sleep 1000 & wait'
	[ "$status" = 124 ]
	[[ $stderr == *'qrap: --timeout: the command was still running after 0.5 s'* ]]
	assert_result status=124 command_status=null
	job --timeout 0.5
	[ "$status" = 124 ]
	[[ $stderr == *'QEMU was still running'* ]]
	nothing_left
}

@test "stopped processes end as well: QEMU, its passt, the command" {
	local what

	for what in '/tmp/vm' 'passt' 'command'; do
		make_vm 'echo $$ >/tmp/pid; echo up; exec sleep 1000'
		case $what in
		/tmp/vm) job --timeout 1 --run 'kill -STOP $(cat /tmp/pid); sleep 1000' ;;
		passt) job --timeout 1 --run 'pkill -STOP -x "passt.*"; sleep 1000' ;;
		command) job --timeout 1 --run 'kill -STOP $$' ;;
		esac
		[ "$status" = 124 ]
		nothing_left
	done
}

@test "without --run: QEMU's status, when QEMU ends" {
	make_vm 'echo up; sleep 0.2; exit 5'
	job
	[ "$status" = 5 ]
	[[ $stderr == *'Ready after'* ]]
	assert_result status=5 'reason="qemu"' qemu_status=5 run_ms=null
	make_vm 'exit 6'
	job
	[ "$status" = 6 ]
	[[ $stderr != *'Ready after'* ]]
	assert_result ready_ms=null
}

@test "a text that comes in pieces is found, and one that does not come is not" {
	make_vm 'printf "log"; sleep 0.1; printf "in"; sleep 0.1; printf ": "; exec sleep 1000'
	qrap --guard off --passt --ready 'console:login: ' --timeout 20 --run 'echo yes' 5 /tmp/vm
	[ "$status" = 0 ]
	[[ $output == *'login: yes' ]]
	qrap --guard off --passt --ready 'console:login:  ' --timeout 1 --run 'echo yes' 5 /tmp/vm
	[ "$status" = 124 ]
	# In the middle of much, on the border of two reads.
	make_vm 'head -c 65533 /dev/zero | tr "\0" x; printf marker; exec sleep 1000'
	qrap --guard off --passt --ready console:xxxmarker --timeout 20 --run true 5 /tmp/vm
	[ "$status" = 0 ]
}

@test "a megabyte of QEMU's and one of the command's at once: none lost, none cut" {
	make_vm 'echo up; until [ -e /tmp/go ]; do sleep 0.01; done
		yes QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ | head -n 32768; touch /tmp/done; exec sleep 1000'
	start_job --run 'touch /tmp/go; yes CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC | head -n 32768 || exit
		until [ -e /tmp/done ]; do sleep 0.05; done'
	ends_with 0 "$JOB"
	[ "$(tr -cd Q </tmp/job.log | wc -c)" = $((31 * 32768)) ]
	[ "$(tr -cd C </tmp/job.log | wc -c)" = $((31 * 32768)) ]
}

@test "a real QEMU makes its standard output non-blocking, and the command's stays as it is" {
	need qemu-system-x86_64
	make_vm 'echo up; exec qemu-system-x86_64 -machine none -display none -serial none -monitor stdio'
	run_apart as_from_a_shell "$QRAP" --guard off --passt --ready 'console:(qemu)' --timeout 20 \
		--run 'for fd in 1 2; do grep flags /proc/self/fdinfo/$fd; done' 5 /tmp/vm
	[ "$status" = 0 ]
	# 04000 is O_NONBLOCK
	[[ $output == *'flags:'* ]]
	refute grep -E 'flags:.*[4-7][0-7]{3}$' <<<"$output"
}

@test "a slow reader gets all of it, and one that is gone holds up nothing" {
	make_vm 'echo up; yes | head -c 300000; touch /tmp/done; exec sleep 1000'
	[ "$(as_from_a_shell "$QRAP" --guard off --passt --ready console:up --run \
		'until [ -e /tmp/done ]; do sleep 0.05; done' 5 /tmp/vm 2>/dev/null | {
		sleep 1
		wc -c
	})" = 300003 ]
	rm /tmp/done
	as_from_a_shell "$QRAP" --guard off --passt --ready console:up --run \
		'until [ -e /tmp/done ]; do sleep 0.05; done' 5 /tmp/vm 2>/dev/null | head -c 1 >/dev/null
	[ "${PIPESTATUS[0]}" = 0 ]
}

@test "what the command leaves behind is gone: a child, a daemon of its own session" {
	job --run 'sleep 1001 & setsid sh -c "trap \"\" TERM HUP; sleep 1002 & wait" & exit 3'
	[ "$status" = 3 ]
	nothing_left
}

@test "a signal to qrap ends all of it, and qrap dies of it" {
	local signal

	for signal in INT TERM HUP QUIT; do
		rm -f "$RESULT" /tmp/running
		start_job --run 'touch /tmp/running; sleep 1000'
		wait_for 10 test -e /tmp/running
		kill "-$signal" "$JOB"
		ends_with $((128 + $(kill -l "$signal"))) "$JOB"
		assert_result status=$((128 + $(kill -l "$signal"))) 'reason="signal"'
		nothing_left
	done
}

@test "signals that were ignored at the start: SIGINT of a background job ends it, SIGHUP of nohup does not" {
	# A shell without job control starts it so; `start` does, too.
	as_from_a_shell sh -c '"$@" & echo $! >/tmp/pid; wait $!; echo $? >/tmp/status' sh \
		"$QRAP" --guard off --passt --ready console:up --run 'touch /tmp/running; sleep 1000' 5 /tmp/vm 2>/dev/null &
	wait_for 10 test -e /tmp/running
	kill -INT "$(</tmp/pid)"
	wait $!
	[ "$(</tmp/status)" = 130 ]
	rm /tmp/running
	start nohup env --ignore-signal=HUP "$QRAP" --guard off --passt --ready console:up \
		--run 'touch /tmp/running; until [ -e /tmp/go ]; do sleep 0.05; done; exit 4' 5 /tmp/vm
	wait_for 10 test -e /tmp/running
	kill -HUP "$PID"
	touch /tmp/go
	ends_with 4 "$PID"
}

@test "qrap is killed: all is gone within a second, and the result is there" {
	start_job --publish 7022 --run 'touch /tmp/running; setsid sleep 1003 & sleep 1000'
	wait_for 10 test -e /tmp/running
	kill -KILL "$JOB"
	wait "$JOB" || true
	wait_for 2 runs_alone "${KNOWN[@]}"
	nothing_left
	assert_result status=137 'reason="signal"'
	refute grep -q ' 0A ' /proc/net/tcp
}

@test "killed and ended at random moments: nothing is left, and the result is whole" {
	local i signal status signals=(INT TERM HUP KILL)

	for ((i = 0; i < 20; i++)); do
		signal=${signals[i % 4]}
		rm -f "$RESULT"
		start_job --publish 7022 --run 'sleep 0.1; setsid sleep 1003 & sleep 1000'
		pause "0.$(printf %03d $((RANDOM % 400)))"
		kill "-$signal" "$JOB"
		status=0
		wait "$JOB" || status=$?
		[ "$status" = $((128 + $(kill -l "$signal"))) ]
		nothing_left
		refute grep -q ' 0A ' /proc/net/tcp
		# At the very first moments there is no job yet.
		[ ! -e "$RESULT" ] || assert_result 'reason="signal"'
	done
}

@test "ten jobs at once, each with ports of its own" {
	local i pids=()

	for ((i = 0; i < 10; i++)); do
		start "job$i" "$QRAP" --guard off --publish 22 --publish 53/udp --ready console:up --result "/tmp/result$i" \
			--run "echo \$QRAP_PORT_22 >/tmp/tcp$i; echo \$QRAP_PORT_53_UDP >/tmp/udp$i
				until [ -e /tmp/go ]; do sleep 0.05; done" 5 /tmp/vm
		pids+=("$PID")
	done
	for ((i = 0; i < 10; i++)); do
		wait_for 20 test -s "/tmp/udp$i"
	done
	touch /tmp/go
	for i in "${pids[@]}"; do
		ends_with 0 "$i"
	done
	[ "$(cat /tmp/tcp? | sort -u | wc -l)" = 10 ]
	[ "$(cat /tmp/udp? | sort -u | wc -l)" = 10 ]
	RESULT=/tmp/result3 assert_result "ports={\"22\": $(</tmp/tcp3), \"53/udp\": $(</tmp/udp3)}"
}

# guest_job SCRIPT OPTION...: a job with the guest, which runs the script; "page" is what it serves on port 22
guest_job() {
	local script=$1
	shift

	guest "$(guest_script "network
		mkdir /www && echo page >/www/index.html
		$script")"
	run_apart as_from_a_shell "$QRAP" --log-file /tmp/log --result "$RESULT" "$@" --qemu qemu-system-x86_64 \
		-machine q35 "${GUEST[@]}"
	echo "$output $stderr"
	nothing_left
}

FETCH='"$QRAP_GUEST/busybox" wget -q -O - http://127.0.0.1:$QRAP_PORT_22/'

@test "a guest: the first connection of the command works, however late the service comes" {
	local late

	need_guest
	export QRAP_GUEST
	for late in 0 1.7; do
		guest_job "sleep $late; httpd -f -p 22 -h /www" --publish 22 --ready tcp:22 --timeout 80 --run "$FETCH"
		[ "$status" = 0 ]
		[[ $output == *page* && $stderr == *'Ready after'* ]]
		has_line /tmp/log '"event":"guest-serves".*"guest_port":22'
		has_line /tmp/log '"event":"ready"'
		rm /tmp/log
	done
}

@test "a guest: its passt ends while the command runs; a daemon of the command's stays until the end" {
	need_guest
	export QRAP_GUEST
	guest_job 'httpd -f -p 22 -h /www' --publish 22 --ready tcp:22,frame --timeout 80 --run "
		setsid sh -c 'echo \$\$ >/tmp/daemon; exec sleep 1004' &
		$BUILD/tests/await /tmp/daemon .; sleep 0.1; pkill -x 'passt.*'
		until $FETCH; do sleep 0.05; done; kill -0 \$(cat /tmp/daemon)"
	[ "$status" = 0 ]
	[[ $output == *page* ]]
}

@test "a guest on a passt that was there: --run waits for its first frame, and passt stays" {
	need_guest
	start_passt
	KNOWN+=("$PASST")
	guest_job 'sleep 1000' --timeout 80 --run 'exit 8'
	[ "$status" = 8 ]
	[[ $stderr == *'Connected to /tmp/passt_1.socket'* && $stderr != *'Ready after'* ]]
	has_line /tmp/log '"event":"first-frame"'
	refute ended "$PASST"
}

# bats test_tags=slow
@test "a guest that panics while the command waits for it: --timeout ends that" {
	need_guest
	export QRAP_GUEST
	guest_job 'httpd -p 22 -h /www; sleep 4; echo 1 >/proc/sys/kernel/sysrq; echo 0 >/proc/sys/kernel/panic
		echo c >/proc/sysrq-trigger; sleep 1000' --publish 22 --ready tcp:22 --timeout $((20 * SLOW)) \
		--run "$FETCH; sleep 1000"
	[ "$status" = 124 ]
	[[ $output == *page*'Kernel panic'* ]]
}

# on_terminal WHAT OPTION...: a job on a terminal (tests/helpers/terminal.py)
on_terminal() {
	local what=$1
	shift

	run as_from_a_shell /usr/bin/python3 "$TOP/tests/helpers/terminal.py" "$what" "$QRAP" --guard off --passt "$@"
	echo "$output"
	nothing_left
}

@test "Ctrl-C on a terminal reaches the command, which is waited for, and qrap dies of it" {
	on_terminal 'running=^C' --ready console:up --run 'trap "sleep 0.3; echo cleaned; exit 3" INT; echo running
		while :; do sleep 0.05; done' 5 /tmp/vm
	[[ $output == *$'cleaned\n'*'signal 2' ]]
	# Before it runs there is nobody to wait for.
	make_vm 'echo not yet; exec sleep 1000'
	on_terminal 'not yet=^C' --ready console:up --run true 5 /tmp/vm
	[[ $output == *'signal 2' ]]
}

@test "Ctrl-Z on a terminal stops qrap and the command, which read the terminal when they go on" {
	on_terminal 'running=^Z' --ready console:up --run 'echo running; sleep 0.3; echo on; exit 3' 5 /tmp/vm
	[[ $output == *stopped*'status 3' ]]
	on_terminal $'name?=qrap\n' --ready console:up --run 'echo "name?"; read -r name; echo "it is $name"' 5 /tmp/vm
	[[ $output == *'it is qrap'*'status 0' ]]
}

@test "a terminal that stops whoever writes from the background: all of it is written" {
	printf '#!/bin/sh\nstty tostop\nexec "$@"\n' >/tmp/tostop
	chmod +x /tmp/tostop
	run as_from_a_shell /usr/bin/python3 "$TOP/tests/helpers/terminal.py" - /tmp/tostop \
		"$QRAP" --guard off --passt --ready console:up --timeout 20 --run 'echo ran; exit 3' 5 /tmp/vm
	echo "$output"
	[[ $output == *'Started passt'*up*'Ready after'*ran*'status 3'* ]]
}

@test "the terminal is as before: QEMU killed, a command that changed it, qrap told to end" {
	need qemu-system-x86_64
	make_vm 'echo $$ >/tmp/pid; exec qemu-system-x86_64 -machine none -display none -serial none -monitor stdio'
	start killer sh -c '"$0" /tmp/pid .; sleep 0.5; kill -KILL "$(cat /tmp/pid)"' "$BUILD/tests/await"
	on_terminal - --timeout 60 5 /tmp/vm
	[[ $output == *'(qemu)'*'status 137' ]]
	make_vm 'echo up; exec sleep 1000'
	on_terminal - --ready console:up --run 'stty raw -echo; kill -TERM $(ps -o ppid= $PPID); sleep 1000' 5 /tmp/vm
	[[ $output == *'signal 15' ]]
	on_terminal - --ready console:up --run 'stty raw -echo; kill -KILL $$' 5 /tmp/vm
	[[ $output == *'status 137' ]]
}

# refused WORDS OPTION...: an error before anything is started
refused() {
	local words=$1
	shift

	rm -f /tmp/started
	make_vm 'touch /tmp/started'
	qrap "$@"
	[[ $status == 125 && $stderr == "qrap: "*"$words"* && ! -e /tmp/started ]] && return
	echo "$*: status $status: $output $stderr"
	return 1
}

@test "what cannot be is an error before anything is started" {
	refused 'no port of this host leads there: add --publish 22' --passt --ready tcp:22 --run true 5 /tmp/vm
	refused 'nothing tells that a service of UDP' --publish 53/udp --ready udp:53 --run true 5 /tmp/vm
	refused '--guard off' --guard off --publish 22 --ready tcp:22 --run true 5 /tmp/vm
	refused '--guard off' --guard off --passt --run true 5 /tmp/vm
	refused 'is no QEMU' --run true /tmp/vm
	refused '--run: " " is not a command' --run ' ' 5 /tmp/vm
	refused '--run needs a value' --run '' 5 /tmp/vm
	refused 'twice' --publish 22 --publish 22 --run true 5 /tmp/vm
	refused 'more than 0 seconds' --timeout 0 5 /tmp/vm
	refused 'is not a number of seconds' --timeout x 5 /tmp/vm
	refused '1 to 65535' --publish 0 --run true 5 /tmp/vm
	refused '1 to 65535' --publish 65536 --run true 5 /tmp/vm
	refused 'is not tcp:PORT' --ready tcp:0 --run true 5 /tmp/vm
	refused 'is not tcp:PORT' --ready tcp:65536 --run true 5 /tmp/vm
	refused 'is not tcp:PORT' --ready ssh --run true 5 /tmp/vm
	refused 'is not tcp:PORT' --ready console: --run true 5 /tmp/vm
	refused '/nosuch/result: No such file' --result /nosuch/result --ready console:up --run true 5 /tmp/vm
	refused 'not a regular file' --result /dev/null --ready console:up --run true 5 /tmp/vm
	refused '--result is that of a job' --result /tmp/r 5 /tmp/vm
	need qemu-system-x86_64
	refused 'need a guest that comes to passt' --run true -version
	refused 'need a guest that comes to passt' --run true -nic none
}

@test "a program for QEMU that takes no shim: only a text can tell that the guest is ready" {
	gcc -static -o /tmp/static -x c - <<<'int main(void) { return 0; }' 2>/dev/null || skip 'no static libc'
	qrap --passt --run true 5 /tmp/static
	[ "$status" = 125 ]
	[[ $stderr == *'nobody sees when the guest is ready'*'--ready console:TEXT needs none'* ]]
}

# readme_commands HEADING: the lines of its indented blocks, a blank line between two blocks
readme_commands() {
	sed -n "/^## $1\$/,/^## /{ /^    /s/^    //p; /^$/p; }" "$TOP/README.md"
}

# What the examples name: a KVM, which boots our guest with a service on port 22, and what runs in it.
make_readme_world() {
	guest "$(guest_script 'network; mkdir /www; echo page >/www/index.html
		echo "login:" >/dev/console; httpd -f -p 22 -h /www')"
	mkdir -p /tmp/bin /tmp/project
	printf '#!/bin/sh\nexec qemu-system-x86_64 %s "$@"\n' "${GUEST[*]@Q}" >/tmp/bin/kvm
	# shellcheck disable=SC2016 # for that script
	printf '#!/bin/sh\nexec "%s" wget -q -O - "http://127.0.0.1:${2:-$QRAP_PORT_22}/"\n' \
		"$QRAP_GUEST/busybox" >/tmp/bin/ssh
	printf '#!/bin/sh\necho tested\n' >/tmp/project/test.sh
	printf '#!/bin/sh\n' >/tmp/bin/apt-get
	printf '#!/bin/sh\nexec "$@"\n' >/tmp/bin/sudo
	chmod +x /tmp/bin/* /tmp/project/test.sh
	ln -s "$QRAP" /tmp/bin/qrap
	head -c 1M /dev/zero >/tmp/project/disk.qcow2
	cd /tmp/project
}

# bats test_tags=slow
@test "the examples in README run as they are written" {
	local blocks

	need_guest
	make_readme_world
	readme_commands 'In CI' >/tmp/blocks
	mapfile -d '' blocks < <(/usr/bin/python3 -c '
import re, textwrap
one, github, gitlab, shell = [b for b in re.split(r"\n\n+", open("/tmp/blocks").read().strip("\n")) if b]
print(one, end="\0")
print(textwrap.dedent(github.split("run: |\n")[1]), end="\0")
print("\n".join(re.findall(r"^    - (.*)", gitlab, re.M)), end="\0")
print(shell, end="\0")')
	[ ${#blocks[@]} = 4 ]
	for block in "${blocks[@]}"; do
		[ "$(wc -l <<<"$block")" -le 10 ]
		run as_from_a_shell env PATH="/tmp/bin:$PATH" timeout 80 sh -e -c "$block"
		echo "$block: $output"
		[ "$status" = 0 ]
		[[ $output == *page* || $output == *tested* ]]
	done
	nothing_left
}
