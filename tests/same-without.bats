#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What does the shim make a program do that merely inherits it, and that it would not do by itself? Real
# programs are run twice, without the shim and with it, behind a real hand-over (tests/same-without):
# status, output, descriptors, signals, limits, environment, children and files are the same.

load common
load peers
load programs

setup() {
	need_plain_launcher
	PATH=$BUILD/tests:$PATH
	start_peers 1=fake
	cd /tmp
}

# Of what the launcher leaves, and "nice", which stands where QEMU would: it is no program of a row. The
# words are in a file: they may be such that the shim's variables would go along.
HAND_OVER='preload=$LD_PRELOAD handoff=$QRAP_SHIM; unset LD_PRELOAD QRAP_SHIM
	printf "%s\0" "$@" >/tmp/words
	exec "$0" "$preload" "$handoff" @/tmp/words'

# seen_with [OPTION...] -- COMMAND...: the same or not, in $output
seen_with() {
	local options=()

	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	run as_from_a_shell "$QRAP" --log-file /tmp/log "${options[@]}" 5 \
		nice -n 0 sh -c "$HAND_OVER" "$TOP/tests/same-without" "$@"
	echo "$output"
}

# same STATUS STATES COMMAND...: which ends with this status, and so many programs have told their state
same() {
	rm -f /tmp/log
	seen_with -- "${@:3}"
	[ "$status" = 0 ]
	[[ ${lines[-1]} == "the same, status $1, "*" tasks, $2 states" ]]
	# The programs have had the shim, and none of them took itself for QEMU.
	[ "$(count /tmp/log '"event":"program"' "\"action\":\"${ROLE:-observes}\"")" -ge 2 ]
	[ "$(count /tmp/log '"event":"(claimed|released|restored)"')" = 0 ]
}

# What each shell can: redirections of all kinds, the number among them, subshells, signals, jobs.
SHELL_SCRIPT='
	echo out; echo err >&2; state at first
	exec 3>three 4<&0 6>&1; state more; exec 3>&- 6>&-; state less
	(exec 5>&-; state closed in a subshell); state 5 closed 5>&-
	(exec 5>five; state replaced in a subshell; echo text >&5); cat five
	{ state replaced; echo text; } 5>five.again; : 5</dev/null; state as before
	found=$(state in a substitution; echo found); echo "$found"
	echo piped | { cat; state in a pipe; } | (cat; exit 4)
	cat <<-END
	a document, $?
	END
	trap "echo usr1" USR1; kill -USR1 $$; trap "" HUP; state hangup ignored
	state job & wait $!; echo "job $?"
	(ulimit -n 20; state few descriptors; exec 9</dev/null; state and one more)
	{ (umask 77; : >private; kill -KILL $(exec sh -c "echo \$PPID")); } 2>/dev/null || echo "killed $?"
	(trap "" PIPE; state pipe ignored)
	exec 5>&-; state without the number; exec 5>last; state with a file on it
	(sh -c "state orphan" &); state nothing but the number <&- >&- 2>&-
	exit 3'

@test "dash" {
	same 3 19 dash -c "$SHELL_SCRIPT"
	printf '%s\n' "$SHELL_SCRIPT" >/tmp/script
	same 3 19 dash /tmp/script
}

@test "bash, with coprocesses, process substitution, and numbers that it chooses" {
	same 3 19 bash -c "$SHELL_SCRIPT"
	same 0 8 bash -c '
		coproc state coprocess; wait $COPROC_PID
		cat <(state substituted; echo text) > >(cat); wait
		exec {file}>named; state "$file"; exec {file}>&-
		mapfile -t lines < <(printf "%s\n" a b); echo "${lines[@]}"
		exec 5<>/dev/null; state; BASH_XTRACEFD=7; exec 7>trace; set -x; state traced; set +x; cat trace
		state & state & wait -n; wait; read -t 0.01 -u 0 || echo "read $?"
		shopt -s lastpipe; echo x | read -r word; echo "$word"; enable -n echo; time -p true 2>/dev/null
		exec -a other state'
}

