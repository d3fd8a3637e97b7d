#!/usr/bin/env python3
# This source file is part of the Loopwatch project
# SPDX-License-Identifier: Apache-2.0
"""How far the program reaches: in an empty root, in a container without privileges; its size, and how soon it starts.

    reach.py [--short] [PROGRAM]

PROGRAM is `loopwatch`, built for release as the unit in config/ says; without one it is built, which takes minutes, and
without the C library's shared files as well. Of the machine's files the empty root gets those of the C library and its kin
that ldd names, if any, and nothing else: neither Swift's libraries nor a shell. There the program says its version, checks a
configuration and runs the demo, whose metrics are scraped and whose warnings have to name function and line: as root in a
chroot, and once more as a user without any right, in namespaces of its own, as in a container without privileges. In such a
container it also watches another program. And it runs where memory that is written may not be executed, as the unit has it.

Runs as root, which it needs to become others; nothing on the machine is changed, and nothing stays. --short is for where
time is short: fewer starts are measured. Ends with 1 where something is not as it should be.
"""

import argparse
import contextlib
import http.client
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
# A user that nothing else is run as.
USER = 64_001
# What belongs to every Linux system with this C library, and may be asked for; Swift's libraries may not.
LIBRARIES = re.compile(r"(ld-linux.*|libc|libm|libdl|libpthread|librt|libutil|libgcc_s|libstdc\+\+)\.so[.\d]*")
# A program with an event loop that blocks itself, now sleeping, now computing.
TARGET = """
import asyncio, time

def wait_for_backend():
    time.sleep(0.3)

def crunch_numbers():
    end = time.monotonic() + 0.3
    while time.monotonic() < end:
        sum(range(200))

async def main():
    while True:
        for block in (wait_for_backend, crunch_numbers):
            await asyncio.sleep(0.3)
            block()

asyncio.run(main())
"""
DEMO = ["demo", "--listen", "127.0.0.1:0"]
CONFIGURATION = '{ listen: "127.0.0.1:0", processes: [{ command: "server" }] }\n'


class Failure(Exception):
    """Something is not as it should be; the message says what."""


def say(text):
    print(text, flush=True)


def expect(condition, text):
    """Fails with the text unless the condition holds."""
    if not condition:
        raise Failure(text)


def run(*command, seconds=60):
    """Runs a program, which must succeed; returns what it wrote."""
    words = [str(word) for word in command]
    result = subprocess.run(
        words, capture_output=True, text=True, errors="replace", timeout=seconds, stdin=subprocess.DEVNULL
    )
    output = result.stdout + result.stderr
    expect(result.returncode == 0, f"{' '.join(words)}: exit {result.returncode}\n{output}")
    return output


class Child:
    """A child process whose lines are read as they come, with the time since its start."""

    def __init__(self, command):
        self.lines = []
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        )
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def output(self):
        return "\n".join(self.lines[-40:])

    def until(self, awaited, seconds, find):
        """Calls until something is found, and returns it; fails when the time is up, or the process has ended."""
        deadline = time.monotonic() + seconds
        while True:
            has_ended = self.process.poll() is not None
            if has_ended:
                self.reader.join(5)
            if found := find():
                return found
            expect(not has_ended, f"{awaited}: it ended with {self.process.returncode} before:\n{self.output()}")
            expect(time.monotonic() < deadline, f"waited {seconds} s in vain for {awaited}:\n{self.output()}")
            time.sleep(0.002)

    def find(self, pattern):
        """The first line so far that has a pattern."""
        return next((found for line in list(self.lines) if (found := re.search(pattern, line))), None)

    def end(self):
        """Ends the program, politely first, and whatever was begun to begin it or beside it."""
        family = descendants(self.process.pid)
        program = next((number for number in family if name_of(number) == "loopwatch"), self.process.pid)
        send(program, signal.SIGINT)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            for number in family:
                send(number, signal.SIGKILL)
            self.process.wait(10)
        self.reader.join(5)
        self.process.stdout.close()


def name_of(process):
    """What the kernel calls a process; nothing where it is gone."""
    try:
        return pathlib.Path(f"/proc/{process}/comm").read_text().strip()
    except OSError:
        return None


def descendants(process):
    """A process and all that it has begun, each before its own."""
    try:
        below = pathlib.Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:
        below = []
    return [process, *(number for child in below for number in descendants(int(child)))]


def send(process, number):
    """Sends a signal, if the process is still there."""
    with contextlib.suppress(OSError):
        os.kill(process, number)


