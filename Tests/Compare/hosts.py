# This source file is part of the Loopwatch project
# SPDX-License-Identifier: Apache-2.0
"""The hosts that are blocked, and how each tool's reports are had: as its user has them."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TARGETS = pathlib.Path(__file__).resolve().parent / "targets"
sys.path.insert(0, str(ROOT / "Tests/Outside"))
import outside  # noqa: E402
import workload  # noqa: E402
from matching import Report, Stretch  # noqa: E402

VENV = ROOT / ".build-venv"
PYTHON = VENV / "bin/python3"
BINARY = ROOT / ".build/release/loopwatch"
PACKAGES = ROOT / ".build-packages"
NODE_MODULES = ROOT / ".build-node"
# A step may take as much longer than it should, in seconds.
PATIENCE = 60


def swift_host():
    return PACKAGES / "release/detection-host"


class LineProcess(outside.Child):
    """A child that is given commands and whose lines are read with the time at which they came."""

    def __init__(self, arguments, take, **options):
        self.take = take
        super().__init__(arguments, stdin=subprocess.PIPE, **options)

    def _read(self):
        outside.read_promptly()
        for line in self.child.stdout:
            came = time.monotonic()
            self.lines.append(line.rstrip("\n"))
            self.take(came, self.lines[-1])

    def say(self, line):
        self.child.stdin.write(line + "\n")
        self.child.stdin.flush()


class Host:
    """A program that does what it is told, and tells what held it up and what was reported of that."""

    kinds = tuple(workload.KINDS)

    def __init__(self, arguments, **options):
        self.arguments, self.options = arguments, options
        self.stretches, self.reports, self.raw = [], [], []
        self.done = threading.Condition()
        self.finished = set()
        # What the host could not do.
        self.problem = None

    def start(self):
        self.process = LineProcess(self.arguments, self.take, **self.options)
        self.until("READY")

    def take(self, came, line):
        words = line.split(" ", 1)
        if words[0] in ("BLOCK", "FLOOD", "LATE"):
            identifier, kind, began, ended = words[1].split()
            self.stretches.append(Stretch(words[0], identifier, kind, float(began), float(ended)))
        elif words[0] == "REPORT":
            self.add(json.loads(words[1]))
        elif words[0] in ("UNKNOWN", "PROBLEM") or words[0] == "ACCOUNTING" and not words[1].startswith("exact"):
            self.problem = line
        elif words[0] in ("DONE", "READY"):
            with self.done:
                self.finished.add(words[-1])
                self.done.notify_all()

    def add(self, told):
        """A report as the hosts write it."""
        self.raw.append(told)
        kind = told["kind"]
        if kind in ("stall", "hold") and told.get("cause") in ("runqueue", "throttled", "suspended"):
            kind = "machine"
        elif kind == "hold":
            # One job that holds one thread of a pool: a block.
            kind = "stall"
        episode = told.get("episode")
        if episode is not None:
            episode = f"{told.get('target')} {told['kind']} {episode}"
        self.reports.append(
            Report(
                told["at"], told["state"], kind, told.get("began"), told.get("duration"), episode, told.get("since")
            )
        )

    def until(self, identifier):
        deadline = time.monotonic() + PATIENCE
        with self.done:
            while identifier not in self.finished:
                self.process.alive()
                if self.problem:
                    raise outside.Failure(f"{self.arguments}: {self.problem}")
                if time.monotonic() > deadline:
                    raise outside.Failure(f"{self.arguments}: waited {PATIENCE} s in vain for {identifier}")
                self.done.wait(0.5)

    def perform(self, step):
        self.process.say(step.command())
        self.until(step.identifier)

    def can(self, step):
        return step.what not in ("block", "flood") or step.kind in self.kinds

    def watcher_pid(self):
        """Whose CPU time the watching costs."""
        return self.process.pid

    def end(self):
        if process := getattr(self, "process", None):
            with contextlib.suppress(OSError):
                process.child.stdin.close()
            process.end()


class PythonHost(Host):
    def __init__(self, program, tool):
        super().__init__(
            [PYTHON, "-u", TARGETS / program, tool], env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        )


class NodeHost(Host):
    def __init__(self, tool):
        super().__init__(
            [shutil.which("node"), TARGETS / "node_host.js", tool],
            env={**os.environ, "BLOCKED_AT": str(NODE_MODULES / "node_modules/blocked-at")},
        )


class AttachedHost(PythonHost):
    """A uvicorn server that knows nothing, watched by `loopwatch attach`."""

    name = "uvicorn"

    def __init__(self):
        super().__init__("asyncio_host.py", "outside")

    def start(self):
        super().start()
        self.watcher = outside.Watcher(BINARY, self, [], None)
        outside.eventually(
            "a loop to be found", 20, lambda: any(": loop " in line for line in self.watcher.lines())
        )
        time.sleep(1.5)

    def watcher_pid(self):
        return self.watcher.process.pid

    def logged(self):
        """When the lines of each state of a stall came in the log, where its user sees them first."""
        times = {}
        process = self.watcher.process
        for came, line in zip(process.times, process.lines):
            if found := re.search(r" target=(\S+) .*?\bstate=(\w+) .*?\bstall=(\d+)", line):
                times.setdefault(found.groups(), []).append(came)
        return times

    def end(self):
        if watcher := getattr(self, "watcher", None):
            offset = time.time() - time.monotonic()
            logged = self.logged()
            for told in [entry for entry in watcher.reports if "loop" in entry]:
                began = outside.seconds_of(told["began"]) - offset
                # Time in which the process stood still is told apart, but the block lasted as long as both together.
                duration = (told["blocked_ms"] + told["interrupted_ms"]) / 1000
                lines = logged.get((told["loop"], told["state"], str(told["stall"])), [])
                self.add(
                    {
                        "at": lines.pop(0) if lines else told["noticed"], "state": told["state"], "kind": told["kind"], "episode": told["stall"],
                        "target": told["loop"], "began": began, "duration": duration, "cause": told["cause"],
                        "evidence": told.get("evidence"),
                    }
                )
            watcher.end()
        super().end()
