#!/usr/bin/env python3
# This source file is part of the Loopwatch project
# SPDX-License-Identifier: Apache-2.0
"""Watches real servers from outside with `loopwatch attach`, and compares what it says with what they know themselves.

    outside.py [--targets uvicorn,uvloop,workers,gunicorn,node,cluster,redis,nginx,nio] [--rounds N]
               [--evidence RUNG] [--user N] [--short]

Each server blocks its event loop in several ways and for several lengths; in between it is busy with many short jobs,
waits, or serves a load, for which nothing may be reported. The truth is told by the server (targets/iterations.c): each
iteration of its loop, from the return of one wait to the next. The table says for each server what was found, what was
reported and is not true, how far the lengths are off, how soon the first report came and whether it named the function.
Ends with 1 where a requirement is not met.

Needs: Python's packages fastapi, uvicorn, uvloop and gunicorn for the Python that runs this; node, redis-server, nginx and the
nio-server of Tests/Packages/Corpus where those targets are asked for; a target that cannot be had is an error. And a C
compiler, such as the toolchain's clang.
"""

import argparse
import contextlib
import http.client
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
from load import Load  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TARGETS = pathlib.Path(__file__).resolve().parent / "targets"
THRESHOLD_MS = 50
LENGTHS = [0.030, 0.055, 0.120, 0.400, 2.0]
# What is required on a rung that is exact; with --generous, for machines that are busy with other things, much less.
ERROR_MEDIAN_MS = 2
ERROR_WORST_MS = 5
NOTICE_WORST_MS = 15
GENEROUS = 10
# What is attached to is known by then.
SETTLING_SECONDS = 2
# An iteration this near to the threshold may be reported, or not.
EDGE_MS = 1
# On a rung that only proves bounds a block is told for certain if it is longer than the threshold by this much.
PROOF_MS = 30


class Failure(Exception):
    """Something is not as it should be; the message says what."""


def say(text):
    print(text, flush=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def eventually(awaited, seconds, attempt):
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException):
            result = attempt()
            if result:
                return result
        if time.monotonic() > deadline:
            raise Failure(f"waited {seconds} s in vain for {awaited}")
        time.sleep(0.02)


def read_promptly():
    """Has the calling thread come before threads that compute, where it may: it notes when a line came, and would else note
    when the scheduler let it look, which beside a block that computes is up to some milliseconds later."""
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))


class Child:
    """A child process whose output is read as it comes."""

    def __init__(self, arguments, user=None, **options):
        if user is not None:
            options.update(user=user, group=user, extra_groups=[])
        # What it wrote, and when each line came, by the monotonic clock.
        self.lines, self.times = [], []
        self.child = subprocess.Popen(
            [str(argument) for argument in arguments],
            stdin=options.pop("stdin", subprocess.DEVNULL),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            **options,
        )
        self.pid = self.child.pid
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        read_promptly()
        for line in self.child.stdout:
            self.times.append(time.monotonic())
            self.lines.append(line.rstrip("\n"))

    def alive(self):
        if self.child.poll() is not None:
            raise Failure(f"ended with {self.child.returncode}:\n" + "\n".join(self.lines[-20:]))
        return True

    def end(self, with_signal=signal.SIGTERM):
        if self.child.poll() is None:
            self.child.send_signal(with_signal)
            try:
                self.child.wait(10)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        self.reader.join(5)
        return self.child.returncode


def build_iterations(folder):
    """Builds what tells the iterations of a loop; returns its path."""
    compiler = shutil.which("clang") or shutil.which("cc")
    if not compiler:
        raise Failure("there is no C compiler: neither clang nor cc")
    library = pathlib.Path(folder) / "iterations.so"
    subprocess.run(
        [compiler, "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", library, TARGETS / "iterations.c"], check=True
    )
    return library


class Truth:
    """A block: kind, and when the iteration of the loop that it is in began and ended, in seconds of the monotonic clock."""

    def __init__(self, kind, began, ended):
        self.kind, self.began, self.ended = kind, began, ended

    @property
    def milliseconds(self):
        return (self.ended - self.began) * 1000


