#!/usr/bin/env python3
# This source file is part of the Loopwatch project
# SPDX-License-Identifier: Apache-2.0
"""Compares what watching costs a server under load: ours, and every other tool that runs here.

    overhead.py [--servers hummingbird,uvicorn,redis,node] [--rounds N] [--seconds N] [--markdown] [--no-build]
    overhead.py --quick            one round of a second: 40 seconds

Each server runs once for each way of watching it, and twice without any: "again" is the noise. Servers have one processor;
the load (wrk, 16 connections; redis-benchmark for Redis) and what watches from outside have another. In each round they
are loaded in turn. CPU time of the server for each request is told first: other work on the machine disturbs it least;
then that of the watching process, for each request too. Ratios are medians over the rounds, each to the mean of the two
servers that nobody watches in the same round. Instructions are counted where the machine can (perf stat).

Takes 15 minutes with 20 rounds of 2 seconds. Needs wrk and redis-benchmark; what is missing is told and left out. What each
rung of `loopwatch attach` costs at a steady rate of requests tells Tests/Outside/overhead.py.
"""

import argparse
import concurrent.futures
import contextlib
import dataclasses
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import resources  # noqa: E402
from building import build  # noqa: E402
from hosts import BINARY, PACKAGES, VENV, Host, NodeHost, PythonHost, outside  # noqa: E402
from redis_host import RedisHost  # noqa: E402
from telling import say, table  # noqa: E402
from tools import SERVER, install  # noqa: E402

HUMMINGBIRD = PACKAGES / "release/hummingbird-benchmark"
CONNECTIONS = 16
PLAIN, AGAIN = "not watched", "again"


# -- servers: each has a process, a port, and answers requests


class HummingbirdHost(Host):
    def __init__(self, mode):
        super().__init__([HUMMINGBIRD, "serve", mode])

    def start(self):
        self.process = outside.Child(self.arguments, stdin=subprocess.PIPE)
        # Its line is two ports; there may be lines of the log before it.
        told = outside.eventually(
            "the server's port", 30,
            lambda: self.process.alive()
            and next((line for line in self.process.lines if re.fullmatch(r"\d+ \d+", line)), None),
        )
        self.process.lines.append("PORT " + told)


def port_of(host):
    if isinstance(host, RedisHost):
        return host.server.port
    line = outside.eventually(
        "the server's port", 10, lambda: next((line for line in host.process.lines if line.startswith("PORT ")), None)
    )
    return int(line.split()[1])


# -- what watches from outside


def attach(pid, folder):
    return [BINARY, "attach", pid, "--no-children", "--listen", "off"]


def record(pid, folder):
    return ["perf", "record", "-F", 100, "-g", "-p", pid, "-o", f"{folder}/perf.data"]


def py_spy(pid, folder):
    return [VENV / "bin/py-spy", "record", "-r", 100, "-d", 600, "-f", "raw", "-p", pid, "-o", f"{folder}/py-spy.txt"]


@dataclasses.dataclass(frozen=True)
class Way:
    """A way of watching a server."""

    label: str
    make: object
    # Makes the command of what watches from outside.
    watcher: object = None
    # Whether it watches all the time; else only while the server is loaded, because it works on one that is idle too.
    is_lasting: bool = False
    packages: tuple = ()
    program: str | None = None

    def missing(self):
        if self.program and not shutil.which(self.program):
            return f"{self.program} is not installed"
        return next((problem for package in self.packages if (problem := install(package))), None)


def python(tool):
    return lambda: PythonHost("asyncio_host.py", tool)


def plain_and_again(make, **options):
    return [Way(PLAIN, make, **options), Way(AGAIN, make, **options)]


