#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Completion in bash, asked as readline asks it.

load common

# complete_at WORD...: what is offered for the last word; readline makes "=" a word of its own
complete_at() {
	run bash --norc -c '
		source "$1"
		shift
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
		_qrap 2>/dev/null
		printf "%s\n" "${COMPREPLY[@]}"' - "$TOP/.packaging/completion" "$@"
	[ "$status" = 0 ]
}

# offered WORD...: each is, no more of them are
offered() {
	[ "$(sort -u <<<"$output")" = "$(printf '%s\n' "$@" | sort)" ]
}

setup() {
	mkdir /tmp/here
	cd /tmp/here || return
	touch 'a disk.img' passt.socket
	mkdir sub
	PATH=$BUILD:$PATH
}

@test "completion: own options" {
	complete_at qrap --lo
	offered --log --log-file
	complete_at qrap --watch 3 --gr
	offered --grace
	complete_at qrap --watch 3 --error-exitcode 1 --ke
	offered --keep
	complete_at qrap --guard off --re
	offered --reconnect --report --ready --result
	complete_at qrap --list = json --dr
	offered --dry-run
}

@test "completion: --help names the same options" {
	local word

	complete_at qrap --
	for word in $("$BUILD/qrap" --help | grep -oE -- '--[a-z][a-z-]+'); do
		grep -qxe "$word" <<<"$output"
	done
}

@test "completion: values, behind a blank and behind an equals sign" {
	complete_at qrap --guard ''
	offered on off
	complete_at qrap --log = q
	offered quiet
	complete_at qrap --log =
	offered quiet normal trace
	complete_at qrap --passt = o
	offered off
	complete_at qrap --list =
	offered json
	complete_at qrap --reconnect on --log t
	offered trace
}

@test "completion: users, one behind the other" {
	complete_at qrap --trust root,nobod
	offered root,nobody
	complete_at qrap --trust an
	offered any
}

@test "completion: file names, also with blanks" {
	complete_at qrap --socket p
	offered passt.socket
	complete_at qrap --log-file ''
	offered 'a disk.img' passt.socket sub
	complete_at qrap -m 256 a
	offered 'a disk.img'
}

@test "completion: commands behind a number and behind --check" {
	mkdir bin
	printf '#!/bin/sh\n' >bin/qemu-system-something
	chmod +x bin/qemu-system-something
	export PATH=/tmp/here/bin:$PATH
	complete_at qrap 5 qemu-system-some
	offered qemu-system-something
	complete_at qrap --log trace 0x7 qemu-system-some
	offered qemu-system-something
	complete_at qrap --check qemu-system-some
	offered qemu-system-something
	complete_at qrap --qemu qemu-system-some
	offered qemu-system-something
}

@test "completion: a QEMU or a program as the first word, and what is its own behind it" {
	mkdir bin
	printf '#!/bin/sh\n' >bin/qemu-system-something
	chmod +x bin/qemu-system-something
	export PATH=/tmp/here/bin:$PATH
	complete_at qrap qemu-system-some
	offered qemu-system-something
	complete_at qrap --log trace qemu-system-something a
	offered 'a disk.img'
}

@test "completion: nothing of ours behind -- or QEMU's first argument" {
	complete_at qrap -- --lo
	offered ''
	complete_at qrap -m 256 --lo
	offered ''
}

@test "completion: behind the command, the command's own" {
	local definitions=/usr/share/bash-completion/bash_completion

	[ -e "$definitions" ] || skip 'bash-completion is not installed'
	run bash --norc -c '
		source "$1"
		source "$2"
		_greet() { COMPREPLY=(hello); }
		complete -F _greet greet
		COMP_LINE="qrap 5 greet h" COMP_POINT=14 COMP_WORDS=(qrap 5 greet h) COMP_CWORD=3
		_qrap
		echo "${COMPREPLY[@]}"' - "$definitions" "$TOP/.packaging/completion"
	[ "$output" = hello ]
}
