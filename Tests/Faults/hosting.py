# This source file is part of the Loopwatch project
# SPDX-License-Identifier: Apache-2.0
"""A server in which Loopwatch is embedded (Tests/FaultHost), what it made, and what was said of that."""

import collections
import contextlib
import http.client
import os
import pathlib
import re
import signal
import subprocess
import threading
import time

# A step may take as much longer than it should, in seconds: other work may have all processors.
PATIENCE = 60


class Failure(Exception):
    """Something is not as it should be; the message says what."""


def say(text):
    print(text, flush=True)


def expect(condition, text):
    """Fails with the text unless the condition holds."""
    if not condition:
        raise Failure(text)


def eventually(awaited, find, seconds=PATIENCE, pause=0.05):
    """Calls until something is found, and returns it; fails when the time is up."""
    deadline = time.monotonic() + seconds
    while True:
        if found := find():
            return found
        expect(time.monotonic() < deadline, f"waited {seconds} s in vain for {awaited}")
        time.sleep(pause)


def descendants(process):
    """A process and all that it has begun."""
    found = [process]
    for task in pathlib.Path(f"/proc/{process}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in task.read_text().split():
                found += descendants(int(child))
    return found


class Child:
    """A child process whose lines are read as they come."""

    def __init__(self, command, environment=None, **options):
        self.lines, self.command = [], [str(word) for word in command]
        variables = {name: value for name, value in os.environ.items() if not name.startswith("LOOPWATCH_")}
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", env={**variables, **(environment or {})}, **options,
        )
        self.pid = self.process.pid
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def output(self):
        return "\n".join(self.lines[-25:])

    def alive(self):
        code = self.process.poll()
        if code is not None:
            self.reader.join(5)
            raise Failure(f"{self.command[0]} ended with {code}:\n{self.output()}")

    def until(self, pattern, start=0, seconds=PATIENCE):
        """The first line, from so many on, that has a pattern."""

        def find():
            for line in self.lines[start:]:
                if found := re.search(pattern, line):
                    return found
            self.alive()
            return None

        try:
            return eventually(pattern, find, seconds, pause=0.005)
        except Failure as failure:
            raise Failure(f"{failure}\n{self.output()}") from None

    def wait(self, seconds=PATIENCE):
        """Waits for the end; returns the code, which is negative for a signal."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.command[0]} did not end within {seconds} s") from None
        self.reader.join(5)
        return code

    def end(self):
        """Ends the process, politely first, and all that it has begun."""
        if self.process.poll() is None:
            family = descendants(self.pid)
            with contextlib.suppress(OSError):
                self.process.stdin.close()
            with contextlib.suppress(OSError):
                os.kill(self.pid, signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                for number in family:
                    with contextlib.suppress(OSError):
                        os.kill(number, signal.SIGKILL)
                self.process.wait(10)
        self.reader.join(5)


class Host(Child):
    """The embedding server, ready to be told what to do."""

    def __init__(self, program, loops, threshold="20ms", log=None, options=(), before=(), **variables):
        environment = {
            "LOOPWATCH_LISTEN": "127.0.0.1:0", "LOOPWATCH_THRESHOLD": threshold,
            "LOOPWATCH_LOG": str(log) if log else "off", "LOOPWATCH_REPORT_BURST": "1000000", "SWIFT_BACKTRACE": "enable=no",
            **{"LOOPWATCH_" + name.upper(): str(value) for name, value in variables.items()},
        }
        self.log = log
        super().__init__([*before, program, str(loops), *options], environment)
        try:
            self.port = int(self.until(r"^READY 127\.0\.0\.1:(\d+)$").group(1))
        except Failure:
            self.end()
            raise

    def tell(self, command):
        """Has it begin something, which `finish` waits for."""
        self.asked = len(self.lines)
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def finish(self, seconds=PATIENCE):
        """Waits for the end of what it was told to do; returns what it said."""
        self.until("^DONE$", self.asked, seconds)
        lines = self.lines[self.asked:]
        lines = lines[:lines.index("DONE")]
        problem = next((line for line in lines if line.startswith("PROBLEM")), None)
        expect(problem is None, f"the host says: {problem}")
        return lines

    def do(self, command, seconds=PATIENCE):
        self.tell(command)
        return self.finish(seconds)

    def made(self):
        """The blocks that were made, by target: those that are sure, and those that may be taken for blocks."""
        words = [line.split() for line in self.do("made") if line.startswith("MADE ")]
        return {name: (int(sure), int(unsure)) for _, name, sure, unsure in words}

    def get(self, path, timeout=20, headers=None):
        """The answer's status and text."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request("GET", path, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def metrics(self):
        status, text = self.get("/metrics")
        expect(status == 200, f"/metrics: {status} {text[:200]}")
        return Metrics(text)

    def settled(self):
        """Metrics once nothing more comes: no target is blocked, and as many reports as before have been made."""
        before = None

        def find():
            nonlocal before
            metrics = self.metrics()
            now = metrics.sum("loopwatch_warnings_total"), metrics.found()
            is_settled = now == before and metrics.sum("loopwatch_loop_blocked") == 0
            before = now
            return metrics if is_settled else None

        return eventually("the last reports", find, pause=0.4)

    def newest(self):
        """The number of the newest report that was written."""
        import json

        status, text = self.get("/warnings?format=json&limit=1")
        expect(status == 200, f"/warnings: {status}")
        return json.loads(text)["newest"] or 0

    def resources(self):
        """Resident bytes, descriptors, threads, and those of Loopwatch's threads by name."""
        return Resources(self.pid)


