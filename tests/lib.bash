# shellcheck shell=bash disable=SC2034 # what it sets is for its users
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What tests and the demo share: processes that are ended by their pid, passt, an HTTP server, the
# guest's command line. Nothing here knows of bats.

# Where logs and sockets of this run go: /tmp in a sandbox.
WORK=${WORK:-/tmp}

# Processes that end_all() ends, oldest first.
STARTED=()

# How much slower this machine is than the one that limits are for (tests/run measures it).
SLOW=${QRAP_TESTS_SLOW:-1}

# pause SECONDS: no program is started for it
pause() {
	local fifo=${QRAP_SANDBOX:-$WORK}/pause

	[ -p "$fifo" ] || mkfifo "$fifo"
	read -r -t "$1" <>"$fifo" || true
}

# wait_for SECONDS COMMAND...: until the command succeeds; status 1 when time is up. The command is
# tried often, so it should be one of this shell's.
wait_for() {
	local deadline=$((${EPOCHREALTIME/./} + $1 * SLOW * 1000000))
	shift

	until "$@"; do
		[ "${EPOCHREALTIME/./}" -lt $deadline ] || return 1
		pause 0.02
	done
}

# has FILE TEXT: is this text in the file, whatever else is?
has() {
	local pieces=()

	[ ! -r "$1" ] || mapfile -d '' pieces <"$1"
	[[ ${pieces[*]} == *"$2"* ]]
}

# start LOG COMMAND...: in the background, output in $WORK/LOG.log; its pid is in $PID
start() {
	local log=$WORK/$1.log
	shift

	"$@" </dev/null >"$log" 2>&1 3>&- 4>&- &
	PID=$!
	STARTED+=("$PID")
}

ended() {
	local stat

	read -r stat 2>/dev/null <"/proc/$1/stat" || return 0
	[[ ${stat##*) } == [ZX]* ]]
}

# running_besides PID...: the other processes, zombies left out, as "PID: WORDS" in $RUNNING. No child is
# made for it: that would be one of them.
running_besides() {
	local stat pid line words
	RUNNING=()

	for stat in /proc/[0-9]*/stat; do
		pid=${stat#/proc/}
		pid=${pid%/stat}
		[[ " $* " != *" $pid "* ]] || continue
		read -r line 2>/dev/null <"$stat" || continue
		[[ ${line##*) } != [ZX]* ]] || continue
		words=()
		mapfile -d '' words 2>/dev/null <"/proc/$pid/cmdline" || true
		RUNNING+=("$pid: ${words[*]}")
	done
}

# runs_alone PID...: are these all that there are?
runs_alone() {
	running_besides "$@"
	[ ${#RUNNING[@]} = 0 ]
}

# end PID: ask, then insist; only for children of this shell
end() {
	kill "$1" 2>/dev/null || true
	wait_for 3 ended "$1" || kill -KILL "$1" 2>/dev/null || true
	wait "$1" 2>/dev/null || true
}

end_all() {
	local i

	for ((i = ${#STARTED[@]} - 1; i >= 0; i--)); do
		end "${STARTED[i]}"
	done
	STARTED=()
}

# Is there a listener on the UNIX socket PATH? (unix_socket: 00010000 is __SO_ACCEPTCON)
listens() {
	[ -S "$1" ] && has_line /proc/net/unix " 00010000 .* $1\$"
}

# has_line FILE REGEX: is there such a line in the file?
has_line() {
	[ "$(count "$1" "$2")" != 0 ]
}

# count FILE REGEX...: how many lines of the file match all of these extended regular expressions
count() {
	local all=() line regex n=0

	[ ! -r "$1" ] || mapfile -t all <"$1"
	for line in "${all[@]}"; do
		for regex in "${@:2}"; do
			[[ $line =~ $regex ]] || continue 2
		done
		n=$((n + 1))
	done
	echo $n
}

# start_passt [PATH [OPTION...]]: a passt in the foreground that listens on PATH, by default its own
# first choice; its pid is in $PASST, its log is the path's name with .log
start_passt() {
	local socket=${1:-/tmp/passt_1.socket}
	shift || true

	start "$(basename "$socket")" "${PASST_AS[@]}" passt --foreground --socket "$socket" "$@"
	PASST=$PID
	if ! wait_for 5 listens "$socket"; then
		echo "passt does not listen on $socket:" >&2
		cat "$WORK/$(basename "$socket").log" >&2
		return 1
	fi
}

# What start_passt puts in front of passt, for instance to run it as another user.
PASST_AS=()

# Has the passt of $PASST no client? It has one connected socket less on its path then.
passt_is_free() {
	! has_line /proc/net/unix ' 0001 03 .* /tmp/passt_'
}

# Has the process PID a listening TCP socket on loopback port PORT? (/proc/net/tcp: state 0A)
serves() {
	local address

	printf -v address ' 0100007F:%04X 00000000:0000 0A' "$2"
	! ended "$1" && has_line /proc/net/tcp "$address"
}

# start_http: an HTTP server on a free port of loopback, in $HTTP_PORT; its page, which nobody can
# guess, is in $PAGE. passt shows it to the guest under the router's address.
start_http() {
	local i

	mkdir -p "$WORK/www"
	PAGE=page-$RANDOM-$RANDOM
	echo "$PAGE" >"$WORK/www/index.html"
	for ((i = 0; i < 20; i++)); do
		HTTP_PORT=$((20000 + RANDOM % 10000))
		start http "$QRAP_GUEST/busybox" httpd -f -p "127.0.0.1:$HTTP_PORT" -h "$WORK/www"
		HTTP=$PID
		! wait_for 2 serves "$HTTP" "$HTTP_PORT" || return 0
		end "$HTTP"
	done
	echo 'no free port for the HTTP server' >&2
	return 1
}

# What ends a guest that is reset.
NO_REBOOT=(-no-reboot)

# guest [WORD...]: fills $GUEST with the arguments that make QEMU boot the guest, console on stdout;
# more words for the kernel's command line as arguments. Neither machine nor network are in it.
guest() {
	GUEST=(-accel tcg -cpu max -m 256 -nographic -nodefaults -serial stdio "${NO_REBOOT[@]}"
		-kernel "$QRAP_GUEST/vmlinuz" -initrd "$QRAP_GUEST/initrd"
		-append "console=ttyS0 panic=-1 no_timer_check quiet qrap.port=${HTTP_PORT:-80}${*:+ $*}")
}

# guest_script TEXT: prints the word for guest() that makes the guest run this shell script
guest_script() {
	echo "qrap.script=$(base64 -w 0 <<<"$1")"
}

# guest_that_answers: as guest(); it fetches the page, and from then on answers each HTTP request on its
# port 22 with "from the guest"
guest_that_answers() {
	guest "$(guest_script 'network && fetch
		while :; do
			printf "HTTP/1.0 200 OK\r\n\r\nfrom the guest\n" | nc -l -p 22 >/dev/null
		done')"
}
