#!/usr/bin/env python3
# This source file is part of the Loopwatch project
# SPDX-License-Identifier: Apache-2.0
"""What goes wrong on hosts, done to a server in which Loopwatch is embedded: nothing lost, nothing wrong, nothing hung.

    faults.py [--short] [--only NAME,...] [--jobs COUNT] [--host HOST] PROGRAM

PROGRAM is `loopwatch`, HOST the server of Tests/FaultHost, which stands beside it if it is not named; both built for
release. Each fault is done to a server of its own, which makes blocks and counts them before, while and after; then every
block has to have been found, every report written or counted as lost, and the server has to go on and end as it should.
A table says of each fault what was done and what the program did; it ends with 1 where something is not as it should be.

--short is for where time is short: shorter stops, fewer connections. --jobs does so many at the same time.
Runs as root; what it mounts and limits belongs to its own processes.
"""

import argparse
import concurrent.futures
import contextlib
import http.client
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
import connections  # noqa: E402
from hosting import (  # noqa: E402
    Child, Failure, Host, check_found, eventually, expect, log_lines, say, settled_reports, warnings_of,
)

FAULTS = []


class Skipped(Exception):
    """A fault that cannot be done here; the message says why."""


def fault(name, what):
    """Marks a function that does a fault, and returns what the program did."""

    def mark(function):
        FAULTS.append((name, what, function))
        return function

    return mark


class Case:
    """Where a fault is done: its options, and servers that end with it."""

    def __init__(self, options, folder, stack):
        self.options, self.folder, self.stack = options, folder, stack
        self.log = folder / "log" / "warnings.log"
        self.log.parent.mkdir()

    def host(self, loops=8, **options):
        host = Host(self.options.host, loops, **{"log": self.log, **options})
        self.stack.callback(host.end)
        return host

    def run(self, *command):
        result = subprocess.run([str(word) for word in command], capture_output=True, text=True)
        if result.returncode != 0:
            raise Skipped(f"{command[0]}: {result.stderr.strip()}")

    def mount(self, place, *options):
        """A file system in memory, which goes with the case."""
        self.run("mount", "-t", "tmpfs", "-o", ",".join(options), "loopwatch-faults", place)
        self.stack.callback(lambda: subprocess.run(["umount", "-l", str(place)], capture_output=True))


def check(host, logs, pieces=0):
    """All blocks found, all reports accounted for; returns it in words."""
    metrics = host.settled()
    made, found = check_found(host.made(), metrics, metrics.interruptions())
    (_, suppressed, dropped), _ = settled_reports(host, logs, pieces)
    text = f"{found} of {made} blocks found"
    if suppressed or dropped:
        text += f", {dropped} lines counted as dropped"
    return text


# MARK: What the machine has no more of


@fault("descriptors", "no descriptor is to be had for a while")
def descriptors(case):
    host = case.host()
    host.do("blocks 1 20")
    # One that is connected already is served all the while.
    scraper = connections.Scraper(host.port)
    scraper.get("/metrics")
    # Every descriptor has a lower number than the limit then; none is free.
    used = {int(number) for number in os.listdir(f"/proc/{host.pid}/fd")}
    limits = resource.prlimit(host.pid, resource.RLIMIT_NOFILE)
    lowest = next(number for number in range(4096) if number not in used)
    resource.prlimit(host.pid, resource.RLIMIT_NOFILE, (lowest, limits[1]))
    case.log.rename(case.log.with_suffix(".1"))
    host.do("blocks 2 20")
    scraper.get("/metrics")
    refused = connections.Scraper(host.port, timeout=3).status("/livez")
    resource.prlimit(host.pid, resource.RLIMIT_NOFILE, limits)
    host.do("blocks 1 20")
    text = check(host, [case.log, case.log.with_suffix(".1")])
    lines = log_lines([case.log])
    expect(warnings_of(lines), "nothing was written once there were descriptors again")
    return f"{text}; a new client got {refused or 'no answer'}, and one that was connected its scrape"