class Server:
    """A server that is to be watched: subclasses start it and know how it blocks."""

    name = "server"
    kinds = ()
    # The function that each kind of block is to be laid on.
    functions = {}
    # Loops that it has, in all its processes.
    loops = 1
    # What a load speaks to it.
    protocol = "http"
    # How its process is started.
    start_process = Child

    def __init__(self, folder, user):
        self.folder = folder
        self.user = user
        self.port = free_port()
        self.process = None
        self.environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        self.tells_iterations = False

    def tell_iterations(self, library):
        """Has the server, when it is started, tell each long iteration of its loops."""
        self.environment["LD_PRELOAD"] = str(library)
        self.tells_iterations = True

    def start(self):
        raise NotImplementedError

    def request(self, path, timeout=30):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def ready(self):
        eventually(f"{self.name} answers", 20, lambda: self.process.alive() and self.ok())

    def ok(self):
        return self.request("/ok")[0] == 200

    # The name of the pool that can be exhausted, its threads, and the function that they are in then.
    pool = None

    def block(self, kind, seconds):
        status, body = self.request(f"/{kind}?seconds={seconds}")
        if status != 200:
            raise Failure(f"{self.name}: /{kind} answered {status}: {body[:200]}")

    def warm_up(self):
        """Does everything once, which takes longer the first time."""
        for kind in self.kinds:
            self.block(kind, 0.001)

    def blocks(self):
        """What blocked its loop, as it was timed by what blocks, or by the client that asked for it."""
        result = []
        for line in list(self.process.lines):
            if line.startswith("BLOCK "):
                _, kind, began, ended = line.split()
                result.append(Truth(kind, float(began), float(ended)))
        return result

    def iterations(self):
        """The long iterations of its loops: when they began and ended."""
        words = (line.split() for line in list(self.process.lines) if line.startswith("ITERATION "))
        return [(float(began), float(ended)) for _, _, began, ended in words]

    def truths(self):
        """Its blocks, each as long as the iteration that it was in."""
        iterations = self.iterations()
        blocks = self.blocks()

        def overlap(truth, iteration):
            return min(truth.ended, iteration[1]) - max(truth.began, iteration[0])

        for truth in blocks:
            length = truth.ended - truth.began
            # Another worker may be in a long iteration at the same time.
            around = [iteration for iteration in iterations if overlap(truth, iteration) > 0.9 * length]
            if around and length * 1000 >= LENGTHS[0] * 900:
                truth.began, truth.ended = min(around, key=lambda iteration: iteration[1] - iteration[0])
            elif self.tells_iterations and truth.milliseconds >= THRESHOLD_MS:
                raise Failure(f"{self.name}: a block of {truth.milliseconds:.1f} ms lies in no iteration that was told")
        return blocks

    def end(self):
        if self.process:
            self.process.end()


class Uvicorn(Server):
    name = "uvicorn"
    loop = "asyncio"
    workers = 1
    kinds = ("sleep", "cpu", "lock", "child", "database", "client")
    functions = {
        "sleep": "wait_for_backend",
        "cpu": "crunch_numbers",
        "lock": "take_inventory_lock",
        "child": "run_converter",
        "database": "query_slow_database",
        "client": "fetch_synchronously",
    }

    def start(self):
        self.process = Child(
            [
                sys.executable, "-u", "-m", "uvicorn", "fastapi_app:app", "--host", "127.0.0.1",
                "--port", self.port, "--loop", self.loop, "--log-level", "warning", "--workers", self.workers,
            ],
            user=self.user,
            cwd=TARGETS,
            env=self.environment,
        )
        self.ready()

    def busy(self):
        self.request("/burst")

    def patient(self):
        self.request("/patient?seconds=0.3")

    def exhaust(self):
        """More synchronous endpoints at once than the pool has threads; returns when the pool was full."""
        threads = [threading.Thread(target=self.request, args=("/worker?seconds=2",)) for _ in range(60)]
        for thread in threads:
            thread.start()
        began = time.monotonic()
        for thread in threads:
            thread.join()
        return began

    pool = ("python-workers", 40, "wait_for_backend")


