#!/usr/bin/env python3
# This source file is part of the Loopwatch project
# SPDX-License-Identifier: Apache-2.0
"""Runs `loopwatch demo`, asks all its endpoints as clients in the wild do, and has a real Prometheus scrape it.

Needs promtool, prometheus and the Python package prometheus_client. Starts nothing that it does not end, and leaves no
file behind. Environment:

  END_TO_END_BINARY   the program to run; otherwise the release build of this repository, which is built first
  END_TO_END_SECONDS  how long the demo may run, 60 by default
"""

import contextlib
import http.client
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

from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

ROOT = pathlib.Path(__file__).resolve().parent.parent
SECONDS = int(os.environ.get("END_TO_END_SECONDS", "60"))
# What Prometheus 3 sends, which is also what asks for OpenMetrics.
ACCEPT_OPENMETRICS = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


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
        latest = attempt()
        if latest:
            return latest
        if time.monotonic() > deadline:
            raise Failure(f"waited {seconds} s in vain for {awaited}")
        time.sleep(0.05)


class Process:
    """A child process: its output is read as it comes, and it is ended by its process id."""

    def __init__(self, name, arguments, **options):
        say(f"$ {' '.join(str(argument) for argument in arguments)}")
        self.name = name
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

    def output(self):
        """What it has written so far."""
        return "\n".join(self.lines)

    def expect_alive(self):
        """Fails if it has ended by itself."""
        expect(self.child.poll() is None, f"{self.name} ended with {self.child.poll()}:\n{self.output()}")

    def end(self):
        """Ends it, politely first; returns its exit status."""
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGINT)
            try:
                self.child.wait(10)
            except subprocess.TimeoutExpired:
                say(f"{self.name} (pid {self.child.pid}) did not end within 10 s: killed")
                self.child.kill()
                self.child.wait()
        self.reader.join(5)
        self.child.stdout.close()
        return self.child.returncode


class Endpoint:
    """The demo's HTTP endpoint."""

    def __init__(self, port):
        self.port = port

    def ask(self, path, method="GET", headers=None):
        """Asks on a new connection; returns status, headers and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, headers=headers or {})
            response = connection.getresponse()
            return response.status, response.headers, response.read().decode()
        finally:
            connection.close()

    def get(self, path, headers=None):
        """Asks, expects 200, and returns headers and body."""
        status, fields, body = self.ask(path, headers=headers)
        expect(status == 200, f"GET {path}: {status}\n{body}")
        return fields, body

    def raw(self, request):
        """Sends bytes, and returns all that comes until the server closes the connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            # A server that refuses a head that is too long may close before it has read all of it.
            with contextlib.suppress(ConnectionError):
                connection.sendall(request)
            received = b""
            with contextlib.suppress(ConnectionError):
                while chunk := connection.recv(65536):
                    received += chunk
            return received


def counters(families):
    """Every counter and histogram series of parsed families, by name and labels."""
    values = {}
    for family in families:
        for sample in family.samples:
            cumulative = sample.name.endswith(("_total", "_bucket", "_count", "_sum"))
            if family.type in ("counter", "histogram") and cumulative:
                values[sample.name, tuple(sorted(sample.labels.items()))] = sample.value
    return values


def check_text(endpoint):
    """The text format, as promtool reads it."""
    fields, body = endpoint.get("/metrics")
    expect(fields["Content-Type"].startswith("text/plain; version=0.0.4"), f"Content-Type: {fields['Content-Type']}")
    expect(body.endswith("\n"), "the exposition does not end with a newline")
    result = subprocess.run(["promtool", "check", "metrics"], input=body, capture_output=True, text=True, timeout=60)
    expect(
        result.returncode == 0 and not result.stdout and not result.stderr,
        f"promtool check metrics: exit {result.returncode}\n{result.stdout}{result.stderr}",
    )
    families = list(text_string_to_metric_families(body))
    say(f"ok: /metrics as text 0.0.4: {len(families)} families, {len(body)} bytes; promtool has no objection")


def check_openmetrics(endpoint):
    """OpenMetrics, as the strict parser reads it; the families are the same as in the text format."""
    fields, body = endpoint.get("/metrics", {"Accept": ACCEPT_OPENMETRICS})
    kind = fields["Content-Type"]
    expect(kind.startswith("application/openmetrics-text; version=1.0.0; charset=utf-8"), f"Content-Type: {kind}")
    expect(body.endswith("# EOF\n"), "the exposition does not end with # EOF")
    families = list(openmetrics.text_string_to_metric_families(body))
    _, text = endpoint.get("/metrics")
    in_text = {key[0] for key in counters(text_string_to_metric_families(text))}
    in_openmetrics = {key[0] for key in counters(families)}
    expect(in_text == in_openmetrics, f"counters in one format only: {in_text ^ in_openmetrics}")
    say(f"ok: /metrics as OpenMetrics: {len(families)} families; prometheus_client's strict parser takes it")