@test "busybox: sh, and applets that start programs" {
	need busybox
	same 3 19 busybox sh -c "$SHELL_SCRIPT"
	same 0 6 busybox sh -c 'busybox find /usr/bin -name env -exec state found {} \;
		echo a b | busybox xargs -n 1 state; busybox timeout 9 state
		busybox setsid state; busybox start-stop-daemon -S -x /usr/bin/env -- state started
		busybox tar cf - /etc/passwd 2>/dev/null | busybox tar tf -'
}

@test "zsh" {
	need zsh
	same 3 19 zsh -f -c "$SHELL_SCRIPT"
	# Whether its children for two outputs end before it does is up to chance.
	SAME_TASKS=vary same 0 2 zsh -f -c 'echo twice >one >two; cat one two; exec {fd}>chosen; state; exec {fd}>&-
		coproc cat; print -p text; read -p line; echo $line; cat =(echo x); state &!'
}

@test "Python: subprocesses of all kinds, ranges that are closed, descriptors that are handed on" {
	need python3
	same -12 12 /usr/bin/python3 -c '
import os, resource, signal, socket, subprocess, sys, threading
subprocess.run(["state", "closed"])
subprocess.run(["state", "passed"], pass_fds=[5])
subprocess.run(["state", "inherited"], close_fds=False, stdin=subprocess.PIPE, start_new_session=True)
print(subprocess.check_output("state shell; echo text", shell=True))
print(subprocess.run(["false"]).returncode, subprocess.run(["sh", "-c", "kill -9 $$"]).returncode)
subprocess.run(["state"], env={"PATH": os.environ["PATH"], "A": "b"}, preexec_fn=lambda: os.dup2(0, 5))
os.spawnlp(os.P_WAIT, "state", "state", "spawned")
os.system("state system; exit 7")
with os.popen("state; echo read") as file: print(file.read())
pid = os.posix_spawnp("state", ["state", "posix"], os.environ, file_actions=[
    (os.POSIX_SPAWN_OPEN, 8, "/dev/null", os.O_RDONLY, 0), (os.POSIX_SPAWN_DUP2, 8, 5), (os.POSIX_SPAWN_CLOSE, 8)],
    setsigmask=[signal.SIGUSR1], setsigdef=[signal.SIGPIPE])
print(os.waitpid(pid, 0)[1])
s = socket.socket(fileno=os.dup(5))
print(s.family, s.type, s.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN), s.getpeername(), os.get_blocking(5))
s.close()
a, b = socket.socketpair()
socket.send_fds(a, [b"x"], [5])
_, (copy,), _, _ = socket.recv_fds(b, 1, 1)
print(os.path.sameopenfile(copy, 5)); os.close(copy)
os.set_inheritable(5, False); os.system("state marked"); os.set_inheritable(5, True)
saved = os.dup(5); os.close(5); print(os.open("/dev/null", os.O_RDONLY) <= 5); os.dup2(saved, 5)
threads = [threading.Thread(target=os.system, args=["true"]) for _ in range(4)]
[t.start() for t in threads]; [t.join() for t in threads]
os.closerange(3, 5); os.closerange(5, 256); os.system("state behind closerange")
os.closerange(3, 1 << 20)
resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))
try:
    while True: os.dup(0)
except OSError as error: print(error)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0: os.execlp("state", "state", "daemon")
    os._exit(5)
os.wait()
os.kill(os.getpid(), signal.SIGUSR2)'
}