def build():
    """Builds the program without any shared library.

    Names of hosts, which `top` and `tail` take, are then looked up by the C library's files of the machine, where
    there are any; addresses always do.
    """
    unit = (ROOT / "config/systemd/loopwatch.service").read_text()
    flags = re.search(r"^#\s+swift build (.*)$", unit, re.MULTILINE)[1].split()
    flags += ["-Xswiftc", "-static-executable", "--package-path", ROOT, "--scratch-path", ROOT / ".build-static"]
    say("building, which takes minutes")
    run("swift", "build", *flags, seconds=1500)
    return pathlib.Path(run("swift", "build", *flags, "--show-bin-path").split("\n")[0]) / "loopwatch"


def libraries(program):
    """The files that the loader looks for, which may be of the C library and its kin alone."""
    output = subprocess.run(["ldd", program], capture_output=True, text=True, timeout=60).stdout
    if "not a dynamic executable" in output or "statically linked" in output:
        return []
    found = []
    for line in output.splitlines():
        words = line.split()
        if words and words[0].startswith("linux-vdso"):
            continue
        path = next((word for word in words if word.startswith("/")), None)
        expect(path, f"ldd: not found: {line}")
        expect(LIBRARIES.fullmatch(pathlib.Path(path).name), f"the program needs {path}: --static-swift-stdlib was not given")
        found.append(pathlib.Path(path))
    return found


def make_root(folder, program):
    """A root that has the program, the files of the C library that it needs, and a configuration; returns their size."""
    folder.chmod(0o755)
    needed = libraries(program)
    for path in needed:
        target = folder / path.relative_to("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
        target.chmod(0o755)
    shutil.copy(program, folder / "loopwatch")
    (folder / "loopwatch").chmod(0o755)
    (folder / "loopwatch.json5").write_text(CONFIGURATION)
    (folder / "proc").mkdir()
    return needed


def as_user():
    """A command that makes the rest of its line a user's, without any right."""
    return ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--no-new-privs", "--bounding-set=-all", "--"]


def in_container():
    """A command that runs the rest of its line as a user without any right, in namespaces of its own."""
    return [*as_user(), "unshare", "-Urpf", "--mount-proc"]


def in_root(root, *before, namespaces=("--mount", "--propagation", "private")):
    """A command that runs the rest of its line in the empty root, which has /proc as every container has."""
    script = 'mount -t proc proc "$0/proc"; exec chroot "$0" "$@"'
    return [*before, "unshare", *namespaces, "sh", "-ec", script, root]


def check_plainly(root):
    """Its version, and that it reads a configuration. Without /proc Swift's runtime would not even have the command line."""
    version = run(*in_root(root), "/loopwatch", "--version").strip()
    expect(re.fullmatch(r"loopwatch \d+\.\d+\.\d+", version), f"--version: {version}")
    said = run(*in_root(root), "/loopwatch", "check-config", "/loopwatch.json5")
    expect("this is a configuration" in said, f"check-config: {said}")
    return version


def get(port, path):
    """Asks the endpoint; returns its answer's text, or nothing as long as it does not answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.read().decode() if answer.status == 200 else None
    except OSError:
        return None
    finally:
        connection.close()


def answering_port(child):
    """The port of the demo's endpoint, once that answers."""
    port = int(child.until("the endpoint", 60, lambda: child.find(r"^Loopwatch demo: http://127\.0\.0\.1:(\d+)/"))[1])
    child.until("an answer", 60, lambda: get(port, "/livez"))
    return port


def demo(before, program, is_named=True):
    """Runs the demo until a warning names function and line, and is counted; returns the place that it names."""
    child = Child([*before, program, *DEMO])
    try:
        port = answering_port(child)
        pattern = r' state=ended .* at="([^"]+ \w+\.swift:\d+)"' if is_named else r' state=ended .* at=("[^"]+"|\S+)'
        place = child.until("a warning that says where", 60, lambda: child.find(pattern))[1]
        metrics = get(port, "/metrics") or ""
        counts = re.findall(r"^loopwatch_loop_blocks_total\{.*\} ([1-9]\d*)$", metrics, re.MULTILINE)
        blocks = "\n".join(re.findall("^loopwatch_loop_blocks_total.*$", metrics, re.MULTILINE))
        expect(counts, f"no block is counted at /metrics: {blocks or metrics}")
        return place
    finally:
        child.end()


def demo_without_executable_memory(program):
    """The demo where memory that is written may not be executed, as MemoryDenyWriteExecute of a unit has it."""
    # PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN (include/uapi/linux/prctl.h), which kernels have since 6.3.
    script = "import ctypes, os, sys\nif ctypes.CDLL(None).prctl(65, 1, 0, 0, 0): sys.exit(77)\nos.execv(sys.argv[1], sys.argv[1:])"
    if subprocess.run([sys.executable, "-c", script, "/bin/true"], timeout=60).returncode == 77:
        return "not tried: this kernel cannot refuse it"
    return demo([sys.executable, "-c", script], program)


def startup(program, rounds):
    """Median of the time that --version takes, in milliseconds."""
    times = []
    for _ in range(rounds):
        began = time.monotonic()
        subprocess.run([program, "--version"], check=True, stdout=subprocess.DEVNULL, timeout=60)
        times.append((time.monotonic() - began) * 1000)
    return statistics.median(times)


def endpoint_time(program, rounds):
    """Median of the time until the demo's endpoint answers, in milliseconds."""
    times = []
    for _ in range(rounds):
        child = Child([program, *DEMO])
        try:
            answering_port(child)
            times.append((time.monotonic() - child.started) * 1000)
        finally:
            child.end()
    return statistics.median(times)


def attached(folder, program):
    """Watches a program inside a container without privileges: by its number, and as one that it starts."""
    target = folder / "target.py"
    target.write_text(TARGET)
    target.chmod(0o644)
    python = shutil.which("python3", path="/usr/bin:/usr/local/bin")
    expect(python, "there is no python3 that every user may run")
    rows = []
    options = "--threshold 100ms --listen 127.0.0.1:0"
    for name, script in (
        ("attach", f'"$1" "$2" & exec "$0" attach $! {options}'),
        ("exec", f'exec "$0" exec {options} -- "$1" "$2"'),
    ):
        child = Child([*in_container(), "sh", "-c", script, program, python, target])
        try:
            # What computes may wait for a processor in between.
            sleep = r" state=ended .*cause=syscall:.*evidence=(\w+).*wait_for_backend"
            compute = r" state=ended .*cause=(?:cpu|runqueue).*evidence=(\w+).*crunch_numbers"
            slept = child.until("a block that sleeps", 60, lambda: child.find(sleep))[1]
            computed = child.until("a block that computes", 60, lambda: child.find(compute))[1]
            missing = [line for line in child.lines if "grant with" in line]
            expect(not missing, f"{name}: something is missing: {missing}")
            rung = child.find(r" by (\S+): ")
            rows.append((f"{name} in a container without privileges", f"evidence by {rung[1] if rung else '?'}; "
                         f"sleeping: {slept}, computing: {computed}; functions named"))
        finally:
            child.end()
    return rows


def megabytes(*paths):
    return f"{sum(path.stat().st_size for path in paths) / 1e6:.1f} MB"


def table(rows):
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name.ljust(width)}  {value}" for name, value in rows)


