#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Can the shim be loaded into a program? Each reason why not with a real file. The unit helper finds the shim
# beside itself.

load common
load programs

SHIM=$BUILD/qrap_preload.so

setup() {
	cd /tmp || return
	cp "$BUILD/tests/preload_unit" "$SHIM" .
	echo 'int main(void) { return 0; }' >program.c
}

check() {
	run ./preload_unit check "$@"
}

assert_yes() {
	if [ "${lines[0]}" != yes ] || { [ -n "${1:-}" ] && ! grep -qxF -- "$1" <<<"$output"; }; then
		echo "status $status, not yes${1:+ and $1}: $output"
		return 1
	fi
}

# The reason is in one line and names all of these.
assert_no() {
	local part

	if [ "$status" != 1 ] || [[ $output != 'no: '* || $output == *$'\n'* ]]; then
		echo "status $status: $output"
		return 1
	fi
	for part; do
		[[ $output == *"$part"* ]] || { echo "nothing of $part: $output"; return 1; }
	done
}

# patch FILE OFFSET BYTES: writes over bytes of a file
patch() {
	printf '%b' "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

@test "dynamic programs, QEMU among them" {
	check /bin/true
	assert_yes
	program dynamic
	check ./dynamic
	assert_yes
	program no-pie -no-pie
	check ./no-pie
	assert_yes
	need qemu-system-x86_64
	check "$(command -v qemu-system-x86_64)"
	assert_yes
}

@test "static" {
	program static -static
	check ./static
	assert_no ./static ' static:'
}

@test "static-pie" {
	program static -static-pie
	check ./static
	assert_no ./static static-pie
}

@test "a static wrapper passes if its arguments name a program that can have the shim" {
	local -x PATH=/tmp:$PATH

	program static -static
	cp static qemu-static
	cp /bin/true qemu-dynamic
	check ./static /bin/true -m 512
	assert_yes
	check ./static true
	assert_yes
	check ./static --option qemu-dynamic
	assert_yes
	check ./static -m 512 /tmp/qemu-dynamic -m 512
	assert_yes
	check ./static ./static true
	assert_no static
	check ./static -name true
	assert_no static
	check ./static qemu-static
	assert_no /tmp/qemu-static
	# A QEMU counts, wherever it stands.
	check ./static true qemu-static
	assert_no /tmp/qemu-static
	script qemu-script "#!$PWD/static"
	check ./static qemu-script
	assert_yes
	check ./static no-such-command
	assert_no static
}

@test "a dynamic wrapper can have the shim, whatever it is told to run" {
	program static -static
	cp static qemu-static
	check /bin/true ./static
	assert_yes
	check /bin/true /tmp/qemu-static
	assert_yes
}

@test "other class, machine, byte order" {
	[ "$(uname -m)" = x86_64 ] || skip 'made for x86_64'
	cp /bin/true other
	patch other 18 '\xb7\0'
	check ./other
	assert_no ./other 'for aarch64' 'x86-64'
	# The header of an i386 program, and no more than that.
	cp /bin/true other
	truncate -s 52 other
	patch other 4 '\1'
	patch other 18 '\3'
	check ./other
	assert_no ./other 'for i386'
	# x32: the same machine
	cp /bin/true other
	patch other 4 '\1'
	check ./other
	assert_no ./other '32-bit'
	cp /bin/true other
	patch other 5 '\2'
	patch other 18 '\0\x3e'
	check ./other
	assert_no ./other 'byte order'
	patch other 18 '\0\x16'
	check ./other
	assert_no ./other 'for s390'
}

@test "the dynamic loader is missing" {
	program missing -Wl,--dynamic-linker=/tmp/no-such-loader
	check ./missing
	assert_no ./missing /tmp/no-such-loader 'No such file'
}

@test "musl, by its loader and by its library" {
	cp "$(loader)" ld-musl-x.so.1
	program musl -Wl,--dynamic-linker=/tmp/ld-musl-x.so.1
	check ./musl
	assert_no ./musl 'with musl' glibc
	cp ld-musl-x.so.1 other-loader
	echo 'int in_libc;' >libc.c
	gcc -shared -Wl,-soname,libc.musl-x.so.1 -o libc.musl.so libc.c
	program musl -nostdlib -Wl,--entry=main,--no-as-needed ./libc.musl.so \
		-Wl,--dynamic-linker=/tmp/other-loader
	check ./musl
	assert_no ./musl 'with musl'
}

@test "a loader that cannot be told is no reason" {
	cp "$(loader)" other-loader
	program other -nostdlib -Wl,--entry=main -Wl,--dynamic-linker=/tmp/other-loader
	check ./other
	assert_yes
}

@test "a dynamic loader as the command is not static" {
	check "$(loader)" /bin/true
	assert_yes
	cp "$(loader)" renamed
	check ./renamed
	assert_yes
}

@test "setuid and setgid, for whom they give something" {
	need_root
	mkdir suid
	mount -t tmpfs -o mode=755 tmpfs suid
	cp /bin/true suid/true
	as=(setpriv --reuid 4711 --regid 4711 --clear-groups)

	chmod 4755 suid/true
	check suid/true
	assert_yes
	run "${as[@]}" ./preload_unit check suid/true
	assert_no suid/true setuid
	run "${as[@]}" --no-new-privs ./preload_unit check suid/true
	assert_yes
	chown 4711 suid/true
	chmod 4755 suid/true
	run "${as[@]}" ./preload_unit check suid/true
	assert_yes
	check suid/true
	assert_no setuid

	chown 0:0 suid/true
	chmod 2755 suid/true
	run "${as[@]}" ./preload_unit check suid/true
	assert_no setgid
	check suid/true
	assert_yes
	# Without group execute it is about locks.
	chmod 2745 suid/true
	run "${as[@]}" ./preload_unit check suid/true
	assert_yes

	chmod 6755 suid/true
	mount -o remount,nosuid suid
	run "${as[@]}" ./preload_unit check suid/true
	assert_yes
}

@test "the predictions for setuid are what exec does" {
	need_root
	mkdir suid
	mount -t tmpfs -o mode=755 tmpfs suid
	cat >program.c <<-'END'
		#include <sys/auxv.h>
		int main(void) { return getauxval(AT_SECURE) ? 1 : 0; }
	END
	program suid/secure
	for mode in 0755 4755 2755 2745 6755; do
		for owner in 0:0 4711:4711 4712:4712; do
			for user in 0 4711; do
				for nnp in --bounding-set=+all --no-new-privs; do
					as=(setpriv --reuid "$user" --regid "$user" --clear-groups "$nnp")
					chown "$owner" suid/secure
					chmod "$mode" suid/secure
					secure=0
					"${as[@]}" suid/secure || secure=1
					run "${as[@]}" ./preload_unit check suid/secure
					[ "$status" = $secure ] ||
						{ echo "$mode $owner $user $nnp: $secure, $output"; return 1; }
				done
			done
		done
	done
}

@test "file capabilities, for whom they give something" {
	need_root
	need setcap
	mkdir suid
	mount -t tmpfs -o mode=755 tmpfs suid
	cp /bin/true suid/true
	setcap cap_net_admin+ep suid/true || skip 'no file capabilities here'
	as=(setpriv --reuid 4711 --regid 4711 --clear-groups)

	run "${as[@]}" ./preload_unit check suid/true
	assert_no suid/true 'file capabilities'
	check suid/true
	assert_yes
	setcap cap_net_admin+p suid/true
	run "${as[@]}" ./preload_unit check suid/true
	assert_no 'file capabilities'
	setcap cap_net_admin+i suid/true
	run "${as[@]}" ./preload_unit check suid/true
	assert_yes
	setcap -r suid/true
	run "${as[@]}" ./preload_unit check suid/true
	assert_yes
}

@test "a program that may be run but not read passes" {
	need_root
	cp /bin/true unreadable
	chmod 711 unreadable
	run setpriv --reuid 4711 --clear-groups ./preload_unit check ./unreadable
	assert_yes
}

@test "scripts: the interpreter is what counts" {
	script s '#!/bin/sh' 'exec qemu'
	check ./s
	assert_yes
	script s '#! 	/bin/sh -e'
	check ./s
	assert_yes
	script s 'exec qemu'
	check ./s
	assert_yes
	script s '#!/no/such/shell -e'
	check ./s
	assert_no ./s /no/such/shell
	cp /bin/sh shell
	chmod 644 shell
	script s "#!$PWD/shell"
	check ./s
	assert_no ./s "$PWD/shell" 'Permission denied'
	script s '#!'
	check ./s
	assert_no ./s
}

@test "scripts of env" {
	script s '#!/usr/bin/env sh'
	check ./s
	assert_yes
	script s '#!/usr/bin/env -S A=b sh -e'
	check ./s
	assert_yes
	script s '#!/usr/bin/env -Ssh -e'
	check ./s
	assert_yes
	script s '#!/usr/bin/env no-such-interpreter'
	check ./s
	assert_no ./s no-such-interpreter
}

@test "a script's static interpreter passes: the shim is for what it runs" {
	program static -static
	script s "#!$PWD/static"
	check ./s
	assert_yes
}

@test "a script's interpreter that the shim would harm does not pass" {
	cp "$(loader)" ld-musl-x.so.1
	program musl -Wl,--dynamic-linker=/tmp/ld-musl-x.so.1
	script s "#!$PWD/musl"
	check ./s
	assert_no /tmp/musl musl
	script s "#!/usr/bin/env $PWD/musl"
	check ./s
	assert_no musl
}

@test "interpreters, one for the other, up to what the kernel does" {
	script nested_0 '#!/bin/sh'
	for i in 1 2 3 4; do
		script nested_$i "#!$PWD/nested_$((i - 1))"
	done
	check ./nested_4
	assert_yes
	run ./nested_4
	[ "$status" = 0 ]
	script nested_5 "#!$PWD/nested_4"
	check ./nested_5
	assert_no 'too many interpreters'
	script loop "#!$PWD/loop"
	check ./loop
	assert_no 'too many interpreters'
}

@test "a path of the shim that LD_PRELOAD cannot take" {
	local name

	for name in 'a b' a:b $'a\tb' a\$LIB; do
		mkdir "$name"
		cp preload_unit "$SHIM" "$name/"
		run "./$name/preload_unit" check /bin/true
		assert_no blank colon
	done
}

@test "no file, no program" {
	check /no/such/file
	assert_no /no/such/file 'No such file'
	check /tmp
	assert_no /tmp
	mkfifo fifo
	check ./fifo
	assert_no ./fifo
	: >empty
	check ./empty
	assert_no ./empty
	check /dev/zero
	assert_no /dev/zero
}

# Each byte of the headers in turn, and each length: the answer is anyone's guess, the end is not.
@test "damaged files are survived" {
	"$BUILD/tests/damage" /bin/true 4 1000 3 13 0,1 ./preload_unit check ./damaged
}

@test "a sanitizer's runtime comes first" {
	echo 'int in_asan;' >asan.c
	gcc -shared -Wl,-soname,libasan.so.8 -o libasan.so asan.c
	program sanitized -Wl,--no-as-needed ./libasan.so
	check ./sanitized
	assert_yes runtime=libasan.so.8
	run "$BUILD/tests/preload_unit" value /s.so libasan.so.8
	[ "$output" = libasan.so.8:/s.so ]
	run "$BUILD/tests/preload_unit" value /s.so libasan.so.8 /a.so
	[ "$output" = libasan.so.8:/s.so:/a.so ]
	# It is there already.
	run "$BUILD/tests/preload_unit" value /s.so libasan.so.8 /usr/lib/libasan.so.8
	[ "$output" = /usr/lib/libasan.so.8:/s.so ]
}

@test "a program with the real one runs under the value" {
	program sanitized -fsanitize=address 2>/dev/null || skip 'no libasan'
	check ./sanitized
	[ "$status" = 0 ]
	runtime=$(sed -n s/^runtime=//p <<<"$output")
	value=$("$BUILD/tests/preload_unit" value "$SHIM" "$runtime")
	LD_PRELOAD=$value run ./sanitized
	[ "$status" = 0 ]
	[ -z "$output" ]
	# ... and does not under the shim alone.
	ASAN_OPTIONS='' LD_PRELOAD=$SHIM run ./sanitized
	[ "$status" != 0 ]
}

@test "the value: what was there stays as it was, behind the shim" {
	local value=("$BUILD/tests/preload_unit" value /s.so '')

	[ "$("${value[@]}")" = /s.so ]
	[ "$("${value[@]}" '')" = /s.so ]
	[ "$("${value[@]}" /a.so)" = /s.so:/a.so ]
	[ "$("${value[@]}" '/a.so /b.so')" = '/s.so:/a.so /b.so' ]
	[ "$("${value[@]}" libasan.so)" = libasan.so:/s.so ]
	[ "$("${value[@]}" '/x/libtsan.so.2 libasan.so:/a.so b.so')" = \
		'/x/libtsan.so.2 libasan.so:/s.so:/a.so b.so' ]
	[ "$("${value[@]}" /a.so:libasan.so)" = /s.so:/a.so:libasan.so ]
	[ "$("${value[@]}" /a.so:/s.so:/b.so)" = /a.so:/s.so:/b.so ]
	[ "$("${value[@]}" /s.so.1)" = /s.so:/s.so.1 ]
	[ "$("${value[@]}" ' : ')" = /s.so ]
}

@test "the shim is found from the launcher's file, installed or built" {
	mkdir -p usr/bin usr/lib/qrap
	cp "$BUILD/tests/preload_unit" usr/bin/
	run usr/bin/preload_unit check /bin/true
	[ "$status" = 1 ]
	[[ $output == *'no qrap_preload.so in /tmp/usr/bin/../lib/qrap, /tmp/usr/bin and '* ]]
	cp "$SHIM" usr/bin/
	run usr/bin/preload_unit check /bin/true
	assert_yes shim=/tmp/usr/bin/qrap_preload.so
	cp "$SHIM" usr/lib/qrap/
	run usr/bin/preload_unit check /bin/true
	assert_yes shim=/tmp/usr/lib/qrap/qrap_preload.so
	# Whatever it is called by, and however.
	ln -s usr/bin/preload_unit link
	run bash -c 'exec -a /usr/bin/kvm ./link check /bin/true'
	assert_yes shim=/tmp/usr/lib/qrap/qrap_preload.so
}

@test "a shim of another version, or none at all, is not taken" {
	mkdir -p usr/bin usr/lib/qrap
	cp "$BUILD/tests/preload_unit" usr/bin/
	echo 'int x;' >x.c
	gcc -shared -o usr/lib/qrap/qrap_preload.so x.c
	run usr/bin/preload_unit check /bin/true
	[ "$status" = 1 ]
	[[ $output == *'/tmp/usr/lib/qrap/qrap_preload.so is not of this version'* ]]
	gcc -shared -iquote "$TOP" -DQRAP_VERSION='"99.0"' -o usr/lib/qrap/qrap_preload.so "$TOP/shim/common/elf_note.c"
	run usr/bin/preload_unit check /bin/true
	[ "$status" = 1 ]
	[[ $output == *'is not of this version'* ]]
	echo x >usr/lib/qrap/qrap_preload.so
	run usr/bin/preload_unit check /bin/true
	[ "$status" = 1 ]
	[[ $output == *'qrap_preload.so: '* ]]
	# The next place may have the right one.
	cp "$SHIM" usr/bin/
	run usr/bin/preload_unit check /bin/true
	assert_yes shim=/tmp/usr/bin/qrap_preload.so
}

# bats test_tags=alone
@test "the checks take well under a millisecond" {
	run ./preload_unit time /bin/true
	echo "$output ns"
	[ "$status" = 0 ]
	[ "$output" -lt $((700000 * SLOW)) ]
}

# Several shims side by side, one for each kind of program.

# A launcher in prefix/bin, which is what the unit test's program stands for.
make_prefix() {
	mkdir -p prefix/bin "$@"
	cp "$BUILD/tests/preload_unit" prefix/bin/
}

@test "the shim for another machine's programs is found, beside ours" {
	make_prefix prefix/lib/{qrap,aarch64-linux-gnu/qrap}
	cp "$SHIM" prefix/lib/qrap/
	cp "$SHIM" prefix/lib/aarch64-linux-gnu/qrap/
	patch prefix/lib/aarch64-linux-gnu/qrap/qrap_preload.so 18 '\xb7\0'
	cp /bin/true other
	patch other 18 '\xb7\0'
	run prefix/bin/preload_unit check ./other
	assert_yes shim=/tmp/prefix/lib/aarch64-linux-gnu/qrap/qrap_preload.so
	run prefix/bin/preload_unit check /bin/true
	assert_yes
	# Nothing is loaded into a static wrapper: it need not be of that kind.
	program static -static
	run prefix/bin/preload_unit check ./static ./other
	assert_yes shim=/tmp/prefix/lib/aarch64-linux-gnu/qrap/qrap_preload.so
	# Of another version, it is as if it were not there.
	sed -i "s/$("$QRAP" --version | sed 's/.* //')/9.9.9/g" \
		prefix/lib/aarch64-linux-gnu/qrap/qrap_preload.so
	run prefix/bin/preload_unit check ./other
	assert_no ./other 'for aarch64'
}

@test "the shim for programs of another class is found" {
	make_prefix prefix/lib/qrap prefix/lib64/qrap
	cp "$SHIM" prefix/lib64/qrap/
	cp "$SHIM" prefix/lib/qrap/
	patch prefix/lib/qrap/qrap_preload.so 4 '\1'
	patch prefix/lib/qrap/qrap_preload.so 18 '\3'
	cp prefix/lib/qrap/qrap_preload.so other
	run prefix/bin/preload_unit check /bin/true
	assert_yes shim=/tmp/prefix/lib64/qrap/qrap_preload.so
	run prefix/bin/preload_unit check ./other
	assert_yes shim=/tmp/prefix/lib/qrap/qrap_preload.so
}

@test "a shim for other programs only is none for us, and that is said" {
	make_prefix prefix/lib/qrap
	cp "$SHIM" prefix/lib/qrap/
	patch prefix/lib/qrap/qrap_preload.so 18 '\xb7\0'
	run prefix/bin/preload_unit check /bin/true
	[ "$status" = 1 ]
	[[ $output == */prefix/lib/qrap/qrap_preload.so*'another kind of machine'* ]]
}
