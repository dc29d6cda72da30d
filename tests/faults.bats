#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Each system call fails once, in two ways (tests/faults): the outcome is one of those listed here, and
# nothing is left over. Each test leaves a table in $BUILD/faults: system call, error, and how often
# which outcome.
#
#	launcher	"online": QEMU has the connection, as without a fault, or with a warning.
#			"refused": qrap fails with its own status and says why; never where it would
#			not without the shim. --check and the like answer, or say that they cannot.
#	gates		"online": QEMU has the connection, always where it would have had it without the
#			shim. Where a program lost it, it may also be "placeholder" (QEMU starts, and gets
#			its network when passt can be reached) or "lost", and then that is said.
#	link		"up": frames pass again after passt was restarted. "unlinked": QEMU uses the
#			connection as it would without the shim, and is told that its end will be the end
#			of the network. "down", "none": it has no network, and is told.

# bats file_tags=timeout:300

load common
load peers

setup() {
	need strace python3
	mkdir -p "$BUILD/faults"
	TABLE=$BUILD/faults/$(tr -cs '[:alnum:]\n' - <<<"$BATS_TEST_DESCRIPTION")
	rm -f "$TABLE"
	mkdir -p /tmp/bin /tmp/only
	ln -s "$BUILD/tests/fake_qemu" /tmp/only/kvm
	ln -s "$(command -v strace)" /tmp/only/strace
	export FAKE_QEMU_FD=5
}

# With nothing in PATH but these two, and what is named.
ONLY=/tmp/only

# What is on 5, and that nothing else is open but the locker.
STREAM='^fd 5 stream blocking inherited rcvtimeo=0 sndtimeo=0 peer=/tmp/passt_1.socket'
OPEN='^open 0 1 2 5( [0-9]{2,})?$'

# faults [OPTION...] OUTCOME... -- WRAPPER... -- COMMAND...
faults() {
	local -a options=(--table "$TABLE")

	while [[ $1 == --?* ]]; do
		options+=("$1")
		shift
	done
	echo 'all: \(null\)|AddressSanitizer' >/tmp/outcomes
	while [ "$1" != -- ]; do
		echo "$1" >>/tmp/outcomes
		shift
	done
	shift
	run as_from_a_shell "$TOP/tests/faults" "${options[@]}" /tmp/outcomes "$@"
	head -n 50 <<<"$output"
	[ "$status" = 0 ]
}

@test "launcher: patch mode, search" {
	need_plain_launcher
	start_peers 1=fake
	faults --path="$ONLY" "online 0 $OPEN.*$STREAM" 'refused 12[567] ^qrap: ' \
		-- -- "$QRAP" -m 1
}

@test "launcher: explicit mode, socket, log file: the shim is no reason to refuse" {
	need_plain_launcher
	start_peers 1=fake
	explicit off
	grep ' refused' "$TABLE" >/tmp/without
	rm "$TABLE"
	explicit on
	grep ' refused' "$TABLE" >/tmp/with
	[ -s /tmp/with ]
	diff <(refusals /tmp/without) <(refusals /tmp/with)
}

# explicit GUARD
explicit() {
	faults --path="$ONLY" "online 0 $OPEN.*$STREAM" 'refused 12[567] ^qrap: ' \
		-- -- "$QRAP" --guard "$1" --log trace --log-file /tmp/log \
		--socket /tmp/passt_1.socket 5 kvm fd=5
}

refusals() {
	sed -E 's/^(\S+ +\S+) .* ([0-9]+ refused).*/\1 \2/' "$1"
}

@test "launcher: a command line with everything, rewritten" {
	need_plain_launcher
	start_peers 1=fake
	faults --path="$ONLY" "online 0 $OPEN.*$STREAM" 'refused 12[567] ^qrap: ' \
		-- -- "$QRAP" -machine q35 -readconfig /dev/null -netdev user,id=n \
		-device e1000,netdev=n -drive if=none,file=/dev/null,id=d -device virtio-blk-pci,drive=d
}