WAYS = {
    "hummingbird": [
        *plain_and_again(lambda: HummingbirdHost("plain")),
        Way("Loopwatch, everything on", lambda: HummingbirdHost("watched")),
        Way("perf record, 100 Hz", lambda: HummingbirdHost("plain"), record, program="perf"),
    ],
    "uvicorn": [
        *plain_and_again(python("none"), packages=tuple(SERVER)),
        Way("loopwatch attach", python("none"), attach, True, tuple(SERVER)),
        Way("asyncio debug mode", python("asyncio-debug"), packages=tuple(SERVER)),
        Way("aiocop 1.2.1", python("aiocop"), packages=(*SERVER, "aiocop==1.2.1")),
        Way("py-spy 0.4.2 record, 100 Hz", python("none"), py_spy, packages=(*SERVER, "py-spy==0.4.2")),
    ],
    "redis": [
        *plain_and_again(lambda: RedisHost(False), program="redis-server"),
        Way("loopwatch attach", lambda: RedisHost(False), attach, True, program="redis-server"),
        Way("Redis watchdog, 50 ms", lambda: RedisHost(True), program="redis-server"),
    ],
    "node": [
        *plain_and_again(lambda: NodeHost("none"), program="node"),
        Way("loopwatch attach", lambda: NodeHost("none"), attach, True, program="node"),
        Way("monitorEventLoopDelay, 10 ms", lambda: NodeHost("delay"), program="node"),
    ],
}


# -- load


@dataclasses.dataclass
class Sample:
    """One load of one server."""

    requests: float
    cpu: float
    watcher: float
    rate: float
    p99: float
    instructions: float | None

    @property
    def cpu_each(self):
        return self.cpu / self.requests

    @property
    def watcher_each(self):
        return self.watcher / self.requests

    @property
    def instructions_each(self):
        return self.instructions / self.requests