class Uvloop(Uvicorn):
    name = "uvloop"
    loop = "uvloop"


class Workers(Uvicorn):
    name = "workers"
    workers = 2
    loops = 2
    # Requests are shared out between two pools.
    pool = None


class Gunicorn(Workers):
    """The same application, under gunicorn's arbiter."""

    name = "gunicorn"

    def start(self):
        self.process = Child(
            [
                sys.executable, "-u", "-m", "gunicorn", "fastapi_app:app", "--bind", f"127.0.0.1:{self.port}",
                "--workers", self.workers, "--worker-class", "uvicorn.workers.UvicornWorker", "--log-level", "warning",
            ],
            user=self.user,
            cwd=TARGETS,
            env=self.environment,
        )
        self.ready()


class Node(Server):
    name = "node"
    program = "server.js"
    kinds = ("cpu", "lock", "child")
    functions = {"cpu": "crunchNumbers", "lock": "waitForSignal", "child": "runConverter"}

    def start(self):
        self.process = Child(
            [shutil.which("node"), TARGETS / self.program, self.port], user=self.user, env=self.environment
        )
        self.ready()

    def busy(self):
        self.request("/burst")

    def patient(self):
        self.request("/patient?seconds=0.3")


class Cluster(Node):
    """Two workers of Node's own cluster module, and its primary."""

    name = "cluster"
    program = "cluster.js"
    loops = 3


class Redis(Server):
    name = "redis"
    protocol = "redis"
    kinds = ("sleep", "cpu")
    functions = {"sleep": "debugCommand", "cpu": "evalGenericCommand"}
    script = (
        "local function now() local t = redis.call('TIME') return t[1] * 1000000 + t[2] end "
        "local finish = now() + ARGV[1] while now() < finish do end return 1"
    )

    def start(self):
        self.asked = []
        self.process = self.start_process(
            [
                shutil.which("redis-server"), "--port", self.port, "--bind", "127.0.0.1", "--save", "",
                "--enable-debug-command", "yes", "--busy-reply-threshold", "0",
            ],
            user=self.user,
            cwd=self.folder,
            env=self.environment,
        )
        self.ready()

    def command(self, *parts):
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            text = f"*{len(parts)}\r\n" + "".join(f"${len(str(part))}\r\n{part}\r\n" for part in parts)
            began = time.monotonic()
            connection.sendall(text.encode())
            answer = connection.recv(4096)
            return began, time.monotonic(), answer

    def ok(self):
        return self.command("PING")[2] == b"+PONG\r\n"

    def block(self, kind, seconds):
        if kind == "sleep":
            began, ended, answer = self.command("DEBUG", "SLEEP", f"{seconds:.3f}")
        else:
            began, ended, answer = self.command("EVAL", self.script, "0", int(seconds * 1e6))
        if answer[:1] == b"-":
            raise Failure(f"redis: {answer}")
        self.asked.append(Truth(kind, began, ended))

    def blocks(self):
        return [Truth(block.kind, block.began, block.ended) for block in self.asked]

    def busy(self):
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            for _ in range(2000):
                connection.sendall(b"PING\r\n")
                connection.recv(64)

    def patient(self):
        self.command("BLPOP", "nothing", "0.3")


class Nginx(Server):
    name = "nginx"

    def start(self):
        text = f"""
            worker_processes 1; daemon off; error_log stderr error; pid {self.folder}/nginx.pid;
            events {{ worker_connections 64; }}
            http {{ access_log off; client_body_temp_path {self.folder}/a; proxy_temp_path {self.folder}/b;
              fastcgi_temp_path {self.folder}/c; uwsgi_temp_path {self.folder}/d; scgi_temp_path {self.folder}/e;
              server {{ listen 127.0.0.1:{self.port}; location / {{ return 200 "ok"; }} }} }}
        """
        path = pathlib.Path(self.folder) / "nginx.conf"
        path.write_text(text)
        nginx = shutil.which("nginx") or "/usr/sbin/nginx"
        self.process = Child([nginx, "-c", path, "-e", "stderr"], env=self.environment)
        self.ready()

    def busy(self):
        for _ in range(300):
            self.request("/")

    def patient(self):
        time.sleep(0.3)