@test "launcher: --dry-run, --list, --check, --report" {
	need_plain_launcher
	start_peers 1=fake
	PATH=$ONLY "$QRAP" --log-file /tmp/log 5 kvm fd=5
	faults --path="$ONLY" 'printed 0 ^kvm .*netdev' 'refused 12[567] ^qrap: Could' -- -- "$QRAP" --dry-run -m 1
	faults --path="$ONLY" 'listed [01] passt_1' 'none 1 .' 'refused 125 ^qrap: ' -- -- "$QRAP" --list
	faults --path="$ONLY" 'yes 0 ^yes$' 'no 1 ^no: ' 'none 127 ^no: ' 'refused 125 ^qrap: Could' -- -- "$QRAP" --check kvm
	faults --path="$ONLY" 'read 3 ^verdict: unknown$' 'refused 125 ^qrap: ' -- -- "$QRAP" --report /tmp/log
}

@test "launcher: a private passt" {
	need_plain_launcher
	need passt
	ln -s "$(command -v passt)" /tmp/only/passt
	STREAM=${STREAM%peer=*}
	faults --path="$ONLY" --jobs=4 "online 0 $OPEN.*$STREAM" 'refused 12[567] ^qrap: ' \
		-- -- "$QRAP" --passt 5 kvm fd=5
}

# The same for children, whose calls strace cannot tell from those of the same name of their parent.

# fail_child DEPTH OPTION...: the calls of the launcher's child, or of that one's, fail: of the supervisor, and of
# a process until it runs a program (tests/helpers/child_fault_lib.c)
fail_child() {
	local depth=$1 n which outcome call error
	shift

	for ((n = 1; ; n++)); do
		for which in 0 1; do
			rm -f /tmp/fault
			run as_from_a_shell timeout --kill-after=2 20 env PATH=/tmp/only FAULT_FILE=/tmp/fault \
				"FAULT=$depth:$n:$which" "LD_PRELOAD=$BUILD/tests/child_fault_lib.so" "$QRAP" "$@"
			wait_for 3 nothing_runs
			# Empty: ended as it was to say so.
			[ -s /tmp/fault ] || break 2
			outcome=$(outcome_of_child) || {
				echo "$(cat /tmp/fault): status $status: $output"
				return 1
			}
			read -r call error </tmp/fault
			printf '%-18s %-13s %s\n' "$call" "$error" "$outcome" >>"$TABLE"
		done
	done
	[ $n -ge 2 ]
}

outcome_of_child() {
	case $status:$output in
	0:*"$STREAM"*) echo online ;;
	0:yes*) echo yes ;;
	1:no:*) echo no ;;
	125:*'qrap: --passt: '*) echo refused ;;
	*) return 1 ;;
	esac
}

nothing_runs() {
	! pidof passt passt.avx2 qrap fake_qemu
}

@test "launcher: the children that become passt, and a program on trial" {
	need passt
	need_plain_launcher
	ln -s "$(command -v passt)" /tmp/only/passt
	ln -s "$(command -v timeout)" /tmp/only
	STREAM='fd 5 stream blocking inherited'
	ln -s "$(type -P false)" /tmp/only
	fail_child 1 --passt 5 kvm fd=5
	fail_child 2 --passt 5 kvm fd=5
	fail_child 3 --passt 5 kvm fd=5
	fail_child 2 --passt=false 5 kvm fd=5
	fail_child 3 --passt=nothing 5 kvm fd=5
	fail_child 1 --check kvm
	seen_in_children --passt=nothing 5 kvm
	seen_in_children --passt=false 5 kvm
	seen_in_children --check kvm
}

# The function of the libc for a system call.
function_for() {
	case $1 in
	rt_sigaction) echo signal ;;
	clone | clone3 | vfork) echo fork ;;
	wait4) echo waitpid ;;
	openat) echo open ;;
	execve) echo execvp ;;
	*) echo "$1" ;;
	esac
}

