# shellcheck shell=bash disable=SC2034 # for those that load it
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A passt that is killed and started again under a guest with bulk traffic in both directions: for
# the tests and for tests/soak, after lib.bash. $QRAP and $QRAP_GUEST are set.

SOCKET=/tmp/passt_1.socket
LOG=/tmp/log
BACK_SECONDS=15

# What the guest does: reads and writes as much as it can, in frames as large as passt's, on a new
# connection every half second, since those to a passt that is gone are dead; and ten times a second
# it asks for a small page, whose content it prints.
# shellcheck disable=SC2016 # the guest's variables
TRAFFIC='
network
ip link set eth0 mtu 65520
while :; do
	timeout 2 nc $router $(word qrap.bulk 1) </dev/zero >/dev/null &
	sleep 0.5
done &
while :; do
	(page=$(timeout 2 wget -q -O - http://$router:$(word qrap.port 80)/index.html) && say page=$page) &
	sleep 0.1
done'

# The other end of the bulk traffic, on a free port, $BULK_PORT.
start_bulk() {
	local i

	cd "$WORK" || return
	for ((i = 0; i < 20; i++)); do
		BULK_PORT=$((30000 + RANDOM % 2000))
		start bulk "$BUILD/tests/bulk" $BULK_PORT
		! wait_for 2 serves "$PID" "$BULK_PORT" || return 0
		end "$PID"
	done
	return 1
}

# Bytes of bulk traffic so far: from the guest, to the guest.
bulk_count() {
	local from to

	read -r from to <"$WORK/bulk.count"
	echo $((10#$from)) $((10#$to))
}

# busy_since FROM TO: has there been a megabyte in each direction since bulk_count said so?
busy_since() {
	local from to

	read -r from to < <(bulk_count)
	[ $((from - $1)) -gt 1000000 ] && [ $((to - $2)) -gt 1000000 ]
}

wait_for_traffic() {
	# shellcheck disable=SC2046 # two words
	wait_for 30 busy_since $(bulk_count)
}

# set_page TEXT: what the guest gets from now on
set_page() {
	echo "$1" >"$WORK/www/index.html.new"
	mv "$WORK/www/index.html.new" "$WORK/www/index.html"
}

has_page() {
	has "$WORK/vm.log" "QRAP-GUEST page=$1"
}

# start_traffic: what the guest's traffic needs on this side; the guest's arguments are in $GUEST
start_traffic() {
	start_http
	start_bulk
	set_page first
	guest "$(guest_script "$TRAFFIC") qrap.bulk=$BULK_PORT"
}

# run_vm COMMAND...: which runs the guest with its traffic, as $VM; it is online
run_vm() {
	start vm "$@"
	VM=$PID
	wait_for 60 has_page first
}

# with_options [OPTION...] -- [ARGUMENT...]: the launcher's options into $OPTIONS, the rest into $REST
with_options() {
	OPTIONS=()
	while [ "$1" != -- ]; do
		OPTIONS+=("$1")
		shift
	done
	REST=("${@:2}")
}

# start_vm [OPTION...] -- [QEMU_ARGUMENT...]: the same by the launcher, with these options of its own
start_vm() {
	with_options "$@"
	start_traffic
	run_vm "$QRAP" --log-file $LOG "${OPTIONS[@]}" 5 qemu-system-x86_64 -machine q35 "${GUEST[@]}" \
		"${REST[@]}"
}

VIRTIO=(-netdev socket,fd=5,id=n -device virtio-net-pci,netdev=n,romfile=)

now_ms() {
	echo $((${EPOCHREALTIME/./} / 1000))
}

# kill_passt: however it is in the middle of things
kill_passt() {
	kill -KILL "$PASST"
	wait "$PASST" 2>/dev/null || true
}

# replace_passt PAGE: kill passt, start it again, wait for the guest to get a page that is new; $OUTAGE
# is how long that took since the new one listens, in milliseconds; status 1 after $BACK_SECONDS
replace_passt() {
	local since

	kill_passt
	set_page "$1"
	start_passt
	since=$(now_ms)
	wait_for $BACK_SECONDS has_page "$1" || return 1
	OUTAGE=$(($(now_ms) - since))
}

# restart_passt PAGE: the same in the middle of traffic
restart_passt() {
	wait_for_traffic && replace_passt "$1"
}

# events NAME [REGEX]: how many of them are in the log
events() {
	count $LOG "\"event\":\"$1\"" "${2:-}"
}

# Frames of passt's that broke off and were completed by padding, all restarts together.
padded() {
	sed -n 's/.*"event":"link-up".*"padded":\([0-9]*\).*/\1/p' $LOG | awk '{ n += $1 } END { print n + 0 }'
}