@fault("memory", "address space for nothing more than 8 MiB (RLIMIT_AS)")
def memory(case):
    host = case.host()
    host.do("blocks 1 40")
    for _ in range(20):
        host.metrics()
    virtual = host.resources().virtual
    resource.prlimit(host.pid, resource.RLIMIT_AS, (virtual + (8 << 20), resource.RLIM_INFINITY))
    host.do("blocks 3 40")
    for _ in range(20):
        host.metrics()
        expect(host.get("/")[0] == 200, "the page is not served")
    grown = host.resources().virtual - virtual
    return f"{check(host, [case.log])}; address space grew by {grown >> 10} KiB"


@fault("disk-full", "the log's disk is full for a while")
def disk_full(case):
    case.mount(case.log.parent, "size=64k")
    host = case.host()
    # What fills it leaves room for some lines and a piece of one.
    filler = case.log.parent / "filler"
    host.do("blocks 1 20")
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    host.do("blocks 4 40")
    metrics = host.metrics()
    lost = metrics.dropped("log_write")
    expect(lost > 0, "no line was lost, so the disk was not full")
    expect(metrics.sum("loopwatch_component_up", 'component="log"') == 0, "the log is said to be well")
    filler.unlink()
    # Room for what comes.
    subprocess.run(["mount", "-o", "remount,size=16m", str(case.log.parent)], check=True)
    host.do("blocks 1 20")
    expect(host.metrics().sum("loopwatch_component_up", 'component="log"') == 1, "the log is not said to be well again")
    return check(host, [case.log], pieces=10)