class Nio(Server):
    """A server of SwiftNIO that knows nothing of Loopwatch, with as many event loops as there are processors."""

    name = "nio"
    kinds = ("sleep", "cpu", "lock", "child", "semaphore")
    functions = {
        "sleep": "Blocks.waitForBackend(_:)",
        "cpu": "Blocks.crunchNumbers(_:)",
        "lock": "Blocks.takeInventoryLock(_:)",
        "child": "Blocks.runConverter(_:)",
        "semaphore": "Blocks.waitForResult(_:)",
    }
    program = ROOT / ".build-packages/release/nio-server"

    def start(self):
        self.process = Child([self.program, self.port], user=self.user, env=self.environment)
        self.ready()

    def busy(self):
        self.request("/burst")

    def patient(self):
        self.request("/patient?seconds=0.3")


SERVERS = {server.name: server for server in (Uvicorn, Uvloop, Workers, Gunicorn, Node, Cluster, Redis, Nginx, Nio)}


class Watcher:
    """`loopwatch attach`, and what it has reported."""

    def __init__(self, binary, server, arguments, user):
        self.port = free_port()
        self.reports = []
        self.began = time.monotonic()
        self.process = Child(
            [
                binary, "attach", server.process.pid, "--threshold", f"{THRESHOLD_MS}ms",
                "--listen", f"127.0.0.1:{self.port}", *arguments,
            ],
            user=user,
        )
        eventually("the watcher's endpoint", 20, lambda: self.process.alive() and self.get("/livez")[0] == 200)
        self.follower = threading.Thread(target=self._follow, daemon=True)
        self.follower.start()

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def _follow(self):
        read_promptly()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
            connection.request("GET", "/warnings?follow=1&since=0", headers={"Accept": "application/x-ndjson"})
            answer = connection.getresponse()
            while True:
                line = answer.readline()
                noticed = time.monotonic()
                if not line:
                    return
                entry = json.loads(line)
                if "id" in entry:
                    entry["noticed"] = noticed
                    self.reports.append(entry)

    def lines(self):
        return self.process.lines

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self):
        return self.process.end(signal.SIGINT)


def unix_of(monotonic):
    return time.time() - time.monotonic() + monotonic


def seconds_of(text):
    """Unix time of an RFC 3339 text."""
    main, fraction = text.rstrip("Z").split(".")
    parsed = time.strptime(main, "%Y-%m-%dT%H:%M:%S")
    import calendar

    return calendar.timegm(parsed) + float("0." + fraction)


class Result:
    """What was found of one server."""

    def __init__(self, server):
        self.server = server
        self.expected = self.found = self.named = 0
        self.false = []
        self.missed = []
        self.wrong_names = []
        self.errors = []
        self.notices = []
        self.grades = set()
        self.unproved = 0
        self.is_generous = False
        self.cpu_percent = 0.0
        self.problems = []

    @staticmethod
    def rungs(watcher):
        """The grades of evidence that its reports had."""
        return {report.get("evidence") for report in watcher.reports if "loop" in report}

    def row(self):
        errors = [abs(error) for error in self.errors] or [0]
        notices = sorted(self.notices) or [0]
        return [
            self.server.name, "/".join(sorted(self.grades)) or "-", f"{self.found}/{self.expected}",
            str(len(self.false)), f"{statistics.median(errors):.2f}", f"{max(errors):.2f}",
            f"{statistics.median(notices):.1f}", f"{notices[-1]:.1f}", f"{self.named}/{self.found}",
            str(self.unproved), f"{self.cpu_percent:.2f}",
        ]


