#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# --watch: who loses a descriptor and who keeps it, in chains of real programs; and the command does
# not notice that it is watched.

load common

setup() {
	cd /tmp
	WATCHED=/tmp/watched
	echo content >"$WATCHED"
	# Lets holders go at the end.
	mkfifo /tmp/release
}

# watch OPTION... -- COMMAND...: with the file on descriptor 3; standard output and error apart
watch() {
	run --separate-stderr "$QRAP" --watch 3 "$@" 3<"$WATCHED"
	printf 'stderr: %s\n' "$stderr"
}

# assert_told REGEX: is that the one line on stderr?
assert_told() {
	[[ $stderr =~ ^"qrap: descriptor 3 ($WATCHED): "$1$ ]]
}

# script NAME: makes it of standard input
script() {
	cat >"/tmp/$1"
	chmod +x "/tmp/$1"
}

# release: whoever reads the FIFO goes on
release() {
	echo >/tmp/release
}

# ---- What is found, and who did it ----

@test "intact: nothing is said, output and status are the command's" {
	watch -- sh -c 'cat <&3; exit 7'
	[ "$status" = 7 ]
	[ "$output" = content ]
	[ -z "$stderr" ]
}

@test "lost: a script that closes it, by its own name" {
	script entrypoint.sh <<-'END'
		#!/bin/sh
		exec 3<&-
		exec "$@"
	END
	watch -- ./entrypoint.sh cat
	[ "$status" = 0 ]
	assert_told 'lost: \./entrypoint\.sh \(pid [0-9]+\) close'
}

@test "replaced: what is there now" {
	watch -- bash -c 'exec 3</dev/null; exec cat <&3'
	[ "$status" = 0 ] && [ -z "$output" ]
	assert_told 'replaced: .*/bash \(pid [0-9]+\) dup2, now /dev/null'
}

@test "marked: close-on-exec" {
	watch -- /usr/bin/python3 -c 'import os; os.set_inheritable(3, False); os.execvp("true", ["true"])'
	[ "$status" = 0 ]
	assert_told 'marked: .*/python3[.0-9]* \(pid [0-9]+\) ioctl'
}

@test "closed, and the number used for another file" {
	watch -- /usr/bin/python3 -c 'import os
os.close(3); fd = os.open("/dev/zero", os.O_RDONLY); os.set_inheritable(fd, True)
os.execvp("true", ["true"])'
	assert_told 'replaced: .*/python3[.0-9]* \(pid [0-9]+\) close, now /dev/zero'
}

@test "put aside and back is no loss" {
	watch -- bash -c 'for i in 1 2 3; do : 3</dev/null; done; exec 4<&3- 3<&4- cat <&3'
	[ "$output" = content ]
	[ -z "$stderr" ]
}

@test "what a program does after it has arrived is its own affair" {
	watch -- sh -c 'exec 3<&-; true'
	[ -z "$stderr" ]
}

@test "until: the program that it is for, in whatever process" {
	watch --until cat -- /usr/bin/python3 -c 'import subprocess
subprocess.run(["cat"], stdin=subprocess.DEVNULL)'
	assert_told 'lost: .*/python3[.0-9]* \(pid [0-9]+\) close_range, started by .*/python3[.0-9]* \(pid [0-9]+\)'
	watch --until cat -- /usr/bin/python3 -c 'import subprocess
subprocess.run(["cat"], stdin=subprocess.DEVNULL, pass_fds=[3])'
	[ -z "$stderr" ]
}

@test "until: a program that never starts is told of" {
	watch --until nginx --error-exitcode 9 -- sh -c 'exit 3'
	[ "$status" = 3 ]
	[ "$stderr" = "qrap: No program called nginx was seen: judged is the command's own process" ]
}

@test "error-exitcode: only where one is not intact" {
	watch --error-exitcode 9 -- sh -c 'exit 3'
	[ "$status" = 3 ]
	watch --error-exitcode 9 -- sh -c 'exec 3<&-; exec true'
	[ "$status" = 9 ]
}

@test "static programs: unseen between two that are seen, and strace as it is told sees them" {
	need strace
	watch -- sh -c "exec '$BUILD/tests/lose_static' close 3 cat"
	[[ ${stderr_lines[0]} =~ "lost: unseen between "[^\ ]*/dash" (pid "[0-9]+") and "[^\ ]*/cat" (pid "[0-9]+")"$ ]]
	[[ ${stderr_lines[1]} == "qrap: The shim sees neither raw system calls nor static programs. strace does: strace "* ]]
	sh -c "${stderr_lines[1]#*strace does: }" 3<"$WATCHED"
	grep -F "close(3<$WATCHED>)" trace.txt
}

