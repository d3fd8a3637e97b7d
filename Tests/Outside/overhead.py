#!/usr/bin/env python3
# This source file is part of the Loopwatch project
# SPDX-License-Identifier: Apache-2.0
"""Measures what it costs a server to be watched from outside: its CPU time for each request, by target and rung.

    overhead.py [--targets uvloop,uvicorn,node,redis,nginx,nio] [--rungs default,breakpoints,...] [--rate N] [--rounds N]
    overhead.py --turns SECONDS [--targets ...] [--rate N]

Each server is under a steady load of a request at a time, and is watched and not watched in turns: what is watched is
compared with the stretches before and after it, and the stretches that are not watched with each other, which is the
noise. Medians of ratios. `default` is what attach chooses by itself, from five seconds (--settle) on; what those cost
before is told apart.
Wants a machine that does nothing else. Takes about a minute and a half for each target, rung and ten rounds.

How much a server does in a second differs from one stretch to the next by far more than what is required. With --turns
the watcher that has chosen its rung is stopped (SIGSTOP) and continued in turns of a quarter of a second, for so long:
the medians of hundreds of such turns, with the bounds within which they lie in 95 of 100 cases (by the binomial
distribution of ranks), show a hundredth. For loops that wait so often that breakpoints are off but for blocks: a
breakpoint that is set works as well while the watcher is stopped, and so a target that waits less often is an error.

Needs what outside.py needs. The rung `tracepoints` needs tracefs, which may be mounted for this alone:

    unshare --mount sh -c 'mount -t tracefs tracefs /sys/kernel/tracing; Tests/Outside/overhead.py --rungs tracepoints'
"""

import argparse
import os
import pathlib
import shutil
import signal
import statistics
import sys
import tempfile
import time

sys.dont_write_bytecode = True
import outside  # noqa: E402
from load import Load  # noqa: E402

RUNGS = ["default", "breakpoints", "armed-breakpoints", "ptrace", "polling"]
# At which rate of requests what is required holds: at most so much more CPU for a request, and of a core for the watcher.
RATE = 1_000
COST_PERCENT_MOST = 1.0
WATCHER_PERCENT_MOST = 1.0


def cpu_nanoseconds(process):
    """CPU time of a process, of all its threads (clock_getcpuclockid(3): the kernel's number for another's clock)."""
    return time.clock_gettime_ns((~process << 3) | 2)


class Stretch:
    """What a stretch of time cost."""

    def __init__(self, load, target, watcher, seconds):
        began = time.monotonic()
        requests, cpu = load.done(), cpu_nanoseconds(target)
        watching = cpu_nanoseconds(watcher) if watcher else 0
        time.sleep(seconds)
        self.requests = load.done() - requests
        self.seconds = time.monotonic() - began
        self.cpu = cpu_nanoseconds(target) - cpu
        if self.requests == 0:
            raise outside.Failure("no request was answered")
        self.per_request = self.cpu / self.requests
        self.watcher_percent = (cpu_nanoseconds(watcher) - watching) / self.seconds / 1e7 if watcher else 0.0

    @property
    def rate(self):
        return self.requests / self.seconds


def worker(target):
    """Which process of a server does the work: nginx's worker."""
    children = pathlib.Path(f"/proc/{target}/task/{target}/children").read_text().split()
    return int(children[0]) if children else target


def measure(name, options):
    """Rows of one target."""
    folder = tempfile.mkdtemp(prefix="loopwatch-overhead-")
    server = outside.SERVERS[name](folder, None)
    load = None
    try:
        server.start()
        load = Load(server.port, server.protocol, options.rate)
        target = worker(server.process.pid)
        time.sleep(1)
        if load.done() == 0:
            raise outside.Failure(f"{name}: the load does not get an answer")
        bare = []
        watched = {rung: [] for rung in options.rungs}
        first = {}
        bare.append(Stretch(load, target, None, options.seconds))
        for _ in range(options.rounds):
            for rung in options.rungs:
                evidence = [] if rung == "default" else ["--evidence", rung]
                watcher = outside.Child([options.binary, "attach", target, "--no-children", "--listen", "off", *evidence])
                try:
                    outside.eventually(
                        "a loop to be found",
                        20,
                        lambda: watcher.alive() and any(": loop " in line for line in watcher.lines),
                    )
                    settle = Stretch(load, target, watcher.pid, options.settle if rung == "default" else 1)
                    stretch = Stretch(load, target, watcher.pid, options.seconds)
                    stretch.is_busy = any("times a second" in line for line in watcher.lines)
                    first.setdefault(rung, []).append(settle)
                finally:
                    watcher.end(signal.SIGINT)
                time.sleep(0.3)
                bare.append(Stretch(load, target, None, options.seconds))
                watched[rung].append((bare[-2], stretch, bare[-1]))
        return rows(name, bare, watched, first)
    finally:
        if load:
            load.end()
        server.end()
        shutil.rmtree(folder, ignore_errors=True)