def check_two_scrapers(endpoint, demo):
    """Scrapers in turns: what one has seen is never taken from the other, so no counter ever goes down."""
    connections = [http.client.HTTPConnection("127.0.0.1", endpoint.port, timeout=10) for _ in range(2)]
    accepts = [{"Accept": ACCEPT_OPENMETRICS}, {}]
    parsers = [openmetrics.text_string_to_metric_families, text_string_to_metric_families]
    latest = {}
    scrapes = 0
    try:
        end = time.monotonic() + 5
        while time.monotonic() < end:
            demo.expect_alive()
            for connection, headers, parse in zip(connections, accepts, parsers):
                connection.request("GET", "/metrics", headers=headers)
                response = connection.getresponse()
                body = response.read().decode()
                expect(response.status == 200, f"scrape {scrapes}: {response.status}")
                now = counters(parse(body))
                for key, value in latest.items():
                    expect(key in now, f"{key} is gone")
                    expect(now[key] >= value, f"{key} went down from {value} to {now[key]}")
                latest = now
                scrapes += 1
            time.sleep(0.1)
    finally:
        for connection in connections:
            connection.close()
    say(f"ok: two scrapers in turns, {scrapes} scrapes: {len(latest)} cumulative series, none ever went down")


def check_warnings(endpoint, demo):
    """The warnings as NDJSON: what there is, and a live tail."""

    def snapshot():
        demo.expect_alive()
        _, body = endpoint.get("/warnings", {"Accept": "application/x-ndjson"})
        return [json.loads(line) for line in body.splitlines()]

    warnings = eventually("a warning at /warnings", 30, snapshot)
    for warning in warnings:
        expect(isinstance(warning, dict), f"not an object: {warning}")
    say(f"ok: /warnings: {len(warnings)} objects, the latest: {json.dumps(warnings[-1])}")

    connection = http.client.HTTPConnection("127.0.0.1", endpoint.port, timeout=30)
    try:
        connection.request("GET", "/warnings?follow=1", headers={"Accept": "application/x-ndjson"})
        response = connection.getresponse()
        expect(response.status == 200, f"/warnings?follow=1: {response.status}")
        tail = [json.loads(response.readline()) for _ in range(2)]
    finally:
        connection.close()
    say(f"ok: /warnings?follow=1: {len(tail)} objects over a connection that stays open")


def check_health(endpoint):
    """The small answers."""
    for path in ("/livez", "/readyz", "/"):
        fields, body = endpoint.get(path)
        expect(body, f"GET {path}: nothing")
        status, head_fields, nothing = endpoint.ask(path, method="HEAD")
        expect(status == 200 and nothing == "", f"HEAD {path}: {status} with {len(nothing)} bytes")
        expect(head_fields["Content-Length"] is not None, f"HEAD {path}: no Content-Length")
        say(f"ok: {path}: 200 {fields['Content-Type']} {body.splitlines()[0][:60]!r}")


def check_bad_requests(endpoint, demo):
    """What clients get wrong is answered with the right status and a closed connection, and nothing else happens."""
    host = b"Host: 127.0.0.1\r\n"
    close = b"Connection: close\r\n"
    cases = [
        (404, "an unknown path", b"GET /nothing HTTP/1.1\r\n" + host + close + b"\r\n"),
        (405, "a method that changes", b"DELETE /metrics HTTP/1.1\r\n" + host + close + b"\r\n"),
        (405, "a POST", b"POST /metrics HTTP/1.1\r\nContent-Length: 0\r\n" + host + close + b"\r\n"),
        (400, "no request at all", b"hello\r\n\r\n"),
        (400, "no host", b"GET /metrics HTTP/1.1\r\n\r\n"),
        (400, "a line feed alone", b"GET /metrics HTTP/1.1\nHost: 127.0.0.1\n\n"),
        (400, "a space before the colon", b"GET /metrics HTTP/1.1\r\n" + host + b"Accept : */*\r\n\r\n"),
        (431, "a head of 16 KiB", b"GET /metrics HTTP/1.1\r\n" + host + b"X: " + b"a" * 16384 + b"\r\n\r\n"),
        (431, "100 fields", b"GET /metrics HTTP/1.1\r\n" + host + b"X: a\r\n" * 100 + b"\r\n"),
        (414, "a path of 4 KiB", b"GET /" + b"a" * 4096 + b" HTTP/1.1\r\n" + host + b"\r\n"),
        (403, "another site's name", b"GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n"),
    ]
    for status, name, request in cases:
        answer = endpoint.raw(request)
        line = answer.split(b"\r\n", 1)[0].decode(errors="replace")
        expect(line.startswith(f"HTTP/1.1 {status} "), f"{name}: expected {status}, answered {line!r}")
        if status == 405:
            expect(b"\r\nallow: get, head" in answer.lower(), f"{name}: no Allow: {answer!r}")
    demo.expect_alive()
    endpoint.get("/livez")
    say(f"ok: {len(cases)} bad requests, each answered with its status; the endpoint is up")


