#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What comes out of the Makefile, and where `make install` puts it.

# bats file_tags=timeout:180

load common

setup() {
	need gcc make
}

# A tree as clean as one just cloned, in a directory of this name.
clean_tree() {
	mkdir -p "$1"
	cp -r "$TOP"/{Makefile,launcher,shim,man,.packaging} "$1/"
	unset BUILD
}

@test "the shim needs libc and nothing else, but for libdl where it may be another file" {
	local needed

	needed=$(readelf --dynamic --wide "$BUILD/qrap_preload.so" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
	[ -n "$needed" ]
	refute grep -vE '^lib(c\.so\.6|dl\.so\.2)$|^libc\.musl-.*' <<<"$needed"
}

@test "the shim exports names of the libc, and no others" {
	local exported libc

	exported=$(nm --dynamic --defined-only "$BUILD/qrap_preload.so" | sed 's/.* //; s/@.*//' | sort -u)
	grep -qx close <<<"$exported"
	libc=$(ldd "$BUILD/qrap_preload.so" | sed -n 's/.*libc\.so\.6 => \([^ ]*\).*/\1/p')
	nm --dynamic --defined-only "$libc" | sed 's/.* //; s/@.*//' | sort -u >/tmp/libc
	grep -qx close /tmp/libc
	# What came with a glibc that is newer than this one.
	printf '%s\n' pidfd_spawn pidfd_spawnp | sort -u - /tmp/libc >/tmp/known
	[ -z "$(comm -23 - /tmp/known <<<"$exported")" ]
}

@test "the shim uses no allocation, no stdio, no locale" {
	nm --dynamic --undefined-only "$BUILD/qrap_preload.so" | sed 's/.* //; s/@.*//' >/tmp/used
	[ -s /tmp/used ]
	refute grep -xE \
		'malloc|calloc|realloc|free|.*alloc.*|.*printf.*|f?puts|f?putc|f(open|write|close)|.*_chk|setlocale|strerror|atexit' \
		/tmp/used
}

@test "the shim asks to be initialized first, is bound now and has no executable stack" {
	local dynamic

	dynamic=$(readelf --dynamic --wide "$BUILD/qrap_preload.so")
	grep -q 'FLAGS_1.*NOW.*INITFIRST' <<<"$dynamic"
	refute grep -q TEXTREL <<<"$dynamic"
	readelf --segments --wide "$BUILD/qrap_preload.so" >/tmp/segments
	grep -q GNU_RELRO /tmp/segments
	grep -qE 'GNU_STACK .* RW ' /tmp/segments
}

@test "the launcher is hardened" {
	readelf --headers --dynamic --wide "$BUILD/qrap" >/tmp/headers
	grep -q 'Type: *DYN' /tmp/headers
	grep -q 'FLAGS_1.*NOW.*PIE' /tmp/headers
	grep -q GNU_RELRO /tmp/headers
	grep -qE 'GNU_STACK .* RW ' /tmp/headers
	nm --dynamic "$BUILD/qrap" | grep -q __stack_chk_fail
}

@test "version: one place, both halves" {
	local version

	version=$(sed -n 's/^VERSION := //p' "$TOP/Makefile")
	run "$QRAP" --version
	[ "$status" = 0 ]
	[[ $output == *"$version"* ]]
	readelf --notes --wide "$BUILD/qrap_preload.so" | grep -qi qrap
	grep -qaF "$version" "$BUILD/qrap_preload.so"
}

# bats test_tags=slow
@test "make PREFIX=X install in a clean tree builds, and uninstall takes all of it away" {
	clean_tree /tmp/tree
	cd /tmp/tree
	make -s CFLAGS=-O0 PREFIX=/tmp/prefix install
	[ "$(cd /tmp/prefix && find . -type f | sort)" = "$(printf '%s\n' \
		./bin/qrap ./lib/qrap/qrap_preload.so ./share/bash-completion/completions/qrap \
		./share/man/man1/qrap.1)" ]
	[ "$(stat -c %a /tmp/prefix/bin/qrap)" = 755 ]
	/tmp/prefix/bin/qrap --version
	# Each link leads to the launcher, wherever the prefix is moved to.
	[ "$(cd /tmp/prefix && find . -type l | wc -l)" = "$(find . -type l -path '*/build/bin/*' | wc -l)" ]
	mv /tmp/prefix /tmp/moved
	ln -s /bin/echo /tmp/kvm
	[ "$(PATH=/tmp/moved/lib/qrap/bin:/tmp kvm -version)" = -version ]
	[ "$(/tmp/moved/bin/qrap env | grep -o '^PATH=[^:]*')" = PATH=/tmp/moved/lib/qrap/bin ]
	mv /tmp/moved /tmp/prefix
	make -s PREFIX=/tmp/prefix uninstall
	[ -z "$(find /tmp/prefix ! -type d)" ]
	[ ! -e /tmp/prefix/lib/qrap ]
}

# bats test_tags=slow
@test "DESTDIR is put in front, and is not compiled in" {
	clean_tree /tmp/tree
	cd /tmp/tree
	make -s CFLAGS=-O0 DESTDIR=/tmp/destination PREFIX=/usr install
	[ -x /tmp/destination/usr/bin/qrap ]
	[ -f /tmp/destination/usr/lib/qrap/qrap_preload.so ]
	refute grep -qa /tmp/destination /tmp/destination/usr/bin/qrap
	grep -qa /usr/lib/qrap /tmp/destination/usr/bin/qrap
}

@test "an installed launcher finds the shim that was installed with it" {
	need passt
	mkdir -p /tmp/prefix/bin /tmp/prefix/lib/qrap
	cp "$QRAP" /tmp/prefix/bin/
	cp "$BUILD/qrap_preload.so" /tmp/prefix/lib/qrap/
	start_passt
	run /tmp/prefix/bin/qrap 7 sh -c 'echo "$LD_PRELOAD"'
	[[ $output == */tmp/prefix/lib/qrap/qrap_preload.so* ]]
}

# bats test_tags=slow
@test "the same source makes the same bytes, wherever it lies" {
	clean_tree /tmp/one
	clean_tree /tmp/another/place
	make -s -C /tmp/one
	make -s -C /tmp/another/place
	cmp /tmp/one/build/qrap /tmp/another/place/build/qrap
	cmp /tmp/one/build/qrap_preload.so /tmp/another/place/build/qrap_preload.so
}

# bats test_tags=slow
@test "the user's flags and compiler are kept, and other flags mean another build" {
	local mine=(CC=clang CFLAGS='-O1 -DMINE' CPPFLAGS=-DALSO LDFLAGS=-Wl,--mine)

	need clang
	clean_tree /tmp/tree
	cd /tmp/tree
	make -n "${mine[@]}" >/tmp/commands
	grep -q '^clang .*-Wl,--mine .*-o build/qrap ' /tmp/commands
	grep -q '^clang .*-Wl,--mine .*-o build/qrap_preload\.so ' /tmp/commands
	make "${mine[@]}" build/pic/shim/common/text.o >/tmp/log
	grep -q '^clang .*-DALSO.* -O1 -DMINE .*-fPIC' /tmp/log
	make "${mine[@]}" build/pic/shim/common/text.o >/tmp/again
	refute grep -q '^clang' /tmp/again
	make "${mine[@]}" CFLAGS=-O1 build/pic/shim/common/text.o >/tmp/other
	grep -q '^clang' /tmp/other
}

@test "make help names every target that is public, and each of them is there" {
	local named phony

	named=$(make -s -C "$TOP" help | sed -n 's/^make \(deb, make rpm\|[a-z-]*\) .*/\1/p' | sed 's/, make /\n/' | sort -u)
	phony=$(sed -n '/^\.PHONY:/,/[^\\]$/p' "$TOP/Makefile" | sed 's/^\.PHONY://' | tr -s ' \t' '\n' | grep '^[a-z]' |
		grep -vxE 'all|help|check-ready|helpers|fuzzers|FORCE|.*-results' | sort -u)
	diff <(echo "$named" | grep .) <(echo "$phony")
}

@test "make dist: a tarball of what is committed, which builds, and the same bytes again" {
	local tarball

	clean_tree /tmp/tree
	cd /tmp/tree
	git init -q . && git add -A && git -c user.name=n -c user.email=e commit -qm 'all of it'
	tarball=$(make -s dist)
	cp "$tarball" /tmp/first
	make -s dist
	cmp /tmp/first "$tarball"
	mkdir /tmp/from && tar -C /tmp/from --strip-components=1 -xzf "$tarball"
	make -s -C /tmp/from
	[ "$(/tmp/from/build/qrap --version)" = "qrap $(sed -n 's/^VERSION := //p' Makefile)" ]
}
