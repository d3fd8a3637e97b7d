#!/usr/bin/env python3
# This source file is part of the Loopwatch project
# SPDX-License-Identifier: Apache-2.0
"""Blocks event loops for known times, and shows what the runtimes' own means tell of it, and what `loopwatch attach` does.

    peers.py [PROGRAM]

The table of the documentation's comparison with other tools. Needs node and redis-server, and the program `loopwatch`:
the release build unless another is named. Takes half a minute. Everything runs on this machine, and is ended.
"""

import contextlib
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
THRESHOLD_MS = 50

ASYNCIO = """
import asyncio, json, logging, sys, time
said = []
class Handler(logging.Handler):
    def emit(self, record): said.append((time.monotonic(), record.getMessage()))
logging.getLogger("asyncio").addHandler(Handler())
async def main():
    loop = asyncio.get_running_loop()
    loop.slow_callback_duration = 0.05
    await asyncio.sleep(2)
    said.clear()
    began = time.monotonic()
    loop.call_soon(time.sleep, 3)
    await asyncio.sleep(0.5)
    long = [round((at - began) * 1000) for at, _ in said]
    said.clear()
    for _ in range(10): loop.call_soon(time.sleep, 0.03)
    await asyncio.sleep(0.5)
    print(json.dumps({"first_ms": long[0] if long else None, "reports": len(long), "flood": len(said)}))
asyncio.run(main(), debug=True)
"""

NODE = """
const { monitorEventLoopDelay } = require('perf_hooks');
const delay = monitorEventLoopDelay({ resolution: 10 });
setTimeout(() => delay.enable(), 1500);
setTimeout(() => { const end = Date.now() + 500; while (Date.now() < end); }, 3000);
setTimeout(() => {
  const ms = (value) => Math.round(value / 1e4) / 100;
  console.log(JSON.stringify({ p50: ms(delay.percentile(50)), p99: ms(delay.percentile(99)), max: ms(delay.max) }));
  process.exit(0);
}, 13000);
"""


@contextlib.contextmanager
def attached(program, process):
    """Runs `loopwatch attach` on a process; gives the file of its lines."""
    with tempfile.TemporaryDirectory() as folder:
        log = pathlib.Path(folder) / "warnings.log"
        command = [program, "attach", str(process), "--threshold", f"{THRESHOLD_MS}ms", "--listen", "off"]
        watch = subprocess.Popen([*command, "--log", str(log)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield log
        finally:
            watch.terminate()
            watch.wait(30)


def lines(log):
    """What was told of loops: state, milliseconds and the rest of each line."""
    text = log.read_text() if log.exists() else ""
    pattern = re.compile(r"loop (blocked|congested) for (\d+)ms .*?state=(\w+) cause=(\S+)")
    return [(m[3], int(m[2]), f"{m[1]}, {m[4]}") for m in pattern.finditer(text)]


def summary(told):
    """The lines in short."""
    begun = [length for state, length, _ in told if state == "begun"]
    ended = [f"{length} ms ({what})" for state, length, what in told if state == "ended"]
    return f"first report at {begun[0] if begun else '-'} ms; ended: {', '.join(ended) or '-'}"


def interpreter(program, command):
    """Runs a script under the watch; gives what it printed, and what was told."""
    script = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        with attached(program, script.pid) as log:
            printed = json.loads(script.communicate(timeout=60)[0])
            time.sleep(0.5)
            return printed, lines(log)
    finally:
        script.kill()
        script.wait()


def ask(connection, *words):
    """Sends a command to Redis and waits for the answer."""
    body = "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
    connection.sendall(f"*{len(words)}\r\n{body}".encode())
    answer = connection.recv(4096).decode()
    if not answer.startswith("+"):
        sys.exit(f"redis: {words}: {answer}")


def redis(program):
    """How long a command of 1.5 s takes: by itself, under the watch, and under Redis's own watchdog."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "redis.sock")
        command = ["redis-server", "--port", "0", "--unixsocket", path, "--save", "", "--enable-debug-command", "yes"]
        server = subprocess.Popen([*command, "--dir", folder], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(30)
            deadline = time.monotonic() + 20
            while connection.connect_ex(path) != 0:
                if time.monotonic() > deadline:
                    sys.exit("redis-server does not start")
                time.sleep(0.05)

            def sleep():
                began = time.monotonic()
                ask(connection, "DEBUG", "SLEEP", "1.5")
                return round(time.monotonic() - began, 3)

            alone = sleep()
            with attached(program, server.pid) as log:
                time.sleep(2)
                watched = sleep()
                time.sleep(0.5)
                told = lines(log)
            ask(connection, "CONFIG", "SET", "watchdog-period", "200")
            time.sleep(0.5)
            return alone, watched, told, sleep()
        finally:
            server.terminate()
            server.wait(30)


def main():
    program = sys.argv[1] if len(sys.argv) > 1 else str(ROOT / ".build/release/loopwatch")
    printed, told = interpreter(program, [sys.executable, "-c", ASYNCIO])
    print(f"asyncio in debug mode, a block of 3 s: first report at {printed['first_ms']} ms, {printed['reports']} in all")
    print(f"  ten callbacks of 30 ms in a row: {printed['flood']} reports")
    print(f"  loopwatch: {summary(told)}")
    printed, told = interpreter(program, ["node", "-e", NODE])
    print(f"Node's monitorEventLoopDelay, a block of 500 ms in 11.5 s: p50 {printed['p50']} ms, p99 {printed['p99']} ms, "
          f"max {printed['max']} ms")
    print(f"  loopwatch: {summary(told)}")
    alone, watched, told, under_watchdog = redis(program)
    print(f"Redis, a command that takes {alone} s: with its watchdog-period of 200 it took {under_watchdog} s")
    print(f"  loopwatch: it took {watched} s; {summary(told)}")


if __name__ == "__main__":
    main()