class Metrics:
    """An exposition."""

    def __init__(self, text):
        self.samples = collections.defaultdict(dict)
        for line in text.splitlines():
            if line and not line.startswith("#"):
                series, value = line.split(" # ")[0].rsplit(" ", 1)
                name, _, labels = series.partition("{")
                self.samples[name][labels.rstrip("}")] = float(value)

    def sum(self, name, *having):
        """The sum of a family's samples that have such labels."""
        return sum(
            value for labels, value in self.samples.get(name, {}).items() if all(label in labels for label in having)
        )

    def found(self):
        """The blocks that were found, by target."""
        counts = collections.Counter()
        for family in ("loopwatch_loop_blocks_total", "loopwatch_pool_holds_total"):
            for labels, value in self.samples.get(family, {}).items():
                if target := re.search(r'(?:loop|pool)="([^"]*)"', labels):
                    counts[target.group(1)] += int(value)
        return counts

    def dropped(self, reason):
        return int(self.sum("loopwatch_events_dropped_total", f'reason="{reason}"'))

    def interruptions(self):
        return int(self.sum("loopwatch_interruptions_total"))


class Resources:
    def __init__(self, pid):
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        self.resident = int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) * 1024
        self.virtual = int(re.search(r"VmSize:\s+(\d+)", status).group(1)) * 1024
        self.descriptors = len(os.listdir(f"/proc/{pid}/fd"))
        names = []
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                names.append((task / "comm").read_text().strip())
        self.threads = len(names)
        self.own = sorted(name for name in names if name.startswith("lw-"))


def log_lines(paths):
    """The lines of logs; fails where one is not whole."""
    lines = []
    for path in paths:
        if not path.exists():
            continue
        text = path.read_text()
        expect(not text or text.endswith("\n"), f"{path.name} ends within a line: ...{text[-80:]!r}")
        lines += text.splitlines()
    return lines


def warnings_of(lines, pieces=0):
    """Those that are warnings; fails where a line is neither that nor about Loopwatch itself.

    So many may be pieces, for the rest of which a disk had no room.
    """
    warnings = []
    for line in lines:
        if line.startswith("loopwatch: "):
            continue
        if re.match(r"^\d{4}-\d\d-\d\dT\S+Z ", line) and line.count(" stall=") == 1:
            warnings.append(line)
        else:
            pieces -= 1
            expect(pieces >= 0 and line.count("Z WARN ") <= 1, f"a torn line: {line!r}")
    return warnings


def check_found(made, metrics, interruptions=0):
    """Every block that was made was found, and nothing else; returns how many were made and found.

    Of a block during which the whole process stood still that time is not counted, so that it may be none any more: as many
    may be missing, of all loops together, as there were interruptions.
    """
    found = metrics.found()
    missing = sum(max(0, sure - found.get(name, 0)) for name, (sure, _) in made.items())
    expect(missing <= interruptions, f"{missing} blocks were not found, with {interruptions} interruptions")
    for name, (sure, unsure) in made.items():
        count = found.get(name, 0)
        expect(
            sure - interruptions <= count <= sure + unsure,
            f"{name}: {sure} blocks were made, and {unsure} that are near the threshold; found {count} "
            f"({interruptions} interruptions)",
        )
    return sum(sure for sure, _ in made.values()), sum(found.get(name, 0) for name in made)


def check_reports(metrics, newest, lines=None, pieces=0):
    """Every report was written, suppressed or dropped, each of which is counted; returns the counts.

    Of so many lines the log may have a piece only, which is counted as dropped.
    """
    raised = int(metrics.sum("loopwatch_warnings_total"))
    suppressed = int(metrics.sum("loopwatch_warnings_suppressed_total"))
    # Interruptions of the process are written, but no warnings.
    extra = newest + suppressed - raised
    expect(
        0 <= extra <= metrics.interruptions(),
        f"{raised} reports were made; {newest} written + {suppressed} suppressed; {metrics.interruptions()} interruptions",
    )
    dropped = metrics.dropped("log_write") + metrics.dropped("queue_full")
    if lines is not None:
        written = len(warnings_of(lines, pieces))
        expect(
            0 <= written + dropped - newest <= pieces,
            f"{newest} were written, of which the log has {written}; {dropped} are counted as dropped",
        )
    return raised, suppressed, dropped


def settled_reports(host, logs, pieces=0, seconds=15):
    """The counts of `check_reports`, once the thread that writes the log has come after; and the lines of the logs."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            lines = log_lines(logs)
            return check_reports(host.metrics(), host.newest(), lines, pieces), lines
        except Failure:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)
