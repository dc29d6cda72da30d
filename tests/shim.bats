#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The shim in programs that are not QEMU, or not yet, or that it finds in a bad way: it harms none of
# them, and QEMU starts.

load common
load online

setup() {
	need qemu-system-x86_64 passt
	start_passt /tmp/passt_1.socket --debug
	make_vm
}

# Helpers that use number 5 for their own ends, while a wrapper has QEMU's arguments.

# wrapper: a script from standard input, run by bash with QEMU's command as arguments
wrapper() {
	cat >/tmp/wrapper
	online "$QRAP" --log-file "$LOG" "$FD" bash /tmp/wrapper "${QEMU[@]}"
	if [ "$status" != 0 ]; then
		echo "status $status: $output"
		cat "$LOG"
		return 1
	fi
}

# helper NAME: what the log says of the program of that name, when it started
assert_observed() {
	assert_logged '"event":"program"' "\"exe\":\"[^\"]*/$1\"" "\"found\":\"$2\"" '"action":"observes"'
}

@test "a lock file on the number, and flock: a helper's own" {
	need flock
	wrapper <<-'END'
		(
			exec 5>/tmp/lock
			flock 5
			# The lock is held: nobody else gets it, and the file is what it was.
			flock --nonblock /tmp/lock true && exit 1
			[ /proc/self/fd/5 -ef /tmp/lock ] || exit 1
			touch /tmp/was-locked
		) || exit 1
		exec "$@"
	END
	[ -e /tmp/was-locked ]
	assert_observed flock 'a file'
	[ "$(connections)" = 1 ]
}

@test "a lock file on the number of the wrapper itself, across helpers, until QEMU starts" {
	need_first
	need flock
	wrapper <<-'END'
		exec 5>/tmp/lock
		flock 5 || exit 1
		flock --nonblock /tmp/lock true && exit 1
		echo held >&5
		cat <&- /tmp/lock >/tmp/content
		exec "$@"
	END
	[ "$(cat /tmp/content)" = held ]
	assert_observed flock 'a file'
	assert_logged '"event":"restored"' '"found":"a file"' '"action":"the spare"'
	[ "$(connections)" = 1 ]
}

@test "a helper without the number does not get it back" {
	wrapper <<-END
		FAKE_QEMU_FD=5 "$BUILD/tests/fake_qemu" --tpm state 5>&- >/tmp/helper </dev/null
		exec "\$@"
	END
	grep -x 'fd 5 closed' /tmp/helper
	assert_observed fake_qemu nothing
}

@test "a helper that has a file of its own on the number, and says so" {
	wrapper <<-'END'
		echo precious >/tmp/file
		cat /dev/fd/5 5</tmp/file >/tmp/first
		tail -n 1 /proc/self/fd/5 5</tmp/file >/tmp/second
		exec "$@"
	END
	[ "$(cat /tmp/first)" = precious ]
	[ "$(cat /tmp/second)" = precious ]
	assert_observed cat 'a file'
	assert_observed tail 'a file'
}

@test "a helper that listens on the number" {
	need python3
	cat >/tmp/listener <<-'END'
		import os, socket, subprocess, sys
		s = socket.socket(socket.AF_UNIX)
		s.bind('/tmp/listener.socket')
		s.listen()
		os.dup2(s.fileno(), 5)
		subprocess.check_call([sys.executable, '-c', 'if True:\n'
			' import socket\n'
			' s = socket.socket(fileno=5)\n'
			' assert s.getsockname() == "/tmp/listener.socket"\n'
			' assert s.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)',
			'--fd=5', '--fd', '5', 'clientfd=5'], pass_fds=[5])
	END
	wrapper <<-'END'
		/usr/bin/python3 /tmp/listener || exit 1
		exec "$@"
	END
	assert_logged '"event":"program"' '/python[^/"]*"' '"found":"a socket that is no connected stream"' \
		'"action":"observes"'
}

@test "bash gets its number back when a redirection ends" {
	wrapper <<-'END'
		{ echo one >&5; } 5>/tmp/one
		: 5</dev/null
		echo two 5>&- >/tmp/two
		exec "$@"
	END
	[ "$(cat /tmp/one)" = one ]
	assert_logged '"event":"program"' '/qemu-system' '"found":"intact"'
	[ "$(connections)" = 1 ]
}

