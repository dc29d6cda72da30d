# shellcheck shell=bash disable=SC2034,SC2154 # for those that load it
# SPDX-License-Identifier: GPL-2.0-or-later
#
# VMs that start and end, and what they must not leave behind: for tests/soak, after lib.bash and
# online.bash. $QRAP, $BUILD and $QRAP_GUEST are set; $WORK is a directory for logs alone.

# state: files of this sandbox, its processes, and the connections to its passt, one a line. Not in a
# subshell, which would be one of them.
state() {
	local pid

	find /tmp /dev/shm -xdev -path "$WORK" -prune -o -print | sort
	for pid in /proc/[0-9]*; do
		pid=${pid#/proc/}
		ended "$pid" || echo "process $pid: $(tr '\0' ' ' <"/proc/$pid/cmdline")"
	done
	# unix_socket: 0001 is a stream, 03 is connected
	sed -n 's/.* 0001 03 *[0-9]* \(\/.*\)/connection on \1/p' /proc/net/unix | sort
}

# descriptors PID: what each of them is, sorted
descriptors() {
	find "/proc/$1/fd" -type l -printf '%l\n' | sed 's/:\[[0-9]*\]$//; s/vm-[0-9]*\.log$/vm.log/' | sort
}

# Remember how things are.
before() {
	state >"$WORK/before"
}

is_as_before() {
	state >"$WORK/after"
	cmp -s "$WORK/before" "$WORK/after"
}

# Sockets and processes that end take their time.
nothing_left() {
	wait_for 10 is_as_before && return
	diff "$WORK/before" "$WORK/after"
	return 1
}

# What the shim has open in QEMU for the link: the thread waits with the first, is rung by the others.
LINK=('anon_inode:[eventpoll]' socket socket)

# ... and with a private passt for its supervisor.
PRIVATE=(socket)

# same_descriptors WHAT FILE OURS...: those of a QEMU that was started by us are those that it has without
# us, and these
same_descriptors() {
	local what=$1 file=$2
	shift 2

	printf '%s\n' "$@" | grep . | sort - "$WORK/descriptors" >"$WORK/expected"
	cmp -s "$WORK/expected" "$file" && return
	echo "$what: QEMU's descriptors, as they are to be and as they are:"
	diff "$WORK/expected" "$file"
	return 1
}

# A QEMU that ends when it was on the network once. What its descriptors were is in $WORK/seen.
run_online() {
	rm -f "$WORK/seen"
	timeout --kill-after=2 50 "$BUILD/tests/online" --then "sh $WORK/look" "$@" >"$WORK/online.log" 2>&1 &&
		return
	cat "$WORK/online.log"
	return 1
}

# look: what run_online has done while QEMU is online. descriptors: those of one without us
prepare_online() {
	cd /tmp || return
	make_vm
	{
		echo "qemu=$(realpath "$(command -v qemu-system-x86_64)")"
		declare -f descriptors
		echo 'for exe in /proc/[0-9]*/exe; do'
		# shellcheck disable=SC2016 # that script's
		echo '[ ! "$exe" -ef "$qemu" ] || descriptors "$(basename "${exe%/exe}")"; done >'"$WORK/seen"
	} >"$WORK/look"
	run_online "$BUILD/tests/connect_exec" /tmp/passt_1.socket "${QEMU[@]}" || return
	[ -s "$WORK/seen" ] || return
	mv "$WORK/seen" "$WORK/descriptors"
}

boot_guest() {
	timeout --kill-after=2 60 "$@" >"$WORK/guest.log" 2>&1 && grep -aq "QRAP-GUEST page=$PAGE" "$WORK/guest.log" &&
		return
	cat "$WORK/guest.log"
	return 1
}

# start_once NUMBER: one of the ways to start a VM, in turn
start_once() {
	local qrap=("$QRAP" --log-file "$WORK/log") ours=("$WORK/log" "${LINK[@]}") event=first-frame

	rm -f "$WORK/log"
	case $(($1 % 10)) in
	0) boot_guest "${qrap[@]}" --qemu qemu-system-x86_64 -machine q35 "${GUEST[@]}" ;;
	1 | 6) run_online "${qrap[@]}" 5 sh -c 'exec 5>&-; exec "$@"' sh /tmp/qemu-vm ;;
	2 | 7) run_online "${qrap[@]}" 5 sh -c 'exec 5<&-; exec "$@"' sh "${QEMU[@]}" ;;
	3 | 8)
		ours+=("${PRIVATE[@]}")
		run_online "${qrap[@]}" --passt 5 "${QEMU[@]}"
		;;
	4 | 9)
		ours=()
		event=handed-over
		run_online "${qrap[@]}" --guard off 5 "${QEMU[@]}"
		;;
	5) run_online "${qrap[@]}" 5 "${QEMU[@]}" ;;
	esac || return
	if ! grep -q "\"event\":\"$event\"" "$WORK/log"; then
		echo "no $event:"
		cat "$WORK/log"
		return 1
	fi
	[ $(($1 % 10)) = 0 ] || same_descriptors "start $1" "$WORK/seen" "${ours[@]}"
}

