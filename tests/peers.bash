# shellcheck shell=bash disable=SC2034,SC2154 # for the tests that load it
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Peers that are not, or not quite, a passt (tests/helpers/peers.c): `load peers`, after common.

# What happens to them.
EVENTS=/tmp/peers.log

# start_peers NUMBERS=KIND[:MS]...: until all of them are there; their process is $PEERS
start_peers() {
	rm -f "$EVENTS"
	start peers "${PEERS_AS[@]}" "$BUILD/tests/peers" "$@"
	PEERS=$PID
	wait_for 10 has_line "$EVENTS" '^ready'
}

# What start_peers puts in front, for instance to run them as another user.
PEERS_AS=()
ANOTHER_USER=(setpriv --reuid 4711 --regid 4711 --clear-groups)

# start_vhost_user OPTION... NUMBERS=KIND...: peers that look like a passt --vhost-user, as $VHOST
start_vhost_user() {
	mkdir /tmp/vhost
	cp "$BUILD/tests/peers" /tmp/vhost/passt
	start vhost "${PEERS_AS[@]}" /tmp/vhost/passt --vhost-user "$@"
	wait_for 5 has /tmp/vhost.log ready
	VHOST=$(sed -n 's/^ready //p' /tmp/vhost.log)
}

# start_elsewhere: in another mount namespace, another passt_1.socket, which is in use
start_elsewhere() {
	need_root
	mkdir /tmp/elsewhere
	cp "$BUILD/tests/peers" /tmp/elsewhere
	start elsewhere unshare --mount --propagation private sh -c \
		'mount --bind /tmp/elsewhere /tmp && exec /tmp/peers 1=busy'
	wait_for 5 has_line /proc/net/unix ' 0001 03 .* /tmp/passt_1.socket'
}

lines() {
	wc -l <<<"$1"
}
