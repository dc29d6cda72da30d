#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""terminal.py WHAT COMMAND...: run a command on a terminal, as a shell with job control does

WHAT is one of
  TEXT=KEYS   when the text has come, these are typed: ^C, ^Z, or others
  -           nothing is typed

Prints what came on the terminal, then "stopped" each time that it was stopped (it goes on at once), and
at the end "status N" or "signal N", and what has changed of the terminal: "settings", "non-blocking".
"""

import fcntl
import os
import pty
import select
import signal
import sys
import termios
import time


def shell(command, report):
    """The session's leader: puts the command in the foreground, and waits for it."""
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    before = termios.tcgetattr(0)
    flags = fcntl.fcntl(0, fcntl.F_GETFL)
    pid = os.fork()
    if not pid:
        os.setpgid(0, 0)
        os.tcsetpgrp(0, os.getpid())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        os.execvp(command[0], command)
    while True:
        _, outcome = os.waitpid(pid, os.WUNTRACED)
        if not os.WIFSTOPPED(outcome):
            break
        os.write(report, b"stopped\n")
        os.tcsetpgrp(0, os.getpid())
        time.sleep(0.2)
        os.tcsetpgrp(0, pid)
        os.killpg(pid, signal.SIGCONT)
    os.tcsetpgrp(0, os.getpid())
    if os.WIFSIGNALED(outcome):
        os.write(report, b"signal %d\n" % os.WTERMSIG(outcome))
    else:
        os.write(report, b"status %d\n" % os.WEXITSTATUS(outcome))
    if termios.tcgetattr(0) != before:
        os.write(report, b"settings\n")
    if fcntl.fcntl(0, fcntl.F_GETFL) != flags:
        os.write(report, b"non-blocking\n")
    os._exit(0)


what, command = sys.argv[1], sys.argv[2:]
text, _, keys = what.partition("=")
keys = keys.replace("^C", "\x03").replace("^Z", "\x1a")
read_end, write_end = os.pipe()
pid, terminal = pty.fork()
if not pid:
    shell(command, write_end)
os.close(write_end)

seen = b""
while True:
    ready, _, _ = select.select([terminal, read_end], [], [])
    if terminal in ready:
        try:
            data = os.read(terminal, 65536)
        except OSError:  # nobody has the terminal any more
            break
        seen += data
        if keys and text.encode() in seen:
            os.write(terminal, keys.encode())
            keys = ""
    elif read_end in ready:
        data = os.read(read_end, 65536)
        if not data:
            break
        seen += data
os.waitpid(pid, 0)
while True:
    data = os.read(read_end, 65536)
    if not data:
        break
    seen += data
sys.stdout.write(seen.decode(errors="replace").replace("\r", ""))