# one_after_the_other COUNT
one_after_the_other() {
	local i began times=()

	start_http
	guest
	start_passt && prepare_online || return
	before
	for ((i = 1; i <= $1; i++)); do
		began=${EPOCHREALTIME/./}
		if ! start_once "$i" || ! nothing_left; then
			echo "start $i"
			return 1
		fi
		times+=($(((${EPOCHREALTIME/./} - began) / 1000)))
	done
	printf '%s\n' "${times[@]}" | sort -n | awk '{ t[NR] = $1 } END {
		printf "median %d ms, %d ms at worst; no descriptor, process or file left\n", t[int((NR + 1) / 2)], t[NR] }'
}

# all_online COUNT: have so many guests fetched their page?
all_online() {
	[ "$(grep -al "QRAP-GUEST page=$PAGE" "$WORK"/vm-*.log 2>/dev/null | wc -l)" = "$1" ]
}

# start_guests COUNT WORD...: at the same moment, as $VMS; the words go in front of QEMU, a % in them is
# the guest's number
start_guests() {
	local i count=$1
	shift

	start_http
	guest "$(guest_script 'network && fetch; sleep 1000')"
	rm -f "$WORK"/vm-*.log "$WORK"/log-*
	VMS=()
	for ((i = 1; i <= count; i++)); do
		start "vm-$i" "${@//%/$i}" qemu-system-x86_64 -machine q35 "${GUEST[@]}" \
			-netdev socket,fd=5,id=n -device virtio-net-pci,netdev=n,romfile=
		VMS+=("$PID")
	done
	wait_for $((30 + 15 * count)) all_online "$count" && return
	tail -n 3 "$WORK"/vm-*.log
	return 1
}

# Every other one is asked to end, the others are killed.
end_guests() {
	local i

	for i in "${!VMS[@]}"; do
		[ $((i % 2)) = 0 ] || kill -KILL "${VMS[i]}"
		end "${VMS[i]}"
	done
	end "$HTTP"
}

# Each has its network from the passt whose socket its log names: the lease tells.
assert_own_passt() {
	local i number taken=()

	for i in "${!VMS[@]}"; do
		number=$(sed -n 's/.*"event":"connected".*"socket":"\/tmp\/passt_\([0-9]*\)\.socket".*/\1/p' "$WORK/log-$((i + 1))")
		if [ -z "$number" ] || [ -n "${taken[number]:-}" ]; then
			echo "VM $((i + 1)) has passt ${number:-none}, as VM ${taken[number]:-}"
			return 1
		fi
		taken[number]=$((i + 1))
		if ! grep -aq "QRAP-GUEST lease=10\.7\.$number\.15/24 " "$WORK/vm-$((i + 1)).log"; then
			echo "VM $((i + 1)) has not the network of passt $number:"
			grep -a QRAP-GUEST "$WORK/vm-$((i + 1)).log"
			return 1
		fi
	done
}