# Who looks at the socket is not QEMU.

@test "Python looks at the socket, and is not taken for QEMU" {
	need python3
	cat >/tmp/look.py <<-'END'
		import os, socket, sys
		s = socket.socket(fileno=5)
		assert s.type == socket.SOCK_STREAM and s.getpeername() == '/tmp/passt_1.socket'
		s.setblocking(False)
		s.getsockname()
		s.setblocking(True)
		s.detach()
		os.execvp(sys.argv[1], sys.argv[1:])
	END
	online "$QRAP" --log-file "$LOG" "$FD" /usr/bin/python3 /tmp/look.py "${QEMU[@]}"
	[ "$status" = 0 ]
	[ "$(grep -c '"event":"claimed"' "$LOG")" = 1 ]
	assert_logged '"event":"claimed"' '/qemu-system'
	refute_warned
	[ "$(connections)" = 1 ]
}

@test "Python looks at the socket and closes it, in a thread, reading and writing" {
	need python3
	cat >/tmp/look.py <<-'END'
		import os, select, socket, struct, sys, threading
		def look():
		    s = socket.socket(fileno=5)
		    s.getpeername()
		    s.send(struct.pack('>I', 60) + b'\xff' * 12 + b'\x88\xb5' + bytes(46))
		    if select.select([s], [], [], 0)[0]:
		        s.recv(1, socket.MSG_PEEK)
		    s.close()
		t = threading.Thread(target=look)
		t.start()
		t.join()
		os.execvp(sys.argv[1], sys.argv[1:])
	END
	online "$QRAP" --log-file "$LOG" "$FD" /usr/bin/python3 /tmp/look.py "${QEMU[@]}"
	[ "$status" = 0 ]
	refute grep '"event":"released".*python' "$LOG"
	assert_logged '"event":"released"' '/qemu-system'
	[ "$(connections)" = 1 ]
}

@test "Perl makes it non-blocking, and closes it: a claim that was none costs a new connection at most" {
	need perl
	cat >/tmp/look.pl <<-'END'
		use Fcntl;
		use Socket;
		open(my $s, '+<&=', 5) or die;
		unpack('i', getsockopt($s, SOL_SOCKET, SO_TYPE)) == SOCK_STREAM or die;
		fcntl($s, F_SETFL, fcntl($s, F_GETFL, 0) | O_NONBLOCK) or die;
		close($s) or die;
		exec @ARGV;
	END
	online "$QRAP" --log-file "$LOG" "$FD" perl /tmp/look.pl "${QEMU[@]}"
	[ "$status" = 0 ]
	assert_logged '"event":"restored"' '"action":"the spare"'
	[ "$(connections)" = 1 ]
}

# The owner's close.

@test "what QEMU closes is no loss" {
	online "$QRAP" --log-file "$LOG" "$FD" "${QEMU[@]}"
	[ "$status" = 0 ]
	assert_logged '"event":"owner-closed"' '"call":"close"'
	refute grep -E '"event":"(closed|overwritten|cloexec|lost|restored)"' "$LOG"
	refute_warned
}

@test "after netdev_del the number is QEMU's, and never touched again" {
	local tell

	end "$PASST"
	rm -f /tmp/passt_1.socket
	start_passt /tmp/passt_1.socket --one-off
	tell=$'netdev_del h0\nnetdev_del a\nchardev-add file,id=c,path=/tmp/c\n'
	cat >/tmp/then <<-'END'
		# The chardev is on the number, passt has seen the end, and another one comes.
		until [ "$(readlink /proc/$(pidof qemu-system-x86_64)/fd/5)" = /tmp/c ]; do sleep 0.01; done
		"$BUILD/tests/await" not /proc/$1/status "State:.[^Z]"
		rm -f /tmp/passt_1.socket
		passt --foreground --debug --socket /tmp/passt_1.socket >/tmp/second.log 2>&1 </dev/null &
		echo $! >/tmp/second.pid
		"$BUILD/tests/await" /proc/net/unix ' 00010000 .* /tmp/passt_1.socket'
		sleep 0.3
		readlink /proc/$(pidof qemu-system-x86_64)/fd/5
	END
	online --tell "$tell" --then "sh /tmp/then $PASST" "$QRAP" --log-file "$LOG" "$FD" "${QEMU[@]}"
	STARTED+=("$(cat /tmp/second.pid)")
	[ "$status" = 0 ]
	[[ $output == *$'\n/tmp/c'* ]]
	[ ! -s /tmp/c ]
	refute grep accepted /tmp/second.log
	assert_logged '"event":"owner-closed"'
	refute_warned
}

