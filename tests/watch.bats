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

# watched OPTION... -- COMMAND...: with the file on descriptor 3; standard output and error apart
watched() {
	status=0
	# Into files: whoever holds them keeps nobody waiting.
	"$QRAP" --watch 3 "$@" 3<"$WATCHED" >out 2>err || status=$?
	output=$(<out) stderr=$(<err)
	mapfile -t stderr_lines <err
	printf 'status %s, stderr: %s\n' "$status" "$stderr"
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
	watched -- sh -c 'cat <&3; exit 7'
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
	watched -- ./entrypoint.sh cat
	[ "$status" = 0 ]
	assert_told 'lost: \./entrypoint\.sh \(pid [0-9]+\) close'
}

@test "replaced: what is there now" {
	watched -- bash -c 'exec 3</dev/null; exec cat <&3'
	[ "$status" = 0 ] && [ -z "$output" ]
	assert_told 'replaced: .*/bash \(pid [0-9]+\) dup2, now /dev/null'
}

@test "marked: close-on-exec" {
	watched -- /usr/bin/python3 -c 'import os; os.set_inheritable(3, False); os.execvp("true", ["true"])'
	[ "$status" = 0 ]
	assert_told 'marked: .*/python3[.0-9]* \(pid [0-9]+\) ioctl'
}

@test "closed, and the number used for another file" {
	watched -- /usr/bin/python3 -c 'import os
os.close(3); fd = os.open("/dev/zero", os.O_RDONLY); os.set_inheritable(fd, True)
os.execvp("true", ["true"])'
	assert_told 'replaced: .*/python3[.0-9]* \(pid [0-9]+\) close, now /dev/zero'
}

@test "put aside and back is no loss" {
	watched -- bash -c 'for i in 1 2 3; do : 3</dev/null; done; exec 4<&3- 3<&4- cat <&3'
	[ "$output" = content ]
	[ -z "$stderr" ]
}

@test "what a program does after it has arrived is its own affair" {
	watched -- sh -c 'exec 3<&-; true'
	[ -z "$stderr" ]
}

@test "until: the program that it is for, in whatever process" {
	watched --until cat -- /usr/bin/python3 -c 'import subprocess
subprocess.run(["cat"], stdin=subprocess.DEVNULL)'
	assert_told 'lost: .*/python3[.0-9]* \(pid [0-9]+\) close_range, started by .*/python3[.0-9]* \(pid [0-9]+\)'
	watched --until cat -- /usr/bin/python3 -c 'import subprocess
subprocess.run(["cat"], stdin=subprocess.DEVNULL, pass_fds=[3])'
	[ -z "$stderr" ]
}

@test "until: a program that never starts is told of" {
	watched --until nginx --error-exitcode 9 -- sh -c 'exit 3'
	[ "$status" = 3 ]
	[ "$stderr" = "qrap: No program called nginx was seen: judged is the command's own process" ]
}

@test "error-exitcode: only where one is not intact" {
	watched --error-exitcode 9 -- sh -c 'exit 3'
	[ "$status" = 3 ]
	watched --error-exitcode 9 -- sh -c 'exec 3<&-; exec true'
	[ "$status" = 9 ]
}

@test "static programs: unseen between two that are seen, and strace as it is told sees them" {
	need strace
	watched -- sh -c "exec '$BUILD/tests/lose_static' close 3 cat"
	[[ ${stderr_lines[0]} =~ "lost: unseen between "[^\ ]*/dash" (pid "[0-9]+") and "[^\ ]*/cat" (pid "[0-9]+")"$ ]]
	[[ ${stderr_lines[1]} == "qrap: The shim sees neither raw system calls nor static programs. strace does: strace "* ]]
	sh -c "${stderr_lines[1]#*strace does: }" 3<"$WATCHED"
	grep -F "close(3<$WATCHED>)" trace.txt
}

