# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Programs and scripts that a test makes for itself: `load programs`, after common.

# program NAME [OPTION...]: program.c, compiled with these
program() {
	local name=$1
	shift

	need gcc
	gcc -o "$name" program.c "$@"
}

# script FILE LINE...
script() {
	local file=$1
	shift

	printf '%s\n' "$@" >"$file"
	chmod 755 "$file"
}

# The dynamic loader of this host's programs.
loader() {
	LC_ALL=C readelf -lW /bin/sh | sed -n 's/.*program interpreter: \(.*\)]/\1/p'
}