@test "Python: multiprocessing by fork, spawn and a server; asyncio" {
	need python3
	cat >/tmp/work.py <<-'END'
		import asyncio, multiprocessing, subprocess
		def work(n):
		    subprocess.run(['state', str(n)])
		    return n * n
		async def both():
		    run = await asyncio.create_subprocess_exec('state', 'asyncio', stdout=-1)
		    print(await run.communicate(), run.returncode)
		if __name__ == '__main__':
		    for method in 'fork', 'spawn', 'forkserver':
		        with multiprocessing.get_context(method).Pool(2) as pool:
		            print(pool.map(work, range(3), 1))
		            pool.close()
		            pool.join()
		    asyncio.run(both())
	END
	SAME_TASKS=vary same 0 10 /usr/bin/python3 /tmp/work.py
}

@test "Perl: system, open, \$^F, threads, and a loop that closes all" {
	need perl
	same 9 10 perl -e '
use strict; use POSIX; use Socket; use Config;
$| = 1; print system("state", "system"), "\n"; print `state ticks; echo text`;
open(my $from, "-|", "state pipe; echo read") or die; print <$from>; close($from); print "$?\n";
open(my $to, "|-", "cat; exit 3") or die; print $to "written\n"; close($to); print $? >> 8, "\n";
{ local $^F = 20; pipe(my $r, my $w) or die; print fileno($r), "\n"; system("state"); }
open(my $five, "+<&=", 5) or die; print getpeername($five) ? "a peer\n" : "none\n";
defined(my $pid = fork) or die; if (!$pid) { close STDIN; exec "state", "child"; } waitpid($pid, 0);
socketpair(my $a, my $b, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die; syswrite($a, "text"); sysread($b, my $text, 9);
$0 = "title" x 999; system("state", "title, which is where the environment was");
print "$text\n"; $SIG{ALRM} = "IGNORE"; system("state alarm");
if ($Config{useithreads}) { require threads; print threads->create(sub { system("state thread"); 7 })->join, "\n"; }
POSIX::close($_) for 3 .. 63; system("state closed"); POSIX::dup2(1, 5); system("state replaced");
POSIX::_exit(9)'
}

@test "node: child processes, a channel, a worker" {
	need node
	cat >/tmp/work.js <<-'END'
		const { spawnSync, execSync, fork, spawn } = require('child_process');
		const { Worker } = require('worker_threads');
		if (process.argv[2] === 'child') {
			execSync('state channel');
			process.send('from the child', () => process.disconnect());
		} else {
			spawnSync('state', ['plain'], { stdio: 'inherit' });
			spawnSync('state', ['passed'], { stdio: ['ignore', 'pipe', 'pipe', 'ignore', 'ignore', 5] });
			console.log(execSync('state shell; echo text').toString(), spawnSync('false').status);
			const child = fork(__filename, ['child']);
			child.on('message', text => console.log(text));
			child.on('exit', (code, signal) => {
				console.log(code, signal);
				new Worker('require("child_process").execSync("state worker")', { eval: true })
					.on('exit', code => console.log('worker', code));
			});
			spawn('state', ['detached'], { detached: true, stdio: 'ignore' }).unref();
		}
	END
	SAME_TASKS=vary same 0 6 node /tmp/work.js
}

@test "git: hooks, a clone by pipes, a fetch, gc" {
	need git
	SAME_TASKS=vary same 0 8 sh -ec '
		export HOME=$PWD GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_DATE="1700000000 +0000" GIT_COMMITTER_DATE="1700000000 +0000"
		export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a
		git -c init.defaultBranch=main init -q first; cd first
		mkdir -p .git/hooks
		for hook in pre-commit post-commit pre-push; do
			printf "%s\n" "#!/bin/sh" "exec state $hook" >.git/hooks/$hook; chmod +x .git/hooks/$hook
		done
		for n in 1 2 3; do seq $n 9999 >file; git add file; git commit -q -m "change $n"; done
		git log --oneline | cat; git clone -q --no-local "file://$PWD" ../second; cd ../second
		git -c core.pager="state pager" log -p --stat | tail -n 3; git fetch 2>&1; git gc -q; git fsck
		git push -q ../first HEAD:refs/heads/other; git archive HEAD | tar tf -; git status --short
		git -c alias.a="!state alias" a; git difftool -y -x "state difftool; :" HEAD~1 >/dev/null'
}

@test "make: a jobserver, by a pipe and where there is one by a FIFO, through another make" {
	need make
	printf '%s\n' 'all: one two three sub' 'one two three:' '	@state $@ </dev/null && echo $@ >$@' \
		'sub:' '	@$(MAKE) --no-print-directory -f /tmp/Makefile four five' \
		'four five:' '	+@state $@ "$(MAKEFLAGS)" </dev/null' >/tmp/Makefile
	same 0 5 make --no-print-directory -O -f /tmp/Makefile -j 4
	same 2 2 make --no-print-directory -k -f /tmp/Makefile one missing four
	! make --help | grep -q jobserver-style ||
		same 0 5 make --no-print-directory -O -f /tmp/Makefile -j 4 --jobserver-style=fifo
}

@test "a compiler and its programs, and where there is one those of Go" {
	need gcc
	same 0 0 sh -c 'echo "int main(void) { return 5; }" >program.c; gcc -pipe -o program program.c && ./program; echo $?
		echo nonsense | gcc -x c - || echo "failed $?"'
	# Go is not in tests/packages, as it is 300 MB. Its system calls are its own.
	command -v go >/dev/null || return 0
	cat >/tmp/program.go <<-'END'
		package main

		// #include <stdlib.h>
		import "C"
		import ("fmt"; "os"; "os/exec"; "os/signal"; "syscall")

		func main() {
			signal.Notify(make(chan os.Signal, 1), syscall.SIGUSR1)
			out, err := exec.Command("sh", "-c", "state plain; echo text").CombinedOutput()
			fmt.Println(string(out), err, C.abs(-3))
			command := exec.Command("state", "passed")
			command.ExtraFiles = []*os.File{os.NewFile(5, "five")}
			fmt.Println(command.Run(), exec.Command("false").Run())
			syscall.Dup2(0, 5)
			syscall.Exec("/bin/sh", []string{"sh", "-c", "state exec; exit 3"}, os.Environ())
		}
	END
	HOME=/tmp GOCACHE=/tmp/cache GO111MODULE=off go build -o /tmp/program /tmp/program.go
	SAME_TASKS=vary same 3 3 /tmp/program
}

@test "gdb: a program under it, a breakpoint, a call in it, a child that it follows" {
	need gdb
	printf '%s\n' 'set startup-with-shell off' 'break opendir' run 'print (int) getppid() > 0' \
		'call (int) dup2(0, 30)' continue >/tmp/commands
	SAME_TASKS=vary same 0 1 sh -c 'gdb -nx -batch -x /tmp/commands --args "$0" debugged 2>&1 |
		sed "s/process [0-9]*/process/"' "$BUILD/tests/state"
	SAME_TASKS=vary same 0 1 sh -c 'gdb -nx -batch -ex "set follow-fork-mode child" -ex run -ex "print \$_exitcode" \
		--args sh -c "state child; exit 6" 2>&1 | sed -E "s/Thread 0x[0-9a-f]*|(LWP|process) [0-9]*/\1/g"'
}

@test "strace and valgrind: what they trace is as it was" {
	need strace valgrind
	same 5 2 strace -q -f -e trace=none -e signal=none -o /dev/null sh -c 'state traced; (state child); exit 5'
	same 5 1 valgrind -q --tool=none --trace-children=yes sh -c 'state valgrind; exit 5'
}

@test "programs that run others: find, xargs, timeout, setsid, nohup, flock, start-stop-daemon, script" {
	need find xargs start-stop-daemon script
	same 0 17 sh -c 'touch a b c; find . -name "[ab]" -exec state {} \; ; find . -name "[abc]" -exec state {} +
		find . -name a -execdir state {} \; ; printf "%s\n" 1 2 3 4 | xargs -P 4 -n 1 state xargs
		printf "%s\n" 1 2 | xargs -I % sh -c "exit %"; echo "xargs $?"
		timeout 9 state timeout; timeout 0.05 cat /dev/zero >/dev/null; echo "timeout $?"; setsid -w state setsid
		nohup state nohup; flock lock state locked; nice state nice; env -i "$(command -v state)" bare
		start-stop-daemon --start --background --exec "$(command -v state)" -- daemon; echo "daemon $?"
		script -q -e -c "state terminal; exit 5" /dev/null; echo "script $?"; tail -n 0 -f --pid=$$ lock & kill $!
		wait $! 2>/dev/null; echo "tail $?"; dd if=/dev/zero bs=4k count=2 status=none | wc -c; state end | tee copy'
}

@test "tar and xz with threads, and cpio" {
	need xz cpio
	# What xz makes of a pipe depends on how much of it comes at once: it does not stay.
	same 0 3 sh -c 'seq 100000 >numbers; tar -cJf numbers.tar.xz numbers; xz -T 2 --block-size=128KiB -k numbers
		xz -dc numbers.xz | cmp - numbers; tar -xOf numbers.tar.xz | tail -n 1; echo numbers | cpio -o --quiet | cpio -it --quiet
		tar --to-command="cat >/dev/null; unset TAR_ATIME TAR_CTIME TAR_MTIME; state member" -xf numbers.tar.xz
		rm numbers.tar.xz
		tar -cf - --checkpoint=20 --checkpoint-action=exec="state checkpoint" numbers | wc -c'
}

@test "GNU parallel" {
	need parallel
	SAME_TASKS=vary same 0 3 sh -c 'printf "%s\n" 1 2 3 | HOME=$PWD parallel --will-cite -j 2 -u \
		"unset PARALLEL_PID PARALLEL_TMP PARALLEL_JOBSLOT PARALLEL_JOBSLOT0; state {}"'
}

@test "what a program gets for odd arguments: results and errno of each call that has the shim in front of it" {
	need python3
	cat >/tmp/calls.py <<-'END'
		import ctypes, errno, os, socket, sys
		libc = ctypes.CDLL(None, use_errno=True)
		big, null = (1 << 31) - 1, ctypes.c_void_p(0)
		bad = ctypes.c_void_p(8)
		number, size, text = ctypes.c_int(0), ctypes.c_uint(4), ctypes.create_string_buffer(256)
		actions = ctypes.create_string_buffer(256)
		def call(name, *args):
		    ctypes.set_errno(0)
		    result = getattr(libc, name)(*args)
		    words = [arg if isinstance(arg, int) else type(arg).__name__ for arg in args]
		    print(name, *words, '=', result, errno.errorcode.get(ctypes.get_errno(), ''))
		def in_child(name, *args):
		    sys.stdout.flush()
		    if os.fork() == 0:
		        call(name, *args)
		        sys.stdout.flush()
		        os.execlp('state', 'state', name, *map(str, args))
		    os.wait()
		pair = socket.socketpair()
		os.dup2(pair[0].fileno(), 20)
		os.dup2(pair[1].fileno(), 21)
		os.dup2(os.open('/dev/null', os.O_RDWR), 22)
		for fd in -1, 99, big, 1 << 30:
		    call('close', fd); call('dup', fd); call('dup2', fd, 5); call('dup3', fd, 5, 0); call('dup2', 22, fd)
		    call('fcntl', fd, 1, 0); call('fcntl64', fd, 3, 0); call('ioctl', fd, 0x5451, 0)
		    call('getsockopt', fd, 1, 3, ctypes.byref(number), ctypes.byref(size))
		    call('getsockname', fd, text, ctypes.byref(size)); call('getpeername', fd, text, ctypes.byref(size))
		    call('recv', fd, text, 9, 0x40); call('send', fd, text, 9, 0x4000)
		    call('recvmsg', fd, null, 0); call('sendmsg', fd, null, 0)
		    call('posix_spawn_file_actions_init', actions)
		    call('posix_spawn_file_actions_addclose', actions, fd)
		    call('posix_spawn_file_actions_adddup2', actions, fd, 5)
		    call('posix_spawn_file_actions_adddup2', actions, 5, fd)
		    call('posix_spawn_file_actions_addclosefrom_np', actions, fd)
		for fd in 5, 20, 22:
		    call('dup2', fd, fd); call('dup3', fd, fd, 0); call('dup3', fd, 30, 1); call('dup3', fd, 30, 0o2000000)
		    for command in 0, 1030:
		        call('fcntl', fd, command, 40); call('fcntl', fd, command, big); call('fcntl', fd, command, -1)
		    for command in 1, 3, 9, 1032, 1034, 9999:
		        call('fcntl', fd, command, 0)
		    for request in 0x541B, 0x5413, 0x5451, 0x5450, 0x12345678:
		        call('ioctl', fd, request, ctypes.byref(number))
		    for level, name in (1, 3), (1, 39), (1, 4), (1, 9999), (6, 1):
		        size.value = 4
		        call('getsockopt', fd, level, name, ctypes.byref(number), ctypes.byref(size))
		    call('getsockopt', fd, 1, 3, bad, ctypes.byref(size)); call('getsockopt', fd, 1, 3, ctypes.byref(number), bad)
		    size.value = 256
		    call('getsockname', fd, text, ctypes.byref(size)); call('getpeername', fd, bad, ctypes.byref(size))
		    call('recv', fd, text, 0, 0x40); call('recv', fd, bad, 9, 0x42); call('send', fd, text, 0, 0x4040)
		    call('recvmsg', fd, bad, 0x40); call('sendmsg', fd, bad, 0x4040)
		call('recv', 20, text, 9, 0x40); call('send', 21, text, 9, 0x40); call('recv', 20, text, 9, 0x42)
		call('recv', 20, text, 4, 0x40); call('recv', 20, text, 99, 0x40)
		pair[1].close(); os.close(21)
		call('recv', 20, text, 9, 0x40); call('send', 20, text, 9, 0x4000)
		call('close_range', 10, 9, 0); call('close_range', 3000, 4000, 0); call('close_range', 100, 200, 99)
		call('close_range', 30, 40, 4); call('closefrom', 100)
		libc.fdopen.restype = ctypes.c_void_p
		call('fclose', ctypes.c_void_p(libc.fdopen(os.dup(22), b'r')))
		in_child('close', 5); in_child('dup2', 22, 5); in_child('dup3', 22, 5, 0o2000000); in_child('dup2', 5, 9)
		in_child('close_range', 3, 10, 0); in_child('close_range', 5, 10, 4); in_child('close_range', 3, 4095, 2); in_child('closefrom', 4)
		in_child('fcntl', 5, 2, 1); in_child('fcntl', 5, 4, 0o4000); call('fcntl', 5, 4, 0); in_child('fcntl', 5, 0, 7)
		in_child('ioctl', 5, 0x5451, 0); in_child('ioctl', 5, 0x5450, 0)
		libc.fork() or os._exit(0)
		os.wait()
	END
	same 0 13 /usr/bin/python3 /tmp/calls.py
}

@test "programs that are to use the number, and have it: nothing of theirs is changed" {
	ROLE=mends same 3 4 sh -c 'exec 3>three; state fd=5 "$@"; (state "$@" | cat) 4<&0; trap "" HUP; state "$@" & wait
		exec 3>&- 6<&0; state $(echo fd=5); exit 3' sh -netdev socket,id=n,fd=5
	need python3
	ROLE=mends same 0 2 /usr/bin/python3 -c 'import subprocess
subprocess.run(["state", "fd=5"], pass_fds=[5]); subprocess.run(["state", "fd=5"], close_fds=False)' addr.str=5
}

# As a wrapper does that was given QEMU's arguments. Of this kind are also BASH_XTRACEFD=5, a lock file that a
# helper is to hold, and a number that a helper finds closed and takes.
@test "programs that only pass QEMU's arguments on: their own file on the number stays theirs" {
	ROLE='[a-z]*' same 0 3 sh -c 'exec 5>>own.log; sh -c "echo starting >&5; state \"\$@\"" sh "$@"; cat own.log
		exec 5>&-; sh -c "exec 5>another.log; state \"\$@\"; echo >&5 end" sh "$@"; cat another.log
		state "$@" 5</dev/null' sh qemu-system-x86_64 -netdev socket,id=n,fd=5
}

@test "ssh to a server on this host, and both inherit the shim" {
	need_root
	need ssh dropbear dropbearkey
	mkdir -p /tmp/home/.ssh
	chmod 700 /tmp/home/.ssh
	dropbearkey -t ed25519 -f /tmp/server.key >/dev/null
	ssh-keygen -q -t ed25519 -N '' -f /tmp/home/key
	cp /tmp/home/key.pub /tmp/home/.ssh/authorized_keys
	sed "s|^root:.*|root:x:0:0:root:/tmp/home:/bin/sh|" /etc/passwd >/tmp/passwd
	mount --bind /tmp/passwd /etc/passwd
	# It goes into the background when it listens, and has the shim, too.
	SAME_TASKS=vary same 4 1 sh -c 'dropbear -r /tmp/server.key -p 127.0.0.1:2222 -P /tmp/same/server.pid
		ssh -F none -p 2222 -i /tmp/home/key -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
			-o LogLevel=ERROR root@127.0.0.1 "$0; unset SSH_CLIENT SSH_CONNECTION; state remote; exit 4"; status=$?
		kill $(cat /tmp/same/server.pid) && exit $status' "PATH=$BUILD/tests:\$PATH"
}

@test "qemu-img: its threads and its files" {
	need qemu-img
	SAME_TASKS=vary same 0 0 sh -ec 'qemu-img create -q -f qcow2 one.qcow2 8M; qemu-img convert -O raw one.qcow2 two
		qemu-img convert -c -m 4 -O qcow2 two three.qcow2; qemu-img compare two three.qcow2; qemu-img check one.qcow2
		qemu-img bench -c 64 -d 8 -q -f raw two >/dev/null; qemu-img info none || echo "none $?"'
}

# look_at_qemu GUARD: a QEMU on passt's connection with the sandbox that denies everything, asked by QMP while it
# runs: what it answers, its descriptors, signals, threads and children, and how it ends
look_at_qemu() {
	cat >/tmp/look.py <<-'END'
		import json, os, re, subprocess, sys, time
		KEPT = os.O_ACCMODE | os.O_NONBLOCK | os.O_APPEND | os.O_CLOEXEC
		vm = subprocess.Popen(sys.argv[1:], stdin=-1, stdout=-1, stderr=-1, text=True)
		def ask(command, **arguments):
		    vm.stdin.write(json.dumps({'execute': command, 'arguments': arguments}) + '\n')
		    vm.stdin.flush()
		    while True:
		        line = vm.stdout.readline()
		        message = json.loads(line)
		        print(re.sub(r'"(micro)?seconds": [0-9]+', '', line).strip())
		        if 'return' in message or 'error' in message:
		            return
		def ask_human(line):
		    ask('human-monitor-command', **{'command-line': line})
		def look():
		    proc = f'/proc/{vm.pid}'
		    for fd in os.listdir(f'{proc}/fd'):
		        with open(f'{proc}/fdinfo/{fd}') as file:
		            flags = int(re.search('flags:\t(.*)', file.read())[1], 8)
		        # Which number QEMU's own have depends on what it had open and closed before.
		        print('fd', fd if fd in '0125' else 'N', re.sub(r'\d+', '', os.readlink(f'{proc}/fd/{fd}')), oct(flags & KEPT))
		    # The lowest free one is what a program counts on.
		    print('numbers', *sorted(fd for fd in map(int, os.listdir(f'{proc}/fd')) if fd < 64))
		    with open(f'{proc}/status') as file:
		        print(*re.findall(r'^Sig(?:Ign|Cgt):.*', file.read(), re.M))
		    for task in sorted(os.listdir(f'{proc}/task')):
		        while True:
		            with open(f'{proc}/task/{task}/status') as file:
		                text = file.read()
		            # A thread blocks all signals, and has no name of its own, until it has begun.
		            if 'SigBlk:\tfffffffffffbfeff' not in text:
		                break
		            time.sleep(0.01)
		        print('thread', *re.findall(r'^(?:Name|SigBlk|Seccomp|NoNewPrivs):\t(.*)', text, re.M))
		        with open(f'{proc}/task/{task}/children') as file:
		            print('children', file.read().split())
		    with open(f'{proc}/environ') as file:
		        print(*sorted(name for name in file.read().split('\0') if 'PRELOAD' not in name and 'QRAP' not in name))
		print(vm.stdout.readline().strip())
		ask('qmp_capabilities')
		ask('query-status')
		ask_human('info network')
		look()
		ask('stop'); ask('cont')
		ask('query-chardev'); ask('no-such-command')
		ask('netdev_add', type='hubport', id='h2', hubid=0); ask('netdev_del', id='h2')
		ask_human('info network')
		ask('quit')
		print(vm.communicate())
		print(vm.returncode)
	END
	as_from_a_shell /usr/bin/python3 /tmp/look.py "$QRAP" --log-file "/tmp/log.$1" --guard "$1" 5 qemu-system-x86_64 -machine none \
		-display none -nodefaults -qmp stdio -netdev socket,fd=5,id=n -netdev hubport,hubid=0,id=h,netdev=n \
		-sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny
}

@test "QEMU with -sandbox on and everything denied: but for a thread and its descriptors the same" {
	need qemu-system-x86_64
	need python3
	look_at_qemu off >/tmp/off
	look_at_qemu on >/tmp/on
	grep -q '"event":"released"' /tmp/log.on
	grep -q '^{"return": {"status": "running"' /tmp/on
	# The thread blocks all signals that can be blocked, and is in the sandbox.
	run diff --old-line-format='- %L' --new-line-format='+ %L' --unchanged-line-format= <(grep -v ^numbers /tmp/off | sort) <(grep -v ^numbers /tmp/on | sort)
	echo "$output"
	[ "$output" = "+ children []
- fd 5 socket:[] 0o4002
+ fd 5 socket:[] 0o2004002
+ fd N /tmp/log.on 0o2006001
+ fd N anon_inode:[eventpoll] 0o2000002
+ fd N socket:[] 0o2004002
+ fd N socket:[] 0o2004002
+ thread qrap-link fffffffe7ffbfeff 1 2" ]
}

# Who opens something next gets the lowest free number: QEMU's getfd, a plugin, a monitor that is told one.
@test "QEMU's own descriptors have the numbers that they would have" {
	need qemu-system-x86_64
	need python3
	look_at_qemu off >/tmp/off
	look_at_qemu on >/tmp/on
	diff <(grep ^numbers /tmp/off) <(grep ^numbers /tmp/on)
}

@test "what is compared: a library that does one of these things is noticed" {
	local word

	for word in open close mark nonblocking ignore catch block limit umask directory variable file output errors child orphan \
		thread status; do
		echo "$word:"
		MEDDLE=$word run as_from_a_shell "$TOP/tests/same-without" "$BUILD/tests/meddle_lib.so" none state 5</dev/null
		echo "$output"
		[ "$status" = 1 ]
	done
	MEDDLE='' run as_from_a_shell "$TOP/tests/same-without" "$BUILD/tests/meddle_lib.so" none state 5</dev/null
	[ "$output" = 'the same, status 0, 1 tasks, 1 states' ]
}