# What cannot fail, or is no more than the libc's own.
NOT_FAILED='getppid|getpid|gettid|exit_group|set_robust_list|rt_sigprocmask|rt_sigreturn|brk'

# seen_in_children OPTION...: all system calls of the launcher's child, and of that one's, until it runs a program
# are in the table; of the supervisor, which runs none, strace has let all fail
seen_in_children() {
	local trace call seen=0

	rm -f /tmp/trace.*
	as_from_a_shell env PATH=/tmp/only strace -ff -o /tmp/trace "$QRAP" "$@" || true
	trace=$(grep -l '^execve("[^"]*/qrap"' /tmp/trace.*)
	while trace=$(child_of "$trace"); do
		echo "$trace"
		grep -q '^execve' "$trace" || continue
		for call in $(sed -E '/^execve/q; s/^([a-z0-9_]+)\(.*/\1/' "$trace" |
			sed -E 's/^(execve).*/\1/' | grep -vxE "$NOT_FAILED|[^a-z].*" | sort -u); do
			echo "$call"
			grep "^$(function_for "$call") " "$TABLE"
			seen=$((seen + 1))
		done
	done
	[ $seen -ge 5 ]
}

# child_of TRACE: the trace of its first child
child_of() {
	local pid

	pid=$(sed -nE 's/^(clone|clone3|vfork)\(.* = ([0-9]+)$/\2/p' "$1" | head -n 1)
	[ -n "$pid" ] && echo "${1%.*}.$pid"
}

# A search that does not end, a passt that says nothing, a QEMU on trial that does not end: they are
# ended with the launcher, wherever it is.
@test "launcher: ended by a signal at each system call, nothing is left over" {
	need_plain_launcher
	printf '#!/bin/sh\nexec sleep 60\n' >/tmp/only/hang
	chmod +x /tmp/only/hang
	ln -s "$(command -v sleep)" /tmp/only
	start_peers 1=fake
	faults --path="$ONLY" --signal=TERM "ended -15 ^" "online 0 $OPEN.*$STREAM" -- -- "$QRAP" -m 1
	faults --path="$ONLY" --signal=INT --last=ppoll 'ended -2 ^' 'refused 125 ^qrap: ' \
		-- -- "$QRAP" --wait 1 --socket /tmp/none 5 kvm
	faults --path="$ONLY" --signal=TERM 'ended -15 ^' 'yes 0 ^yes$' -- -- "$QRAP" --check hang
	faults --path="$ONLY" --signal=INT --last=ppoll 'ended -2 ^' 'refused 125 ^qrap: ' \
		-- -- "$QRAP" --passt=hang 5 kvm
}

@test "what is left over, or not in the table, is found" {
	TABLE=/tmp/table
	refute faults 'made 0 ^/tmp/left' 'failed 1 .' -- env -- mktemp /tmp/left.XXXXXX
	grep -E '^inject=.* left over: /tmp/left\..*' <<<"$output"
	sed 's/"getrandom": "[A-Z ]*",//' "$TOP/tests/faults" >/tmp/faults
	chmod +x /tmp/faults
	run as_from_a_shell /tmp/faults /tmp/outcomes env -- mktemp /tmp/left.XXXXXX
	[ "$status" = 1 ]
	grep -x 'getrandom: which errors are typical for it?' <<<"$output"
}

@test "gates: what close says is of no interest" {
	refute grep -nE '[=!?(,&|] *sys_close\(|return +sys_close\(' "$TOP"/shim/*.c "$TOP"/shim/*/*.c
}