@test "a static program that a script becomes, having lost it" {
	need musl-gcc
	echo 'int main(void) { return 4; }' >server.c
	musl-gcc -static -o server server.c
	watch -- sh -c 'exec 3<&-; exec ./server'
	[ "$status" = 4 ]
	assert_told 'lost: .*/dash \(pid [0-9]+\) close'
	watch -- ./server
	[ "$status" = 4 ]
	[[ $stderr == *'./server runs without the shim: '*static* ]]
}

@test "kinds of files are told apart, and named" {
	run "$QRAP" --watch 0 -- true
	[ "$status" = 0 ]
	run /usr/bin/python3 - "$QRAP" <<-'END'
		import os, select, socket, sys
		listener = socket.create_server(("127.0.0.1", 8080))
		client = socket.create_connection(("127.0.0.1", 8080))
		local = socket.socket(socket.AF_UNIX); local.bind("/tmp/local"); local.listen()
		things = {
		    "eventfd": os.eventfd(0), "eventfd ": os.eventfd(0), "epoll": select.epoll(),
		    "/memfd:m (deleted)": os.memfd_create("m", 0), "pipe:[": os.pipe()[1],
		    "TCP 127.0.0.1:8080 listening": listener, "TCP 127.0.0.1:": client,
		    "UNIX socket /tmp/local listening": local, "/dev/ptmx": os.open("/dev/ptmx", os.O_RDWR),
		    "/tmp": os.open("/tmp", os.O_RDONLY),
		}
		fds = [t if type(t) is int else t.fileno() for t in things.values()]
		for fd in fds:
		    os.set_inheritable(fd, True)
		os.eventfd_write(fds[0], 1)
		names = dict(zip(fds, things))
		out = os.popen(f"{sys.argv[1]} --log trace --watch {','.join(map(str, fds))} -- true 2>&1").read() \
		    if False else None
		r, w = os.pipe()
		if os.fork() == 0:
		    os.dup2(w, 2)
		    # Each is put where another one was.
		    shuffle = "".join(f" {a}<&1{b}" for a, b in zip(fds, fds[1:] + fds[:1]))
		    aside = "".join(f" 1{a}<&{a}" for a in fds)
		    os.execv(sys.argv[1], ["qrap", "--watch", ",".join(map(str, fds)), "--", "bash", "-c",
		        f"exec{aside}; exec{shuffle}; exec true"])
		os.close(w)
		lines = os.fdopen(r).read().splitlines()
		print(*lines, sep="\n")
		for fd, line in zip(fds, lines):
		    assert line.startswith(f"qrap: descriptor {fd} ({names[fd].strip()}"), line
		    assert "): replaced: " in line, line
		assert len(lines) == len(fds)
	END
	echo "$output"
	[ "$status" = 0 ]
}

# ---- Real chains ----

@test "socket activation through a script" {
	need systemd-socket-activate
	script entrypoint.sh <<-'END'
		#!/bin/bash
		[ -z "$CLOSE" ] || exec 3<&-
		exec /usr/bin/python3 -c 'import os, socket
		assert os.environ["LISTEN_PID"] == str(os.getpid())
		client, _ = socket.socket(fileno=3).accept()
		client.sendall(b"served\n")'
	END
	for close in '' yes; do
		start activate systemd-socket-activate -l 127.0.0.1:8080 -E CLOSE=$close -E PATH="$PATH" \
			"$QRAP" --watch listen --until python3.11 -- ./entrypoint.sh
		wait_for 5 serves "$PID" 8080
		run timeout 5 cat 3<>/dev/tcp/127.0.0.1/8080 <&3
		[ -n "$close" ] || [ "$output" = served ]
		wait_for 5 ended "$PID"
	done
	cat activate.log
	grep -E 'qrap: descriptor 3 \(TCP 127.0.0.1:8080 listening\): lost: \./entrypoint\.sh \(pid [0-9]+\) close' activate.log
}

@test "sudo closes it" {
	need sudo
	watch --until cat -- sudo cat
	[ "$status" = 0 ]
	echo "$stderr"
	false
}