@fault("file-limit", "the log may not grow (RLIMIT_FSIZE), in the middle of a line")
def file_limit(case):
    host = case.host()
    host.do("blocks 1 20")
    limit = case.log.stat().st_size + 100
    resource.prlimit(host.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    host.do("blocks 1 20")
    lost = host.metrics().dropped("log_write")
    expect(lost > 0, "no line was lost, so the file had no limit")
    resource.prlimit(host.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    host.do("blocks 1 20")
    return check(host, [case.log], pieces=10)


@fault("log-removed", "the log is removed, then its folder, which comes back")
def log_removed(case):
    host = case.host()
    host.do("blocks 0.5 20")
    before = host.newest()
    # By this name what is written to the file until the removal is noticed can be read.
    removed = case.folder / "removed.log"
    os.link(case.log, removed)
    case.log.unlink()
    host.do("blocks 0.5 20")
    moved = case.log.parent.with_name("moved")
    host.settled()
    case.log.parent.rename(moved)
    host.do("blocks 1 20")
    host.settled()
    lost = host.metrics().dropped("log_write")
    expect(lost > 0, "no line was lost, so the log had a place")
    moved.rename(case.log.parent)
    host.do("blocks 0.5 20")
    metrics = host.settled()
    lines = log_lines([case.log])
    first = len(warnings_of(log_lines([removed])))
    newest = host.newest()
    expect(
        len(warnings_of(lines)) + metrics.dropped("log_write") + first >= newest,
        f"{newest} reports, {len(warnings_of(lines))} in the new file, {first} in the removed, {lost} dropped",
    )
    made, found = check_found(host.made(), metrics, metrics.interruptions())
    return f"{found} of {made} blocks found, {lost} lines counted as dropped, {len(lines)} in the new files ({before} before)"


@fault("read-only", "the log's file system becomes read-only for a while")
def read_only(case):
    case.mount(case.log.parent, "size=16m")
    host = case.host()
    host.do("blocks 0.5 20")
    host.settled()
    # One that is open for writing cannot be remounted, as on a disk with errors; so it is found read-only after a rotation.
    case.log.rename(case.log.with_suffix(".1"))
    blocked = subprocess.run(["mount", "-o", "remount,ro", str(case.log.parent)], capture_output=True, text=True)
    if blocked.returncode != 0:
        # Over it, another that is.
        case.mount(case.log.parent, "size=64k,ro")
    host.do("blocks 1 20")
    host.settled()
    lost = host.metrics().dropped("log_write")
    expect(lost > 0, "no line was lost, so it could be written to")
    if blocked.returncode == 0:
        subprocess.run(["mount", "-o", "remount,rw", str(case.log.parent)], check=True)
    else:
        subprocess.run(["umount", str(case.log.parent)], check=True)
    host.do("blocks 0.5 20")
    return check(host, [case.log, case.log.with_suffix(".1")])


# MARK: Time


@fault("clock", "the server's wall clock is set an hour ahead, and two back, in the middle of blocks")
def clock(case):
    compiler = shutil.which("clang") or shutil.which("cc")
    if not compiler:
        raise Skipped("there is no C compiler: neither clang nor cc")
    library, ahead = case.folder / "wall_clock.so", case.folder / "ahead"
    source = pathlib.Path(__file__).with_name("wall_clock.c")
    case.run(compiler, "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", library, source)

    def set_ahead(seconds):
        with ahead.open("r+b") as file:
            file.write(seconds.to_bytes(8, "little", signed=True))

    ahead.write_bytes(bytes(8))
    host = case.host(before=["env", f"LD_PRELOAD={library}", f"WALL_CLOCK={ahead}"])
    host.do("blocks 1 20")
    host.tell("blocks 4 20")
    for seconds in (3600, -3600):
        time.sleep(1)
        set_ahead(seconds)
        time.sleep(0.2)
        status, body = host.get("/warnings?since=10m&format=ndjson")
        expect(status == 200, f"/warnings?since=10m answers {status}")
        expect(host.get("/")[0] == 200, "the page is not served")
    host.finish()
    set_ahead(0)
    text = check(host, [case.log])
    metrics = host.metrics()
    longest = max(metrics.samples["loopwatch_loop_block_longest_seconds"].values())
    expect(longest < 60, f"a block of {longest} s is told")
    blocked = metrics.sum("loopwatch_loop_blocked_seconds_total")
    expect(blocked < 60 * 8, f"{blocked:.0f} s of blocks are counted")
    hours = {line[:13] for line in warnings_of(log_lines([case.log]))}
    expect(len(hours) >= 3, f"the log's times are those of the hours {sorted(hours)}: the clock was not set")
    return f"{text}; the longest is told with {longest * 1000:.0f} ms; the log has times of {len(hours)} hours"


@fault("stopped", "the process is stopped for 1 ms to 5 s (60 s without --short), idle and within a block")
def stopped(case):
    host = case.host(loops=4)
    host.do("blocks 0.5 10")
    before = host.settled()
    lengths = [0.001, 0.005, 0.02, 0.1, 0.5, 2] + ([] if case.options.short else [5, 60])
    for length in lengths:
        os.kill(host.pid, signal.SIGSTOP)
        time.sleep(length)
        os.kill(host.pid, signal.SIGCONT)
        time.sleep(0.4)
    after = host.settled()
    made, found = check_found(host.made(), after, after.interruptions())
    new = sum(after.found().values()) - sum(before.found().values())
    expect(new == 0, f"{new} blocks were told of loops that were idle while the process was stopped")
    seconds = after.sum("loopwatch_interrupted_seconds_total") - before.sum("loopwatch_interrupted_seconds_total")
    long = sum(length for length in lengths if length >= 0.1)
    expect(long * 0.9 < seconds < sum(lengths) * 1.2 + 1, f"{sum(lengths):.1f} s of stops are told as {seconds:.2f} s")
    # A block that the stop falls into lasts as long as it would have.
    start = len(host.lines)
    host.do("block 0 1.0 cpu")
    time.sleep(0.2)
    os.kill(host.pid, signal.SIGSTOP)
    time.sleep(2)
    os.kill(host.pid, signal.SIGCONT)
    host.do("await")
    end = host.settled()
    expect(len(host.lines) >= start, "")
    blocked = end.sum("loopwatch_loop_blocked_seconds_total", 'loop="loop-0"') - after.sum(
        "loopwatch_loop_blocked_seconds_total", 'loop="loop-0"'
    )
    expect(blocked < 1.5, f"a block of 1 s that was stopped for 2 s is told with {blocked:.2f} s")
    count = int(end.interruptions() - before.interruptions())
    return f"{found} of {made} blocks found, none of {len(lengths)} stops told as one; {count} interruptions of {seconds:.1f} s"


# MARK: What the host does


@fault("fork", "the host forks while its loops are blocked and captured")
def fork(case):
    host = case.host()
    count = 20 if case.options.short else 300
    # Some compute when their stack is taken.
    for loop in range(2):
        host.do(f"block {loop} 1.5 cpu")
    for loop in range(2, 8):
        host.do(f"block {loop} 0.3")
    bad = int(host.do(f"fork {count}")[0].split()[1])
    expect(bad == 0, f"{bad} of {count} children came to a bad end")
    host.do("await")
    host.do("blocks 1 20")
    return f"{count} children ended well; {check(host, [case.log])}"


@fault("threads", "the host creates and ends 10,000 threads a second")
def threads(case):
    host = case.host()
    for loop in range(4):
        host.do(f"block {loop} 0.5" + (" cpu" if loop == 0 else ""))
    seconds = 1 if case.options.short else 5
    run = int(host.do(f"churn {seconds} 10000")[0].split()[1])
    expect(run > 1000 * seconds, f"only {run} threads were created")
    host.do("await")
    host.do("blocks 1 20")
    # So many threads keep the watchdog from its processor; a block may then be told as the machine's, which is counted.
    return f"{run} threads in {seconds} s; {check(host, [case.log])}"


@fault("removed", "a target is removed while it is blocked")
def removed(case):
    host = case.host()
    for round in range(3):
        host.do("block 0 0.6")
        eventually("the block", lambda: host.metrics().sum("loopwatch_loop_blocked", 'loop="loop-0"') == 1, pause=0.01)
        host.do("remove 0")
        eventually(
            "the removal", lambda: 'loop="loop-0"' not in "".join(host.metrics().samples["loopwatch_loop_blocked"])
        )
        host.do("await")
        host.do("add 0")
        time.sleep(0.3)
    host.settled()
    ends = [line for line in log_lines([case.log]) if "target=loop-0 " in line and "state=ended" in line]
    begins = [line for line in log_lines([case.log]) if "target=loop-0 " in line and "state=begun" in line]
    expect(len(ends) == 3 and len(begins) == 3, f"{len(begins)} begun, {len(ends)} ended of 3")
    host.do("block 0 0.1")
    host.do("await")
    host.settled()
    expect(host.metrics().found()["loop-0"] == 1, "added again, it is not watched")
    return "each of 3 blocks was told once as begun and once as ended; added again it is watched anew"


@fault("forever", "a loop never returns")
def forever(case):
    host = case.host()
    host.do("block 0 3600")
    host.do("block 1 3600 cpu")
    for _ in range(2 if case.options.short else 20):
        for loop in range(2, 8):
            host.do(f"block {loop} 0.05")
        time.sleep(0.25)
    metrics = eventually(
        "both to be told as blocked now", lambda: (m := host.metrics()).sum("loopwatch_loop_blocked") == 2 and m
    )
    made, found = host.made(), metrics.found()
    for loop in range(2, 8):
        sure, unsure = made[f"loop-{loop}"]
        count = found[f"loop-{loop}"]
        expect(
            sure - metrics.interruptions() <= count <= sure + unsure, f"loop-{loop} made {sure} blocks, found {count}"
        )
    before = metrics.sum("loopwatch_loop_blocked_seconds_total", 'loop="loop-0"')
    time.sleep(0.5)
    after = host.metrics().sum("loopwatch_loop_blocked_seconds_total", 'loop="loop-0"')
    expect(0.2 < after - before < 5, f"in half a second its blocked time grew by {after - before:.3f} s")
    page = host.get("/", headers={"Accept": "text/plain"})[1]
    expect("BLOCKED NOW: loop loop-0 " in page and "BLOCKED NOW: loop loop-1 " in page, f"the page:\n{page[:800]}")
    for loop, code in (("loop-0", "waitForBackend"), ("loop-1", "crunchNumbers")):
        eventually(
            f"a line of {loop} that names {code}",
            lambda: any(f"target={loop} " in line and code in line for line in log_lines([case.log])), seconds=20,
        )
    began = time.monotonic()
    host.process.stdin.close()
    code = host.wait(20)
    expect(code == 0, f"the host ended with {code}")
    lines = log_lines([case.log])
    for loop in (0, 1):
        steps = [line for line in lines if f"target=loop-{loop} " in line and re.search("state=(begun|ongoing)", line)]
        # At the threshold, twice, four times it and so on: few, however long it lasts.
        expect(3 <= len(steps) <= 14, f"loop-{loop}: {len(steps)} reports")
    return f"told as begun and ongoing, at the line, and growing; the host ended within {time.monotonic() - began:.1f} s"


@fault("exit", "the process exits, is ended or is killed in the middle of reports")
def exits(case):
    count = 4 if case.options.short else 20
    slowest = 0
    for number in range(count):
        host = case.host(loops=16)
        host.do(f"exit {0.3 + number * 0.013}")
        for loop in range(16):
            host.do(f"block {loop} 2" + (" cpu" if loop % 8 == 0 else ""))
        began = time.monotonic()
        if number % 4 == 3:
            time.sleep(0.1)
            os.kill(host.pid, signal.SIGTERM)
            expect(host.wait(20) == -signal.SIGTERM, "it did not end by the signal")
        else:
            code = host.wait(20)
            expect(code == 0, f"the host ended with {code}:\n{host.output()}")
        slowest = max(slowest, time.monotonic() - began)
    # A line is written with one call: killed or not, none is torn.
    lines = warnings_of(log_lines([case.log]))
    expect(len(lines) >= 16, f"only {len(lines)} lines were written")
    return f"{count} ends as they should be, after {slowest:.1f} s at most; {len(lines)} lines, none of them torn"


@fault("stop", "the watch is stopped in the middle of reports")
def stop(case):
    host = case.host(loops=16)
    own = host.resources()
    for loop in range(16):
        host.do(f"block {loop} 1" + (" cpu" if loop % 8 == 0 else ""))
    time.sleep(0.1)
    began = time.monotonic()
    host.do("stop")
    seconds = time.monotonic() - began
    expect(seconds < 8, f"stop() took {seconds:.1f} s")
    after = host.resources()
    expect(own.own and not after.own, f"threads that are left: {after.own}")
    host.do("await")
    lines = warnings_of(log_lines([case.log]))
    return f"stop() took {seconds:.2f} s; its {len(own.own)} threads are gone; {len(lines)} lines"


@fault("own-handler", "the host has a handler of its own for the signal of captures")
def own_handler(case):
    host = case.host(options=["--own-handler"])
    for _ in range(50):
        os.kill(host.pid, signal.SIGPROF)
        time.sleep(0.01)
    host.do("block 0 0.4 cpu")
    host.do("await")
    host.do("blocks 1 20")
    text = check(host, [case.log])
    handled = int(host.do("signals")[0].split()[1])
    expect(handled == 50, f"the host's handler was called {handled} times, not 50")
    lines = warnings_of(log_lines([case.log]))
    sleeping = [line for line in lines if "waitForBackend" in line]
    expect(sleeping, "no stack of a thread that sleeps was had")
    # One that comes later takes the signal over.
    other = case.host()
    other.do("block 0 0.2 cpu")
    other.do("await")
    other.do("handle")
    for _ in range(50):
        os.kill(other.pid, signal.SIGPROF)
        time.sleep(0.01)
    other.do("block 0 0.4 cpu")
    other.do("await")
    later = int(other.do("signals")[0].split()[1])
    expect(later >= 50, f"the later handler was called {later} times, not 50")
    other.settled()
    return f"{text}; all 50 signals came to its handler, and {later} to one that was installed later"


# MARK: System calls that fail


# What Loopwatch calls again and again; not what allocating memory calls, whose failure ends any Swift program.
CALLS = (
    "openat,read,pread64,write,accept4,epoll_wait,epoll_pwait,epoll_ctl,ppoll,poll,recvfrom,sendto,process_vm_readv,"
    "timer_settime,timer_create,timer_delete,perf_event_open,eventfd2,newfstatat,fstat,close,readlink,getdents64,tgkill"
)


@fault("system-calls", "one of a hundred system calls fails: EINTR, EAGAIN, ENOMEM, EMFILE")
def system_calls(case):
    if not shutil.which("strace"):
        raise Skipped("strace is not there")
    told = []
    for error in ("EINTR", "EAGAIN", "ENOMEM", "EMFILE") if not case.options.short else ("EINTR", "EMFILE"):
        log = case.log.with_name(f"{error}.log")
        host = case.host(log=log)
        tracer = subprocess.Popen(
            ["strace", "-f", "-qq", "-o", "/dev/null", "-p", str(host.pid), "-e", f"trace={CALLS}", "-e",
             f"inject={CALLS}:error={error}:when=1+100"],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )
        try:
            eventually("strace", lambda: "TracerPid:\t0" not in pathlib.Path(f"/proc/{host.pid}/status").read_text())
            host.do("blocks 3 20", seconds=120)
            answers = 0
            for _ in range(10):
                # An answer may be cut off where it could not be written.
                with contextlib.suppress(OSError, http.client.HTTPException):
                    answers += host.get("/metrics", timeout=2)[0] == 200
            expect(answers > 0, f"{error}: not one of 10 scrapes was answered")
        finally:
            tracer.terminate()
            tracer.wait(20)
        host.alive()
        # Left alone, all is well again.
        before = host.settled()
        truth = host.made()
        host.do("blocks 1 20")
        after = host.settled()
        again = host.made()
        for name in truth:
            sure = again[name][0] - truth[name][0]
            unsure = again[name][1] - truth[name][1]
            found = after.found()[name] - before.found()[name]
            slack = int(after.interruptions() - before.interruptions())
            expect(sure - slack <= found <= sure + unsure, f"{error}: afterwards {name} made {sure}, found {found}")
        settled_reports(host, [log])
        total = sum(sure for sure, _ in again.values())
        told.append(f"{error} {sum(after.found()[name] for name in again)} of {total} found")
        host.end()
    return "; ".join(told) + "; afterwards every one, and every report accounted for"


# MARK: The endpoint


@fault("slow-clients", "200 clients send their request a byte at a time, 200 nothing")
def slow_clients(case):
    return connections.check_served(case.host(), lambda host: connections.slow_clients(host.port, 2 if case.options.short else 8))


@fault("many-clients", "10,000 connections (1,000 with --short), 1,000 at once")
def many_clients(case):
    count = 1_000 if case.options.short else 10_000
    return connections.check_served(case.host(), lambda host: connections.many_clients(host.port, count))


@fault("resets", "clients that vanish or reset, in their request and in the middle of an answer")
def resets(case):
    return connections.check_served(case.host(), lambda host: connections.resets(host.port, 50 if case.options.short else 500))


@fault("requests", "pipelining, floods of header fields, foreign hosts (DNS rebinding), smuggling")
def requests(case):
    return connections.check_served(case.host(), lambda host: connections.requests(host.port))


@fault("deaf-client", "a client that follows the warnings, and reads none")
def deaf_client(case):
    host = case.host(loops=32)
    return connections.check_served(host, lambda host: connections.deaf_client(host, case.options.short))


# MARK: The daemon


@fault("daemon", "what `loopwatch run` watches is stopped, killed and started again")
def daemon(case):
    target = "import asyncio, time, sys\n" + (
        "async def main():\n    while True:\n        await asyncio.sleep(0.2)\n        time.sleep(0.15)\n"
        "asyncio.run(main())\n"
    )
    script = case.folder / "blocking_target.py"
    script.write_text(target)
    configuration = case.folder / "loopwatch.json5"
    configuration.write_text(
        f'{{ listen: "127.0.0.1:0", log: "{case.log}", threshold: "50ms", processes: [{{ command: "{script}" }}] }}\n'
    )
    watcher = Child([case.options.program, "run", "--config", configuration])
    case.stack.callback(watcher.end)

    def start():
        process = subprocess.Popen([sys.executable, str(script)], stdin=subprocess.DEVNULL)
        case.stack.callback(lambda: (process.kill(), process.wait()))
        return process

    def ends(process):
        return [
            line for line in log_lines([case.log]) if f"pid={process.pid} " in line and "state=ended" in line
        ]

    told = []
    for round in range(1 if case.options.short else 3):
        process = start()
        eventually("its blocks", lambda: len(ends(process)) >= 2)
        os.kill(process.pid, signal.SIGSTOP)
        time.sleep(1)
        os.kill(process.pid, signal.SIGCONT)
        eventually("its blocks after it was stopped", lambda: len(ends(process)) >= 5)
        longest = max(
            float(value) * (1 if unit == "ms" else 1000)
            for line in ends(process) if "loop blocked" in line
            for value, unit in re.findall(r"blocked for ([\d.]+)(ms|s)\b", line)
        )
        expect(longest < 700, f"a block of 150 ms is told with {longest:.0f} ms after a stop of 1 s")
        process.kill()
        process.wait()
        told.append(f"{len(ends(process))} blocks")
    watcher.alive()
    os.kill(watcher.pid, signal.SIGTERM)
    code = watcher.wait()
    expect(code == 0, f"it ended with {code}:\n{watcher.output()}")
    return f"found {', '.join(told)}; the stop was not told as one"


def perform(function, options):
    """Does a fault; returns whether it went well, and what is to be said."""
    with tempfile.TemporaryDirectory(prefix="loopwatch-faults-") as folder, contextlib.ExitStack() as stack:
        try:
            return True, function(Case(options, pathlib.Path(folder), stack))
        except Skipped as reason:
            return None, str(reason)
        except Failure as failure:
            return False, str(failure)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="what CI has time for")
    parser.add_argument("--only", help="faults to do, by name: " + ", ".join(name for name, _, _ in FAULTS))
    parser.add_argument("--jobs", type=int, default=1, metavar="COUNT", help="faults that are done at the same time")
    parser.add_argument("--host", type=pathlib.Path, help="the server of Tests/FaultHost; default: fault-host beside PROGRAM")
    parser.add_argument("program", type=pathlib.Path)
    options = parser.parse_args()
    options.host = (options.host or options.program.parent / "fault-host").resolve()
    options.program = options.program.resolve()
    for file in (options.program, options.host):
        if not file.exists():
            parser.error(f"{file} is not there: swift build -c release --product {file.name}")
    wanted = options.only.split(",") if options.only else [name for name, _, _ in FAULTS]
    unknown = set(wanted) - {name for name, _, _ in FAULTS}
    if unknown:
        parser.error(f"no such fault: {', '.join(sorted(unknown))}")

    def row(case):
        name, what, function = case
        began = time.monotonic()
        went, text = perform(function, options)
        verdict = {True: "pass", False: "FAIL", None: "left out"}[went]
        say(f"| {name} | {what} | {text} | {verdict} | {time.monotonic() - began:.1f} s |")
        return went

    with concurrent.futures.ThreadPoolExecutor(options.jobs) as executor:
        failed = sum(went is False for went in executor.map(row, (case for case in FAULTS if case[0] in wanted)))
    say("nothing lost, nothing wrong, nothing hung" if not failed else f"FAILED: {failed}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
