#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# --check: can the shim be loaded into that QEMU? The launcher and its shim, installed in /tmp/p.

load common
load programs

setup() {
	cd /tmp || return
	mkdir -p p/bin p/lib/qrap
	cp "$QRAP" p/bin/qrap
	cp "$BUILD/qrap_preload.so" p/lib/qrap/
	echo 'int main(void) { return 0; }' >program.c
}

check() {
	run timeout 20 /tmp/p/bin/qrap --check "$@"
}

assert_yes() {
	if [ "$status" != 0 ] || [ "${lines[0]}" != yes ]; then
		echo "status $status: $output"
		return 1
	fi
}

# The first line says no and names all of these.
assert_no() {
	local part

	if [ "$status" != 1 ] || [[ ${lines[0]} != 'no: '* ]]; then
		echo "status $status: $output"
		return 1
	fi
	for part; do
		[[ ${lines[0]} == *"$part"* ]] || { echo "nothing of $part: $output"; return 1; }
	done
}

assert_line() {
	grep -qxF -- "$1" <<<"$output" || { echo "no line $1 in: $output"; return 1; }
}

@test "QEMU by name, by path, and patch mode's" {
	local qemu

	need qemu-system-x86_64
	qemu=$(command -v qemu-system-x86_64)
	check qemu-system-x86_64
	assert_yes
	assert_line "program: $qemu"
	assert_line 'shim: /tmp/p/lib/qrap/qrap_preload.so'
	check "$qemu"
	assert_yes
	mkdir only
	ln -s "$qemu" only/qemu-kvm
	PATH=/tmp/only run p/bin/qrap --check
	assert_yes
	assert_line 'program: /tmp/only/qemu-kvm'
	QRAP_QEMU=qemu-system-x86_64 check
	assert_line "program: $qemu"
	ln -s /tmp/p/bin/qrap qrap-qemu-system-x86_64
	run ./qrap-qemu-system-x86_64 --check
	assert_line "program: $qemu"
}

@test "nothing of the program runs" {
	cat >program.c <<-'END'
		#include <stdio.h>
		__attribute__((constructor)) static void early(void) { fclose(fopen("/tmp/ran", "w")); }
		int main(void) { return 0; }
	END
	program witness
	./witness
	rm ran
	check ./witness
	assert_yes
	[ ! -e ran ]
	script wrapper '#!/bin/sh' 'touch /tmp/ran' 'exec /tmp/witness'
	check ./wrapper
	assert_yes
	[ ! -e ran ]
}

@test "no QEMU: 127" {
	check no-such-qemu
	[ "$status" = 127 ]
	[ "${lines[0]}" = 'no: no-such-qemu: no such command' ]
	PATH=/nowhere run p/bin/qrap --check
	[ "$status" = 127 ]
	[[ ${lines[0]} == 'no: '* ]]
}

@test "cannot be run: no" {
	echo x >file
	check ./file
	assert_no './file cannot be run: Permission denied'
	check /tmp
	assert_no '/tmp cannot be run'
}

@test "static and static-pie" {
	program static -static
	check ./static
	assert_no './static is static:'
	program static-pie -static-pie
	check ./static-pie
	assert_no './static-pie is static-pie:'
}

@test "another machine" {
	cp /bin/true other
	printf '\xf7\0' | dd of=other bs=1 seek=18 conv=notrunc status=none
	check ./other
	assert_no ./other 'another machine'
}

@test "a missing dynamic loader, and musl's" {
	program missing -Wl,--dynamic-linker=/tmp/no-such-loader
	check ./missing
	assert_no /tmp/no-such-loader
	cp "$(loader)" ld-musl-x.so.1
	program musl -Wl,--dynamic-linker=/tmp/ld-musl-x.so.1
	check ./musl
	assert_no musl
}

