#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Packages: what is in them, that they install, work and go without a trace. Installed is only in a
# root of its own, which is thrown away.
#
# bats file_tags=slow,root:bookworm,timeout:300

load common

# A tree as clean as one just cloned.
clean_tree() {
	mkdir -p "$1"
	tar --create --directory="$TOP" --exclude=./build --exclude=./.git . | tar --extract --directory="$1"
	rm -rf "$1/build"
	unset BUILD
	export QRAP_TESTS_INSTALL=no
}

version() {
	sed -n 's/^VERSION := //p' "$TOP/Makefile"
}

@test "version: news and packages have the Makefile's, and none of their own" {
	grep -q "^## $(version) (20[0-9-]*)\$" "$TOP/.packaging/NEWS.md"
	refute grep -rnF "$(version)" "$TOP/.packaging" --exclude=NEWS.md
	clean_tree /tmp/tree
	sed -i 's/^VERSION := .*/VERSION := 9.9.9/' /tmp/tree/Makefile
	run /tmp/tree/.packaging/deb
	[ "$status" = 1 ]
	[[ $output == *'no entry for version 9.9.9'* ]]
	run /tmp/tree/.packaging/rpm
	[ "$status" = 1 ]
	[[ $output == *'no entry for version 9.9.9'* ]]
}

@test "make deb: lintian finds nothing, passt is left in peace, and two builds are the same bytes" {
	local deb

	need dpkg-buildpackage dh lintian
	clean_tree /tmp/one
	make -s -C /tmp/one deb
	deb=$(echo /tmp/one/build/qrap_*.deb)
	lintian --allow-root --fail-on warning,error "$deb"
	[ "$(dpkg-deb --field "$deb" Package)" = qrap ]
	[ -z "$(dpkg-deb --field "$deb" Breaks Conflicts Replaces)" ]
	# The shim is where libraries of one architecture are.
	dpkg-deb --contents "$deb" >/tmp/contents
	grep -q " ./usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)/qrap/qrap_preload.so\$" /tmp/contents
	grep -q "/qrap/bin/qemu-system-x86_64 -> .*/bin/qrap\$" /tmp/contents

	clean_tree /tmp/another/place
	(umask 077 && TZ=Asia/Tokyo LC_ALL=C make -s -C /tmp/another/place deb CFLAGS=-O0)
	cmp "$deb" /tmp/another/place/build/qrap_*.deb
}

@test "make rpm: rpmlint finds nothing, the files run where they are, and two builds are the same bytes" {
	local rpm

	need rpmbuild rpmlint rpm2cpio cpio passt
	clean_tree /tmp/one
	make -s -C /tmp/one rpm
	rpm=$(echo /tmp/one/build/qrap-*.rpm)
	rpmlint --config "$TOP/.packaging/rpmlint.toml" "$rpm" /tmp/one/build/rpm/SPECS/qrap.spec >/tmp/lint
	grep -q ' 0 errors, 0 warnings' /tmp/lint

	mkdir /tmp/root
	(cd /tmp/root && rpm2cpio "$rpm" | cpio --quiet -idm)
	start_passt
	run /tmp/root/usr/bin/qrap 7 sh -c 'echo "$LD_PRELOAD"'
	[ "$status" = 0 ]
	[[ $output == */tmp/root/usr/lib*/qrap/qrap_preload.so* ]]
	run /tmp/root/usr/bin/qrap sh -c 'qemu-system-x86_64 --version; command -v qemu-system-x86_64'
	[[ $output == 'QEMU emulator'*/tmp/root/usr/lib*/qrap/bin/qemu-system-x86_64 ]]

	clean_tree /tmp/another/place
	(umask 077 && TZ=Asia/Tokyo LC_ALL=C make -s -C /tmp/another/place rpm CFLAGS=-O0)
	cmp "$rpm" /tmp/another/place/build/qrap-*.rpm
}

# A root of Debian that can be written to, and is gone with this test; /qrap in it has our files.
make_root() {
	need_root
	[ -n "${QRAP_ROOT_BOOKWORM:-}" ] || skip "${QRAP_NO_ROOT_BOOKWORM:-run by tests/run only}"
	mkdir -p /tmp/layer/{upper,work} /tmp/debian
	mount -t overlay -o "lowerdir=$QRAP_ROOT_BOOKWORM,upperdir=/tmp/layer/upper,workdir=/tmp/layer/work" \
		overlay /tmp/debian
	mkdir -p /tmp/debian/qrap/cache/qrap
}