def pin(pid, processors):
    """Keeps a process, all its threads, to processors."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(OSError):
            os.sched_setaffinity(int(thread), processors)


class Processors:
    """Where servers and where loads run: apart, if there are two."""

    available = sorted(os.sched_getaffinity(0))
    server = {available[0]}
    load = set(available[1:]) or server

    @classmethod
    def for_load(cls):
        return ["taskset", "-c", ",".join(map(str, sorted(cls.load)))]


def milliseconds(text):
    """A time as wrk writes it."""
    for unit, factor in (("us", 1e-3), ("ms", 1), ("m", 60e3), ("s", 1e3)):
        if text.endswith(unit):
            return float(text.removesuffix(unit)) * factor
    raise outside.Failure(f"not a time of wrk's: {text}")


def load_http(port, seconds, prefix):
    command = [*prefix, *Processors.for_load(), "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency"]
    done = subprocess.run([*map(str, command), f"http://127.0.0.1:{port}/"], capture_output=True, text=True)
    lines = [line.split() for line in done.stdout.splitlines()]
    try:
        requests = next(float(line[0]) for line in lines if line[1:2] == ["requests"])
        rate = next(float(line[1]) for line in lines if line[:1] == ["Requests/sec:"])
        p99 = next(milliseconds(line[1]) for line in lines if line[:1] == ["99%"])
    except StopIteration:
        raise outside.Failure(f"wrk did not load the server: {done.stdout}{done.stderr}") from None
    if "Socket errors" in done.stdout or "Non-2xx" in done.stdout or requests == 0:
        raise outside.Failure(f"wrk had errors: {done.stdout}")
    return requests, rate, p99


class RedisLoad:
    """redis-benchmark takes a number of requests: as many as take the time that was asked for."""

    rate = 20_000.0

    def __call__(self, port, seconds, prefix):
        count = max(1_000, int(self.rate * seconds))
        command = [
            *prefix, *Processors.for_load(), "redis-benchmark", "-h", "127.0.0.1", "-p", port, "-t", "get", "-n", count,
            "-c", CONNECTIONS, "--csv",
        ]
        done = subprocess.run([*map(str, command)], capture_output=True, text=True)
        lines = [[cell.strip('"') for cell in line.split(",")] for line in done.stdout.splitlines()]
        told = next((dict(zip(lines[0], line)) for line in lines if line[0] == "GET"), None)
        if not told:
            raise outside.Failure(f"redis-benchmark did not load the server: {done.stdout}{done.stderr}")
        self.rate = float(told["rps"])
        return count, self.rate, float(told["p99_latency_ms"])


LOADS = {"redis": ("redis-benchmark", RedisLoad()), "hummingbird": ("wrk", load_http)}
LOADS |= {name: LOADS["hummingbird"] for name in ("uvicorn", "node")}


def counts_instructions():
    """Whether the processor counts instructions here, which virtual machines often do not let it."""
    if not shutil.which("perf"):
        return False
    done = subprocess.run(["perf", "stat", "-x,", "-e", "instructions", "true"], capture_output=True, text=True)
    return done.returncode == 0 and done.stderr.split(",")[0].isdigit()


class Watched:
    """A server, and what watches it."""

    def __init__(self, name, way):
        self.way, self.load = way, LOADS[name][1]
        self.folder = tempfile.mkdtemp(prefix="loopwatch-overhead-")
        self.host, self.watcher, self.samples = way.make(), None, []

    def start(self):
        self.host.start()
        self.pid, self.port = self.host.process.pid, port_of(self.host)
        pin(self.pid, Processors.server)
        if self.way.is_lasting:
            self.begin()

    def begin(self):
        """Has it watched from outside."""
        if self.way.watcher:
            command = self.way.watcher(self.pid, self.folder)
            self.watcher = outside.Child([*Processors.for_load(), *command])
            if self.way.watcher is attach:
                outside.eventually(
                    "a loop to be found", 20,
                    lambda: self.watcher.alive() and any(": loop " in line for line in self.watcher.lines),
                )
            else:
                time.sleep(1)
                self.watcher.alive()

    def end_watching(self):
        if self.watcher:
            self.watcher.end(signal.SIGINT)
            self.watcher = None

    def sample(self, seconds, prefix=()):
        if not self.way.is_lasting:
            self.begin()
        try:
            cpu = resources.cpu_seconds(self.pid)
            watching = resources.cpu_seconds(self.watcher.pid) if self.watcher else 0
            counts = f"{self.folder}/counts"
            counting = prefix and [*prefix, "-p", self.pid, "-o", counts, "--"]
            requests, rate, p99 = self.load(self.port, seconds, counting)
            cpu = resources.cpu_seconds(self.pid) - cpu
            watching = resources.cpu_seconds(self.watcher.pid) - watching if self.watcher else 0
        finally:
            if not self.way.is_lasting:
                self.end_watching()
        instructions = None
        if prefix:
            lines = pathlib.Path(counts).read_text().splitlines()
            instructions = sum(float(line.split(",")[0]) for line in lines if "," in line)
        return Sample(requests, cpu, watching, rate, p99, instructions)

    def end(self):
        self.end_watching()
        self.host.end()
        shutil.rmtree(self.folder, ignore_errors=True)


def measure(name, options, problems):
    """The rows of one server."""
    rows = [[
        name, "CPU us a request", "ratio", "quartiles", "watcher CPU us", "both, ratio", "requests/s", "ratio", "p99 ms",
        "ratio", *(["instructions, ratio"] if options.counting else []),
    ]]
    ways, skipped = [], []
    program = LOADS[name][0]
    for way in WAYS[name]:
        problem = way.missing() if shutil.which(program) else f"{program} is not installed"
        if name == "hummingbird" and not HUMMINGBIRD.exists():
            problem = "hummingbird-benchmark is not built"
        (skipped if problem else ways).append((way, problem))
    if not {PLAIN, AGAIN} <= {way.label for way, _ in ways}:
        return rows + [[way.label, f"skipped: {problem}"] + [""] * (len(rows[0]) - 2) for way, problem in skipped + ways]
    servers = [Watched(name, way) for way, _ in ways]
    try:
        with concurrent.futures.ThreadPoolExecutor() as pool:
            list(pool.map(Watched.start, servers))
        # What attach does by default it chooses within five seconds.
        time.sleep(options.settle)
        # The first load is slower; and that of Redis learns from it how many requests take how long.
        for server in servers[:1] if options.quick else servers:
            server.load(server.port, 1, ())
        for number in range(options.rounds):
            turn = number % len(servers)
            for server in servers[turn:] + servers[:turn]:
                server.samples.append(server.sample(options.seconds, options.counting))
            say(f"{name}, round {number + 1} of {options.rounds}")
    finally:
        for server in servers:
            server.end()
    by_label = {server.way.label: server.samples for server in servers}

    def base(key, number):
        return (key(by_label[PLAIN][number]) + key(by_label[AGAIN][number])) / 2

    def ratios(label, key, own=None):
        # That of the noise is of one to the other, so that it is not halved.
        return [
            (own or key)(sample) / (key(by_label[PLAIN][number]) if label == AGAIN else base(key, number))
            for number, sample in enumerate(by_label[label])
        ]

    def told(values):
        return f"{statistics.median(values):.3f}"

    for label, samples in by_label.items():
        def median(key):
            return statistics.median(map(key, samples))

        cpu = ratios(label, lambda sample: sample.cpu_each)
        both = ratios(label, lambda sample: sample.cpu_each, lambda sample: sample.cpu_each + sample.watcher_each)
        quartiles = statistics.quantiles(cpu, n=4) if len(cpu) > 1 else [cpu[0]] * 3
        is_base = label == PLAIN
        row = [
            label, f"{median(lambda sample: sample.cpu_each) * 1e6:.2f}", "1" if is_base else told(cpu),
            "" if is_base else f"{quartiles[0]:.3f}...{quartiles[2]:.3f}",
            f"{median(lambda sample: sample.watcher_each) * 1e6:.2f}", "1" if is_base else told(both),
            f"{median(lambda sample: sample.rate):.0f}",
            "1" if is_base else told(ratios(label, lambda sample: sample.rate)),
            f"{median(lambda sample: sample.p99):.2f}",
            "1" if is_base else told(ratios(label, lambda sample: sample.p99)),
        ]
        if options.counting:
            row.append("1" if is_base else told(ratios(label, lambda sample: sample.instructions_each)))
        rows.append(row)
    return rows + [[way.label, f"skipped: {problem}"] + [""] * (len(rows[0]) - 2) for way, problem in skipped]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--servers", default=",".join(WAYS))
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=int, help="of one load")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--no-build", action="store_true")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 20)
    options.seconds = options.seconds or (1 if options.quick else 2)
    options.settle = 0.5 if options.quick else 6
    if unknown := set(options.servers.split(",")) - set(WAYS):
        raise outside.Failure(f"--servers: there is no {', '.join(sorted(unknown))}, only {', '.join(WAYS)}")
    return options


def main():
    options = arguments()
    names = options.servers.split(",")
    if not options.no_build:
        build(None, "loopwatch")
        if "hummingbird" in names:
            build("HummingbirdIntegration", "hummingbird-benchmark")
    if not BINARY.exists():
        raise outside.Failure(f"{BINARY.relative_to(outside.ROOT)} is missing: run this without --no-build")
    options.counting = ("perf", "stat", "-x,", "-e", "instructions") if counts_instructions() else ()
    if not options.counting:
        say("instructions are left out: this machine does not count them")
    problems, tables = [], []
    for name in names:
        try:
            rows = measure(name, options, problems)
        except outside.Failure as problem:
            problems.append(f"{name}: {problem}")
            continue
        tables.append(table(rows, options.markdown))
    say("\n" + "\n\n".join(tables))
    for problem in problems:
        say("PROBLEM: " + problem)
    return 1 if problems else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (outside.Failure, subprocess.CalledProcessError) as problem:
        print(f"overhead.py: {problem}", file=sys.stderr)
        sys.exit(2)