@test "privileges gained at exec, for this user" {
	need_root
	need setcap
	chmod -R a+rX p
	mkdir suid
	mount -t tmpfs -o mode=755 tmpfs suid
	cp /bin/true suid/true
	chmod 4755 suid/true
	as=(setpriv --reuid 4711 --regid 4711 --clear-groups)
	run "${as[@]}" p/bin/qrap --check suid/true
	assert_no setuid
	check suid/true
	assert_yes
	chmod 755 suid/true
	setcap cap_net_admin+ep suid/true
	run "${as[@]}" p/bin/qrap --check suid/true
	assert_no 'file capabilities'
	check suid/true
	assert_yes
}

@test "a script: who runs it; what it runs is not seen" {
	script s '#!/bin/sh -e' 'exec /tmp/qemu "$@"'
	check ./s
	assert_yes
	assert_line 'program: ./s, a script of /bin/sh; what it runs is not seen'
	script s '#!/usr/bin/env sh' 'exec /tmp/qemu "$@"'
	check ./s
	assert_yes
	assert_line 'program: ./s, a script of /usr/bin/env sh; what it runs is not seen'
	script s 'exec /tmp/qemu "$@"'
	check ./s
	assert_yes
	assert_line 'program: ./s, a script of /bin/sh; what it runs is not seen'
}

# Through an interpreter that is a script itself.
@test "a script whose interpreter cannot have the shim" {
	cp "$(loader)" ld-musl-x.so.1
	program musl -Wl,--dynamic-linker=/tmp/ld-musl-x.so.1
	script between '#!/tmp/musl'
	script s '#!/tmp/between'
	check ./s
	assert_no /tmp/musl 'linked with musl'
	script s '#!/usr/bin/env no-such-interpreter'
	check ./s
	assert_no ./s no-such-interpreter
}

# Static checks look at no versions: those that the shim needs are older than any QEMU that is in use.
@test "a missing symbol version is seen by the trial" {
	mkdir old
	echo 'GLIBC_2.2.5 { global: old; };' >old.map
	echo 'int old;' >old.c
	gcc -shared -nostdlib -Wl,-soname,libc.so.6 -Wl,--version-script=old.map -o old/libc.so.6 old.c
	program odd -nostdlib -Wl,--entry=main,--no-as-needed,-rpath,/tmp/old old/libc.so.6
	check ./odd
	assert_no ./odd "version \`GLIBC_2."
}

@test "the kernel refuses to map the shim" {
	need_root
	mkdir noexec
	mount -t tmpfs -o noexec,mode=755 tmpfs p/lib
	mkdir p/lib/qrap
	cp "$BUILD/qrap_preload.so" p/lib/qrap/
	check /bin/true
	assert_no /bin/true LD_PRELOAD 'failed to map'
}

@test "left out without a word" {
	cat >loader.c <<-'END'
		void _start(void) { __asm__ volatile("syscall" : : "a"(231), "D"(3)); }
	END
	[ "$(uname -m)" = x86_64 ] || skip 'made for x86_64'
	gcc -static -nostdlib -ffreestanding -o ld-linux-odd.so loader.c
	program odd -Wl,--dynamic-linker=/tmp/ld-linux-odd.so
	check ./odd
	assert_no ./odd 'without the shim (status 3)' 'security module'
}

# bats test_tags=timeout:30
@test "bounded in time, and nothing is left running" {
	cat >loader.c <<-'END'
		void _start(void)
		{
			__asm__ volatile("syscall" : : "a"(57) : "rcx", "r11"); /* fork */
			for (;;)
				__asm__ volatile("syscall" : : "a"(34) : "rcx", "r11"); /* pause */
		}
	END
	[ "$(uname -m)" = x86_64 ] || skip 'made for x86_64'
	gcc -static -nostdlib -ffreestanding -o ld-linux-odd.so loader.c
	program odd -Wl,--dynamic-linker=/tmp/ld-linux-odd.so
	check ./odd
	assert_no ./odd 'within 5 s'
	run grep -sl ld-linux-odd /proc/[0-9]*/maps
	[ -z "$output" ]
}

