# This source file is part of the Loopwatch project
# SPDX-License-Identifier: Apache-2.0
"""What a process takes: CPU time, memory and threads, as /proc has them; and how an endpoint answers."""

import contextlib
import dataclasses
import hashlib
import http.client
import pathlib
import statistics
import time

from measuring import cpu_nanoseconds

# Names of Loopwatch's own threads begin with this.
OWN = "lw-"


def cpu_seconds(process):
    """CPU time of a process, of all its threads."""
    return cpu_nanoseconds(process) / 1e9


def own_threads(process):
    """Name and CPU seconds of each of Loopwatch's threads in a process, by thread."""
    found = {}
    for folder in pathlib.Path(f"/proc/{process}/task").iterdir():
        with contextlib.suppress(OSError):
            name = (folder / "comm").read_text().strip()
            if name.startswith(OWN):
                found[folder.name] = name, int((folder / "schedstat").read_text().split()[0]) / 1e9
    return found


def own_cpu_seconds(process):
    """CPU time of Loopwatch's own threads in a process, in seconds."""
    return sum(seconds for _, seconds in own_threads(process).values())


def threads(process):
    return len(list(pathlib.Path(f"/proc/{process}/task").iterdir()))


@dataclasses.dataclass(frozen=True)
class Memory:
    """In KiB: what is mapped, the process's share of it, and what no file is behind."""

    resident: int
    proportional: int
    anonymous: int


def memory(process):
    fields = {}
    for line in pathlib.Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()[1:]:
        name, _, value = line.partition(":")
        fields[name] = int(value.split()[0])
    return Memory(fields["Rss"], fields["Pss"], fields["Anonymous"])


def quantile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@dataclasses.dataclass
class Answers:
    """How an endpoint answered, time after time."""

    milliseconds: list
    status: int
    body: bytes
    # What was measured between the answers.
    between: list = dataclasses.field(default_factory=list)

    @property
    def median(self):
        return statistics.median(self.milliseconds)

    @property
    def p99(self):
        return quantile(self.milliseconds, 0.99)


def calculation(milliseconds):
    """A calculation that takes about so long here: what the machine itself makes of one is told by how that varies."""
    data = bytes(65536)

    def run(pieces):
        digest = hashlib.sha256()
        began = time.monotonic()
        for _ in range(pieces):
            digest.update(data)
        return (time.monotonic() - began) * 1000

    piece = statistics.median(run(8) / 8 for _ in range(50))
    return lambda: run(max(1, round(milliseconds / piece)))


def ask(port, path="/metrics", count=1, seconds_each=0.0, host="127.0.0.1", between=None):
    """Asks so many times on one connection, as a scraper does; the last answer is kept, and the worst status.

    `between` is called after each answer; what it returns is kept too.
    """
    connection = http.client.HTTPConnection(host, port, timeout=30)
    times, status, body, others = [], 200, b"", []
    try:
        for _ in range(count):
            began = time.monotonic()
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
            ended = time.monotonic()
            times.append((ended - began) * 1000)
            status = max(status, answer.status)
            if between:
                others.append(between())
                ended = time.monotonic()
            if (rest := began + seconds_each - ended) > 0:
                time.sleep(rest)
    finally:
        connection.close()
    return Answers(times, status, body, others)


def total(body, name):
    """Sum of all samples of a metric in an exposition."""
    sums = [
        float(line.rsplit(" ", 1)[1])
        for line in body.decode().splitlines()
        if line.startswith((name + "{", name + " "))
    ]
    return sum(sums)
