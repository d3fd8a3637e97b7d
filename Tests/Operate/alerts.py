#!/usr/bin/env python3
# This source file is part of the Loopwatch project
# SPDX-License-Identifier: Apache-2.0
"""Has the alerts of config/prometheus fire and clear: `loopwatch demo`, a real Prometheus and a real Alertmanager.

    alerts.py PROGRAM           PROGRAM is `loopwatch`
    alerts.py --all PROGRAM     every alert, each in a situation of its own; see every_alert.py

The files are those of config/, but for ports and for times: what lasts minutes there lasts half a second here, because the
demo blocks for one or two. The demo blocks its loops and pools and lets them recover; in the end it is ended, and started
again. Each alert that it can bring about has to fire and to clear in Prometheus, and those that are for people on call have
to arrive there from Alertmanager, begun and resolved. Starts nothing that it does not end, and listens at 127.0.0.1 alone.
"""

import contextlib
import http.client
import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CONFIG = ROOT / "config/prometheus"
# What the demo brings about again and again.
ALERTS = {
    "LoopwatchLoopBlockedNow",
    "LoopwatchLoopBlockedOften",
    "LoopwatchLoopCriticalBlocks",
    "LoopwatchPoolStarvedNow",
    "LoopwatchPoolStarvedOften",
    "LoopwatchPoolThreadHeld",
}
# What must not fire whatever the demo does.
QUIET = {
    "LoopwatchCallsInterrupted",
    "LoopwatchDown",
    "LoopwatchNothingWatched",
    "LoopwatchPartDown",
    "LoopwatchTargetsRejected",
}
# Where those arrive that are for people, by the receiver's path.
RECEIVED = {"LoopwatchLoopBlockedNow": "/on-call", "LoopwatchPoolStarvedNow": "/on-call", "LoopwatchDown": "/office"}
SECONDS_MOST = 120
ENVIRONMENT = {"LOOPWATCH_ERROR_THRESHOLD": "75ms", "LOOPWATCH_CRITICAL_THRESHOLD": "100ms"}


class Failure(Exception):
    """Something is not as it should be; the message says what."""


def say(text):
    """Prints a line at once, so that the order of all output is the order of events."""
    print(text, flush=True)


def expect(condition, text):
    """Fails with the text unless the condition holds."""
    if not condition:
        raise Failure(text)


def eventually(awaited, seconds, attempt):
    """Calls until there is a result that is true, and returns it; fails when the time is up."""
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException):
            result = attempt()
            if result:
                return result
        if time.monotonic() > deadline:
            raise Failure(f"waited {seconds} s in vain for {awaited() if callable(awaited) else awaited}")
        time.sleep(0.1)


def free_port():
    """A port of 127.0.0.1 that was free just now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Child:
    """A child process: its output is read as it comes, and it is ended by its process id."""

    def __init__(self, arguments, **options):
        say(f"$ {' '.join(str(argument) for argument in arguments)}")
        self.name = pathlib.Path(arguments[0]).name
        self.lines = []
        self.child = subprocess.Popen(
            [str(argument) for argument in arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            **options,
        )
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.child.stdout:
            self.lines.append(line.rstrip("\n"))

    def expect_alive(self):
        """Fails if it has ended by itself."""
        expect(
            self.child.poll() is None, f"{self.name} ended with {self.child.poll()}:\n" + "\n".join(self.lines[-20:])
        )

    def end(self):
        """Ends it, politely first."""
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(10)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        self.reader.join(5)
        self.child.stdout.close()


class Receiver:
    """Whom Alertmanager tells: keeps what came, as (path, alert, status)."""

    def __init__(self):
        told = self.told = []
        # The same with when it came, and all labels.
        notifications = self.notifications = []

        class Handler(http.server.BaseHTTPRequestHandler):
            """Takes notifications."""

            def do_POST(self):  # noqa: N802
                """A notification: all alerts of a group."""
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                for alert in body["alerts"]:
                    labels, status = alert["labels"], alert["status"]
                    told.append((self.path, labels["alertname"], status, alert["annotations"]))
                    notifications.append((time.monotonic(), self.path, labels["alertname"], labels, status))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                """Says nothing."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def has(self, path, alert):
        """Whether an alert came there, and that it is over after it."""
        states = [status for place, name, status, _ in list(self.told) if (place, name) == (path, alert)]
        return "firing" in states and "resolved" in states[states.index("firing") :]

    def end(self):
        """Takes no more."""
        self.server.shutdown()
        self.server.server_close()


