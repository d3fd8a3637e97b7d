# This source file is part of the Loopwatch project
# SPDX-License-Identifier: Apache-2.0
"""What the hosts in Python have in common: they block their loop as standard input says, and tell of it on standard output.

Commands and lines are those of detection-host (Tests/Packages/Corpus/Sources/detection-host/Session.swift).
"""

import json
import os
import sys
import threading
import time

# What of a short job is told: as long as that, in seconds.
NOTEWORTHY = 0.03


def tell(line):
    os.write(1, f"{line}\n".encode())


def report(state, duration=None, kind="stall"):
    tell("REPORT " + json.dumps({"at": time.monotonic(), "state": state, "kind": kind, "duration": duration}))


class HeldLock:
    """A lock that another thread holds, and frees so long after it is waited for."""

    def __init__(self, seconds):
        self.lock = threading.Lock()
        self.waited_for = threading.Event()
        taken = threading.Event()

        def hold():
            with self.lock:
                taken.set()
                self.waited_for.wait()
                time.sleep(seconds)

        threading.Thread(target=hold).start()
        taken.wait()

    def take(self):
        self.waited_for.set()
        began = time.monotonic()
        with self.lock:
            return began, time.monotonic()


def wait_for_backend(seconds):
    began = time.monotonic()
    time.sleep(seconds)
    return began, time.monotonic()


def crunch_numbers(seconds):
    began = time.monotonic()
    while time.monotonic() < began + seconds:
        sum(range(50))
    return began, time.monotonic()


def hold(kind, seconds, lock=None):
    if kind == "cpu":
        return crunch_numbers(seconds)
    if kind == "lock":
        return lock.take()
    return wait_for_backend(seconds)


class Session:
    """Does what the commands say, from a thread of its own."""

    def __init__(self, loop):
        self.loop = loop

    def start(self, function):
        """Has the loop run a function soon."""
        self.loop.call_soon_threadsafe(function)

    def queue(self, function):
        """The same from within the loop."""
        self.loop.call_soon(function)

    def perform(self, line):
        what, identifier, *rest = line.split()
        if what == "block":
            self.block(identifier, rest[0], float(rest[1]))
        elif what == "flood":
            self.flood(identifier, rest[0], float(rest[1]), int(rest[2]))
        elif what == "pulse":
            self.pulse(identifier, *map(float, rest))
        tell(f"DONE {identifier}")

    def held(self, span, note):
        """Has it noted for how long a job held the loop up that ran from when to when."""
        note(span)

    def block(self, identifier, kind, seconds):
        lock = HeldLock(seconds) if kind == "lock" else None
        done, spans = threading.Event(), []

        def note(span):
            spans.append(span)
            done.set()

        def handler():
            self.held(hold(kind, seconds, lock), note)

        self.start(handler)
        done.wait()
        self.told("BLOCK", identifier, kind, *spans[0])

    def flood(self, identifier, kind, seconds, count):
        done, spans, posts = threading.Event(), [], []

        def job():
            spans.append(hold(kind, seconds))
            if len(spans) == count:
                done.set()

        def post():
            began = time.monotonic()
            for _ in range(count):
                self.queue(job)
            posts.append((began, time.monotonic()))

        # From within, so that all of them wait before one has run.
        self.loop.call_soon_threadsafe(post)
        done.wait()
        began, posted = posts[0]
        if posted - began >= NOTEWORTHY:
            # To make a thousand tasks is one job, and on a slow machine, or with a tool that looks at each call, a long one.
            self.told("BLOCK", identifier, "post", began, posted)
            began = posted
        self.told("FLOOD", identifier, kind, began, spans[-1][1])

    def pulse(self, identifier, seconds, period, work):
        told = []

        def job(posted):
            began, ended = crunch_numbers(work)
            if ended - began >= NOTEWORTHY:
                told.append(("BLOCK", began, ended))
            if began - posted >= NOTEWORTHY:
                told.append(("LATE", posted, began))

        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.loop.call_soon_threadsafe(job, time.monotonic())
            time.sleep(period)
        done = threading.Event()
        self.loop.call_soon_threadsafe(done.set)
        done.wait()
        for what, began, ended in told:
            self.told(what, identifier, "pulse", began, ended)

    @staticmethod
    def told(what, identifier, kind, began, ended):
        tell(f"{what} {identifier} {kind} {began:.9f} {ended:.9f}")


def read_commands(session):
    time.sleep(1.5)
    tell("READY")
    for line in sys.stdin:
        session.perform(line)
    os._exit(0)
