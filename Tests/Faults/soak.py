#!/usr/bin/env python3
# This source file is part of the Loopwatch project
# SPDX-License-Identifier: Apache-2.0
"""Stalls without end: nothing grows, and every single one is accounted for.

    soak.py [--minutes MINUTES] [--host HOST] PROGRAM

PROGRAM is `loopwatch`, HOST the server of Tests/FaultHost, which stands beside it if it is not named; both built for
release. Two of these servers make 200 stalls a second: one, with 48 loops and a metered pool, has every report written; the
other's are suppressed for the most part. Meanwhile, of each: three scrapers; readers of the page, the stacks and the
profile; two clients that follow the warnings, and one that follows and does not read. Their logs are rotated every few
seconds. `loopwatch run` watches the second one from outside, and has its configuration changed and read again (SIGHUP).

At the end these have to hold, else it ends with 1:

    blocks     each server counts its own blocks; for each loop exactly as many were found. Where the whole process stood
               still (which is counted), a block may have been no block but for that; near the threshold either is right.
    reports    made = written + suppressed, and written = lines of the log and its rotated files + dropped; of each loop the
               log has as many lines that tell of an end as it had blocks; no line is torn.
    followers  have every report in order, without a gap; that of the one that does not read is cut off or kept waiting.
    resources  descriptors and Loopwatch's own threads are as many in the last quarter of the time as in the second, and
               resident memory has not grown by more than 4 MiB from the one to the other (16 MiB where that is less than
               two minutes: caches of names, 512 stacks and 1,024 reports are still being filled). In 20 minutes a leak of
               35 bytes a stall would be found.
"""

import argparse
import collections
import contextlib
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import statistics
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
from hosting import (  # noqa: E402
    Child, Failure, Host, Resources, check_found, eventually, expect, log_lines, say, settled_reports, warnings_of,
)

# Loops, stalls in a second, and variables of each server.
SERVERS = {
    "written": {"loops": 48, "rate": 160, "variables": {}},
    "suppressed": {"loops": 12, "rate": 40, "variables": {"report_burst": 10}},
}
OPEN_METRICS = "application/openmetrics-text;version=1.0.0"


class Background:
    """Something that is done again and again, on a thread of its own, until it is ended."""

    def __init__(self, name, pause, body):
        self.name, self.pause, self.body = name, pause, body
        self.count, self.problem = 0, None
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        try:
            while not self.ending.is_set():
                self.body()
                self.count += 1
                self.ending.wait(self.pause)
        except Exception as error:  # noqa: BLE001
            self.problem = f"{self.name}: {type(error).__name__}: {error}"

    def end(self):
        self.ending.set()
        self.thread.join(30)
        expect(self.problem is None, self.problem)
        expect(not self.thread.is_alive(), f"{self.name} hangs")
        expect(self.count > 0, f"{self.name}: nothing was done")


class Follower:
    """A client that follows the warnings, and notes their numbers."""

    def __init__(self, port):
        self.sequences, self.gaps, self.problem = [], 0, None
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.connection.request("GET", "/warnings?follow=1&format=ndjson&limit=1")
        self.answer = self.connection.getresponse()
        expect(self.answer.status == 200, f"/warnings?follow=1: {self.answer.status}")
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        try:
            for line in self.answer:
                told = json.loads(line)
                if "id" in told and "state" in told:
                    self.sequences.append(int(told["id"].rpartition("-")[2]))
                elif "gap" in line.decode():
                    self.gaps += 1
        except Exception as error:  # noqa: BLE001
            self.problem = f"{type(error).__name__}: {error}"

    def check(self, newest):
        deadline = time.monotonic() + 30
        while not (self.sequences and self.sequences[-1] >= newest) and time.monotonic() < deadline:
            time.sleep(0.1)
        expect(self.problem is None, f"a follower: {self.problem}")
        expect(self.gaps == 0, f"a follower that reads was told of {self.gaps} gaps")
        expect(self.sequences and self.sequences[-1] >= newest, f"a follower has not got report {newest}")
        first = self.sequences[0]
        expect(
            self.sequences == list(range(first, first + len(self.sequences))), "a follower's reports are not in order"
        )
        return len(self.sequences)


def read_all(host, path, headers=None):
    status, text = host.get(path, timeout=60, headers=headers)
    # The profile is empty before the first stall.
    expect(status == 200 and (text or path == "/profile"), f"{path}: {status}, {len(text)} bytes")
    return text