def main():
    """Tries all of it; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="fewer starts are measured")
    parser.add_argument("program", nargs="?", type=pathlib.Path)
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="loopwatch-reach-"))
    rows = []
    try:
        program = options.program.resolve() if options.program else build()
        root = folder / "root"
        root.mkdir()
        folder.chmod(0o755)
        needed = make_root(root, program)
        stripped = folder / "stripped" / "loopwatch"
        stripped.parent.mkdir()
        run("strip", "--strip-all", "-o", stripped, program)
        stripped.chmod(0o755)
        rows.append(("program", megabytes(program)))
        rows.append(("program without symbols", megabytes(stripped)))
        rows.append(("libraries that it needs", f"{megabytes(*needed)}: {', '.join(path.name for path in needed) or 'none'}"))
        rows.append(("start of --version", f"{startup(program, 5 if options.short else 20):.0f} ms"))
        rows.append(("demo until its endpoint answers", f"{endpoint_time(program, 1 if options.short else 10):.0f} ms"))
        rows.append(("empty root", f"{check_plainly(root)}; check-config"))
        place = demo(in_root(root), "/loopwatch")
        rows.append(("demo in the empty root", place))
        place = demo(in_root(root, *as_user(), namespaces=("-Urpfm",)), "/loopwatch")
        rows.append(("the same, without privileges", place))
        place = demo([], stripped, is_named=False)
        rows.append(("demo without symbols", place))
        rows.append(("memory is written or executed", demo_without_executable_memory(program)))
        rows += attached(folder, root / "loopwatch")
        say(table(rows))
    except (Failure, OSError, subprocess.SubprocessError) as failure:
        if rows:
            say(table(rows))
        say(f"FAILED: {type(failure).__name__}: {failure}")
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