# in_root COMMAND...: in a mount namespace, since passt, which makes namespaces, is not for chroot
in_root() {
	unshare --mount --propagation private bash -c '
		cd /tmp/debian
		mount -t proc proc proc
		mount --rbind /dev dev
		mount --rbind /sys sys
		mount -t tmpfs -o mode=1777 tmpfs tmp
		pivot_root . . && umount -l . && cd /qrap
		exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/qrap LC_ALL=C.UTF-8 "$@"' bash "$@" \
		</dev/null 3>&- 4>&-
}

# Every file with its checksum, links, directories, modes; not what dpkg itself writes down.
listing() {
	in_root bash -c '
		cd / && find . -xdev \( -path ./qrap -o -path ./tmp -o -path ./proc -o -path ./dev -o -path ./sys \
			-o -path ./var/lib/dpkg -o -path ./var/log -o -path ./var/cache \) -prune -o -printf "%p %y %m %l\n" | sort
		find etc usr -xdev -type f -print0 | sort -z | xargs -0 sha256sum
		dpkg-divert --list | sort
		dpkg --get-selections | sort'
}

@test "the deb installs beside passt's qrap, boots the demo's guest, and goes without a trace" {
	need dpkg-buildpackage dh
	need_guest
	make_root
	clean_tree /tmp/tree
	make -s -C /tmp/tree deb
	cp /tmp/tree/build/qrap_*.deb /tmp/debian/qrap/qrap.deb
	cp -r "$TOP"/{Makefile,tests} /tmp/debian/qrap/
	cp -r "${XDG_CACHE_HOME:-$HOME/.cache}/qrap/guest" /tmp/debian/qrap/cache/qrap/
	listing >/tmp/before
	grep -q '^./usr/bin/qrap f ' /tmp/before
	[ "$(in_root /usr/bin/qrap --version 2>/dev/null)" != "qrap $(version)" ]

	in_root dpkg --install /qrap/qrap.deb
	[ "$(in_root /usr/bin/qrap --version)" = "qrap $(version)" ]
	in_root dpkg --verify passt qrap
	in_root test -x /usr/bin/qrap.passt -a -e /usr/share/man/man1/qrap.passt.1.gz
	in_root /usr/bin/qrap --check qemu-system-x86_64 | grep -x yes
	run in_root env XDG_CACHE_HOME=/qrap/cache BUILD=/tmp/build QRAP_UNDER_TEST=/usr/bin/qrap tests/demo
	[ "$status" = 0 ]
	[[ $output == *'the guest had its lease and fetched the page'* ]]

	# Once more over itself, as an upgrade does.
	in_root dpkg --install /qrap/qrap.deb
	in_root dpkg --purge qrap
	listing >/tmp/after
	diff /tmp/before /tmp/after
}

@test "AppArmor: the snippet for libvirt's abstraction" {
	need apparmor_parser
	{
		echo 'abi <abi/3.0>,'
		echo 'include <tunables/global>'
		echo 'profile libvirt-test {'
		echo '  include <abstractions/base>'
		cat "$TOP/.packaging/apparmor/libvirt-qemu"
		echo '}'
	} >/tmp/profile
	apparmor_parser --skip-kernel-load --skip-cache /tmp/profile
	# What is not a rule is noticed.
	sed -i 's/ rmix,/ rmix/' /tmp/profile
	refute apparmor_parser --skip-kernel-load --skip-cache /tmp/profile
}

@test "AppArmor: the snippet for passt's profile" {
	local profile=/etc/apparmor.d/usr.bin.passt

	need apparmor_parser
	[ -e $profile ] || skip "no $profile"
	{
		sed '$d' $profile
		cat "$TOP/.packaging/apparmor/passt"
		echo '}'
	} >/tmp/profile
	apparmor_parser --skip-kernel-load --skip-cache /tmp/profile
}

@test "SELinux: policy and file contexts make a module" {
	need checkmodule semodule_package
	checkmodule -M -m -o /tmp/qrap.mod "$TOP/.packaging/selinux/qrap.te"
	semodule_package -o /tmp/qrap.pp -m /tmp/qrap.mod -f "$TOP/.packaging/selinux/qrap.fc"
	[ -s /tmp/qrap.pp ]
}