# Other programs are what they are without the shim: same output, same status.

# alike COMMAND...: with the shim, in which the variable is set, and without it
alike() {
	local guard

	for guard in off on; do
		rm -rf /tmp/play
		mkdir /tmp/play
		cd /tmp/play
		as_from_a_shell timeout --kill-after=2 40 "$QRAP" --guard $guard "$FD" "$@" \
			>/tmp/out.$guard 2>/tmp/err.$guard && status=0 || status=$?
		echo "status $status" >>/tmp/out.$guard
		cd /tmp
		wait_for 5 passt_is_free
	done
	cat /tmp/out.on
	diff /tmp/out.off /tmp/out.on
	diff /tmp/err.off /tmp/err.on
	# It did something, and something is said on stderr.
	[ "$(wc -l </tmp/out.on)" -gt 3 ]
	[ "$(wc -l </tmp/err.on)" -gt 1 ]
	[[ $(tail -n 1 /tmp/out.on) == "status ${EXPECTED:-0}" ]]
}

@test "alike: bash" {
	cat >/tmp/script <<-'END'
		echo one >&2
		exec 7</etc/passwd 8>out 9>&1
		read -r line <&7; echo "$line" >&8; echo nine >&9
		exec 7<&- 8>&- 9>&-
		cat out
		{ echo sub; exit 3; } | cat; echo "${PIPESTATUS[*]}"
		diff <(printf 'a\nb\n') <(printf 'a\nc\n'); echo $?
		coproc cat; echo to the coprocess >&"${COPROC[1]}"; eval "exec ${COPROC[1]}>&-"; cat <&"${COPROC[0]}"; wait
		echo hidden >&6; echo $?
		exec 5>five; echo five >&5; exec 5>&-; cat five; echo gone >&5; echo $?
		(exec 5<five; read -r x <&5; echo "$x"); cat <<<here
		exec {fd}>new; echo $((fd > 9)); exec {fd}>&-
		for i in 1 2 3; do (sleep 0.0$i; exit $i) & done; wait $!; echo $?; wait
		trap 'echo trapped' USR1; kill -USR1 $$
		x=$(exec 1>&2; echo to stderr); echo "x=$x"
		ulimit -n 40; exec 39>&1; echo high >&39
		exit 7
	END
	EXPECTED=7 alike bash /tmp/script
}

@test "alike: dash" {
	need dash
	cat >/tmp/script <<-'END'
		echo one >&2
		exec 7</etc/passwd 8>out 9>&1
		read -r line <&7; echo "$line" >&8; echo nine >&9
		exec 7<&- 8>&- 9>&-
		cat out
		{ echo sub; exit 3; } | cat
		echo hidden >&6; echo $?
		exec 5>five; echo five >&5; exec 5>&-; cat five; (echo gone >&5); echo $?
		(exec 5<five; read -r x <&5; echo "$x")
		cat <<-HERE
		here
		HERE
		for i in 1 2 3; do (exit $i) & done; wait $!; echo $?
		trap 'echo trapped' USR1; kill -USR1 $$
		x=$(echo to stderr >&2); echo "x=$x"
		exit 7
	END
	EXPECTED=7 alike dash /tmp/script
}