# assert_descriptors [WHAT]: all have the descriptors of a QEMU without us, and ours; with logs if WHAT is
# "logged", with supervisors if it is "private"
assert_descriptors() {
	local i ours

	for i in "${!VMS[@]}"; do
		ours=("${LINK[@]}")
		[ "${1:-}" != logged ] || ours+=("$WORK/log-$((i + 1))")
		[ "${1:-}" != private ] || ours+=("${PRIVATE[@]}")
		descriptors "${VMS[i]}" >"$WORK/seen"
		same_descriptors "VM $((i + 1))" "$WORK/seen" "${ours[@]}" || return
	done
}

# What a QEMU with such a guest has open without us, on the passt of this socket.
look_at_guest() {
	start_guests 1 "$BUILD/tests/connect_exec" "$1" || return
	descriptors "${VMS[0]}" >"$WORK/descriptors"
	end_guests
}

# at_once COUNT: so many VMs, and as many passt, each with a network of its own
at_once() {
	local i began

	for ((i = 1; i <= $1; i++)); do
		start_passt "/tmp/passt_$i.socket" --address "10.7.$i.15" --netmask 255.255.255.0 \
			--gateway "10.7.$i.1" || return
	done
	look_at_guest /tmp/passt_1.socket || return
	before
	began=${EPOCHREALTIME/./}
	start_guests "$1" "$QRAP" --log-file "$WORK/log-%" 5 || return
	began=$(((${EPOCHREALTIME/./} - began) / 1000000))
	assert_own_passt && assert_descriptors logged || return
	end_guests
	nothing_left || return
	echo "online after $began s, each by its own; no descriptor, process or file left"
}

# How many processes of this sandbox are a passt?
passts() {
	cat /proc/[0-9]*/comm 2>/dev/null | grep -c '^passt' || true
}

# at_once_private COUNT: so many VMs, which start a passt each
at_once_private() {
	local began

	start_passt && look_at_guest /tmp/passt_1.socket || return
	# shellcheck disable=SC2153 # start_passt sets it
	end "$PASST"
	before
	began=${EPOCHREALTIME/./}
	start_guests "$1" "$QRAP" --passt 5 || return
	began=$(((${EPOCHREALTIME/./} - began) / 1000000))
	if [ "$(passts)" != "$1" ]; then
		echo "$(passts) passt, and not $1"
		return 1
	fi
	assert_descriptors private || return
	end_guests
	nothing_left || return
	echo "online after $began s; no descriptor, process or file left"
}

# private_vm NUMBER: a VM with a private passt, ended in one of several ways, in turn
private_vm() {
	local supervisor passt

	rm -f "$WORK/log"
	start vm "$QRAP" --log-file "$WORK/log" --passt 5 qemu-system-x86_64 -machine none -display none -nodefaults \
		-netdev socket,fd=5,id=a -netdev user,id=b -netdev hubport,hubid=0,id=h0,netdev=a \
		-netdev hubport,hubid=0,id=h1,netdev=b
	wait_for 10 has "$WORK/log" '"event":"released"' || return
	supervisor=$(pgrep -fx "qrap: passt of $PID")
	read -r passt _ <"/proc/$supervisor/task/$supervisor/children" || [ -n "$passt" ] || return
	case $(($1 % 5)) in
	0) ;;
	1) kill -KILL "$PID" ;;
	2)
		kill -KILL "$passt"
		wait_for 5 has "$WORK/log" '"event":"link-up"' || return
		;;
	3) kill -KILL "$supervisor" ;;
	4) kill -KILL "$passt" "$PID" ;;
	esac
	end "$PID"
}

# private_vms COUNT: one after the other
private_vms() {
	local i began=$SECONDS

	before
	for ((i = 1; i <= $1; i++)); do
		if ! private_vm "$i" || ! nothing_left; then
			echo "VM $i"
			cat "$WORK/vm.log" "$WORK/log"
			return 1
		fi
	done
	echo "in $((SECONDS - began)) s; no process or file left"
}