def free_port():
    """A port of 127.0.0.1 that was free just now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def check_prometheus(endpoint, demo, directory):
    """A real Prometheus scrapes the demo, and is then asked for the blocks."""
    configuration = directory / "prometheus.yml"
    configuration.write_text(
        "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
        "scrape_configs:\n"
        "  - job_name: loopwatch\n"
        f"    static_configs: [{{targets: ['127.0.0.1:{endpoint.port}']}}]\n"
    )
    port = free_port()
    server = Process(
        "prometheus",
        [
            "prometheus",
            f"--config.file={configuration}",
            f"--storage.tsdb.path={directory / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=warn",
        ],
        cwd=directory,
    )

    def query(expression):
        """The answer to an instant query, or nothing for as long as the server does not answer."""
        server.expect_alive()
        demo.expect_alive()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/api/v1/query?" + urllib.parse.urlencode({"query": expression}))
            response = connection.getresponse()
            body = response.read().decode()
            # Until it has read its own log, it answers 503.
            return json.loads(body) if response.status == 200 else None
        except OSError:
            return None
        finally:
            connection.close()

    def value(expression):
        """The single number that a query gives, or nothing."""
        answer = query(expression)
        result = answer["data"]["result"] if answer else []
        return float(result[0]["value"][1]) if result else None

    try:
        eventually("a scrape by Prometheus", 30, lambda: value('up{job="loopwatch"}') == 1)
        eventually("finished blocks in Prometheus", 30, lambda: (value("sum(loopwatch_loop_blocks_total)") or 0) > 0)
        blocked = "sum(loopwatch_loop_blocked_seconds_total)"
        first = eventually("blocked seconds in Prometheus", 30, lambda: value(blocked))
        second = eventually(
            "more blocked seconds in Prometheus",
            30,
            lambda: later if (later := value(blocked) or 0) > first else None,
        )
        for expression in ("sum(loopwatch_loop_blocks_total)", "sum by (loop) (loopwatch_loop_blocks_total)", blocked):
            say(f"Prometheus, {expression}: {json.dumps(query(expression))}")
        say(f"ok: Prometheus scrapes the demo: blocked seconds went from {first:.3f} to {second:.3f} meanwhile")
    except Failure as failure:
        raise Failure(f"{failure}\nPrometheus said:\n{server.output()}") from None
    finally:
        server.end()


def program():
    """The program to run: the one that the environment names, or the release build."""
    if "END_TO_END_BINARY" in os.environ:
        return os.environ["END_TO_END_BINARY"]
    build = ["swift", "build", "-c", "release", "--product", "loopwatch"]
    say(f"$ {' '.join(build)}")
    subprocess.run(build, cwd=ROOT, check=True)
    shown = subprocess.run([*build, "--show-bin-path"], cwd=ROOT, check=True, capture_output=True, text=True)
    return pathlib.Path(shown.stdout.strip()) / "loopwatch"


def main():
    """Runs every check against one demo; returns the exit status."""
    for name in ("promtool", "prometheus"):
        expect(shutil.which(name), f"{name} is not installed")
    binary = program()
    directory = pathlib.Path(tempfile.mkdtemp(prefix="loopwatch-end-to-end-"))
    demo = None
    try:
        demo = Process("loopwatch", [binary, "demo", "--seconds", SECONDS, "--listen", "127.0.0.1:0"], cwd=directory)

        def address():
            demo.expect_alive()
            return re.search(r"http://127\.0\.0\.1:(\d+)/", demo.output())

        endpoint = Endpoint(int(eventually("the demo's address", 30, address).group(1)))
        say(f"the demo answers at port {endpoint.port}")
        check_health(endpoint)
        check_text(endpoint)
        check_openmetrics(endpoint)
        check_bad_requests(endpoint, demo)
        check_two_scrapers(endpoint, demo)
        check_warnings(endpoint, demo)
        check_prometheus(endpoint, demo, directory)
        check_text(endpoint)
        status = demo.end()
        expect(status == 0, f"the demo ended with {status} when interrupted:\n{demo.output()}")
        live = [line for line in demo.lines if " blocked for " in line]
        expect(live, f"the demo showed no warning:\n{demo.output()}")
        say(f"ok: interrupted, the demo ended with 0; it had shown {len(live)} warnings, such as:\n{live[-1]}")
    except (Failure, OSError, ValueError, http.client.HTTPException, subprocess.SubprocessError) as failure:
        say(f"FAILED: {type(failure).__name__}: {failure}")
        if demo is not None:
            say("the demo said:\n" + "\n".join(demo.lines[-40:]))
        return 1
    finally:
        if demo is not None:
            demo.end()
        shutil.rmtree(directory, ignore_errors=True)
    return 0


def interrupted(number, _):
    """A request to end is an exception, so that everything that was started is ended."""
    raise SystemExit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, interrupted)
    try:
        sys.exit(main())
    except Failure as failure:
        say(f"FAILED: {failure}")
        sys.exit(1)