# The shim, in a program that loses the descriptor, a shell, and QEMU. Its arguments hide the number
# from all but QEMU. The passt takes any number of clients, since strace has a copy of the connection.
make_chain() {
	start passt python3 -c 'if True:
		import socket
		s = socket.socket(socket.AF_UNIX)
		s.bind("/tmp/passt_1.socket")
		s.listen()
		clients = []
		while True:
			clients.append(s.accept()[0])
			try:
				clients[-1].send(bytes([0, 0, 0, 60] + 60 * [0]))
			except OSError:
				pass'
	wait_for 5 listens /tmp/passt_1.socket
	printf '#!/bin/sh\nexec %s fd=5\n' "$BUILD/tests/fake_qemu" >/tmp/vm
	chmod +x /tmp/vm
}

# What nothing but a fault in front of it leads to.
@test "gates: nobody loses the descriptor, and it cannot be told what is on the number" {
	make_chain
	faults --shim --only=fstat "online 0 $OPEN.*$STREAM" \
		-- "$QRAP" 5 -- "$BUILD/tests/lose" nothing 5 /tmp/vm
}

# Of a signal that is not taken back, or not blocked, QEMU would die.
@test "gates: what the shim writes brings signals, which are not the program's" {
	make_chain
	mkfifo /tmp/pipe
	printf '#!/bin/sh\nexec 8<>/tmp/pipe 2>/tmp/pipe 8>&-\nexec %s fd=5\n' "$BUILD/tests/fake_qemu" >/tmp/vm
	faults --shim --only=rt_sigtimedwait --only=rt_sigprocmask --only=rt_sigpending \
		"online 0 $OPEN.*$STREAM" -- env --default-signal=PIPE "$QRAP" --log trace 5 -- /tmp/vm
	sed -i 's/^exec/ulimit -f 0\n&/' /tmp/vm
	faults --shim --only=rt_sigtimedwait "online 0 $OPEN.*$STREAM" \
		-- env --default-signal=PIPE,XFSZ "$QRAP" --log trace --log-file /tmp/log 5 -- /tmp/vm
}

# gates WAY [OPTION...]: the descriptor is lost, and each call of the shim fails
gates() {
	local way=$1
	shift

	faults --shim "online 0 $OPEN.*$STREAM" 'placeholder 0 ^qrap\[.* was lost .*fd 5 stream nonblocking' \
		'lost 0 ^qrap\[.* was lost .*fd 5 (closed|no socket)' \
		-- "$QRAP" "$@" 5 -- "$BUILD/tests/lose" "$way" 5 /tmp/vm
}

@test "gates: nobody loses the descriptor, and no fault makes it worse" {
	make_chain
	faults --shim "online 0 $OPEN.*$STREAM" -- "$QRAP" 5 -- "$BUILD/tests/lose" nothing 5 /tmp/vm
	faults --shim "online 0 $OPEN.*$STREAM" \
		-- "$QRAP" --log trace --log-file /tmp/log 5 -- "$BUILD/tests/lose" nothing 5 /tmp/vm
}

@test "gates: closed, with a log" {
	make_chain
	gates close --log trace --log-file /tmp/log
}

@test "gates: closed by a loop" {
	make_chain
	gates proc-loop
}

@test "gates: closed by close_range" {
	make_chain
	gates close_range
}

@test "gates: overwritten" {
	make_chain
	gates eventfd
	gates unconnected
}

@test "gates: marked close-on-exec, in a child" {
	make_chain
	gates setfd
	gates fork
}

@test "gates: lost with the spare, the same passt again" {
	make_chain
	gates raw-close_range
}

# Where it cannot be tried, the shim goes on as if there was no filter.
@test "gates: under a filter of system calls, for the child that tries them" {
	make_chain
	printf '#!/bin/sh\nexec %s eperm=getcwd -- %s fd=5\n' "$BUILD/tests/filter" "$BUILD/tests/fake_qemu" >/tmp/vm
	faults --shim --only=clone3 --only=wait4 "online 0 $OPEN.*$STREAM" \
		-- "$QRAP" 5 -- /tmp/vm
	faults --shim --inject=clone3:error=ENOSYS --only=clone "online 0 $OPEN.*$STREAM" -- "$QRAP" 5 -- /tmp/vm
}

