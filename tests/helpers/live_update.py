#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
#
# live_update.py fd=5 WORD...: stands for a QEMU that executes itself anew (tests/live-update.bats)
#
# Takes the connection on descriptor 5 as QEMU does, asks for an address by ARP until somebody answers, says
# so, and does what the first word says; the words behind it are for the next one. A word is a function
# that executes, or one of those at the end of this file.

import ctypes
import fcntl
import os
import select
import socket
import struct
import sys
import time

FD = 5
ANSWER_S = 20
ARP = b"\x08\x06"
AT_FDCWD = -100

libc = ctypes.CDLL(None, use_errno=True)
word, rest = sys.argv[2], sys.argv[3:]


def arp_request():
    """Of 192.0.2.77 for 192.0.2.99, behind its length."""
    own = b"RT\0\1\2\3"
    frame = b"\xff" * 6 + own + ARP + bytes.fromhex("0001080006040001") + own + \
        socket.inet_aton("192.0.2.77") + bytes(6) + socket.inet_aton("192.0.2.99")
    return struct.pack("!I", len(frame)) + frame


def take():
    """As QEMU's net/socket.c does."""
    taken = socket.socket(fileno=FD)
    fcntl.fcntl(FD, fcntl.F_SETFL, fcntl.fcntl(FD, fcntl.F_GETFL) | os.O_NONBLOCK)
    return taken


def has_answer(data):
    """Is one of the whole frames in this piece of the stream ARP? And what is left of it."""
    found = False
    while len(data) >= 4 and len(data) >= 4 + struct.unpack("!I", data[:4])[0]:
        size = 4 + struct.unpack("!I", data[:4])[0]
        found |= data[16:18] == ARP
        data = data[size:]
    return found, data


def is_answered(taken):
    """Asks each 100 ms."""
    data, deadline = b"", time.monotonic() + ANSWER_S
    while time.monotonic() < deadline:
        taken.send(arp_request())
        while select.select([taken], [], [], 0.1)[0]:
            found, data = has_answer(data + taken.recv(69632))
            if found and not data:
                return True
    return False


def vector(words):
    return (ctypes.c_char_p * (len(words) + 1))(*map(os.fsencode, words), None)


def execute(function, program):
    """The next one of these programs, with nothing but A=b in its environment where that can be given."""
    words = ["/usr/bin/python3", sys.argv[0], f"fd={FD}"] + rest
    separate = [ctypes.c_char_p(os.fsencode(one)) for one in words] + [None]
    path, argv, envp = os.fsencode(program), vector(words), vector(["A=b"])
    arguments = {
        "execve": (path, argv, envp), "execvpe": (path, argv, envp), "execv": (path, argv),
        "execvp": (path, argv), "execl": (path, *separate), "execlp": (path, *separate),
        "execle": (path, *separate, envp), "execveat": (AT_FDCWD, path, argv, envp, 0)}
    if function == "fexecve":
        arguments["fexecve"] = (os.open(path, os.O_RDONLY | os.O_CLOEXEC), argv, envp)
    getattr(libc, function)(*arguments[function])
    return os.strerror(ctypes.get_errno())


def state():
    """What of this process a failed exec must leave as it was."""
    return sorted(os.listdir("/proc/self/fd")), fcntl.fcntl(FD, fcntl.F_GETFD)


connection = take()
print(word, "answered" if is_answered(connection) else "no answer", flush=True)
if word == "end":
    pass
elif word == "child":
    os.system("env | grep -E '^(QRAP_SHIM|LD_PRELOAD)=.'; test -e /proc/self/fd/5 || echo nothing")
elif word == "half":
    connection.send(arp_request()[:20])
    execute("execv", sys.executable)
elif word == "wait":
    # Reads, as QEMU does, so that the link can end.
    while not os.path.exists("/tmp/go-on"):
        if select.select([connection], [], [], 0.05)[0]:
            connection.recv(69632)
    execute("execv", sys.executable)
elif word == "fail":
    before = state()
    print(execute("execve", "/nowhere"), "/", execute("execlp", "nowhere"))
    print("as before" if state() == before else f"before: {before}, after: {state()}",
          "answered" if is_answered(connection) else "no answer", flush=True)
    execute("execv", sys.executable)
else:
    execute(word, sys.executable)