def ask(port, path):
    """The answer to a request, read as JSON; nothing unless it is 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read().decode()
        return json.loads(body) if response.status == 200 else None
    finally:
        connection.close()


def substitute(text, *pairs):
    """Replaces patterns, each of which has to be there."""
    for pattern, replacement in pairs:
        text, count = re.subn(pattern, replacement, text)
        expect(count, f"there is no {pattern}")
    return text


class Chain:
    """The demo, Prometheus and Alertmanager."""

    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        self.demo_port, self.port, self.manager_port = free_port(), free_port(), free_port()
        self.receiver = Receiver()
        self.children = []
        self.fired, self.cleared = {}, {}
        self.began = time.monotonic()
        self.demo = None

    def start(self):
        """Starts all three, and waits until Prometheus has the demo's metrics."""
        self._write()
        self.start_demo()
        manager = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
        expect(manager, "Alertmanager is not installed")
        self._start(
            manager, f"--config.file={self.folder}/alertmanager.yml", f"--storage.path={self.folder}/alerts",
            f"--web.listen-address=127.0.0.1:{self.manager_port}", "--cluster.listen-address=", "--log.level=warn",
        )
        eventually("Alertmanager", 30, lambda: ask(self.manager_port, "/api/v2/status"))
        self._start(
            "prometheus", f"--config.file={self.folder}/prometheus.yml", f"--storage.tsdb.path={self.folder}/data",
            f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn",
        )
        eventually("Prometheus", 30, lambda: self.query('up{job="loopwatch"} == 1'))

    def _write(self):
        """The files of config/, with other ports and times."""
        rules = substitute(
            (CONFIG / "loopwatch.rules.yml").read_text(), (r"\[\d+m\]", "[2s]"), (r"\bfor: \d+m", "for: 500ms"),
            (r"keep_firing_for: \d+m", "keep_firing_for: 1s"), (r"interval: 30s", "interval: 250ms"),
        )
        (self.folder / "loopwatch.rules.yml").write_text(rules)
        prometheus = substitute(
            (CONFIG / "prometheus.yml").read_text(), (r"_interval: 15s", "_interval: 250ms"),
            (r"127\.0\.0\.1:9667", f"127.0.0.1:{self.demo_port}"), (r"127\.0\.0\.1:9668", f"127.0.0.1:{free_port()}"),
            (r"127\.0\.0\.1:9093", f"127.0.0.1:{self.manager_port}"),
        )
        (self.folder / "prometheus.yml").write_text(prometheus)
        manager = substitute(
            (CONFIG / "alertmanager.yml").read_text(), (r"group_wait: \w+", "group_wait: 200ms"),
            (r"group_interval: \w+", "group_interval: 1s"), (r"127\.0\.0\.1:9099", f"127.0.0.1:{self.receiver.port}"),
        )
        (self.folder / "alertmanager.yml").write_text(manager)

    def _start(self, *arguments, **options):
        child = Child(arguments, cwd=self.folder, **options)
        self.children.append(child)
        return child

    def start_demo(self):
        """Starts the demo at its port, with thresholds that each of its blocks goes beyond."""
        self.demo = self._start(
            self.program, "demo", "--listen", f"127.0.0.1:{self.demo_port}", "--threshold", "50ms",
            env=os.environ | ENVIRONMENT,
        )

    def end_demo(self):
        """Ends the demo."""
        self.demo.end()
        self.children.remove(self.demo)

    def query(self, expression):
        """The labels of all that a query gives."""
        answer = ask(self.port, "/api/v1/query?" + urllib.parse.urlencode({"query": expression}))
        return [entry["metric"] for entry in answer["data"]["result"]] if answer else []

    def look(self):
        """Notes what has fired, and what is over."""
        for child in self.children:
            child.expect_alive()
        now = time.monotonic() - self.began

        def key(labels):
            where = labels.get("loop") or labels.get("pool") or labels.get("reason") or labels["instance"]
            return labels["alertname"], where

        ever = {key(labels) for labels in self.query('count_over_time(ALERTS{alertstate="firing"}[5m])')}
        current = {key(labels) for labels in self.query('ALERTS{alertstate="firing"}')}
        for alert in ever:
            if alert not in self.fired:
                self.fired[alert] = now
                say(f"{now:5.1f} s  fires  {alert[0]} ({alert[1]})")
            elif alert not in current and alert not in self.cleared:
                self.cleared[alert] = now
                say(f"{now:5.1f} s  clears {alert[0]} ({alert[1]})")

    def have_cleared(self, alerts):
        """Whether each of some alerts has fired and cleared, and was told to whom it should be."""
        self.look()
        names = {name for name, _ in self.cleared}
        return alerts <= names and all(self.receiver.has(RECEIVED[name], name) for name in alerts if name in RECEIVED)

    def missing(self):
        """What there is, for someone who asks why something is missing."""
        told = [entry[:3] for entry in self.receiver.told]
        return f"alerts; fired: {sorted(self.fired)}; cleared: {sorted(self.cleared)}; told: {told}"

    def end(self):
        """Ends everything."""
        for child in reversed(self.children):
            child.end()
        self.receiver.end()


def main():
    """Runs the chain; returns the exit status."""
    arguments = [argument for argument in sys.argv[1:] if argument != "--all"]
    if len(arguments) != 1:
        say("usage: alerts.py [--all] PROGRAM")
        return 64
    program = pathlib.Path(arguments[0]).resolve()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="loopwatch-alerts-"))
    chain = None
    try:
        if "--all" in sys.argv[1:]:
            import every_alert  # noqa: PLC0415

            return every_alert.run(program, folder)
        chain = Chain(program, folder)
        chain.start()
        eventually(chain.missing, SECONDS_MOST, lambda: chain.have_cleared(ALERTS))
        loud = QUIET & {name for name, _ in chain.fired}
        expect(not loud, f"these should not have fired: {loud}")
        chain.end_demo()
        down = lambda: ("LoopwatchDown" in {name for name, _ in chain.fired}) or chain.look()  # noqa: E731
        eventually("LoopwatchDown", 30, down)
        chain.start_demo()
        eventually(chain.missing, 60, lambda: chain.have_cleared({"LoopwatchDown"}))
        texts = {name: notes["summary"] for _, name, status, notes in chain.receiver.told if status == "firing"}
        for name, text in sorted(texts.items()):
            say(f"told: {name}: {text}")
        say(f"ok: {len(ALERTS) + 1} alerts fired and cleared, {len(RECEIVED)} of them told by Alertmanager from begin to end")
    except (Failure, OSError, ValueError, http.client.HTTPException, subprocess.SubprocessError) as failure:
        say(f"FAILED: {type(failure).__name__}: {failure}")
        return 1
    finally:
        if chain is not None:
            chain.end()
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def interrupted(number, _):
    """A request to end is an exception, so that everything that was started is ended."""
    raise SystemExit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, interrupted)
    sys.exit(main())
