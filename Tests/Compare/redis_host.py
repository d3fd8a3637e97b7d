# This source file is part of the Loopwatch project
# SPDX-License-Identifier: Apache-2.0
"""Redis as a host that is blocked, and its own watchdog."""

import shutil
import socket
import tempfile
import time

import workload
from hosts import Host, LineProcess, outside
from matching import Stretch


class RedisHost(Host):
    """Redis, which is blocked by commands; what is true of a block is what its client sees."""

    kinds = ("sleep", "cpu")

    def __init__(self, watchdog):
        super().__init__([])
        self.folder = tempfile.mkdtemp(prefix="loopwatch-compare-")
        self.watchdog = watchdog

    def start(self):
        self.server = outside.Redis(self.folder, None)
        self.server.start_process = lambda arguments, **options: LineProcess(arguments, self.take, **options)
        self.server.start()
        self.process = self.server.process
        if self.watchdog:
            # Its period is at least twice that of its timer, which this sets to 10 ms.
            self.server.command("CONFIG", "SET", "hz", "100")
            answer = self.server.command("CONFIG", "SET", "watchdog-period", str(int(workload.THRESHOLD * 1000)))[2]
            if answer != b"+OK\r\n":
                raise outside.Failure(f"redis has no watchdog: {answer}")
        time.sleep(1.5)

    def take(self, came, line):
        if "WATCHDOG TIMER EXPIRED" in line:
            self.add({"at": came, "state": "during", "kind": "stall"})

    @staticmethod
    def encoded(*parts):
        return (f"*{len(parts)}\r\n" + "".join(f"${len(str(part))}\r\n{part}\r\n" for part in parts)).encode()

    def exchange(self, command, count=1):
        """Sends a command so many times at once; returns when that was done and when all was answered."""
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=30) as connection:
            file = connection.makefile("rb")
            began = time.monotonic()
            connection.sendall(command * count)
            for _ in range(count):
                if (answer := file.readline())[:1] == b"-":
                    raise outside.Failure(f"redis: {answer}")
            return began, time.monotonic()

    def blocking(self, kind, seconds):
        if kind == "sleep":
            return self.encoded("DEBUG", "SLEEP", f"{seconds:.4f}")
        return self.encoded("EVAL", self.server.script, "0", int(seconds * 1e6))

    def perform(self, step):
        if step.what in ("block", "flood"):
            began, ended = self.exchange(self.blocking(step.kind, step.seconds), step.count)
            is_cut = step.what == "block" and ended - began < step.seconds - 0.001
            what = "CUT" if is_cut else step.what.upper()
            self.stretches.append(Stretch(what, step.identifier, step.kind, began, ended))
            return
        end = time.monotonic() + step.seconds
        while time.monotonic() < end:
            began, ended = self.exchange(self.blocking("cpu", workload.PULSE_WORK))
            if ended - began >= 0.03:
                self.stretches.append(Stretch("LATE", step.identifier, "pulse", began, ended))
            time.sleep(workload.PULSE_PERIOD)

    def end(self):
        if server := getattr(self, "server", None):
            server.end()
        shutil.rmtree(self.folder, ignore_errors=True)