# link [OPTION...] [-- WORD...]: the link, in a program that stands for QEMU (tests/helpers/link_fault.c
# knows the words), without the launcher
link() {
	local -a options=() qemu=()
	# Of the thread: epoll, inotify, the log, and for a moment standard error or the socket's file.
	local others=${OTHERS:-[0-4]}

	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift $(($# > 0))
	while [[ ${1:-} == [0-9]* ]]; do
		qemu+=("$1")
		shift
	done
	printf '#!/bin/sh\nexec %s owner fd=5 %s\n' "$BUILD/tests/link_fault" "${qemu[*]}" >/tmp/vm
	chmod +x /tmp/vm
	faults --shim --follow --jobs=4 "${options[@]}" "up 0 ^open sockets=3 others=$others$.*^up$" \
		"down 0 ^qrap\[.*^open sockets=[34] others=$others$.*^down$" \
		"none 0 ^qrap\[.*^open sockets=[0-3] others=$others$.*^none$" \
		'unlinked 1 ^qrap\[.*gone for good$.*^broken: QEMU: end of file' \
		-- "$BUILD/tests/link_fault" "$@" -- env "LD_PRELOAD=$BUILD/qrap_preload.so" \
		QRAP_FD=5 QRAP_LOG_FILE=/tmp/log QRAP_TRUST=any /tmp/vm
}

# Two more descriptors may be open: one for a moment in the thread; and where fstat(2) fails, the log file
# cannot be told from a file of the program's own, and is left.
@test "link: passt restarts, QEMU sees whole frames and complete sends" {
	OTHERS='[0-5]' link
}

@test "link: what only some ends of it, and some hosts, lead to" {
	link --only=shutdown -- --end=bad-length
	link --only=setsockopt -- 100000
	# A log file that may be somebody else's by now is not closed, and there is another one.
	OTHERS='[0-5]' link --only=fstat
}

@test "link: no thread can be made, then or ever" {
	link --forever --only=clone3 --only=clone
	refute grep -vE '^#| unlinked$' "$TABLE"
}

# A call that is none of the shim's, or another name of one that is.
not_failed() {
	case $1 in
	close) echo 'an injection leaves it open, see tests/faults' ;;
	close_range | execveat) echo "the program's, its result too, where we do not know the libc's own" ;;
	mmap2 | fstat64 | clock_gettime64 | ppoll_time64 | rt_sigtimedwait_time64) echo '32-bit machines' ;;
	exit_group | geteuid | getgid | getpid | getppid | getuid) echo 'has no errors' ;;
	*) return 1 ;;
	esac
}

# After all others.
# bats test_tags=alone
@test "each system call in the sources of the shim has failed" {
	local name table
	local -a tables=() missing=()

	while IFS= read -r name; do
		table=$BUILD/faults/$(tr -cs '[:alnum:]\n' - <<<"$name")
		[ "$table" -nt "$BUILD/qrap_preload.so" ] || skip "run the others of this file first: $name"
		tables+=("$table")
	done < <(sed -nE 's/^@test "((gates|link): .*)" \{$/\1/p' "$BATS_TEST_FILENAME" | grep -vF 'what close says')
	echo "${tables[@]}"
	for name in $(grep -ohE '\<(SYS|__NR)_[a-z0-9_]+' "$TOP"/shim/*.[ch] "$TOP"/shim/*/*.[ch] | sed -E 's/^(SYS|__NR)_//' | sort -u); do
		# How often a call is made may differ from run to run: the last ones may not be reached.
		[ "$(grep -hE "^$name +E" "${tables[@]}" | grep -vcE '^\S+ +\S+ +[0-9]+ not reached$')" -ge 2 ] ||
			not_failed "$name" >/dev/null || missing+=("$name")
	done
	echo "not failed, and no reason given: ${missing[*]}"
	[ ${#missing[@]} = 0 ]
}