@test "a shim of another version, none, and one at a path that cannot be used" {
	gcc -shared -iquote "$TOP" -DQRAP_VERSION='"99.0"' -o p/lib/qrap/qrap_preload.so "$TOP/shim/common/elf_note.c"
	check true
	assert_no '/tmp/p/lib/qrap/qrap_preload.so is not of this version'
	rm p/lib/qrap/qrap_preload.so
	check true
	assert_no 'no qrap_preload.so in /tmp/p/bin/../lib/qrap'
	mkdir 'a b'
	cp "$QRAP" "$BUILD/qrap_preload.so" 'a b/'
	run 'a b/qrap' --check true
	assert_no 'a b/qrap_preload.so' blank
}

# Its note is ours, its answer is not.
@test "another version answers" {
	local version
	version=$("$QRAP" --version)

	cat >other.c <<-'END'
		#include <stdlib.h>
		#include <unistd.h>
		__attribute__((constructor)) static void early(void)
		{
			_exit(write(atoi(getenv("QRAP_CHECK")), "qrap 99.0\n", 10) != 10);
		}
	END
	gcc -shared -fPIC -iquote "$TOP" "-DQRAP_VERSION=\"${version#qrap }\"" -o p/lib/qrap/qrap_preload.so \
		other.c "$TOP/shim/common/elf_note.c"
	check /bin/true
	assert_no /bin/true 'another version of the shim was loaded'
}

@test "what LD_PRELOAD held before is tried as well" {
	cat >other.c <<-'END'
		#include <stdio.h>
		__attribute__((constructor)) static void early(void) { fclose(fopen("/tmp/ran", "w")); }
	END
	gcc -shared -fPIC -o other.so other.c
	LD_PRELOAD=/tmp/other.so check /bin/true
	assert_yes
	LD_PRELOAD=/tmp/no-such.so check /bin/true
	[ "$status" = 0 ]
	assert_line yes
}

@test "a program with a sanitizer" {
	program sanitized -fsanitize=address 2>/dev/null || skip 'no libasan'
	check ./sanitized
	assert_yes
}

# The protocol of the trial, for the shim alone.
@test "the shim answers on the descriptor that it is told" {
	local shim=$BUILD/qrap_preload.so

	LD_PRELOAD=$shim QRAP_CHECK=9 run sh -c 'echo not reached' 9>answer
	[ "$status" = 0 ]
	[ -z "$output" ]
	[ "$(cat answer)" = "qrap $("$QRAP" --version | sed 's/^qrap //')" ]
	for value in '' x 9x -1 99999999999999999999 77; do
		LD_PRELOAD=$shim QRAP_CHECK=$value run sh -c 'echo reached' 9>answer
		[ "$output" = reached ]
		[ ! -s answer ]
	done
}

# By real compilers, not by a changed header: what they make has a class, a machine and a libc of its own.
# Of the same kind: what else our variables make of a program that inherits them by chance.
@test "its variable in the environment of a start is left aside" {
	for variable in QRAP_CHECK=1 QRAP_CHECK=2; do
		run as_from_a_shell env "$variable" "$QRAP" --passt=/bin/false 5 true
		[ "$status" = 125 ]
		run as_from_a_shell "$QRAP" --passt 5 env "$variable" sh -c 'echo "runs, with ${QRAP_CHECK-}"; exit 3'
		[ "$status" = 3 ]
		[[ $output == *'runs, with '[12] ]]
		run as_from_a_shell env "$variable" "$QRAP" --passt 5 sh -c 'echo "runs, with ${QRAP_CHECK-nothing}"; exit 3'
		[ "$status" = 3 ]
		[[ $output == *'runs, with nothing' ]]
	done
}

@test "programs of real other compilers: another class, another machine, musl" {
	need i686-linux-gnu-gcc s390x-linux-gnu-gcc musl-gcc
	i686-linux-gnu-gcc -o narrow program.c
	check ./narrow
	assert_no ./narrow 'for i386'
	s390x-linux-gnu-gcc -o foreign program.c
	check ./foreign
	assert_no ./foreign 'for s390'
	musl-gcc -o tiny program.c
	check ./tiny
	assert_no ./tiny musl
}