HEADINGS = [
    "target", "evidence", "found", "false", "error ms median", "worst", "first report ms median", "worst", "named",
    "not proved", "watcher CPU %",
]


def compare(result, server, watcher):
    """Puts what was reported beside the truth."""
    offset = time.time() - time.monotonic()
    stalls = {}
    for report in watcher.reports:
        if report.get("kind") != "stall" or "loop" not in report:
            continue
        stalls.setdefault(report["stall"], []).append(report)
    unmatched = dict(stalls)
    truths = server.truths()
    for truth in truths:
        began, ended = truth.began + offset, truth.ended + offset
        match = None
        for number, reports in unmatched.items():
            start = seconds_of(reports[0]["began"])
            finish = start + reports[-1]["blocked_ms"] / 1000
            if start < ended and finish > began:
                match = number
                break
        if truth.milliseconds < THRESHOLD_MS + EDGE_MS:
            if match is not None and truth.milliseconds > THRESHOLD_MS - EDGE_MS:
                del unmatched[match]
            continue
        result.expected += 1
        if match is None:
            if "bounded" in result.rungs(watcher) and truth.milliseconds < THRESHOLD_MS + PROOF_MS:
                result.expected -= 1
                result.unproved += 1
                continue
            result.missed.append(f"{truth.kind} {truth.milliseconds:.1f} ms")
            continue
        reports = unmatched.pop(match)
        result.found += 1
        result.grades.add(reports[-1].get("evidence", "?"))
        last = reports[-1]
        if last["state"] == "ended":
            result.errors.append(last["blocked_ms"] - truth.milliseconds)
        first = reports[0]
        notice = None
        if first["state"] == "begun":
            notice = (first["noticed"] - truth.began) * 1000 - THRESHOLD_MS
            result.notices.append(notice)
        function = server.functions.get(truth.kind)
        names = [frame.get("function", "") for report in reports for frame in report.get("stack", [])]
        blamed = (last.get("at") or {}).get("function", "") if isinstance(last.get("at"), dict) else str(last.get("at"))
        if function is None or function in blamed or (function in names and server.name == "redis"):
            result.named += 1
        elif result.is_generous and (
            truth.milliseconds < THRESHOLD_MS + NOTICE_WORST_MS or notice and notice > NOTICE_WORST_MS
        ):
            # Over before it has to be noticed, or noticed late: where the machine is busy, the stack may be that of what
            # came next.
            say(f"   late: {truth.kind} {truth.milliseconds:.0f} ms is laid on {blamed}")
        else:
            result.wrong_names.append(f"{truth.kind} {truth.milliseconds:.0f} ms: {last.get('at')} {last.get('stack_omitted')}")
        # A child process that is waited for is named, if there was time to look for it.
        if truth.kind == "child" and truth.milliseconds > 300 and "child process" not in last.get("cause_detail", ""):
            result.problems.append(f"{server.name}: the child process was not named: {json.dumps(last)[:300]}")
    # A loop that was ready and got no CPU was late indeed, and is not blamed for it.
    result.false = [
        reports[-1] for reports in unmatched.values() if reports[-1]["cause"] not in ("runqueue", "throttled")
    ]
    compare_rest(result, server, watcher, offset, {(truth.began, truth.ended) for truth in truths})


def compare_rest(result, server, watcher, offset, known):
    """Puts what was reported beside the long iterations that nobody asked for, such as those of a machine that is slow."""
    for began, ended in server.iterations():
        milliseconds = (ended - began) * 1000
        if (began, ended) in known or milliseconds < THRESHOLD_MS + EDGE_MS or began < watcher.began + SETTLING_SECONDS:
            continue

        def is_meant(report):
            start = seconds_of(report["began"]) - offset
            return start < ended and start + report["blocked_ms"] / 1000 > began

        reports = [report for report in watcher.reports if "loop" in report and is_meant(report)]
        say(f"   not asked for: an iteration of {milliseconds:.1f} ms: {reports[-1]['message'] if reports else 'not told'}")
        if not reports:
            result.missed.append(f"an iteration of {milliseconds:.1f} ms that nobody asked for")
        result.false = [
            report for report in result.false
            if not (is_meant(report) and abs(report["blocked_ms"] - milliseconds) <= ERROR_WORST_MS)
        ]