# Length of a turn with and without the watcher, in seconds.
TURN_SECONDS = 0.25


class Turns:
    """What a request costs while the watcher goes on, against what it costs while it is stopped, in turns."""

    headings = ["target", "requests/s", "us a request", "change %", "bounds", "noise %", "bounds", "turns", "watcher CPU %"]

    def __init__(self, target, load, process, watcher, seconds):
        self.target = target
        self.watched, self.bare = [], []
        self.changes, self.noise = [], []
        try:
            for _ in range(max(2, round(seconds / TURN_SECONDS / 4))):
                # Not watched on both sides of what is, so that what drifts does so for both.
                turns = [self.turn(load, process, watcher, is_on) for is_on in (False, True, True, False)]
                self.changes.append(self.change(turns[1:3], turns[::3]))
                if len(self.bare) > 2:
                    self.noise.append(self.change(self.bare[-3:-2], self.bare[-2:-1]))
        finally:
            os.kill(watcher, signal.SIGCONT)

    def turn(self, load, process, watcher, is_on):
        os.kill(watcher, signal.SIGCONT if is_on else signal.SIGSTOP)
        # What was missed is caught up with first.
        time.sleep(0.02)
        stretch = Stretch(load, process, watcher, TURN_SECONDS)
        (self.watched if is_on else self.bare).append(stretch)
        return stretch

    @staticmethod
    def change(some, others):
        def each(stretches):
            return sum(stretch.cpu for stretch in stretches) / sum(stretch.requests for stretch in stretches)

        return (each(some) / each(others) - 1) * 100

    @staticmethod
    def bounded(values):
        """The median, and between which ranks it lies in 95 of 100 cases (binomial distribution, its normal limit)."""
        ordered = sorted(values)
        half = 0.98 * len(ordered) ** 0.5
        low, high = int(len(ordered) / 2 - half), int(len(ordered) / 2 + half)
        low, high = ordered[max(0, low)], ordered[min(len(ordered) - 1, high)]
        return statistics.median(ordered), f"{low:+.2f}..{high:+.2f}"

    @property
    def change_percent(self):
        return self.bounded(self.changes)[0]

    @property
    def watcher_percent(self):
        return statistics.mean(stretch.watcher_percent for stretch in self.watched)

    @property
    def cells(self):
        (change, bounds), (noise, noise_bounds) = self.bounded(self.changes), self.bounded(self.noise)
        return [
            self.target, f"{statistics.median(stretch.rate for stretch in self.watched):.0f}",
            f"{statistics.median(stretch.per_request for stretch in self.bare) / 1e3:.1f}", f"{change:+.2f}", bounds,
            f"{noise:+.2f}", noise_bounds, f"{len(self.watched) + len(self.bare)}", f"{self.watcher_percent:.2f}",
        ]


def take_turns(name, options):
    """What the default rung costs one target, once it is chosen."""
    folder = tempfile.mkdtemp(prefix="loopwatch-overhead-")
    server = outside.SERVERS[name](folder, None)
    load = watcher = None
    try:
        server.start()
        load = Load(server.port, server.protocol, options.rate)
        target = worker(server.process.pid)
        time.sleep(1)
        watcher = outside.Child([options.binary, "attach", target, "--no-children", "--listen", "off"])
        outside.eventually(
            f"{name}'s breakpoints to be off, as for a loop that waits often",
            20,
            lambda: watcher.alive() and any("times a second" in line for line in watcher.lines),
        )
        return Turns(name, load, target, watcher.pid, options.turns)
    finally:
        if watcher:
            watcher.end(signal.SIGINT)
        if load:
            load.end()
        server.end()
        shutil.rmtree(folder, ignore_errors=True)


