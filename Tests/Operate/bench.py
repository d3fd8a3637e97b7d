#!/usr/bin/env python3
# This source file is part of the Loopwatch project
# SPDX-License-Identifier: Apache-2.0
"""What every_alert.py has its situations in: programs, targets, Prometheus and Alertmanager, and what they have told."""

import contextlib
import http.client
import os
import re
import shutil
import signal
import subprocess
import threading
import time
import urllib.parse

import alerts
import divided
from alerts import Child, Failure, ask, eventually, expect, say

# Longest wait for an alert to fire or to clear, in seconds: what takes 40 on an idle machine.
SECONDS_MOST = 240
# How far back to look for alerts that fired, in seconds: they are kept for a second at least.
RECENT_SECONDS = 3


def where(labels):
    """What distinguishes two alerts of one name and instance."""
    return labels.get("loop") or labels.get("pool") or labels.get("reason") or labels.get("component") or ""


class Program:
    """A `loopwatch` with an endpoint, which keeps its port when it is started again."""

    def __init__(self, test, name, arguments, settings=(), job="api", before=()):
        self.test, self.name, self.job = test, name, job
        self.arguments, self.settings, self.before = arguments, dict(settings), list(before)
        self.port = None

    def start(self):
        """Starts it, and waits until its endpoint listens."""
        while True:
            listen = f"127.0.0.1:{self.port or 0}"
            arguments = [part.replace("LISTEN", listen) if isinstance(part, str) else part(listen) for part in self.arguments]
            child = Child([*self.before, self.test.program, *arguments], cwd=self.test.folder, env=os.environ | self.settings)
            self.test.children.append(child)
            found = eventually(
                f"the address of {self.name}", 60, lambda: self._addresses(child) or child.child.poll() is not None
            )
            if found is not True:
                self.child, self.port, self.served = child, int(found[0]), int(found[-1])
                return self
            self.test.children.remove(child)
            # Someone else may have its former port for a moment.
            expect(self.port and child.child.poll() == 69, f"{self.name} did not start:\n" + "\n".join(child.lines))
            child.end()
            time.sleep(0.5)

    @staticmethod
    def _addresses(child):
        lines = list(child.lines)
        # The demo's greeting is complete once it has said how it is ended.
        is_complete = any(re.search(r"Ctrl-C ends it|metrics and warnings at|watching \w+; http", line) for line in lines)
        return re.findall(r"http://127\.0\.0\.1:(\d+)", "\n".join(lines)) if is_complete else None

    def end(self):
        """Ends it."""
        self.test.children.remove(self.child)
        self.child.end()

    def get(self, path):
        """Asks the demo's own first loop for a path, and waits for the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.served, timeout=60)
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", path)
            connection.getresponse().read()
        connection.close()


class Repeated:
    """Something that is done again and again on threads of its own, until it is ended."""

    def __init__(self, *actions):
        self.is_over = threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(action,), daemon=True) for action in actions]
        for thread in self.threads:
            thread.start()

    def _run(self, action):
        while not self.is_over.is_set():
            action()

    def end(self):
        """No more of it, once what is going on is done."""
        self.is_over.set()
        for thread in self.threads:
            thread.join(70)


class Target:
    """A program that is watched from outside, and obeys its standard input."""

    def __init__(self, test, *command):
        self.child = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        )
        test.targets.append(self)

    def tell(self, line):
        """Has it do something."""
        with contextlib.suppress(BrokenPipeError):
            print(line, file=self.child.stdin, flush=True)

    def end(self):
        """Ends it."""
        with contextlib.suppress(BrokenPipeError):
            self.child.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.child.wait(5)
        self.child.kill()
        self.child.wait()


class Bench:
    """All programs, Prometheus, Alertmanager, and what they have told."""

    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        self.children, self.targets, self.programs = [], [], {}
        self.receiver = alerts.Receiver()
        # (seconds, "fires" or "clears", (alert, instance, where)), in the order of time.
        self.events = []
        self.began = time.monotonic()
        self.failures, self.rows = [], []
        self.is_over = threading.Event()

    def now(self):
        """Seconds since the beginning."""
        return time.monotonic() - self.began

    # Beginning and end

    def add(self, name, arguments, settings=(), job="api", before=()):
        """A program, started."""
        self.programs[name] = program = Program(self, name, arguments, settings, job, before)
        return program.start()

    def demo(self, name, settings, *options, before=()):
        """A demo, started."""
        return self.add(name, ["demo", "--listen", "LISTEN", *options], settings, before=before)

    def attach(self, name, target, *options, before=()):
        """A watch of a target, started."""
        arguments = ["attach", str(target.child.pid), "--listen", "LISTEN", *options]
        return self.add(name, arguments, job="loopwatch", before=before)

    def start_prometheus(self):
        """Starts both, at ports that they may lose to others at first."""
        manager = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
        expect(manager, "Alertmanager is not installed")
        for attempt in range(3):
            manager_port, self.port = alerts.free_port(), alerts.free_port()
            self._write(manager_port)
            commands = [
                [
                    manager, f"--config.file={self.folder}/alertmanager.yml", f"--storage.path={self.folder}/alerts{attempt}",
                    f"--web.listen-address=127.0.0.1:{manager_port}", "--cluster.listen-address=", "--log.level=warn",
                ],
                [
                    "prometheus", f"--config.file={self.folder}/prometheus.yml", f"--storage.tsdb.path={self.folder}/data{attempt}",
                    f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn",
                ],
            ]
            both = [Child(command, cwd=self.folder) for command in commands]
            try:
                eventually("Alertmanager", 60, lambda port=manager_port: ask(port, "/api/v2/status"))
                eventually("Prometheus", 60, lambda: ask(self.port, "/api/v1/status/buildinfo"))
                for child in both:
                    child.expect_alive()
            except Failure as failure:
                for child in both:
                    child.end()
                expect(attempt < 2, str(failure))
            else:
                self.children += both
                return

    def _write(self, manager_port):
        def targets(job):
            return ", ".join(f'"127.0.0.1:{program.port}"' for program in self.programs.values() if program.job == job)

        def divided_file(name, *pairs):
            text = (divided.CONFIG / name).read_text()
            text = divided.divide(text, divided.FACTOR, rounds=name == "alertmanager.yml")
            (self.folder / name).write_text(alerts.substitute(text, *pairs))

        divided_file("loopwatch.rules.yml")
        divided_file(
            "prometheus.yml", (r'"127\.0\.0\.1:9667"', targets("loopwatch")), (r'"127\.0\.0\.1:9668"', targets("api")),
            (r"127\.0\.0\.1:9093", f"127.0.0.1:{manager_port}"),
        )
        divided_file("alertmanager.yml", (r"127\.0\.0\.1:9099", f"127.0.0.1:{self.receiver.port}"))

    def end(self):
        """Ends everything."""
        self.is_over.set()
        for child in list(reversed(self.children)):
            # One that stands still does not hear that it is to end.
            with contextlib.suppress(OSError):
                child.child.send_signal(signal.SIGCONT)
            child.end()
        for target in self.targets:
            target.end()
        self.receiver.end()

    # What is told

    def instances(self):
        """Names of the programs by what Prometheus calls them."""
        return {f"127.0.0.1:{program.port}": name for name, program in self.programs.items()}

    def look(self):
        """Notes again and again what fires and what has cleared; a thread of its own."""
        firing, seen = set(), {}
        while not self.is_over.is_set():
            with contextlib.suppress(OSError, http.client.HTTPException, KeyError):
                names = self.instances()

                def asked(query, names=names):
                    query = "/api/v1/query?" + urllib.parse.urlencode({"query": query})
                    found = ask(self.port, query)["data"]["result"]
                    return {
                        (labels["alertname"], names.get(labels["instance"], labels["instance"]), where(labels))
                        for labels in (entry["metric"] for entry in found)
                    }

                recent = asked(f'count_over_time(ALERTS{{alertstate="firing"}}[{RECENT_SECONDS}s])')
                current = asked('ALERTS{alertstate="firing"}')
                now = self.now()
                # What was kept for so short that it is over by now.
                brief = {key for key in recent - current - firing if now - seen.get(key, -60) > RECENT_SECONDS + 1}
                for key in sorted((current - firing) | brief):
                    self._event("fires", key)
                for key in sorted((firing - current) | brief):
                    self._event("clears", key)
                seen |= dict.fromkeys(recent | current, now)
                firing = current
            self.is_over.wait(0.25)

    def _event(self, kind, key):
        self.events.append((self.now(), kind, key))
        say(f"{self.now():6.1f} s  {kind:6} {key[0]} of {key[1]} {key[2]}")

    def event(self, kind, wanted, since):
        """The first event of a kind since then; nothing if there is none."""
        for event in list(self.events):
            if event[1] == kind and event[2][: len(wanted)] == wanted and event[0] >= since:
                return event
        return None

    def told(self, wanted, status, since):
        """When Alertmanager told of an alert first since then; nothing if it did not."""
        names = self.instances()
        for moment, _, name, labels, state in list(self.receiver.notifications):
            at = moment - self.began
            key = (name, names.get(labels["instance"]), where(labels))
            if key == wanted and state == status and at >= since:
                return at
        return None

    # Situations

    def situation(self, text, program, names, relieve=None, trouble=None, since=None):
        """Waits until some alerts of a program have fired and were told, relieves, and waits until they have cleared.

        Those may have fired before that are true from the beginning: `since` is from when on they count.
        """
        begun = self.now()
        since = begun if since is None else since
        fired, told = {}, {}
        for alert in names:
            what = f"{alert} of {program.name}"
            wanted = (alert, program.name)
            fired[alert] = self.wait(f"{what} to fire", lambda w=wanted: self.event("fires", w, since))
            key = fired[alert][2]
            told[alert] = self.wait(f"{what} to be told", lambda k=key: self.told(k, "firing", since))
        relieved = self.now()
        if trouble:
            trouble.end()
        if relieve:
            relieve()
        for alert in names:
            what = f"{alert} of {program.name}"
            at, _, key = fired[alert]
            cleared = self.wait(f"{what} to clear", lambda k=key, a=at: self.event("clears", k, a))[0]
            self.wait(f"{what} to be told as resolved", lambda k=key, a=told[alert]: self.told(k, "resolved", a))
            # What ends by itself is counted from when it fired.
            after = at - (since if since > 0 else begun)
            until = cleared - (relieved if relieve or trouble else at)
            self.rows.append((alert, text, max(0.0, after), max(0.0, until), "firing, resolved"))

    def wait(self, awaited, attempt):
        """Waits for something to be told; fails when it takes too long, or anything else has failed."""
        deadline = time.monotonic() + SECONDS_MOST
        while True:
            result = attempt()
            if result:
                return result
            expect(not self.is_over.is_set(), f"given up: waiting for {awaited}")
            expect(time.monotonic() < deadline, f"waited {SECONDS_MOST} s in vain for {awaited}")
            time.sleep(0.1)

    def run(self, situations):
        """Runs situations at once, each on a thread of its own."""

        def guarded(situation):
            try:
                situation()
            except (Failure, OSError, ValueError, http.client.HTTPException, subprocess.SubprocessError) as failure:
                self.failures.append(f"{type(failure).__name__}: {failure}")
                say(f"{self.now():6.1f} s  FAILED {self.failures[-1]}")

        threads = [threading.Thread(target=guarded, args=(situation,), daemon=True) for situation in situations]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        expect(not self.failures, "\n".join(self.failures))