def exercise(server, watcher, rounds, healthy_seconds, rate, seed, is_short):
    """Blocks the server in all its ways, in an order of chance, with short jobs and waits in between."""
    random.seed(seed)
    stopping = threading.Event()

    def background():
        while not stopping.wait(0.05):
            with contextlib.suppress(OSError, http.client.HTTPException):
                server.ok()

    load = threading.Thread(target=background, daemon=True)
    load.start()
    blocks = [
        (kind, seconds) for _ in range(rounds) for kind in server.kinds for seconds in LENGTHS
        # A block so long says the same of each kind.
        if not is_short or seconds < LENGTHS[-1] or kind == server.kinds[0]
    ]
    random.shuffle(blocks)
    for index, (kind, seconds) in enumerate(blocks):
        server.block(kind, seconds)
        time.sleep(random.uniform(0.08, 0.25))
        if index % 5 == 4:
            server.busy()
            server.patient()
    for _ in range(3):
        server.busy()
        server.patient()
    stopping.set()
    load.join()
    steady = Load(server.port, server.protocol, rate)
    try:
        before = watcher.cpu_seconds()
        time.sleep(healthy_seconds)
        used = (watcher.cpu_seconds() - before) / healthy_seconds * 100
        done = steady.done()
    finally:
        steady.end()
    say(f"   load: {done / healthy_seconds:.0f} requests/s for {healthy_seconds:g} s")
    if done < healthy_seconds * rate / 4:
        raise Failure(f"{server.name}: a load of {rate} requests/s had {done} answers in {healthy_seconds} s")
    return used


def run(name, binary, arguments, options):
    kind = SERVERS[name]
    folder = tempfile.mkdtemp(prefix="loopwatch-outside-")
    os.chmod(folder, 0o777)
    server = kind(folder, options.user)
    watcher = None
    try:
        server.tell_iterations(build_iterations(folder))
        server.start()
        server.warm_up()
        watcher = Watcher(binary, server, arguments, options.user)
        eventually(
            "its loops to be found", 20,
            lambda: sum(": loop " in line for line in watcher.lines()) >= server.loops,
        )
        time.sleep(1.5)
        result = Result(server)
        result.is_generous = options.generous
        result.cpu_percent = exercise(
            server, watcher, options.rounds, options.healthy, options.rate, options.seed, options.short
        )
        time.sleep(0.5)
        compare(result, server, watcher)
        if server.pool:
            result.problems += check_pool(server, watcher)
            result.problems += check_gather(server, watcher)
            result.problems += check_global_lock(server, watcher)
            result.problems += check_both(server, watcher)
        if isinstance(server, Nio):
            show_tasks(server, watcher)
        return result, list(watcher.lines())
    finally:
        if watcher:
            watcher.end()
        server.end()
        shutil.rmtree(folder, ignore_errors=True)


def check_pool(server, watcher):
    """Exhausts the pool; returns what is wrong with what was reported of that."""
    name, size, function = server.pool
    before = len(watcher.reports)
    began = server.exhaust()
    time.sleep(0.5)
    reports = [report for report in watcher.reports[before:] if report.get("pool") == name]
    if not reports:
        return [f"{server.name}: nothing was reported of the pool {name}"]
    problems = []
    first = reports[0]
    late = first["noticed"] - began
    say(f"   pool {name}: told {late * 1000:.0f} ms after the requests: {first.get('why')}")
    if late > 1.5:
        problems.append(f"{server.name}: the pool was reported after {late:.2f} s")
    if f"all {size} threads are busy" not in first.get("why", "") or function not in first.get("why", ""):
        problems.append(f"{server.name}: the pool's report says: {first.get('why')}")
    return problems


