# This source file is part of the Loopwatch project
# SPDX-License-Identifier: Apache-2.0
"""Has a host do its steps."""

import os
import subprocess
import sys
import time

import workload


def cpu_nanoseconds(process):
    """CPU time of a process, of all its threads (clock_getcpuclockid(3): the kernel's number for another's clock)."""
    return time.clock_gettime_ns((~process << 3) | 2)


class Load:
    """Processes that do nothing but compute, two for each processor."""

    def __enter__(self):
        self.processes = [
            subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * os.cpu_count())
        ]
        time.sleep(0.3)

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.wait()


def measure(host, steps):
    """Has a host do the steps; returns the CPU time that the idle stretch cost in percent of one core, and when stretches
    were, by name: `healthy`, `loaded`, and `all` that count."""
    idle, spans = None, {}
    blocks = any(step.what == "block" for step in steps)
    for step in filter(host.can, workload.WARM_UP if blocks else []):
        time.sleep(step.pause)
        host.perform(step)
        host.finished.discard(step.identifier)
    time.sleep(workload.SETTLE)
    start = time.monotonic()
    for step in steps:
        if not host.can(step):
            continue
        time.sleep(step.pause)
        began = time.monotonic()
        if step.what == "idle":
            before = cpu_nanoseconds(host.watcher_pid())
            time.sleep(step.seconds)
            idle = (cpu_nanoseconds(host.watcher_pid()) - before) / 1e7 / (time.monotonic() - began)
        elif step.what == "loaded":
            with Load():
                began = time.monotonic()
                host.perform(step)
                spans[step.what] = began, time.monotonic()
            # What is said of its last moments is said.
            time.sleep(0.3)
        else:
            host.perform(step)
            if step.what == "healthy":
                spans[step.what] = began, time.monotonic()
    time.sleep(0.5)
    spans["all"] = start, time.monotonic()
    return idle, spans