def percent(values):
    ordered = sorted(values) or [0.0]
    return f"{statistics.median(ordered):+.2f}", f"{ordered[0]:+.1f}..{ordered[-1]:+.1f}"


def rows(name, bare, watched, first):
    base = statistics.median(stretch.per_request for stretch in bare)
    noise = [
        (middle.per_request / ((before.per_request + after.per_request) / 2) - 1) * 100
        for before, middle, after in zip(bare, bare[1:], bare[2:])
    ]
    median, span = percent(noise)
    result = [Row(name, "not watched", "-", bare[0].rate, base, median, span, 0.0, 0.0, "-")]
    for rung, stretches in watched.items():
        changes, shares, watching = [], [], []
        for before, middle, after in stretches:
            plain = (before.per_request + after.per_request) / 2
            changes.append((middle.per_request / plain - 1) * 100)
            shares.append((middle.per_request - plain) * middle.rate / 1e7)
            watching.append(middle.watcher_percent)
        median, span = percent(changes)
        means = "armed" if any(middle.is_busy for _, middle, _ in stretches) else "as asked for"
        begin = statistics.median(
            (settle.per_request / before.per_request - 1) * 100
            for settle, (before, _, _) in zip(first[rung], stretches)
        )
        result.append(
            Row(
                name, rung, means, statistics.median(middle.rate for _, middle, _ in stretches),
                statistics.median(middle.per_request for _, middle, _ in stretches), median, span,
                statistics.median(shares), statistics.median(watching), f"{begin:+.1f}",
            )
        )
    return result


class Row:
    """A line of the table."""

    headings = [
        "target", "rung", "in the end", "requests/s", "us a request", "change %", "span", "% of a core", "watcher CPU %",
        "first seconds %",
    ]

    def __init__(self, target, rung, means, rate, per_request, change, span, share, watcher, begin):
        self.target, self.rung, self.change, self.watcher = target, rung, float(change), watcher
        self.cells = [
            target, rung, means, f"{rate:.0f}", f"{per_request / 1e3:.1f}", change, span, f"{share:+.2f}",
            f"{watcher:.2f}", begin,
        ]


def compare_turns(options):
    found, problems = [], []
    for name in options.targets.split(","):
        turns = take_turns(name, options)
        outside.say(outside.table([Turns.headings, turns.cells]))
        found.append(turns)
    outside.say("\n" + outside.table([Turns.headings] + [turns.cells for turns in found]))
    if options.rate != RATE:
        return 0
    for turns in found:
        if turns.change_percent > COST_PERCENT_MOST:
            problems.append(f"{turns.target}: a request costs {turns.change_percent:+.2f} % more CPU time")
        if turns.watcher_percent > WATCHER_PERCENT_MOST:
            problems.append(f"{turns.target}: the watcher takes {turns.watcher_percent:.2f} % of a core")
    for problem in problems:
        outside.say("PROBLEM: " + problem)
    return 1 if problems else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=str(outside.ROOT / ".build/release/loopwatch"))
    parser.add_argument("--targets", default="uvloop,uvicorn,node,redis,nginx,nio")
    parser.add_argument("--rungs", default=",".join(RUNGS), help="tracepoints as well, where tracefs is mounted")
    parser.add_argument("--rate", type=int, default=RATE, help="requests in a second")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=3, help="length of a stretch")
    parser.add_argument(
        "--settle", type=float, default=5, metavar="SECONDS", help="after which the default is taken to have chosen its rung"
    )
    parser.add_argument("--turns", type=float, metavar="SECONDS", help="stop and continue the watcher in turns")
    options = parser.parse_args()
    if options.turns:
        return compare_turns(options)
    options.rungs = options.rungs.split(",")
    table, problems = [], []
    for name in options.targets.split(","):
        outside.say(f"-- {name}")
        found = measure(name, options)
        outside.say(outside.table([Row.headings] + [row.cells for row in found]))
        table += found
    outside.say("\n" + outside.table([Row.headings] + [row.cells for row in table]))
    for row in table:
        if row.rung == "default" and options.rate == RATE and row.change > COST_PERCENT_MOST:
            problems.append(f"{row.target}: a request costs {row.change:+.2f} % more CPU time")
        if row.rung == "default" and row.watcher > WATCHER_PERCENT_MOST:
            problems.append(f"{row.target}: the watcher takes {row.watcher:.2f} % of a core")
    for problem in problems:
        outside.say("PROBLEM: " + problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