def check_gather(server, watcher):
    """Many tasks in one iteration, of which none is as long as a block: that is congestion, and no stall."""
    problems = []
    for path in ("/gather?tasks=2000", "/longer?tasks=10&seconds=0.03"):
        before = len(watcher.reports)
        server.request(path)
        time.sleep(0.5)
        reports = [report for report in watcher.reports[before:] if "loop" in report]
        kinds = {report["kind"] for report in reports}
        say(f"   {path}: {', '.join(report['message'] for report in reports)}")
        if kinds != {"congestion"}:
            problems.append(f"{server.name}: {path} was reported as {kinds or 'nothing'}")
    return problems


def show_tasks(server, watcher):
    """Many short closures that NIO runs in one iteration: no I/O is served meanwhile, and none of them is long."""
    before = len(watcher.reports)
    server.request("/tasks")
    time.sleep(0.5)
    reports = [report for report in watcher.reports[before:] if "loop" in report]
    say(f"   tasks in one iteration: {', '.join(report['message'] for report in reports)}")


def check_global_lock(server, watcher):
    """A thread that holds Python's global lock blocks the loop, and is named."""
    before = len(watcher.reports)
    server.request("/hog?seconds=1")
    time.sleep(0.5)
    reports = [report for report in watcher.reports[before:] if "loop" in report and report["cause"] == "lock"]
    details = [report.get("cause_detail", "") for report in reports]
    say(f"   global lock: {next(filter(None, details), 'not told')}")
    if not any("match_everything" in detail for detail in details):
        return [f"{server.name}: who holds the global lock was not told: {reports[-1:]}"]
    return []


def check_both(server, watcher):
    """The end of a block names what most of it was at, and not what it was at when it was looked at last."""
    before = len(watcher.reports)
    server.request("/both")
    time.sleep(0.5)
    reports = [report for report in watcher.reports[before:] if "loop" in report]
    told = [(report["state"], (report.get("at") or {}).get("function", "nothing")) for report in reports]
    say(f"   /both: {', '.join(f'{state} at {function}' for state, function in told)}")
    ends = [function for state, function in told if state == "ended"]
    return [] if ends and all("wait_for_backend" in function for function in ends) else [f"{server.name}: /both: {told}"]


def table(rows):
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=str(ROOT / ".build/release/loopwatch"))
    parser.add_argument("--targets", default=",".join(SERVERS))
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--healthy", type=float, default=10, help="seconds of load without a block at the end")
    parser.add_argument("--rate", type=int, default=200, help="requests in a second of that load")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--evidence", help="the rung to use instead of the default")
    parser.add_argument("--user", type=int, help="number of the user to run servers and watcher as")
    parser.add_argument("--generous", action="store_true", help="for a machine that is busy with other things")
    parser.add_argument("--short", action="store_true", help="the longest block of one kind only")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    arguments = ["--evidence", options.evidence] if options.evidence else []
    rows, problems = [HEADINGS], []
    for name in options.targets.split(","):
        say(f"-- {name}")
        result, lines = run(name, options.binary, arguments, options)
        if options.verbose:
            say("\n".join("   " + line for line in lines))
        rows.append(result.row())
        say(table([HEADINGS, result.row()]))
        problems += result.problems
        for text in result.missed:
            problems.append(f"{name}: missed: {text}")
        for report in result.false:
            problems.append(f"{name}: not true: {json.dumps(report)[:600]}")
        for text in result.wrong_names:
            problems.append(f"{name}: wrong name: {text}")
        if result.grades == {"exact"} and result.errors:
            errors = [abs(error) for error in result.errors]
            factor = GENEROUS if options.generous else 1
            if statistics.median(errors) > ERROR_MEDIAN_MS * factor or max(errors) > ERROR_WORST_MS * factor:
                problems.append(f"{name}: lengths are off by {statistics.median(errors):.2f} ms, worst {max(errors):.2f}")
            if result.notices and max(result.notices) > NOTICE_WORST_MS * factor:
                problems.append(f"{name}: the first report came {max(result.notices):.1f} ms after the threshold")
    say("\n" + table(rows))
    for problem in problems:
        say("PROBLEM: " + problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