@test "a static program that a script becomes, having lost it" {
	need musl-gcc
	echo 'int main(void) { return 4; }' >server.c
	musl-gcc -static -o server server.c
	watched -- sh -c 'exec 3<&-; exec ./server'
	[ "$status" = 4 ]
	assert_told 'lost: .*/dash \(pid [0-9]+\) close'
	watched -- ./server
	[ "$status" = 4 ]
	[[ $stderr == *'./server runs without the shim: '*static* ]]
}

@test "kinds of files are told apart, and named" {
	run /usr/bin/python3 - "$QRAP" <<-'END'
		import os, select, socket, sys
		listener = socket.create_server(("127.0.0.1", 8080))
		client = socket.create_connection(("127.0.0.1", 8080))
		local = socket.socket(socket.AF_UNIX); local.bind("/tmp/local"); local.listen()
		things = {
		    "eventfd": os.eventfd(0), "eventfd ": os.eventfd(0), "epoll": select.epoll(),
		    "/memfd:m (deleted)": os.memfd_create("m", 0), "pipe:[": os.pipe()[1],
		    "TCP 127.0.0.1:8080 listening": listener, "TCP 127.0.0.1:": client,
		    "UNIX /tmp/local listening": local, "/dev/ptmx": os.open("/dev/ptmx", os.O_RDWR),
		    "/tmp": os.open("/tmp", os.O_RDONLY),
		}
		fds = [t if type(t) is int else t.fileno() for t in things.values()]
		for fd in fds:
		    os.set_inheritable(fd, True)
		os.eventfd_write(fds[0], 1)
		names = dict(zip(fds, things))
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

@test "the five examples of the manual, as they are written there" {
	need_root
	need systemd-socket-activate sudo flock
	cat >examples.py <<-'END'
		import os, re, socket, subprocess, sys, time
		page = open(sys.argv[1]).read().replace("\\&", "")
		blocks = re.findall(r"\.Bd -literal.*?\n(.*?)\.Ed", page.split(".Ss Five examples")[1].split(".Sh")[0], re.S)
		assert len(blocks) == 5

		def plain(text):
		    return [re.sub("[0-9]+", "N", line) for line in text.splitlines() if line.startswith("qrap:")]

		def connect():
		    while True:
		        try:
		            return socket.create_connection(("127.0.0.1", 8080))
		        except ConnectionRefusedError:
		            time.sleep(0.01)

		for block in blocks:
		    for step in block.split("$ ")[1:]:
		        command, _, rest = step.partition("\n")
		        if command.startswith("cat "):
		            with open(command[4:], "w") as file:
		                file.write(rest)
		            os.chmod(command[4:], 0o755)
		            continue
		        print(command, flush=True)
		        run = subprocess.Popen(["sh", "-c", command], stderr=subprocess.PIPE, text=True)
		        client = connect() if "activate" in command else None
		        said = run.communicate()[1]
		        print(said)
		        assert plain(said) == plain(rest), rest
	END
	mkdir bin
	ln -s "$QRAP" bin/qrap
	ln -s /usr/bin/python3 bin/python3
	PATH=/tmp/bin:$PATH /usr/bin/python3 examples.py "$TOP/man/qrap.1"
}

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

@test "sudo closes it; behind it, and behind env -i, the program of --until is seen" {
	need_root
	need sudo
	watched --until cat -- sudo cat /dev/null
	[ "$status" = 0 ]
	assert_told 'lost: .*/sudo \(pid [0-9]+\) close, started by .*/sudo \(pid [0-9]+\)'
	watched --until cat --log-file log -- env -i cat /dev/null
	[ "$status" = 0 ] && [ -z "$stderr" ]
	grep '"event":"program".*"exe":"[^"]*/cat"' log
	# Nothing is added for any other.
	watched --until cat -- env -i env
	[ -z "$output" ]
}

@test "a lock that a daemon keeps" {
	need flock
	script backup.sh <<-'END'
		#!/bin/sh
		flock -n 3 || exit 1
		setsid cat /tmp/release &
		until grep -q cat /proc/$!/comm; do :; done
	END
	watched --grace 0 -- ./backup.sh
	[ "$status" = 0 ]
	assert_told 'held: cat \(pid [0-9]+\), started by \./backup\.sh \(pid [0-9]+\), as its descriptor 3, for [0-9]+ s'
	refute flock -n "$WATCHED" true
	release
}

@test "a daemon that forks twice, in a session of its own, under another number" {
	watched --grace 0 -- /usr/bin/python3 -c 'import os
if os.fork() == 0:
    os.setsid()
    os.dup2(3, 70); os.close(3)
    if os.fork() == 0:
        os.execvp("cat", ["cat", "/tmp/release"])
    os._exit(0)
os.wait()'
	assert_told 'held: (cat|python3.*) \(pid [0-9]+\).*, as its descriptor 70, for 0 s'
	release
}

@test "a static daemon, and one that lets go within --grace" {
	need musl-gcc
	printf '%s\n' '#include <unistd.h>' 'int main(void) { char c; return read(0, &c, 1) < 0; }' >daemon.c
	musl-gcc -static -o daemon daemon.c
	watched --grace 0 -- sh -c './daemon </tmp/release & :'
	assert_told 'held: (daemon|sh) \(pid [0-9]+\), as its descriptor 3, for 0 s|held: .*'
	release
	watched --grace 30 -- sh -c 'exec 3>&3; (cat /tmp/release) & echo >/tmp/release'
	[ -z "$stderr" ]
}

@test "standard error that ssh's ControlPersist holds" {
	need_root
	need ssh dropbear
	mkdir -m 700 home home/.ssh
	ssh-keygen -q -t ed25519 -N '' -f key
	dropbearkey -t ed25519 -f host >/dev/null
	cp key.pub home/.ssh/authorized_keys
	sed 's|^root:.*|root:x:0:0:root:/tmp/home:/bin/sh|' /etc/passwd >passwd
	mount --bind passwd /etc/passwd
	start dropbear dropbear -F -E -r /tmp/host -p 127.0.0.1:2222
	wait_for 5 serves "$PID" 2222
	cat >job.sh <<-'END'
		ssh -v -F none -p 2222 -i key -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
			-o ControlMaster=auto -o ControlPath=/tmp/control -o ControlPersist=60 \
			root@127.0.0.1 echo hello
	END
	# What hangs without a watch is the reader of the pipe; here it is asked to end.
	mkfifo pipe
	start reader cat pipe
	"$QRAP" --watch 2 --grace 0 --log-file log -- sh job.sh >out 2>pipe
	ssh -F none -o ControlPath=/tmp/control -O exit root@127.0.0.1
	wait "$PID"
	cat reader.log out
	[ "$(<out)" = hello ]
	grep -E 'qrap: descriptor 2 \(/tmp/pipe\): held: ssh \(pid [0-9]+\), as its descriptor 2' reader.log
}

@test "make's jobserver through Python" {
	need make
	cat >jobs.sh <<-'END'
		fds=$(echo "$MAKEFLAGS" | sed 's/.*--jobserver-[a-z]*=\([0-9]*\),\([0-9]*\).*/\1,\2/')
		exec "$QRAP" --watch "$fds" --until make -- /usr/bin/python3 -c 'import subprocess
		subprocess.run(["make", "-C", "sub"])'
	END
	echo 'all: ; +@sh jobs.sh' >Makefile
	mkdir sub
	echo 'all: ; @echo built' >sub/Makefile
	run env QRAP="$QRAP" make -j2
	[ "$status" = 0 ]
	[[ $output == *built* ]]
	[ "$(grep -cE 'qrap: descriptor [0-9]+ \(pipe:\[[0-9]+\]\): lost: .*/python3[.0-9]* \(pid [0-9]+\) close_range, started by' <<<"$output")" = 2 ]
}

@test "node hands on what it is told to" {
	need node
	watched --until cat -- node -e 'require("child_process").spawnSync("cat", ["/dev/null"], {stdio: "inherit"})'
	[ "$status" = 0 ]
	[[ $stderr == *"qrap: descriptor 3 ($WATCHED): "* ]]
	watched --until cat -- node -e 'require("child_process").spawnSync("cat", ["/dev/null"], {stdio: [0, 1, 2, 3]})'
	[ -z "$stderr" ]
}

@test "tmux: its server keeps it" {
	need tmux
	watched --grace 0 -- tmux -L watch -f /dev/null new-session -d 'cat /tmp/release'
	tmux -L watch kill-server
	[ "$status" = 0 ]
	assert_told 'held: tmux: server \(pid [0-9]+\).*'
}

@test "stdio: nobody keeps /dev/null, and a redirection of one child is no loss" {
	"$QRAP" --watch stdio --grace 0 -- sh -c 'cat /tmp/release & echo said >/tmp/said; echo >&2 error >/tmp/said; :' \
		</dev/null >/dev/null 2>err
	cat err
	[ "$(wc -l <err)" = 1 ]
	grep -E '^qrap: descriptor 2 \(/tmp/err\): held: (cat|sh) ' err
	release
}

# ---- --keep ----

@test "keep: put back in the program of --until, and in one whose words name the number" {
	watched --keep --until cat --error-exitcode 9 -- sh -c 'exec 3<&-; exec cat /dev/fd/3'
	[ "$status" = 9 ] && [ "$output" = content ]
	assert_told 'mended: .*/dash \(pid [0-9]+\) close'
	watched --keep -- bash -c 'exec 3</dev/null; exec head /dev/fd/3'
	[ "$output" = content ]
	# A file of its own on the number stays, in any other program.
	watched --keep -- bash -c 'exec 3</dev/null; exec readlink /proc/self/fd/3'
	[ "$output" = content ] || [ "$output" = "$WATCHED" ]
	watched --keep -- bash -c 'exec 3</dev/null; exec ls -l /proc/self/fd'
	[[ $output == *'3 -> /dev/null'* ]]
}

@test "keep: behind sudo, and as another user" {
	need sudo
	need_root
	chmod 644 "$WATCHED"
	watched --keep --until cat -- sudo cat /dev/fd/3
	[ "$output" = content ]
	assert_told 'mended: .*/sudo \(pid [0-9]+\) close.*'
	watched --keep --until cat -- sudo -u nobody cat /dev/fd/3
	[ "$output" = content ]
	watched --keep --until cat -- /usr/bin/python3 -c 'import subprocess; subprocess.run(["cat", "/dev/fd/3"])'
	[ "$output" = content ]
	# Without it nothing is put back.
	watched --until cat -- sudo cat /dev/fd/3
	[ -z "$output" ]
}

# ---- The command does not notice ----

@test "descriptors, environment, parent, signals and session are as without qrap" {
	cat >state.py <<-'END'
		import os, signal
		print(sorted(int(fd) for fd in os.listdir("/proc/self/fd"))[:-1])
		print({k: v for k, v in os.environ.items() if k not in ("QRAP_SHIM", "LD_PRELOAD", "_")})
		print([signal.getsignal(s) for s in range(1, 32)])
		print(signal.pthread_sigmask(signal.SIG_BLOCK, []))
		print(os.getsid(0), os.getpgid(0), os.getcwd(), os.umask(0))
		child = os.fork()
		if not child:
		    os._exit(os.getppid() != os.getsid(0) and os.getppid() == int(open("/proc/self/stat").read().split()[3]))
		print(os.wait()[1])
	END
	trap '' USR2
	/usr/bin/python3 state.py 3<"$WATCHED" 4<&- >without
	"$QRAP" --watch 3 -- /usr/bin/python3 state.py 3<"$WATCHED" 4<&- >with
	trap - USR2
	diff without with
}

@test "a program under a filter that kills for the shim's calls goes on, unwatched" {
	for call in getppid fstat; do
		watched --until cat -- "$BUILD/tests/filter" kill=$call -- cat /dev/null
		[ "$status" = 0 ] || return
	done
	[ "$stderr" = "qrap: No program called cat was seen: judged is the command's own process" ]
}

@test "a pipe that the command closes ends, though it still runs" {
	mkfifo pipe
	start reader cat pipe
	READER=$PID
	start watch bash -c 'exec "$0" --watch 3 -- sh -c "exec 3>&-; cat /tmp/release" 3>pipe' "$QRAP"
	wait_for 5 ended "$READER"
	release
	wait "$PID"
}

@test "signals to qrap are the command's, and its end by one is the status" {
	start watch "$QRAP" --watch 0 -- sh -c 'trap "echo caught; exit 5" TERM; echo ready; while :; do read -r _ </tmp/release; done'
	wait_for 5 has watch.log ready
	kill -TERM "$PID"
	run wait "$PID"
	wait_for 5 has watch.log caught
	run "$QRAP" --watch 0 -- sh -c 'kill -KILL $$'
	[ "$status" = 137 ]
}

@test "signals interrupt no call more often than without" {
	cat >interrupt.py <<-'END'
		import os, signal
		signal.signal(signal.SIGALRM, lambda *_: None)
		signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
		for _ in range(300):
		    copy = os.dup(3)
		    os.close(3)
		    os.dup2(copy, 3)
		    os.close(copy)
		    pid = os.fork()
		    if not pid:
		        signal.setitimer(signal.ITIMER_REAL, 0)
		        os.execv("/bin/true", ["true"])
		    assert os.waitpid(pid, 0)[1] == 0
		signal.setitimer(signal.ITIMER_REAL, 0)
	END
	watched -- /usr/bin/python3 interrupt.py
	[ "$status" = 0 ]
	[ -z "$stderr" ]
}

# ---- What it costs ----

# bats test_tags=alone
@test "500 processes that the command leaves behind are looked through in 50 ms" {
	cat >many.py <<-'END'
		import os, time
		for _ in range(500):
		    if not os.fork():
		        os.read(9, 1)
		        os._exit(0)
		with open("/tmp/end", "w") as file:
		    file.write(str(time.time()))
		os._exit(0)
	END
	for i in 1 2 3; do
		mkfifo "fifo$i"
		exec 9<>"fifo$i"
		watched --grace 0 --log-file log -- /usr/bin/python3 many.py
		assert_told 'held: python3.*, and 499 more'
		printf '%0500d' 0 >&9
		echo "$(tail -n 1 log | sed 's/.*"ts":\([0-9.]*\),.*/\1/') $(cat end)" >>took
	done
	exec 9<&-
	cat took
	awk -v limit="$SLOW" '$1 - $2 < 0.05 * limit { good = 1 } END { exit !good }' took
}

# ---- Afterwards ----

@test "report: the way of each, and as JSON" {
	run "$QRAP" --watch 3,4 --until cat --log-file log -- sh -c 'exec 4<&-; exec cat /dev/null' 3<"$WATCHED" 4</dev/null
	run "$QRAP" --report log
	echo "$output"
	[ "$status" = 2 ]
	[[ $output == *": descriptor 3, $WATCHED"*"verdict: intact"*": descriptor 4, /dev/null"*"closed by close"*"<== lost here"*"verdict: lost"$'\n'"culprit: "*"/dash (pid "*") close" ]]
	run "$QRAP" --report log --json
	[ "$status" = 2 ]
	/usr/bin/python3 - "$output" <<-'END'
		import json, sys
		three, four = json.loads(sys.argv[1])["descriptors"]
		assert (three["fd"], three["kind"], three["name"], three["verdict"]) == (3, "file", "/tmp/watched", "intact")
		assert (four["fd"], four["kind"], four["verdict"], four["culprit"]["call"]) == (4, "device", "lost", "close")
	END
	"$QRAP" --watch 3 --grace 0 --log-file log -- sh -c 'cat /tmp/release & :' 3<"$WATCHED"
	release
	run "$QRAP" --report log
	[ "$status" = 2 ]
	[[ $output == *"verdict: held"$'\n'"culprit: "*" (pid "*")" ]]
}

@test "the log: one line a descriptor, also for number 0" {
	"$QRAP" --watch 0 --log-file log -- sh -c 'exec <&-; exec true' <"$WATCHED"
	grep '"event":"descriptor".*"fd":0,"culprit":{"program":"[^"]*/dash","pid":[0-9]*,"call":"close"},"verdict":"lost","kind":"file","name":"/tmp/watched"' log
}

# ---- Bad input ----

@test "errors" {
	local words refused

	while IFS='|' read -r words refused; do
		echo "$words"
		# shellcheck disable=SC2086 # words
		run --separate-stderr "$QRAP" $words 3<"$WATCHED" 9<&-
		[ "$status" = 125 ]
		[ "$stderr" = "qrap: $refused" ]
	done <<-'END'
		--watch 9 -- true|--watch: descriptor 9 is not open
		--watch 3-9 -- true|--watch: descriptor 5 is not open
		--watch 9-3 -- true|--watch: the range 9-3 is backwards
		--watch x -- true|--watch: "x" is neither a number nor a range, stdio, listen or all
		--watch 3, -- true|--watch: "" is neither a number nor a range, stdio, listen or all
		--watch 3-x -- true|--watch: "3-x" is neither a number nor a range, stdio, listen or all
		--watch 99999999999999999999 -- true|--watch: descriptor 9223372036854775807 is not open
		--watch listen -- true|--watch listen: there is no LISTEN_FDS
		--watch 3|--watch needs a command
		--watch 3 --error-exitcode 256 -- true|--error-exitcode: "256" is not an exit status from 0 to 255
		--until cat -m 64|--until: only with --watch
		--grace 1 -m 64|--grace: only with --watch
		--watch 3 --list|--watch: only one of --list, --check, --report and --watch
	END
	run --separate-stderr "$QRAP" --watch 3 -- ./nothing 3<"$WATCHED"
	[ "$status" = 127 ] && [ "$stderr" = "qrap: Couldn't run ./nothing: No such file or directory" ]
	watched -- "$WATCHED"
	[ "$status" = 126 ]
	run --separate-stderr bash -c 'for ((i = 100; i < 165; i++)); do eval "exec $i</dev/null"; done; exec "$0" --watch all -- true' "$QRAP"
	[ "$status" = 125 ] && [ "$stderr" = 'qrap: --watch: more than 64 descriptors' ]
}

@test "a log file that cannot be written is a warning, and the loss is told" {
	watched --log-file /nowhere/log --error-exitcode 9 -- sh -c 'exec 3<&-; exec true'
	[ "$status" = 9 ]
	[ "${stderr_lines[0]}" = "qrap: Couldn't write the log file /nowhere/log: No such file or directory" ]
	[[ ${stderr_lines[1]} == *': lost: '* ]]
	[ "${#stderr_lines[@]}" = 2 ]
	# Nothing of ours stays.
	[ -z "$(compgen -G '/tmp/qrap-watch*')" ]
}

@test "a set-user-ID command: one warning" {
	need sudo
	need_root
	mkdir -m 1777 open
	cd open
	for words in "sudo -V" "sh -c 'sudo -V'"; do
		setpriv --reuid nobody --clear-groups env HOME=/ "$QRAP" --watch 3 -- sh -c "exec $words" 3<"$WATCHED" >out 2>err
	done
	cat err
	[ ! -s err ]
	setpriv --reuid nobody --clear-groups "$QRAP" --watch 3 -- sudo -V 3<"$WATCHED" >out 2>err
	grep -x 'qrap: .*/sudo runs without the shim: .* gains privileges at exec.*' err
	[ "$(wc -l <err)" = 1 ]
}

@test "no /proc: the command runs, with a warning" {
	run --separate-stderr unshare --mount bash -c 'umount -l /proc; exec "$0" --watch 3 -- sh -c "exec 3<&-; exec cat /dev/null"' "$QRAP" 3<"$WATCHED"
	echo "$stderr"
	[ "$status" = 0 ]
	[[ $stderr == *'qrap: Who still has the descriptors is not known: /proc does not list children'* ]]
}