class Server:
    """One server, all who ask it, and what is measured of it."""

    def __init__(self, program, folder, name, seconds, loops, rate, variables):
        self.name, self.rate, self.seconds, self.folder = name, rate, seconds, folder
        self.log = folder / f"{name}.log"
        self.rotations = 0
        self.samples = []
        self.host = Host(program, loops, log=self.log, process_name=name, **variables)

    def begin(self):
        host = self.host
        self.followers = [Follower(host.port) for _ in range(2)]
        # It asks, takes a little, and never reads again.
        self.deaf = socket.create_connection(("127.0.0.1", host.port))
        self.deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        self.deaf.sendall(b"GET /warnings?follow=1&format=ndjson HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.deaf.recv(100)
        self.began = time.monotonic()
        self.helpers = [
            *(
                Background(f"scraper {number} of {self.name}", 0.5 + number / 10, lambda a=accept: read_all(host, "/metrics", a))
                for number, accept in enumerate(({}, {"Accept": OPEN_METRICS}, {"Accept": "*/*"}))
            ),
            Background(f"page of {self.name}", 1.0, lambda: read_all(host, "/", {"Accept": "text/html"})),
            Background(f"status of {self.name}", 1.1, lambda: read_all(host, "/status")),
            Background(f"stacks of {self.name}", 1.3, lambda: read_all(host, "/stalls?format=json")),
            Background(f"profile of {self.name}", 1.7, lambda: read_all(host, "/profile")),
            Background(f"rotation of {self.name}", 2.0, self.rotate),
            Background(f"measuring {self.name}", min(1.0, self.seconds / 40), self.measure),
        ]
        host.tell(f"blocks {self.seconds} {self.rate}")

    def rotate(self):
        if self.log.exists():
            self.rotations += 1
            self.log.rename(self.folder / f"{self.name}.log.{self.rotations}")

    def measure(self):
        self.samples.append((time.monotonic() - self.began, self.host.resources()))

    def finish(self):
        """Checks all that has to hold; returns what to say."""
        self.host.finish(self.seconds + 120)
        for helper in self.helpers:
            helper.end()
        metrics = self.host.settled()
        interruptions = metrics.interruptions()
        made = self.host.made()
        blocks, found = check_found(made, metrics, interruptions)
        wanted = self.rate * self.seconds
        # What is blocked already is passed over.
        expect(blocks > wanted * 0.7, f"{self.name}: only {blocks} blocks were made of {wanted:.0f}")
        logs = [self.log, *(self.folder / f"{self.name}.log.{n}" for n in range(1, self.rotations + 1))]
        (raised, suppressed, dropped), lines = settled_reports(self.host, logs)
        newest = self.host.newest()
        if suppressed == 0 and dropped == 0:
            self.check_ends(warnings_of(lines), metrics)
        followed = [follower.check(newest) for follower in self.followers]
        slow = metrics.dropped("slow_client")
        self.deaf.close()
        memory, resources = self.check_resources()
        return [
            f"{self.name}: {blocks} blocks in {self.seconds:.0f} s ({blocks / self.seconds:.0f} a second), found {found}; "
            f"{interruptions} interruptions",
            f"    {raised} reports = {newest} written + {suppressed} suppressed (with interruptions); the log has "
            f"{len(warnings_of(lines))} in {self.rotations + 1} files + {dropped} dropped",
            f"    followers got {followed[0]} and {followed[1]} without a gap; the one that does not read was cut off "
            f"{slow} times; {sum(h.count for h in self.helpers if 'rotation' not in h.name and 'measuring' not in h.name)} "
            "answers were read",
            f"    {memory}; {resources}",
        ]

    def check_ends(self, lines, metrics):
        """Of each loop the log has an end for each block."""
        ends = collections.Counter()
        for line in lines:
            if "state=ended" in line and re.search(r" (loop|pool) blocked for | held for | thread held ", line):
                ends[re.search(r"target=(\S+)", line).group(1)] += 1
        found = metrics.found()
        for name, count in found.items():
            if name.startswith("loop-"):
                expect(ends[name] == count, f"{name}: {count} blocks were found, and the log tells of {ends[name]} ends")

    def check_resources(self):
        quarter = self.seconds / 4
        early = [sample for at, sample in self.samples if quarter <= at < 2 * quarter]
        late = [sample for at, sample in self.samples if at >= 3 * quarter]
        expect(len(early) > 2 and len(late) > 2, f"{self.name}: too few measurements")
        growth = statistics.median(s.resident for s in late) - statistics.median(s.resident for s in early)
        allowed = (16 if self.seconds < 120 else 4) * 1024 * 1024
        expect(growth <= allowed, f"{self.name}: resident memory has grown by {growth / 1024:.0f} KiB")
        # At any moment some clients are connected: their least and most are compared.
        before, after = [[s.descriptors for s in part] for part in (early, late)]
        expect(
            min(after) <= max(before) and max(after) <= max(before) + 8,
            f"{self.name}: descriptors {min(before)} to {max(before)}, later {min(after)} to {max(after)}",
        )
        expect(early[0].own == late[-1].own, f"{self.name}: its threads were {early[0].own}, and are {late[-1].own}")
        # Dispatch starts and ends its workers as it sees fit.
        threads = max(s.threads for s in early), max(s.threads for s in late)
        expect(threads[1] <= threads[0] + 8, f"{self.name}: threads {threads[0]}, later {threads[1]}")
        return (
            f"resident {statistics.median(s.resident for s in late) / 1048576:.1f} MiB, {growth / 1024:+.0f} KiB",
            f"descriptors {min(before)} to {max(before)}, later {min(after)} to {max(after)}; threads {threads[0]}, later "
            f"{threads[1]}, of them {len(late[-1].own)} of Loopwatch",
        )


class Watcher:
    """`loopwatch run`, which watches a server from outside and is told again and again to read its configuration."""

    def __init__(self, program, folder, server, seconds):
        self.folder, self.server, self.seconds = folder, server, seconds
        self.file = folder / "loopwatch.json5"
        self.log = folder / "outside.log"
        self.reloads, self.samples = 0, []
        self.write()
        self.child = Child([program, "run", "--config", self.file])
        try:
            eventually("the watch to begin", lambda: self.child.alive() or self.log.exists() and self.log.stat().st_size > 0)
        except Failure:
            self.child.end()
            raise
        self.began = time.monotonic()
        self.helper = Background("reloads", 1.5, self.reload)

    def write(self):
        threshold = ("30ms", "40ms")[self.reloads % 2]
        self.file.write_text(
            f'{{ listen: "127.0.0.1:0", log: "{self.log}", threshold: "{threshold}", report_burst: 1000000,\n'
            f"  processes: [{{ pid: {self.server.host.pid}, name: \"outside\" }}] }}\n"
        )

    def reload(self):
        self.reloads += 1
        self.write()
        os.kill(self.child.pid, signal.SIGHUP)
        self.samples.append((time.monotonic() - self.began, Resources(self.child.pid)))

    def finish(self):
        self.helper.end()
        self.child.alive()
        quarter = (time.monotonic() - self.began) / 4
        early = [s for at, s in self.samples if quarter <= at < 2 * quarter]
        late = [s for at, s in self.samples if at >= 3 * quarter]
        growth = statistics.median(s.resident for s in late) - statistics.median(s.resident for s in early)
        allowed = (16 if self.seconds < 120 else 4) * 1024 * 1024
        expect(growth <= allowed, f"run: resident memory has grown by {growth / 1024:.0f} KiB")
        expect(
            max(s.descriptors for s in late) <= max(s.descriptors for s in early) + 2,
            f"run: descriptors {[s.descriptors for s in early]}, later {[s.descriptors for s in late]}",
        )
        expect(
            max(s.threads for s in late) <= max(s.threads for s in early) + 1,
            f"run: threads {[s.threads for s in early]}, later {[s.threads for s in late]}",
        )
        os.kill(self.child.pid, signal.SIGTERM)
        code = self.child.wait()
        expect(code == 0, f"run ended with {code}:\n{self.child.output()}")
        lines = log_lines([self.log])
        warnings_of(lines)
        return [
            f"run: {self.reloads} reloads, {len(lines)} lines in its log; resident "
            f"{statistics.median(s.resident for s in late) / 1048576:.1f} MiB, {growth / 1024:+.0f} KiB; descriptors at most "
            f"{max(s.descriptors for s in early)}, later {max(s.descriptors for s in late)}; threads "
            f"{max(s.threads for s in early)}, later {max(s.threads for s in late)}"
        ]


def soak(program, host, seconds):
    with tempfile.TemporaryDirectory(prefix="loopwatch-soak-") as name, contextlib.ExitStack() as stack:
        folder = pathlib.Path(name)
        servers = []
        for title, settings in SERVERS.items():
            servers.append(Server(host, folder, title, seconds, **settings))
            stack.callback(servers[-1].host.end)
        watcher = Watcher(program, folder, servers[1], seconds)
        stack.callback(watcher.child.end)
        for server in servers:
            server.begin()
        lines = [line for server in servers for line in server.finish()] + watcher.finish()
        for line in lines:
            say(line)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--host", type=pathlib.Path, help="the server of Tests/FaultHost; default: fault-host beside PROGRAM")
    parser.add_argument("program", type=pathlib.Path)
    options = parser.parse_args()
    host = options.host or options.program.parent / "fault-host"
    for file in (options.program, host):
        if not file.exists():
            parser.error(f"{file} is not there: swift build -c release --product {file.name}")
    try:
        soak(options.program.resolve(), host.resolve(), options.minutes * 60)
    except Failure as failure:
        say(f"FAILED: {failure}")
        return 1
    say("nothing grew, and every stall is accounted for")
    return 0


if __name__ == "__main__":
    sys.exit(main())
