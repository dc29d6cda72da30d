#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""late.py COUNT QRAP_COMMAND...: jobs whose guest says QRAP-GUEST serves when its service is there

The command of each job connects once, and its status is 0 if that worked. Prints how late qrap was:
milliseconds from the guest's line to `Ready after`. Status 1 if a job failed.
"""

import os
import selectors
import statistics
import subprocess
import sys
import time


def run(command):
    """How many milliseconds late it was, and its status."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    seen = {process.stdout: b"", process.stderr: b""}
    marks = {process.stdout: b"QRAP-GUEST serves", process.stderr: b"Ready after"}
    times = {}
    with selectors.DefaultSelector() as selector:
        for stream in seen:
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map():
            for key, _ in selector.select():
                stream = key.fileobj
                data = os.read(stream.fileno(), 65536)
                seen[stream] += data
                if marks[stream] in seen[stream]:
                    times.setdefault(stream, time.monotonic())
                if not data:
                    selector.unregister(stream)
    status = process.wait()
    if status or len(times) < 2:
        sys.stdout.buffer.write(seen[process.stdout] + seen[process.stderr])
        return 0, status or 1
    return (times[process.stderr] - times[process.stdout]) * 1000, 0


late = []
for i in range(int(sys.argv[1])):
    ms, status = run([word.replace("@LATE@", f"{(i * 0.37) % 5:.2f}") for word in sys.argv[2:]])
    if status:
        print(f"job {i}: status {status}")
        sys.exit(1)
    late.append(ms)
print(f"{len(late)} jobs, ready {statistics.median(late):.0f} ms after the service at the median, "
      f"{max(late):.0f} at most")