@test "alike: Python" {
	need python3
	cat >/tmp/script <<-'END'
		import asyncio, fcntl, multiprocessing, os, resource, select, socket, subprocess, sys, tempfile
		import threading
		print('stderr', file=sys.stderr)
		print(subprocess.check_output(['echo', 'vfork']))
		print(subprocess.run('echo shell; exit 3', shell=True).returncode)
		print(subprocess.run(['true'], close_fds=False).returncode)
		print(subprocess.run(['cat'], preexec_fn=os.setsid, input=b'in', capture_output=True).stdout)
		for i in range(70):
		    subprocess.call(['true'])
		r, w = os.pipe()
		print(r, w, os.get_inheritable(r))
		os.set_inheritable(w, True)
		subprocess.run(['sh', '-c', f'echo through >&{w}'], pass_fds=[w])
		print(os.read(r, 100))
		os.closerange(r, w + 1)
		try:
		    os.close(r)
		except OSError as e:
		    print(e)
		a, b = socket.socketpair()
		b.send(b'hello')
		print(a.recv(10), a.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE), select.select([a], [], [], 0))
		a.close(); b.close()
		pid = os.fork()
		if not pid:
		    os.closerange(3, 64)
		    os._exit(9)
		print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
		pid = os.posix_spawn('/bin/sh', ['sh', '-c', 'echo spawned >&1; exit 4'], os.environ,
		             file_actions=[(os.POSIX_SPAWN_CLOSE, 0), (os.POSIX_SPAWN_DUP2, 1, 7)])
		print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
		t = threading.Thread(target=lambda: print(subprocess.check_output(['echo', 'thread'])))
		t.start(); t.join()
		async def asynchronous():
		    p = await asyncio.create_subprocess_exec('cat', stdin=-1, stdout=-1)
		    print(await p.communicate(b'async'))
		asyncio.run(asynchronous())
		with multiprocessing.get_context('fork').Pool(2) as pool:
		    print(pool.map(abs, [-1, -2, 3]))
		with tempfile.TemporaryFile() as f:
		    fcntl.flock(f, fcntl.LOCK_EX)
		    print(fcntl.fcntl(f, fcntl.F_GETFD))
		f = os.open('/dev/null', os.O_RDWR)
		os.dup2(f, 959); os.close(959); os.dup2(f, 1000); os.close(1000)
		sys.exit(6)
	END
	EXPECTED=6 alike /usr/bin/python3 /tmp/script
}

