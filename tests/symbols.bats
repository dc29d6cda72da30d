#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A shim that is built on a new glibc loads on old ones, back to 2.34, where dlsym() came into the
# libc: where one symbol version is missing, ld.so does not start QEMU at all.

load common

setup() {
	need readelf
	SHIM=$BUILD/qrap_preload.so
}

# The versions that a library needs of others, one a line.
needed_versions() {
	readelf --version-info --wide "$1" |
		sed -n '/^Version needs/,$ s/.*  Name: \([^ ]*\) .*/\1/p' | sort -u
}

# The lowest that a machine has where that is newer, by ELF's name for it; else 2.17 does.
highest_version() {
	case $(readelf --file-header --wide "$1" | sed -n 's/ *Machine: *//p') in
	RISC-V*) echo 2.27 ;;
	LoongArch*) echo 2.36 ;;
	*) echo 2.17 ;;
	esac
}

# assert_old_versions FILE: all that it needs were there in glibc 2.17
assert_old_versions() {
	local version highest

	highest=$(highest_version "$1")
	while read -r version; do
		if [[ ! $version =~ ^GLIBC_2\.[0-9.]+$ ]] ||
			! printf '%s\n' "${version#GLIBC_}" "$highest" | sort --version-sort --check=quiet; then
			echo "$1 needs $version"
			return 1
		fi
	done < <(needed_versions "$1")
}

@test "the shim needs no symbol version newer than glibc 2.17" {
	# musl has no versions at all.
	if readelf --dynamic --wide "$SHIM" | grep -qE 'NEEDED.*\[(libc\.so|libc\.musl-.*)\]'; then
		[ -z "$(needed_versions "$SHIM")" ]
		return
	fi
	needed_versions "$SHIM" | grep -q '^GLIBC_2'
	assert_old_versions "$SHIM"
}

@test "that test fails for a library that needs more" {
	need gcc
	# Since 2.34 this one is in libc, and old before.
	echo 'void *dlsym(void *, const char *); void *f(void) { return dlsym(0, "f"); }' >/tmp/new.c
	gcc -shared -fPIC -o /tmp/new.so /tmp/new.c
	needed_versions /tmp/new.so | grep -qx GLIBC_2.34 || skip 'this glibc is older than 2.34'
	run assert_old_versions /tmp/new.so
	[ "$status" = 1 ]
	[ "$output" = '/tmp/new.so needs GLIBC_2.34' ]
}

@test "dlsym, in a library of its own until glibc 2.34: in its first version, and that library only there" {
	readelf --dynamic --dyn-syms --wide "$SHIM" >/tmp/shim
	grep -q ' UND dlsym' /tmp/shim
	refute grep 'dlsym@GLIBC_2.34' /tmp/shim
	if needed_versions /bin/sh | grep -qx GLIBC_2.34; then
		refute grep 'NEEDED.*libdl\.so\.2' /tmp/shim
	fi
}
