#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
#
# live_update_vm.py COMMANDS LOG OPTION QEMU_ARGUMENT...: a VM behind qrap that is told to execute itself anew
# (tests/live-update.bats), with a passt of its own, in a root where QEMU can do that
#
# OPTION is one of qrap's: --passt, or one with which it finds a passt that is started here.
# COMMANDS is a FIFO, a word a line: "update" the live update, "restart" a new passt, "end".

import json
import os
import signal
import socket
import subprocess
import sys
import time

SOCKET = "/tmp/passt_1.socket"
STATE = "file:/tmp/state"
PATIENCE_S = 60

commands, log, option, *arguments = sys.argv[1:]
is_private = option == "--passt"
qemu = ["qemu-system-x86_64", *arguments, "-qmp", "unix:/tmp/qmp.socket,server=on,wait=off"]


def until(what, ask):
    """Asks until there is an answer."""
    deadline = time.monotonic() + PATIENCE_S
    while not (answer := ask()):
        if time.monotonic() > deadline:
            sys.exit(f"in vain: {what}")
        time.sleep(0.02)
    return answer


def listens(path):
    """/proc/net/unix: flags __SO_ACCEPTCON"""
    with open("/proc/net/unix", encoding="utf-8") as sockets:
        return any(line.split()[3] == "00010000" and line.endswith(f" {path}\n") for line in sockets)


def start_passt():
    if os.path.exists(SOCKET):
        os.unlink(SOCKET)
    passt = subprocess.Popen(["passt", "--foreground", "--quiet", "--socket", SOCKET])
    until("passt", lambda: listens(SOCKET))
    return passt


def private_passt():
    """The child of our VM's supervisor."""
    supervisor = subprocess.check_output(["pgrep", "-fx", f"qrap: passt of {vm.pid}"], text=True)
    return int(subprocess.check_output(["pgrep", "-P", supervisor.strip()], text=True))


class Monitor:
    """A connection to QMP, whose events are passed over."""

    def __init__(self):
        until("QMP", lambda: listens("/tmp/qmp.socket"))
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect("/tmp/qmp.socket")
        self.lines = self.socket.makefile("rw", encoding="utf-8")
        self.lines.readline()
        self.execute("qmp_capabilities")

    def execute(self, command, **arguments):
        self.lines.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.lines.flush()
        while "event" in (reply := json.loads(self.lines.readline())):
            pass
        if "error" in reply:
            sys.exit(f"{command}: {reply['error']['desc']}")
        return reply["return"]


def is_new():
    with open(f"/proc/{vm.pid}/cmdline", encoding="utf-8") as words:
        return STATE in words.read().split("\0")


def update():
    """docs/devel/migration/CPR.rst: mode cpr-exec"""
    monitor = Monitor()
    monitor.execute("migrate-set-parameters", **{
        "mode": "cpr-exec", "cpr-exec-command": [*qemu, "-incoming", STATE]})
    monitor.execute("migrate", uri=STATE)
    until("the new QEMU", is_new)
    monitor = Monitor()
    until("the guest", lambda: monitor.execute("query-status")["status"] == "running")


passt = None if is_private else start_passt()
vm = subprocess.Popen(["build/qrap", "--log-file", log, option, "5", *qemu], stdin=subprocess.DEVNULL)
with open(commands, encoding="utf-8") as words:
    for word in words:
        if word == "update\n":
            update()
        elif word == "restart\n" and is_private:
            os.kill(private_passt(), signal.SIGKILL)
        elif word == "restart\n":
            passt.kill()
            passt.wait()
            passt = start_passt()
        else:
            break
vm.terminate()
sys.exit(vm.wait())