@test "alike: Perl" {
	need perl
	cat >/tmp/script <<-'END'
		use strict; use warnings; use IPC::Open3; use POSIX; use Socket; use Fcntl;
		$| = 1; print STDERR "stderr\n";
		open(my $p, '-|', 'echo piped') or die; print <$p>; close $p;
		my $pid = open3(my $in, my $out, undef, 'cat'); print $in "open3\n"; close $in; print <$out>; waitpid $pid, 0;
		pipe(my $r, my $w) or die; print fileno($r), " ", fileno($w), "\n";
		if (!fork) { close $r; print $w "child\n"; exit 3 }
		close $w; print <$r>; wait; print $? >> 8, "\n";
		socketpair(my $a, my $b, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die; syswrite $a, "pair\n"; sysread $b, my $x, 9; print $x;
		POSIX::close($_) for 6 .. 30; open(my $f, '<', '/dev/null') or die; print fileno($f), "\n";
		fcntl($f, F_SETFD, 0) or die; print system("true >&" . fileno($f)), "\n";
		POSIX::dup2(1, 20); open(my $d, '>&=', 20) or die; print $d "dup\n";
		exec 'sh', '-c', 'echo execed; exit 5';
	END
	EXPECTED=5 alike perl /tmp/script
}

@test "alike: make, with a jobserver and other makes below" {
	need make
	cat >/tmp/script <<-'END'
		.RECIPEPREFIX = >
		all: $(addprefix part,1 2 3 4 5 6) below fails
		>@echo done
		part%:
		>@sleep 0.0$*; touch $@
		below:
		>@+$(MAKE) --no-print-directory -f /tmp/script part7 part8 && echo below
		fails: $(addprefix part,1 2 3 4 5 6) below
		>@echo failing; ls; echo to stderr >&2; exit 1
	END
	EXPECTED=2 alike make -j3 -f /tmp/script
}

@test "alike: git" {
	need git
	cat >/tmp/script <<-'END'
		set -e
		export GIT_AUTHOR_NAME=n GIT_AUTHOR_EMAIL=e GIT_COMMITTER_NAME=n GIT_COMMITTER_EMAIL=e
		export GIT_AUTHOR_DATE='@1000000000 +0000' GIT_COMMITTER_DATE='@1000000000 +0000'
		export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
		git init -q -b main a; cd a
		printf '#!/bin/sh\necho a hook >&2\n' >.git/hooks/pre-commit; chmod +x .git/hooks/pre-commit
		for i in 1 2 3; do echo $i >f$i; git add f$i; git commit -qm "commit $i"; done
		git checkout -qb b HEAD~1; echo b >g; git add g; git commit -qm b
		git -c merge.stat=false merge -q -m merge main; git log --oneline --graph --all
		git gc -q; git fsck --no-progress; cd ..
		git clone -q file:///tmp/play/a c; git -C c log --format=%s; git -C c push -q origin HEAD:new
		git -C a branch; git -C a diff HEAD~1 --stat; git -C a show nothing
	END
	EXPECTED=128 alike bash /tmp/script
}

@test "alike: node" {
	need node
	cat >/tmp/script <<-'END'
		const { spawn, spawnSync, execFileSync, fork } = require('child_process');
		const fs = require('fs'), net = require('net'), { Worker, isMainThread } = require('worker_threads');
		console.error('stderr');
		console.log(execFileSync('echo', ['exec']).toString());
		console.log(spawnSync('sh', ['-c', 'cat; exit 3'], { input: 'input' }).status);
		console.log(spawnSync('sh', ['-c', 'echo three >&3'], { stdio: [0, 1, 2, 'pipe'] }).output[3].toString());
		const fd = fs.openSync('/dev/null', 'r'); fs.closeSync(fd);
		try { fs.closeSync(900); } catch (e) { console.log(e.code); }
		const server = net.createServer((c) => c.end('from the server')).listen('/tmp/play/socket', () => {
			net.connect('/tmp/play/socket').on('data', (d) => {
				console.log(d.toString());
				server.close();
				const child = spawn('cat'); child.stdout.pipe(process.stdout);
				child.on('close', (code) => {
					console.log(code);
					new Worker('console.log("worker")', { eval: true }).on('exit', () => {
						process.exitCode = 4;
					});
				});
				child.stdin.end('through cat\n');
			});
		});
	END
	EXPECTED=4 alike node /tmp/script
}

# Programs that only pass QEMU's words on: what they put on the number is their own, and what they close is
# closed. Of the same kind: monitors that stay (bwrap), programs that are not on the way at all (ssh).

@test "a file on the number of two wrappers in a row stays theirs" {
	need_first
	cat >/tmp/inner <<-'END'
		#!/bin/sh
		echo inner >&5
		exec "$@"
	END
	chmod +x /tmp/inner
	wrapper <<-'END'
		exec 5>>/tmp/own
		echo outer >&5
		/tmp/inner "$@"
	END
	[ "$(cat /tmp/own)" = "outer
inner" ]
	# passt has read nothing but frames.
	refute grep -i 'bad frame\|invalid\|too short\|too long' "$WORK/passt_1.socket.log"
	[ "$(connections)" = 1 ]
	run "$QRAP" --report "$LOG"
	[ "$status" = 1 ]
	[[ $output =~ culprit:\ [^\ ]*bash\ \(pid\ [0-9]+\)\ dup2$ ]]
}

@test "bash's trace on the number, in two wrappers in a row" {
	need_first
	printf '#!/bin/bash\n: inner\nexec "$@"\n' >/tmp/inner
	chmod +x /tmp/inner
	wrapper <<-'END'
		exec 5>>/tmp/own
		export BASH_XTRACEFD=5 SHELLOPTS
		set -x
		: outer
		/tmp/inner "$@"
	END
	grep -x '+ : outer' /tmp/own
	grep -x '+ : inner' /tmp/own
	[ "$(connections)" = 1 ]
}

@test "bwrap: its monitor is not accused, and does not hold the connection" {
	need bwrap
	online --tell $'netdev_del h0\nnetdev_del a\n' \
		--then "$BUILD/tests/await not /proc/net/unix ' 0001 03 .* /tmp/passt_'" \
		"$QRAP" --log-file "$LOG" "$FD" bwrap --dev-bind / / "${QEMU[@]}"
	[ "$status" = 0 ]
	refute_warned
	[[ $output != *'put back'* ]]
	run "$QRAP" --report "$LOG"
	[ "$status" = 0 ]
	[[ $output == *'verdict: intact' ]]
}

@test "ssh: not on the way, and not told of" {
	need ssh
	qrap "$FD" ssh -F none -p 1 127.0.0.1 "${QEMU[@]}"
	[ "$status" = 255 ]
	[[ $stderr == "Connected to /tmp/passt_1.socket
ssh: connect to host 127.0.0.1 port 1: "* ]]
}
